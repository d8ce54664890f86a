package catalog_test

import (
	"errors"
	"maps"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
)

// Other programs' tables stay, whatever their metadata files lie beside.
func TestStepwiseForeignDropped(t *testing.T) {
	w, s := reviewGlue(t)
	w.mustPublish(w.open(), loadID(0), three()...)
	ns := w.options.Namespace + "\x00"
	s.mu.Lock()
	// a registered copy of a, and two tables of somebody else with write.metadata.path
	cp := maps.Clone(s.tables[ns+"a"])
	cp["Name"] = "a_backup"
	s.tables[ns+"a_backup"] = cp
	for _, n := range []string{"sales", "orders"} {
		ft := maps.Clone(cp)
		ft["Name"] = n
		ft["Parameters"] = map[string]any{"table_type": "ICEBERG", "metadata_location": w.storage.URI("other/meta/" + n + "/00001-x.metadata.json")}
		s.tables[ns+n] = ft
	}
	s.mu.Unlock()
	before := s.names()
	w.brought()
	if after := s.names(); !slices.Equal(before, after) {
		t.Errorf("before %v after %v", before, after)
	}
}

// A copy that another program goes on with does not take the table's place.
func TestStepwiseForeignTakesPlace(t *testing.T) {
	w, s := reviewGlue(t)
	w.mustPublish(w.open(), loadID(0), three()...)
	ns := w.options.Namespace + "\x00"
	s.mu.Lock()
	cp := maps.Clone(s.tables[ns+"a"])
	cp["Name"] = "a_dev"
	s.tables[ns+"a_dev"] = cp
	s.mu.Unlock()
	w.touch("a_dev")
	before := s.names()
	w.brought()
	if after := s.names(); !slices.Equal(before, after) {
		t.Errorf("before %v after %v", before, after)
	}
}

// A change that the service refuses for good is taken back, and later runs go on.
func TestStepwiseRefusedForGood(t *testing.T) {
	w, s := reviewGlue(t)
	w.mustPublish(w.open(), loadID(0), three()...)
	w.options.URI = glueBetween(t, s, func(rw http.ResponseWriter, action string, in map[string]any) bool {
		if action != "CreateTable" || inputName(in) != "fresh" {
			return false
		}
		rw.Header().Set("Content-Type", "application/x-amz-json-1.1")
		rw.WriteHeader(400)
		_, _ = rw.Write([]byte(`{"__type":"InvalidInputException","Message":"comment failed to satisfy constraint"}`))
		return true
	}, nil)
	_, err := w.publish(w.open(), loadID(1), three("fresh")...)
	t.Logf("publish: unknown %v: %v", errors.Is(err, lake.ErrUnknown), err)
	for range 3 {
		unlock, err := w.open().Lock(t.Context())
		if err != nil {
			t.Errorf("every later run: %v", err)
			continue
		}
		_ = unlock()
	}
	t.Logf("tables:\n%s", w.dumpTables())
}

// Half a plan that a killed process left on a local disk is none.
func TestStepwiseHalfPlan(t *testing.T) {
	w, _ := reviewGlue(t)
	w.mustPublish(w.open(), loadID(0), three()...)
	var seen string
	o := w.options
	o.Storage = w.openStorage(func(name, key string) error {
		if name == "storage.write.torn" && strings.Contains(key, "/publications/") {
			files, _ := filepath.Glob(filepath.Join(w.dir, "lake", filepath.FromSlash(path.Dir(key)), "*"))
			for _, f := range files {
				data, _ := os.ReadFile(f)
				seen = f
				defer func() { _ = os.WriteFile(f+"copy", nil, 0o600); _ = os.Remove(f + "copy") }()
				_ = os.WriteFile(filepath.Join(w.dir, "half"), data, 0o600)
			}
		}
		return nil
	})
	c, err := catalog.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	w.mustPublish(c, loadID(1), three()...)
	data, _ := os.ReadFile(filepath.Join(w.dir, "half"))
	t.Logf("while it is written: %s, %d bytes", seen, len(data))
	if seen == "" {
		t.Skip("no file")
	}
	_ = os.WriteFile(seen, data, 0o600) // the process was killed there
	for range 2 {
		if unlock, err := w.open().Lock(t.Context()); err != nil {
			t.Errorf("every later run: %v", err)
		} else {
			_ = unlock()
		}
	}
}

