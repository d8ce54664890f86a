package extract

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/extract/notiontest"
	"github.com/notionlake/notionlake/extract/notiontest/truth"
	"github.com/notionlake/notionlake/lake"
	"github.com/notionlake/notionlake/lake/laketest"
)

// A fileWorld is a page and a data source with files, and a lake.
type fileWorld struct {
	t       *testing.T
	w       *notiontest.Workspace
	server  *notiontest.Server
	lake    *memoryLake
	storage *lake.Storage
	copies  *lake.Copies
	loads   int
	counted *lake.FilesReport // of the last load
	written atomic.Int64      // copies
	mu      sync.Mutex        // of asked
	asked   []string
	fault   func(name, key string) error // of the storage; nil: none
}

const (
	fileSource = "source/files"
	filePage   = "page/files"
	fileBlock  = "block/files"
)

func hostedFile(key string) notiontest.File {
	return notiontest.File{Name: key + ".pdf", URL: notiontest.HostedPath(1, key, key+".pdf"), Hosted: true}
}

// newFileWorld has a hosted file in a block, in a row and as a row's cover, and an
// external one in the same row. All have been there for long.
func newFileWorld(t *testing.T) *fileWorld {
	f := &fileWorld{t: t, w: notiontest.NewWorkspace(1), lake: newMemoryLake()}
	id := func(key string) string { return notiontest.NewID(1, key) }
	f.w.Update(func(tx *notiontest.Tx) {
		for _, key := range []string{"block", "row", "cover"} {
			tx.AddFile(hostedFile(key).URL, notiontest.Served{Data: []byte("%PDF the " + key), Type: "application/pdf"})
		}
		tx.AddFile("/public/logo", notiontest.Served{Data: []byte("the logo"), Type: "text/plain", ETag: `"1"`})
		block := hostedFile("block")
		tx.AddPage(notiontest.Page{ID: id(filePage), Values: map[string]notiontest.Value{"title": notiontest.Plain("files")}})
		tx.AddBlock(notiontest.Block{ID: id(fileBlock), Parent: notiontest.Parent{Type: "page_id", ID: id(filePage)}, Type: "pdf", File: &block})
		tx.AddDatabase(notiontest.Database{ID: id("database"), Title: notiontest.Plain("files")})
		tx.AddSource(notiontest.DataSource{ID: id(fileSource), Database: id("database"), Title: notiontest.Plain("files"), Properties: []*notiontest.Property{
			{ID: "title", Name: "Name", Type: "title"}, {ID: "file", Name: "Files", Type: "files"},
		}})
		tx.AddRow(id(fileSource), notiontest.Page{
			ID: id("row"), Cover: &notiontest.Icon{Type: "file", Text: hostedFile("cover").URL},
			Values: map[string]notiontest.Value{"file": notiontest.Files{hostedFile("row"), {Name: "logo", URL: "/public/logo"}}},
		})
		tx.Tick(time.Hour)
	})
	now := func() time.Time { return f.w.Model().Clock }
	f.server = notiontest.NewServer(f.w, notiontest.Options{Now: now, OnRequest: func(r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.asked = append(f.asked, r.URL.Path)
	}})
	var err error
	f.storage, err = lake.OpenStorage(t.Context(), lake.StorageOptions{
		URL: t.TempDir(), Sync: func(*os.File) error { return nil },
		Point: func(name, key string) error {
			if name == "storage.create" && strings.Contains(key, "/files/") {
				f.written.Add(1)
			}
			if f.fault != nil {
				return f.fault(name, key)
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.storage.Close() })
	f.copies = lake.NewCopies(f.storage, laketest.NewCatalog())
	return f
}

// load makes a load, of which it checks that no copy lacks that a table names, and
// returns how many files were fetched and written.
func (f *fileWorld) load(change func(*Options)) (tables map[string]*memoryTable, fetched, written int64) {
	f.t.Helper()
	f.loads++
	o := fileOptions(f.t, f.server, f.copies)
	o.Now = func() time.Time { return f.w.Model().Clock }
	if change != nil {
		change(&o)
	}
	files, copies := f.server.Stats().Files, f.written.Load()
	s := NewSource(o)
	tables, err := f.lake.run(f.t.Context(), fmt.Sprintf("202601%02dT000000Z", f.loads), s)
	if err != nil {
		f.t.Fatal(err)
	}
	f.counted = s.Files()
	if err := s.Close(); err != nil {
		f.t.Fatal(err)
	}
	f.checkNamed()
	return tables, f.server.Stats().Files - files, f.written.Load() - copies
}

// checkNamed fails unless _files names what the tables name, and all of that is there.
func (f *fileWorld) checkNamed() {
	f.t.Helper()
	files := f.lake.before[lake.CopiesTable]
	if files == nil {
		return
	}
	named := map[string]bool{}
	for _, row := range files.rows {
		if path := row[files.column("path")]; !path.IsNull() {
			named[path.Text()] = true
		}
	}
	for uri := range named {
		key, ok := f.storage.Key(uri)
		data, err := f.storage.ReadAll(f.t.Context(), key)
		if !ok || err != nil || len(data) == 0 {
			f.t.Errorf("%s: %v", uri, err)
		}
	}
	for _, table := range f.lake.before {
		for i, c := range table.schema.Columns {
			if c.Type.String() != lake.ListOf(fileType).String() {
				continue
			}
			for _, row := range table.rows {
				for _, file := range row[i].Items() {
					if path := file.Items()[4]; !path.IsNull() && !named[path.Text()] {
						f.t.Errorf("_files does not name %s", path)
					}
				}
			}
		}
	}
}

// file is a cell of the row of _files with the URL.
func (f *fileWorld) file(tables map[string]*memoryTable, url, column string) string {
	f.t.Helper()
	files := tables[lake.CopiesTable]
	for _, row := range files.rows {
		if strings.HasSuffix(row[files.column("url")].Text(), url) {
			if v := row[files.column(column)]; !v.IsNull() {
				return v.Text()
			}
			return ""
		}
	}
	return "no such row"
}

// What the last load copied is not fetched again, as far as it is known to be the same.
func TestFilesTakenOver(t *testing.T) {
	f := newFileWorld(t)
	check := func(what string, wantFetched, wantWritten, wantCopied int64, change func(*Options)) map[string]*memoryTable {
		t.Helper()
		got, fetched, written := f.load(change)
		if fetched != wantFetched || written != wantWritten {
			t.Errorf("%s: %d files fetched and %d copies written, want %d and %d", what, fetched, written, wantFetched, wantWritten)
		}
		if c := f.counted; c != nil && (c.Copied != wantCopied || c.CarriedOver != 4-wantCopied || (c.Bytes > 0) != (wantCopied > 0) || c.Skipped != 0) {
			t.Errorf("%s: counted as %+v, want %d copied", what, c, wantCopied)
		}
		return got
	}
	check("the first load", 4, 4, 4, nil)
	first := f.lake.before[lake.CopiesTable]
	f.asked = nil
	check("nothing has changed", 1, 0, 0, nil) // the logo is asked for, and has not changed
	if diff := cmp.Diff(fmt.Sprint(first.rows), fmt.Sprint(f.lake.before[lake.CopiesTable].rows)); diff != "" {
		t.Errorf("_files: %s", diff)
	}
	for _, path := range f.asked {
		if strings.Contains(path, notiontest.NewID(1, fileBlock)) {
			t.Errorf("a block that has not changed was asked for: %s", path)
		}
	}
	check("a full load", 4, 0, 4, func(o *Options) { o.Full = true })
	f.w.Update(func(tx *notiontest.Tx) {
		tx.AddFile("/public/logo", notiontest.Served{Data: []byte("another logo"), Type: "text/plain", ETag: `"2"`})
	})
	got := check("an external file has changed", 1, 1, 1, nil)
	if tag := f.file(got, "/public/logo", "etag"); tag != `"2"` {
		t.Errorf("etag %s", tag)
	}
	key, _ := f.storage.Key(f.file(got, hostedFile("row").URL, "path"))
	if err := f.storage.Delete(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	check("a copy is gone", 2, 1, 1, nil)
	check("files are off", 0, 0, 0, func(o *Options) { o.Files = Files{} })
	check("files are on again", 1, 0, 0, nil)
}

// Files are switched on when pages are there that are not read again.
func TestFilesSwitchedOn(t *testing.T) {
	f := newFileWorld(t)
	f.load(func(o *Options) { o.Files = Files{} })
	f.asked = nil
	got, fetched, _ := f.load(nil)
	if fetched != 4 || f.file(got, hostedFile("block").URL, "sha256") == "" {
		t.Errorf("%d files fetched; %s", fetched, f.file(got, hostedFile("block").URL, "reason"))
	}
	block := "/v1/blocks/" + notiontest.NewID(1, fileBlock)
	if !strings.Contains(strings.Join(f.asked, " "), block) || strings.Contains(strings.Join(f.asked, " "), notiontest.NewID(1, filePage)+"/children") {
		t.Errorf("asked for %v", f.asked)
	}
}

// The copy of a file that cannot be had any more stays, which is said.
func TestFilesKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFileWorld(t)
		got, _, _ := f.load(nil)
		sum := f.file(got, "/public/logo", "sha256")
		for _, c := range []struct {
			served notiontest.Served
			reason string
			kept   bool
		}{
			{notiontest.Served{Status: 500}, "unreachable", true},
			{notiontest.Served{Status: 404}, "not_found", true},
			{notiontest.Served{Status: 401}, "refused", true},
			{notiontest.Served{Redirect: "/public/logo"}, "unreachable", true},
			{notiontest.Served{Data: []byte("never ends"), Stall: 2 * time.Minute}, "unreachable", true},
			{notiontest.Served{Data: []byte("short"), Length: 100}, "unreachable", true},
			{notiontest.Served{Redirect: "http://127.0.0.1/"}, "blocked", false},
			{notiontest.Served{Data: bytes.Repeat([]byte("x"), 2000), Length: DefaultMaxBytes + 1}, "too_large", false},
			{notiontest.Served{Data: bytes.Repeat([]byte("x"), DefaultMaxBytes+1), Length: -1}, "too_large", false},
		} {
			if len(c.served.Data) > DefaultMaxBytes && raced {
				continue // a hash of so much takes long
			}
			f.w.Update(func(tx *notiontest.Tx) { tx.AddFile("/public/logo", c.served) })
			before := f.lake.before[lake.CopiesTable]
			got, _, _ := f.load(nil)
			f.lake.before[lake.CopiesTable] = before
			reason, now := f.file(got, "/public/logo", "reason"), f.file(got, "/public/logo", "sha256")
			if reason != c.reason || (now == sum) != c.kept || now != "" != c.kept {
				t.Errorf("%+v: reason %s, sha256 %q", c.served.Status, reason, now)
			}
			if cell := got[notiontest.NewID(1, fileSource)].cell(notiontest.NewID(1, "row"), "files").Items()[1].Items()[3]; cell.IsNull() == c.kept {
				t.Errorf("%+v: the cell says %s", c.served.Status, cell)
			}
			if n := len(problemWords(got, "file_")); n != 1 {
				t.Errorf("%s: %d kinds of problems", c.reason, n)
			}
		}
	})
}

