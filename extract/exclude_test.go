package extract

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// A name under exclude that nothing has is told, and no other.
func TestIdleExcludes(t *testing.T) {
	w := notiontest.NewWorkspace(1)
	w.Update(func(tx *notiontest.Tx) {
		for _, k := range []string{"a", "b"} {
			addSource(tx, k, notiontest.Parent{})
		}
	})
	server := notiontest.NewServer(w, notiontest.Options{})
	for _, test := range []struct{ only, want string }{{"", "exclude=slaries"}, {"a", ""}} {
		var log strings.Builder
		o := contentOptions(newClient(t, server))
		o.Exclude, o.Logger = []string{"B", "Slaries"}, slog.New(slog.NewTextHandler(&log, nil))
		l := newMemoryLake()
		if test.only != "" {
			if _, err := l.run(t.Context(), "20260101T000000Z", NewSource(contentOptions(newClient(t, server)))); err != nil {
				t.Fatal(err)
			}
			o.Only = []string{test.only}
		}
		if _, err := l.run(t.Context(), "20260102T000000Z", NewSource(o)); err != nil {
			t.Fatal(err)
		}
		if got := log.String(); strings.Contains(got, "exclude=") != (test.want != "") || !strings.Contains(got, test.want) || strings.Contains(got, "exclude=b") {
			t.Errorf("only %q: %s", test.only, got)
		}
	}
}
