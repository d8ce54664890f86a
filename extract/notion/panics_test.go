package notion

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
)

// What panics while rows are asked for, or while it is proved that none was skipped, does so
// where they are used, and where it did first is told.
func TestPanicsBeside(t *testing.T) {
	mistake := func(*http.Request) (*http.Response, error) { panic("a mistake") }
	for name, replies := range map[string][]reply{
		"the first page": {mistake},
		"the next page":  {rowsOf(toA, at(1, 0, 0), at(2, 0, 0)), mistake},
		"the proof":      {rowsOf(toA, at(1, 0, 0), at(2, 0, 0)), rowsOf(last, at(3, 0, 0)), mistake},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				o := unlimited
				o.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
				c := newTestClient(t, answers(replies...), o)
				defer func() {
					if v := recover(); v != "a mistake" {
						t.Errorf("it panicked with %v", v)
					}
					if !strings.Contains(log.String(), "panics_test.go") {
						t.Errorf("where is not told:\n%s", log.String())
					}
				}()
				for range c.QueryDataSource(t.Context(), sourceID, Query{PageSize: 3}) { //nolint:revive // it does not come to an end
				}
			})
		})
	}
}