// A server that gives no answer holds a load up for a few files only.
func TestFilesOfSilentServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFileWorld(t)
		var files notiontest.Files
		f.w.Update(func(tx *notiontest.Tx) {
			for i := range 200 {
				at := fmt.Sprintf("https://silent.example/%d", i)
				tx.AddFile(at, notiontest.Served{Data: []byte("late"), Stall: time.Hour})
				files = append(files, notiontest.File{Name: "late", URL: at})
			}
			tx.Set(notiontest.NewID(1, "row"), "file", append(files, notiontest.File{URL: "/public/logo"}))
		})
		began := time.Now()
		got, fetched, _ := f.load(nil)
		if took := time.Since(began); took > 20*time.Minute || fetched > 60 {
			t.Errorf("it took %s and %d requests", took, fetched)
		}
		if f.file(got, "silent.example/199", "reason") != "unreachable" || f.file(got, "/public/logo", "path") == "" {
			t.Errorf("reason %s", f.file(got, "silent.example/199", "reason"))
		}
		told := map[string]bool{} // the same of those that were asked for and of the others: which they are changes from load to load
		for _, row := range got[keyProblems].rows {
			if row[1].Text() == string(KindFile) {
				told[row[7].Text()] = true
			}
		}
		if len(told) != 1 {
			t.Errorf("it is told in %d ways: %v", len(told), told)
		}
	})
}

