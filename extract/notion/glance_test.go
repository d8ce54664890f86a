package notion_test

import (
	"errors"
	"testing"
	"time"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/extract/notiontest"
)

// A glance is one request, whatever there is.
func TestGlance(t *testing.T) {
	w := newTasks(titleOnly, titled, 30, 60, 200)
	edited := w.rows[10]
	var since time.Time
	w.Update(func(tx *notiontest.Tx) {
		tx.Tick(24 * time.Hour)
		since = tx.Model().Clock.Truncate(time.Minute)
		tx.Page(edited)
		archived := tx.Page(w.rows[11])
		archived.Archived = true
	})
	s := notiontest.NewServer(w.Workspace, notiontest.Options{})
	c := client(t, s, unlimited)
	for _, test := range []struct {
		glance notion.Glance
		rows   int
		more   bool
	}{
		{notion.Glance{}, 100, true},
		{notion.Glance{Since: since}, 1, false},
		{notion.Glance{Archived: true}, 1, false},
		{notion.Glance{Archived: true, Since: since.Add(time.Hour)}, 0, false},
	} {
		before := s.Stats().Requests
		rows, more, err := c.Glance(t.Context(), w.source, test.glance)
		if err != nil || len(rows) != test.rows || more != test.more {
			t.Errorf("%+v: %d rows, more %v, %v; want %d, %v", test.glance, len(rows), more, err, test.rows, test.more)
		}
		if n := s.Stats().Requests - before; n != 1 {
			t.Errorf("%+v: %d requests", test.glance, n)
		}
		if test.glance.Since.Equal(since) && len(rows) == 1 && rows[0].Get("id").Text() != edited {
			t.Errorf("row %s was edited, not %s", edited, rows[0].Get("id").Text())
		}
	}
	if _, _, err := c.Glance(t.Context(), "no id", notion.Glance{}); err == nil {
		t.Error("an ID that is none was taken")
	}
	if _, _, err := c.Glance(t.Context(), notiontest.NewID(5, "no such"), notion.Glance{}); !errors.Is(err, notion.ErrNotFound) {
		t.Errorf("what is not there: %v", err)
	}
}

// Newest goes from what was edited last to the first, once, and asks for no more
// than is wanted.
func TestNewest(t *testing.T) {
	w := newTasks(titleOnly, titled, spread(450, 1)...)
	s := notiontest.NewServer(w.Workspace, notiontest.Options{})
	c := client(t, s, unlimited)
	var last string
	n := 0
	for object, err := range c.Newest(t.Context(), "page") {
		if err != nil {
			t.Fatal(err)
		}
		edited := object.Get("last_edited_time").Text()
		if n++; n > 1 && edited > last {
			t.Fatalf("%s after %s", edited, last)
		}
		last = edited
	}
	if requests := s.Stats().Requests; n != 450 || requests != 5 {
		t.Errorf("%d pages by %d requests", n, requests)
	}
	for range c.Newest(t.Context(), "page") {
		break
	}
	if requests := s.Stats().Requests; requests != 6 {
		t.Errorf("%d requests for the first page", requests-5)
	}
	s = notiontest.NewServer(w.Workspace, notiontest.Options{Cap: 200})
	var failure error
	for _, err := range client(t, s, unlimited).Newest(t.Context(), "page") {
		failure = err
	}
	if !errors.Is(failure, notion.ErrIncomplete) {
		t.Errorf("a search that was cut off ended with %v", failure)
	}
}

func TestBudget(t *testing.T) {
	for text, want := range map[string][2]int{"auto": {180, 30}, "off": {0, 0}, "600": {600, 98}, "2": {2, 1}} {
		rate, err := notion.ParseRate(text)
		if err != nil {
			t.Fatal(err)
		}
		if perMinute, burst := rate.Budget(); perMinute != want[0] || burst != want[1] {
			t.Errorf("%s: %d a minute, %d at once; want %v", text, perMinute, burst, want)
		}
	}
}
