package catalog_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/apache/iceberg-go/table"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
)

// A nameKeeper is a server in between that keeps the first request to drop, or to rename,
// a table until it is told to let it arrive.
type nameKeeper struct {
	http.Handler

	mu    sync.Mutex
	what  string // "DELETE" or "rename"; "": nothing
	kept  *http.Request
	never string // of the two, what the server cannot do
}

func (k *nameKeeper) keep(what string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.what = what
}

func (k *nameKeeper) has() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.kept != nil
}

func (k *nameKeeper) arrives() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	w := httptest.NewRecorder()
	k.Handler.ServeHTTP(w, k.kept)
	return w.Code
}

func (k *nameKeeper) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	what := r.Method
	if strings.HasSuffix(r.URL.Path, "/rename") {
		what = "rename"
	}
	k.mu.Lock()
	never, keeps := k.never == what, k.what == what
	if keeps {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(err)
		}
		k.what, k.kept = "", httptest.NewRequest(r.Method, r.URL.Path, bytes.NewReader(body))
		k.kept.Header = r.Header.Clone()
	}
	k.mu.Unlock()
	switch {
	case never:
		w.WriteHeader(http.StatusNotImplemented)
	case keeps:
		panic(http.ErrAbortHandler)
	default:
		k.Handler.ServeHTTP(w, r)
	}
}

func newNameKeeper(t *testing.T, alone bool) (*warehouse, *nameKeeper) {
	t.Helper()
	w := newRESTWarehouse(t)
	if alone {
		w = newStepWarehouse(t, "rest")
	}
	k := &nameKeeper{Handler: passing(t, w.options.URI)}
	server := httptest.NewServer(k)
	t.Cleanup(server.Close)
	w.options.URI = server.URL
	return w, k
}

// diesAt publishes a load from a process that dies at a point, and is dead from then on.
func (w *warehouse) diesAt(at func(name, key string) bool, id lake.LoadID, changes ...change) {
	w.t.Helper()
	dead := false
	o := w.options
	o.Point = func(name, key string) error {
		if dead = dead || at(name, key); dead {
			return errors.New("it died")
		}
		return nil
	}
	c, err := catalog.Open(w.t.Context(), o)
	if err != nil {
		w.t.Fatal(err)
	}
	defer c.Close()
	unlock, err := c.Lock(w.t.Context())
	if err == nil {
		_, err = w.publish(c, id, changes...)
		err = errors.Join(err, unlock())
	}
	if !dead {
		w.t.Logf("load %s does nothing after that: %v", id, err)
	}
}

// A request of a dead run to drop or to rename a table, which arrives after another one
// of that name was made and published, takes no row away.
func TestRESTLateDrop(t *testing.T) {
	t.Parallel()
	for _, alone := range []bool{false, true} {
		for _, what := range []string{"DELETE", "rename"} {
			w, k := newNameKeeper(t, alone)
			w.mustPublish(w.open(), loadID(0), three()...)
			load := three("fresh")
			w.diesAt(func(name, key string) bool { return name == "catalog.create.done" && key == "fresh" }, loadID(1), load...)
			k.keep(what)
			w.diesAt(func(string, string) bool { return k.has() }, loadID(2), three()...) // what is left is dropped
			if !k.has() {
				t.Fatalf("alone %t: no %s", alone, what)
			}
			next := w.brought()
			w.mustPublish(next, loadID(3), load...)
			code := k.arrives()
			if got := w.names(w.open())["fresh"]; what == "DELETE" && got != "fresh" || what == "rename" && !strings.HasPrefix(got, "dropped-") {
				t.Errorf("alone %t, late %s (%d): the table is called %q", alone, what, code, got)
			}
			w.checkOneLoad()
			load[len(load)-1].rows = 2 // a table that nothing has touched is not published again
			w.mustPublish(w.brought(), loadID(4), load...)
			w.checkOneLoad()
			if got := w.names(w.open())["fresh"]; got != "fresh" {
				t.Errorf("alone %t, late %s: the next load calls the table %q", alone, what, got)
			}
			w.checkNamed(w.open())
		}
	}
}

// A table that another process makes and publishes just before one that a dead run had
// left is dropped has its name and its rows afterwards.
func TestRESTDropMeanwhile(t *testing.T) {
	t.Parallel()
	w := newRESTWarehouse(t)
	w.mustPublish(w.open(), loadID(0), three()...)
	w.diesAt(func(name, key string) bool { return name == "catalog.create.done" && key == "fresh" }, loadID(1), three("fresh")...)
	o := w.options
	met := false
	o.Point = func(name, key string) error {
		if name == "catalog.rename" && key == "fresh" && !met {
			met = true
			if err := w.other().DropTable(t.Context(), table.Identifier{w.options.Namespace, key}); err != nil {
				t.Error(err)
			}
			w.mustPublish(w.open(), loadID(3), three("fresh")...)
		}
		return nil
	}
	c, err := catalog.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := w.publish(c, loadID(2), three()...); err != nil {
		t.Log(err)
	}
	if !met {
		t.Fatal("nothing was dropped")
	}
	if got := w.names(w.open())["fresh"]; got != "fresh" {
		t.Errorf("the table is called %q", got)
	}
	w.checkOneLoad()
}

// Where a server cannot rename, what a dead run has made is dropped all the same.
func TestRESTDropWithoutRename(t *testing.T) {
	t.Parallel()
	if os.Getenv(restVariable) != "" {
		t.Skip("the server renames")
	}
	w, k := newNameKeeper(t, false)
	k.never = "rename"
	w.mustPublish(w.open(), loadID(0), three()...)
	w.diesAt(func(name, key string) bool { return name == "catalog.create.done" && key == "fresh" }, loadID(1), three("fresh")...)
	c := w.brought()
	w.mustPublish(c, loadID(2), three()...)
	if names := w.mains(); len(names) != 4 { // and the ledger
		t.Errorf("tables %v", names)
	}
	w.checkNamed(c)
}