// Types and sizes that are not wanted are left out, also of what is there.
func TestFilesWanted(t *testing.T) {
	f := newFileWorld(t)
	f.load(nil)
	got, _, written := f.load(func(o *Options) { o.Files.Types = []string{"pdf"} })
	if reason := f.file(got, "/public/logo", "reason"); reason != "type" || written != 0 {
		t.Errorf("reason %s, %d written", reason, written)
	}
	got, _, _ = f.load(func(o *Options) { o.Files.Types = []string{"text/*"} })
	if reason := f.file(got, hostedFile("block").URL, "reason"); reason != "type" {
		t.Errorf("reason %s", reason)
	}
	got, _, _ = f.load(func(o *Options) { o.Files.MaxBytes = int64(len("the logo")) })
	if reason := f.file(got, hostedFile("block").URL, "reason"); reason != "too_large" || f.file(got, "/public/logo", "path") == "" {
		t.Errorf("reason %s", reason)
	}
	if diff := cmp.Diff(map[string]int{"file_too_large": 1}, problemWords(got, "file_")); diff != "" {
		t.Error(diff)
	}
	for typ, want := range map[string]bool{"image": false, "application": true, "application/*": true, "*": false, "*/*": true, "pdf": true, "application/pdf": true, "application/p?f": true} {
		if got := wantsType([]string{typ}, "application/pdf"); got != want {
			t.Errorf("%s wants application/pdf: %t", typ, got)
		}
	}
	for _, bad := range []string{"", "a/b/c", "image/[", "text/plain; charset=utf-8"} {
		if _, err := ParseFileType(bad); err == nil {
			t.Errorf("%q is a type", bad)
		}
	}
}

