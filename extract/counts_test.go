package extract

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/notionlake/notionlake/extract/notiontest"
	"github.com/notionlake/notionlake/lake"
)

// The pages that a load reads are counted while it runs, rows among them, and those
// that are taken from the last load too.
func TestPagesAreCounted(t *testing.T) {
	v := newWorld(t, notiontest.Options{})
	v.options = contentOptions(v.options.Client)
	for range 2 {
		s := NewSource(v.options)
		v.loads++
		tables, err := v.lake.run(t.Context(), "load"+string(rune('0'+v.loads)), s)
		if err != nil {
			t.Fatal(err)
		}
		if read, known := s.Pages(); read != known || read < int64(len(tables[keyPages].rows)) {
			t.Errorf("%d of %d pages are counted as read, there are %d", read, known, len(tables[keyPages].rows))
		}
		if s.Files() != nil {
			t.Error("files are counted, and none are copied")
		}
	}
}

// A file that a block shows and another one offers is one file.
func TestFilesCountedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFileWorld(t)
		f.w.Update(func(tx *notiontest.Tx) {
			for _, typ := range []string{"video", "file"} {
				logo := notiontest.File{Name: "logo", URL: "/public/logo"}
				tx.AddBlock(notiontest.Block{ID: notiontest.NewID(1, typ), Parent: notiontest.Parent{Type: "page_id", ID: notiontest.NewID(1, filePage)}, Type: typ, File: &logo})
			}
			tx.Tick(time.Hour)
		})
		f.load(nil)
		equal(t, *f.counted, lake.FilesReport{Copied: 4, Bytes: f.counted.Bytes})
	})
}
