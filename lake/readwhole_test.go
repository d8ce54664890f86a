package lake_test

import (
	"context"
	"errors"
	"iter"
	"testing"
	"testing/synctest"

	"github.com/notionlake/notionlake/lake"
	"github.com/notionlake/notionlake/lake/laketest"
)

// partialTable is a table that cannot be read whole.
func partialTable(key string) lake.Table {
	table := textTable(key)
	table.Rows = laketest.RowsThen(&lake.PartialError{Table: key, Err: errors.New("503")})
	return table
}

// Where there is no data source, what else was read whole counts.
func TestPagesOnly(t *testing.T) {
	for _, test := range []struct {
		name   string
		tables []lake.Table
		hold   bool
		status string
	}{
		{"a table in part", []lake.Table{textTable("_pages", "1"), partialTable("_comments")}, false, lake.StatusPartial},
		{"held", []lake.Table{textTable("_pages", "1"), partialTable("_comments")}, true, lake.StatusHeld},
		{"nothing", []lake.Table{partialTable("_pages"), partialTable("_comments")}, false, lake.StatusFailed},
		{"nothing but what is empty", []lake.Table{partialTable("_pages"), textTable("_databases")}, false, lake.StatusFailed},
		{"nothing, which is said", []lake.Table{partialTable("_pages"), textTable("_problems", "1")}, false, lake.StatusFailed},
		{"no data source", []lake.Table{partialTable("a"), textTable("_users", "1")}, false, lake.StatusFailed},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := newWorld(t, nil).loader(test.tables...)
			l.Audit.HoldPartial = test.hold
			if report, err := l.Run(t.Context()); report.Status != test.status {
				t.Errorf("status %s, want %s (%v)", report.Status, test.status, err)
			}
		})
	}
}

// failingSource yields a table and then an error.
type failingSource struct {
	table lake.Table
	err   error
}

func (s failingSource) Tables(context.Context, lake.View) iter.Seq2[lake.Table, error] {
	return func(yield func(lake.Table, error) bool) {
		_ = yield(s.table, nil) && yield(lake.Table{}, s.err)
	}
}

// When the source fails, nobody waits for the tables that are being read.
func TestSourceFailsWhileTablesAreRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failed := errors.New("Notion is down")
		l := newWorld(t, nil).loader()
		table := textTable("a")
		table.Rows = func(ctx context.Context) iter.Seq2[lake.Row, error] {
			return func(yield func(lake.Row, error) bool) {
				<-ctx.Done()
				yield(lake.Row{}, ctx.Err())
			}
		}
		l.Source = failingSource{table, failed}
		if _, err := l.Run(t.Context()); !errors.Is(err, failed) {
			t.Errorf("error: %v, want that of the source", err)
		}
	})
}