// What a table names that stays at its last load is named by _files.
func TestFilesOfTablesThatStay(t *testing.T) {
	f := newFileWorld(t)
	f.load(nil)
	rows := len(f.lake.before[lake.CopiesTable].rows)
	source := notiontest.NewID(1, fileSource)
	other := notiontest.NewID(1, "source/other")
	f.w.Update(func(tx *notiontest.Tx) {
		tx.AddDatabase(notiontest.Database{ID: notiontest.NewID(1, "other"), Title: notiontest.Plain("other")})
		tx.AddSource(notiontest.DataSource{ID: other, Database: notiontest.NewID(1, "other"), Title: notiontest.Plain("other"), Properties: []*notiontest.Property{{ID: "title", Name: "Name", Type: "title"}}})
		tx.AddRow(other, notiontest.Page{Icon: &notiontest.Icon{Type: "external", Text: "/public/logo"}})
	})
	only := func(o *Options) { o.Only = []string{other} }
	for _, content := range []bool{true, false} {
		f.load(func(o *Options) {
			if only(o); !content {
				o.Content = Content{}
			}
		})
		if n := len(f.lake.before[lake.CopiesTable].rows); n != rows+1 {
			t.Errorf("of a part, content %t: %d rows, want %d", content, n, rows+1)
		}
	}
	f.w.Update(func(tx *notiontest.Tx) { tx.Source(source).Unshared = true })
	got, _, _ := f.load(nil)
	if got[source].unread == "" {
		t.Error("it is read")
	}
	if f.file(got, hostedFile("row").URL, "path") == "" {
		t.Error("the file of a row whose table stays is not named")
	}
	f.w.Update(func(tx *notiontest.Tx) {
		tx.Source(source).Unshared = false
		tx.Set(notiontest.NewID(1, "row"), "file", notiontest.Files{})
	})
	got, _, _ = f.load(nil)
	if n := f.file(got, hostedFile("row").URL, "path"); n != "no such row" {
		t.Errorf("a file that is gone: %s", n)
	}
}

