package extract

import (
	"errors"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// A copy that holds other bytes of the same number is found by the sample, and
// written again where its file can be fetched; where not, that is said until it can.
func TestFilesSpoiledCopy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFileWorld(t)
		got, _, _ := f.load(nil)
		name := strings.TrimPrefix(f.file(got, hostedFile("row").URL, "path"), "file://")
		sum := f.file(got, hostedFile("row").URL, "sha256")
		whole, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		spoil := func() {
			t.Helper()
			if err := os.WriteFile(name, []byte(strings.Repeat("x", len(whole))), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		look := func(what string, tables map[string]*memoryTable, mended bool) {
			t.Helper()
			now, err := os.ReadFile(name)
			if err != nil || (string(now) == string(whole)) != mended {
				t.Errorf("%s: the copy holds %q (%v)", what, now, err)
			}
			if said := strings.Contains(strings.Join(problemsOf(tables), "\n"), "copy_damaged "+sum); said == mended {
				t.Errorf("%s: problems %v", what, problemsOf(tables))
			}
			if named := f.file(tables, hostedFile("row").URL, "sha256") == sum; named != mended {
				t.Errorf("%s: the table names the copy: %v", what, named)
			}
		}
		every := func(o *Options) { o.Sample = 1 }
		spoil()
		tables, fetched, written := f.load(every)
		look("it is there", tables, true)
		if fetched != 2 || written != 1 { // the external file is asked for in every load
			t.Errorf("%d files were fetched and %d written", fetched, written)
		}
		tables, _, written = f.load(every)
		if look("nothing is spoiled", tables, true); written != 0 {
			t.Errorf("%d files were written", written)
		}
		spoil()
		tables, _, _ = f.load(func(o *Options) { o.Full = true })
		look("all is read", tables, true)

		served := f.w.Model().Files[hostedFile("row").URL]
		serve := func(s notiontest.Served) {
			f.w.Update(func(tx *notiontest.Tx) { tx.AddFile(hostedFile("row").URL, s) })
		}
		spoil()
		serve(notiontest.Served{Status: 404})
		tables, _, _ = f.load(every)
		look("it is gone", tables, false)
		tables, _, _ = f.load(nil)
		look("it is still gone", tables, false)
		tables, _, _ = f.load(func(o *Options) { o.Full = true })
		look("it is gone for a full load too", tables, false)
		serve(*served)
		tables, _, _ = f.load(nil)
		look("it is back", tables, true)
	})
}

// A copy that cannot be read may be whole: it stays, and that is said. Where what it
// should hold is fetched anyway, it is written again.
func TestFilesUnreadableCopy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFileWorld(t)
		got, _, _ := f.load(nil)
		sum := f.file(got, hostedFile("row").URL, "sha256")
		f.fault = func(name, key string) error {
			if name == "storage.open" && strings.HasSuffix(key, sum[2:]+".pdf") {
				return errors.New("it is in an archive")
			}
			return nil
		}
		for _, c := range []struct {
			change func(*Options)
			said   []string
		}{
			{func(o *Options) { o.Sample = 1 }, []string{"copy_damaged " + sum}},
			{func(o *Options) { o.Full = true }, nil},
		} {
			o := fileOptions(t, f.server, f.copies)
			c.change(&o)
			s := NewSource(o)
			tables, err := f.lake.run(t.Context(), "20260201T000000Z", s)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, problemsOf(tables), c.said)
			equal(t, f.file(tables, hostedFile("row").URL, "sha256"), sum)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
}
