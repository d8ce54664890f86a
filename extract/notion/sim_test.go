package notion_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/extract/notiontest"
)

// tasks is a workspace with one data source of so many rows, perMinute of them
// created in each minute.
type tasks struct {
	*notiontest.Workspace
	source string
	rows   []string
}

func newTasks(n, perMinute int, properties []*notiontest.Property, values func(i int) map[string]notiontest.Value) *tasks {
	const seed = 11
	w := &tasks{Workspace: notiontest.NewWorkspace(seed), source: notiontest.NewID(seed, "source")}
	w.Update(func(t *notiontest.Tx) {
		database := notiontest.NewID(seed, "database")
		t.AddDatabase(notiontest.Database{ID: database, Title: notiontest.Plain("Tasks")})
		t.AddSource(notiontest.DataSource{ID: w.source, Database: database, Title: notiontest.Plain("Tasks"), Properties: properties})
		for i := range n {
			if i%perMinute == 0 {
				t.Tick(time.Minute)
			}
			w.rows = append(w.rows, t.AddRow(w.source, notiontest.Page{Values: values(i)}))
		}
	})
	return w
}

func titled(i int) map[string]notiontest.Value {
	return map[string]notiontest.Value{"title": notiontest.Plain(fmt.Sprintf("Task %d", i))}
}

var titleOnly = []*notiontest.Property{{ID: "title", Name: "Name", Type: "title"}}

func client(t *testing.T, s *notiontest.Server, o notion.Options) *notion.Client {
	t.Helper()
	o.Token, o.Transport = notiontest.DefaultToken, s.Transport()
	c, err := notion.NewClient(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// read returns how often each row came.
func read(c *notion.Client, source string, q notion.Query) (times map[string]int, err error) {
	times = map[string]int{}
	for r, err := range c.QueryDataSource(context.Background(), source, q) {
		if err != nil {
			return times, err
		}
		if !r.Supersedes {
			times[r.Object.Get("id").Text()]++
		}
	}
	return times, nil
}

func wantEachOnce(t *testing.T, times map[string]int, rows []string) {
	t.Helper()
	for _, id := range rows {
		if n := times[id]; n != 1 {
			t.Fatalf("row %s came %d times", id, n)
		}
	}
	if len(times) != len(rows) {
		t.Fatalf("%d rows came, want %d", len(times), len(rows))
	}
}

func TestEveryRowOnceBehindTheCapUnderFaults(t *testing.T) {
	w := newTasks(25_000, 700, titleOnly, titled)
	synctest.Test(t, func(t *testing.T) {
		s := notiontest.NewServer(w.Workspace, notiontest.Options{Faults: notiontest.Faults{Rate: 0.15, Seed: 3}, Shuffle: true})
		c := client(t, s, notion.Options{})
		times, err := read(c, w.source, notion.Query{})
		if err != nil {
			t.Fatal(err)
		}
		wantEachOnce(t, times, w.rows)
		if n := s.Stats().Fired(); n < 25 {
			t.Fatalf("invalid: only %d faults fired", n)
		}
		t.Logf("%+v, %v", c.Stats(), s.Stats().Faults)
	})
}

func TestMinuteBeyondTheCap(t *testing.T) {
	numbered := []*notiontest.Property{{ID: "title", Name: "Name", Type: "title"}, {ID: "num", Name: "Nr", Type: "unique_id"}}
	tests := []struct {
		name       string
		properties []*notiontest.Property
		values     func(i int) map[string]notiontest.Value
		incomplete bool
	}{
		{"unique id", numbered, func(i int) map[string]notiontest.Value {
			return map[string]notiontest.Value{"title": notiontest.Plain("same"), "num": notiontest.Unique(i + 1)}
		}, false},
		{"title", titleOnly, titled, false},
		{"title, some empty", titleOnly, func(i int) map[string]notiontest.Value {
			if i%7 == 0 {
				return nil
			}
			return titled(i)
		}, false},
		{"nothing to divide by", titleOnly, func(int) map[string]notiontest.Value {
			return map[string]notiontest.Value{"title": notiontest.Plain("same")}
		}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			// Minutes of 10, 330 and 10 rows, with a cap of 100.
			w := newTasks(350, 1_000_000, tt.properties, func(i int) map[string]notiontest.Value { return tt.values(i) })
			synctest.Test(t, func(t *testing.T) {
				s := notiontest.NewServer(w.Workspace, notiontest.Options{Cap: 100})
				times, err := read(client(t, s, notion.Options{Rate: notion.Rate{Off: true}}), w.source, notion.Query{PageSize: 30})
				if tt.incomplete {
					if !errors.Is(err, notion.ErrIncomplete) || !strings.Contains(err.Error(), w.source) {
						t.Fatalf("error %v, want ErrIncomplete of %s", err, w.source)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				wantEachOnce(t, times, w.rows)
				t.Log(s.Stats().Requests, "requests")
			})
		})
	}
}

var _ = http.StatusOK