// A file that Notion shows in rows is there also where no page is read.
func TestFilesWithoutContent(t *testing.T) {
	f := newFileWorld(t)
	got, _, _ := f.load(func(o *Options) { o.Content = Content{} })
	want, _, err := truth.Tables(f.w.Model(), nil, truth.Options{Load: "20260101T000000Z", Files: &truth.Files{}})
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range want {
		compareTable(t, "without content", table, withoutFolders(got)[table.Key])
	}
}

// What could not be read whole stays in _files as the last load had it.
func TestFilesNotWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFileWorld(t)
		f.load(nil)
		failing := ""
		f.server.Inject(func(r *http.Request) bool { return r.URL.Path == failing }, notiontest.FaultInternal, 1000)
		for what, path := range map[string]string{
			"blocks": "/v1/blocks/" + notiontest.NewID(1, filePage) + "/children", "rows": "/v1/data_sources/" + notiontest.NewID(1, fileSource) + "/query",
		} {
			failing = path
			got, _, _ := f.load(func(o *Options) { o.Full = true })
			if n := len(got[lake.CopiesTable].rows); n != 4 || got[lake.CopiesTable].partial != nil {
				t.Errorf("%s: %d rows, %v", what, n, got[lake.CopiesTable].partial)
			}
		}
	})
}

// A load that is cancelled while files are fetched ends, and leaves no request behind.
func TestFilesCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFileWorld(t)
		f.w.Update(func(tx *notiontest.Tx) {
			tx.AddFile("/public/logo", notiontest.Served{Data: []byte("never ends"), Stall: 30 * time.Second})
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		o := fileOptions(t, f.server, f.copies)
		s := NewSource(o)
		_, err := f.lake.run(ctx, "20260101T000000Z", s)
		if err == nil || ctx.Err() == nil {
			t.Errorf("error %v", err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// A copy that is not as long as it was is written again.
func TestFilesDamagedCopy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFileWorld(t)
		got, _, _ := f.load(nil)
		name := strings.TrimPrefix(f.file(got, hostedFile("row").URL, "path"), "file://")
		before, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(name, 3); err != nil {
			t.Fatal(err)
		}
		f.load(nil)
		if after, err := os.Stat(name); err != nil || after.Size() != before.Size() {
			t.Errorf("the copy of %d bytes has %d (%v)", before.Size(), after.Size(), err)
		}
	})
}

// Problems with files do not become more with every load of a part, and go with
// what they are of.
func TestFilesProblemsOfPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, content := range []bool{false, true} {
			f := newFileWorld(t)
			f.w.Update(func(tx *notiontest.Tx) { tx.RemoveFile("/public/logo") })
			var most []int
			for n := range 4 {
				got, _, _ := f.load(func(o *Options) {
					if !content {
						o.Content = Content{}
					}
					if n > 0 {
						o.Only = []string{notiontest.NewID(1, fileSource)}
						o.Files.MaxBytes = 9
					}
				})
				count := 0
				for _, row := range got[keyProblems].rows {
					if strings.HasPrefix(row[1].Text(), "file") {
						count++
					}
				}
				most = append(most, count)
			}
			if most[3] != most[1] || most[0] == 0 {
				t.Errorf("content: %t: problems by load: %v", content, most)
			}
		}
	})
}
