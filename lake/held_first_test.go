package lake_test

import (
	"errors"
	"testing"

	"github.com/notionlake/notionlake/lake"
)

// The first load of all, which is held, has no tag on any table. Once it is published it is not
// held any more, though its run died before it could write that down and others publish.
func TestHeldFirstPublished(t *testing.T) {
	dead := false
	w := newWorld(t, func(string, string) error {
		if dead {
			return errors.New("killed")
		}
		return nil
	})
	l := w.loader(textTable("a", "1"), partialTable("x"))
	l.Parts, l.Audit.HoldPartial = []string{"a"}, true
	report, err := l.Run(t.Context())
	if report.Status != lake.StatusHeld {
		t.Fatal(report.Status, err)
	}
	l = w.loader()
	l.Point = func(name, _ string) error {
		dead = name == "load.published"
		if dead {
			return errors.New("killed")
		}
		return nil
	}
	if _, err := l.PublishHeld(t.Context(), report.LoadID); !errors.Is(err, lake.ErrNotVerified) {
		t.Fatal(err)
	}
	dead = false
	part := w.loader(textTable("b", "1"))
	part.Parts = []string{"b"}
	if r, err := part.Run(t.Context()); err != nil || len(r.Overtaken) > 0 {
		t.Fatalf("overtaken %v: %v", r.Overtaken, err)
	}
	if held, err := lake.HeldLoads(t.Context(), w.storage, w.catalog); err != nil || len(held) > 0 {
		t.Errorf("held are %v: %v", held, err)
	}
	if err := w.loader().Discard(t.Context(), report.LoadID); !errors.Is(err, lake.ErrNotHeld) {
		t.Errorf("discarded: %v", err)
	}
	if rows, left := w.rows("a"), w.journalFiles(); len(rows) != 1 || len(left) > 0 {
		t.Errorf("rows %v, journal %v", rows, left)
	}
}
