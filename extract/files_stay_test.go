package extract

import (
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/notionlake/notionlake/extract/notiontest"
	"github.com/notionlake/notionlake/lake"
	"github.com/notionlake/notionlake/lake/laketest"
)

// The copies that a table names which stays at its last load are kept, though the
// files have changed since.
func TestFilesOfTableThatStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFileWorld(t)
		id := func(key string) string { return notiontest.NewID(1, key) }
		f.w.Update(func(tx *notiontest.Tx) {
			for i := range 350 {
				tx.AddRow(id(fileSource), notiontest.Page{ID: id("more" + string(rune(0x100+i)))})
			}
			tx.AddDatabase(notiontest.Database{ID: id("db2"), Title: notiontest.Plain("fine")})
			tx.AddSource(notiontest.DataSource{ID: id("ds2"), Database: id("db2"), Title: notiontest.Plain("fine"), Properties: []*notiontest.Property{{ID: "title", Name: "Name", Type: "title"}}})
			tx.AddRow(id("ds2"), notiontest.Page{})
			tx.Tick(time.Hour)
		})
		cat := laketest.NewCatalog()
		copies := lake.NewCopies(f.storage, cat)
		now := time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)
		load := func() lake.Report {
			now = now.Add(24 * time.Hour)
			f.w.Update(func(tx *notiontest.Tx) { tx.Tick(24 * time.Hour) })
			o := fileOptions(t, f.server, copies)
			o.Now = func() time.Time { return f.w.Model().Clock }
			s := NewSource(o)
			l := &lake.Loader{Source: s, Storage: f.storage, Catalog: cat, Logger: slog.New(slog.DiscardHandler), TempDir: t.TempDir(), Now: func() time.Time { return now }}
			r, err := l.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			_ = s.Close()
			return r
		}
		load()
		f.w.Update(func(tx *notiontest.Tx) {
			tx.AddFile("/public/logo", notiontest.Served{Data: []byte("another logo"), Type: "text/plain", ETag: `"2"`})
		})
		n := 0
		f.server.Inject(func(r *http.Request) bool {
			if r.URL.Path != "/v1/data_sources/"+id(fileSource)+"/query" {
				return false
			}
			n++
			return n > 3
		}, notiontest.FaultInternal, 1000)
		for range 3 {
			if report := load(); report.Status != lake.StatusPartial {
				t.Fatalf("status %s", report.Status)
			}
			n = 0
		}
		now = now.Add(24 * time.Hour)
		l := &lake.Loader{Storage: f.storage, Catalog: cat, Logger: slog.New(slog.DiscardHandler), TempDir: t.TempDir(), Now: func() time.Time { return now.AddDate(100, 0, 0) }}
		if _, err := l.Maintain(t.Context(), lake.Maintenance{Retention: lake.Retention{Last: 1}, Orphans: time.Hour}); err != nil {
			t.Fatal(err)
		}
		tables, err := cat.Tables(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		named := 0
		for _, table := range tables {
			files, err := table.Files(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for row, err := range lake.ReadFiles(t.Context(), f.storage, table.Schema, table.Layout, files) {
				if err != nil {
					t.Fatal(err)
				}
				for i, c := range table.Schema.Columns {
					if c.Type.String() != lake.ListOf(fileType).String() {
						continue
					}
					for _, item := range row.Values[i].Items() {
						path := item.Items()[4]
						if path.IsNull() {
							continue
						}
						named++
						key, _ := f.storage.Key(path.Text())
						if _, err := f.storage.ReadAll(t.Context(), key); err != nil {
							t.Errorf("table %s names a copy that is gone: %v", table.Schema.Table, err)
						}
					}
				}
			}
		}
		if named == 0 {
			t.Error("no table names a copy")
		}
	})
}

// What _files says of a row that has moved out of a part stays as its blocks do.
func TestFilesOfRowThatMoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		id := func(key string) string { return notiontest.NewID(1, key) }
		for name, move := range map[string]func(*notiontest.Tx){
			"to another data source":  func(tx *notiontest.Tx) { tx.Move(id("row"), id("ds2")) },
			"under a page of another": func(tx *notiontest.Tx) { tx.MoveTo(id("row"), notiontest.Parent{Type: "page_id", ID: id("row2")}) },
			"to the trash":            func(tx *notiontest.Tx) { tx.Trash(id("row")) },
		} {
			f := newFileWorld(t)
			in := hostedFile("in row")
			f.w.Update(func(tx *notiontest.Tx) {
				tx.AddDatabase(notiontest.Database{ID: id("db2"), Title: notiontest.Plain("other")})
				tx.AddSource(notiontest.DataSource{ID: id("ds2"), Database: id("db2"), Title: notiontest.Plain("other"), Properties: []*notiontest.Property{{ID: "title", Name: "Name", Type: "title"}}})
				tx.AddRow(id("ds2"), notiontest.Page{ID: id("row2")})
				tx.AddFile(in.URL, notiontest.Served{Data: []byte("%PDF in a row"), Type: "application/pdf"})
				tx.AddBlock(notiontest.Block{ID: id("in row"), Parent: notiontest.Parent{Type: "page_id", ID: id("row")}, Type: "pdf", File: &in})
				tx.Tick(time.Hour)
			})
			f.load(nil)
			f.w.Update(move)
			tables, _, _ := f.load(func(o *Options) { o.Only = []string{"files"} })
			block, file := tables[keyBlocks].cell(id("in row"), "page_id").Text(), f.file(tables, in.URL, "page_id")
			if block != file || (file == id("row")) != (name != "to the trash") {
				t.Errorf("%s: the block is in %s, the file in %s", name, block, file)
			}
		}
	})
}

// Once a row has been read where it has moved to, nothing stays of where it was.
func TestFilesOfRowThatWasReadElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFileWorld(t)
		id := func(key string) string { return notiontest.NewID(1, key) }
		f.w.Update(func(tx *notiontest.Tx) {
			tx.AddDatabase(notiontest.Database{ID: id("db2"), Title: notiontest.Plain("other")})
			tx.AddSource(notiontest.DataSource{ID: id("ds2"), Database: id("db2"), Title: notiontest.Plain("other"), Properties: []*notiontest.Property{{ID: "title", Name: "Name", Type: "title"}}})
			tx.AddRow(id("ds2"), notiontest.Page{ID: id("row2")})
		})
		f.load(nil)
		f.w.Update(func(tx *notiontest.Tx) { tx.Move(id("row"), id("ds2")) })
		for _, only := range []string{"other", "files"} {
			tables, _, _ := f.load(func(o *Options) { o.Only = []string{only} })
			stays := f.file(tables, hostedFile("row").URL, "data_source_id") == id(fileSource)
			if moved := f.file(tables, hostedFile("cover").URL, "data_source_id") == id("ds2"); !moved || stays != (only == "other") {
				t.Errorf("after %s: the cover has moved: %v, the file of the property stays: %v", only, moved, stays)
			}
		}
	})
}