// Another program writes the metadata of a table elsewhere (write.metadata.path), and loads go on.
func TestStepwiseMetadataElsewhere(t *testing.T) {
	w, s := reviewGlue(t)
	w.mustPublish(w.open(), loadID(0), three()...)
	s.mu.Lock()
	p := maps.Clone(s.tables[w.options.Namespace+"\x00a"]["Parameters"].(map[string]any))
	data := w.file(p["metadata_location"].(string))
	if err := w.storage.WriteAll(t.Context(), "elsewhere/a/00005-"+uuid.NewString()+".metadata.json", data); err != nil {
		t.Fatal(err)
	}
	for o := range w.storage.List(t.Context(), "elsewhere/") {
		p["metadata_location"] = w.storage.URI(o.Key)
	}
	tb := maps.Clone(s.tables[w.options.Namespace+"\x00a"])
	tb["Parameters"], tb["VersionId"] = p, "9"
	s.tables[w.options.Namespace+"\x00a"] = tb
	s.mu.Unlock()
	for n := range 3 {
		if _, err := w.publish(w.brought(), loadID(n+1), three()...); err != nil {
			t.Errorf("load %d: %v", n, err)
		}
	}
}

// A table that gets another name between two pages of a listing is not missed.
func TestStepwiseRenamedBetweenPages(t *testing.T) {
	w, s := reviewGlue(t)
	w.mustPublish(w.open(), loadID(0), three("zz")...)
	c := w.open()
	all, err := c.References(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	hit := false
	w.options.URI = glueBetween(t, s, nil, func(action string, in map[string]any) {
		if action == "GetTables" && !hit {
			hit = true
			s.mu.Lock()
			defer s.mu.Unlock()
			ns := w.options.Namespace + "\x00"
			tb := maps.Clone(s.tables[ns+"zz"])
			tb["Name"] = "_aa"
			s.tables[ns+"_aa"] = tb
			delete(s.tables, ns+"zz")
		}
	})
	refs, err := w.open().References(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	missing := 0
	for key := range all {
		if !refs[key] {
			missing++
		}
	}
	if missing > 0 {
		t.Errorf("%d files that a table names are not among the references: recovery would delete those of dead runs", missing)
	}
}

// A request to make a new table that arrives after the load has been taken back
// leaves a table without files, which the next run takes out.
func TestStepwiseMadeTooLate(t *testing.T) {
	t.Parallel()
	w, s := reviewGlue(t)
	w.mustPublish(w.open(), loadID(0), three()...)
	o := w.options
	var late map[string]any
	o.Point = func(name, _ string) error {
		if name == "catalog.decide" {
			s.mu.Lock()
			late = maps.Clone(s.tables[w.options.Namespace+"\x00fresh"])
			s.mu.Unlock()
		}
		if name == "catalog.commit.done" {
			w.touch("b")
		}
		return nil
	}
	c, err := catalog.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.publish(c, loadID(1), three("fresh")...); !errors.Is(err, lake.ErrConflict) {
		t.Fatalf("publish: %v, want a conflict", err)
	}
	if late == nil {
		t.Fatal("the new table was never made")
	}
	s.mu.Lock()
	s.tables[w.options.Namespace+"\x00fresh"] = late
	s.mu.Unlock()
	w.mustPublish(w.brought(), loadID(2), three("fresh")...)
	w.checkThere(w.open())
	w.checkOneLoad()
}
