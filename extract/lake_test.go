package extract

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/extract/notiontest"
	"github.com/notionlake/notionlake/lake"
)

// A memoryLake keeps tables in memory from load to load, as a Loader and a
// Catalog would: removed columns are kept as nulls, a field ID is never used twice.
type memoryLake struct {
	load   lake.Load
	before map[string]*memoryTable
	now    map[string]*memoryTable
	fields int
	// joined, where it is set, is called before the fixed tables are read, which are
	// then read last: what a Loader does where a part of the workspace is loaded.
	joined func()
	// interrupted ends a load when all has been read but the fixed tables.
	interrupted bool
	unreadable  string         // a table whose rows cannot be read
	kept        [][]byte       // by a load that did not end
	rest        []func() error // what is left of tables when all have been read
}

type memoryTable struct {
	schema  lake.Schema
	rows    [][]lake.Value
	ids     map[string]int // field IDs by column key
	load    lake.LoadID
	unread  string
	partial error
	omitted []lake.Omission
	gone    []lake.Gone
	lost    int64          // rows of the last load that are gone with other tables
	byID    map[string]int // rows by the first column
}

var _ lake.View = (*memoryLake)(nil)

func newMemoryLake() *memoryLake { return &memoryLake{before: map[string]*memoryTable{}} }

func (l *memoryLake) Load() lake.Load { return l.load }

func (l *memoryLake) Tables(context.Context) (map[string]lake.Schema, error) {
	schemas := map[string]lake.Schema{}
	for key, t := range l.before {
		schemas[key] = t.schema
	}
	return schemas, nil
}

func (l *memoryLake) Rows(_ context.Context, key string) iter.Seq2[lake.Row, error] {
	return func(yield func(lake.Row, error) bool) {
		if key == l.unreadable {
			yield(lake.Row{}, &lake.StorageError{Err: fmt.Errorf("it does not exist: %w", fs.ErrNotExist)})
			return
		}
		if t := l.before[key]; t != nil {
			for _, values := range t.rows {
				if !yield(lake.Row{Values: values}, nil) {
					return
				}
			}
		}
	}
}

func (l *memoryLake) LoadOf(key string) lake.LoadID {
	if t := l.before[key]; t != nil {
		return t.load
	}
	return ""
}

func (l *memoryLake) Keep(_ context.Context, data []byte) error {
	l.kept = append(l.kept, data)
	return nil
}

func (l *memoryLake) Kept(context.Context) iter.Seq2[lake.KeptPart, error] {
	return func(yield func(lake.KeptPart, error) bool) {
		for n, data := range l.kept {
			if !yield(lake.KeptPart{Name: fmt.Sprint("part ", n), Data: data}, nil) {
				return
			}
		}
	}
}

func (l *memoryLake) Staged(key string) (lake.TableResult, bool) {
	t := l.now[key]
	if t == nil || t.unread != "" {
		return lake.TableResult{}, false
	}
	r := lake.TableResult{Schema: t.schema, Rows: int64(len(t.rows)), Partial: t.partial, Layout: lake.Layout{FieldIDs: map[string]int{}}}
	for _, c := range t.schema.Columns {
		r.Layout.FieldIDs[c.Name] = t.ids[c.Key]
	}
	return r, true
}

// run makes one load of the source and publishes it. It returns what became of
// the tables, those that were not read included.
func (l *memoryLake) run(ctx context.Context, id string, s lake.Source) (_ map[string]*memoryTable, err error) {
	defer func() {
		if keeps, ok := s.(lake.Keeping); ok && err != nil {
			keeps.KeepRest(ctx)
		}
	}()
	l.load = lake.Load{ID: lake.LoadID(id)}
	l.now, l.rest = map[string]*memoryTable{}, nil
	names, given := map[string]func() string{}, map[string]bool{}
	var last []lake.Table
	for t, err := range s.Tables(ctx, l) {
		if err != nil {
			return nil, err
		}
		if t.Name != nil {
			names[t.Schema.Key] = t.Name
		}
		if given[t.Schema.Key] {
			return nil, fmt.Errorf("table %s is given twice", t.Schema.Key)
		}
		given[t.Schema.Key] = true
		if l.interrupted && strings.HasPrefix(t.Schema.Key, "_") {
			continue
		}
		if t.Last || l.joined != nil && strings.HasPrefix(t.Schema.Key, "_") {
			last = append(last, t)
		} else if err := l.read(ctx, t); err != nil {
			return nil, err
		}
	}
	if l.interrupted {
		return nil, context.Canceled
	}
	for _, read := range l.rest {
		if err := read(); err != nil {
			return nil, err
		}
	}
	for key, name := range names {
		l.now[key].schema.Table = name()
	}
	if l.joined != nil {
		for i := range last {
			if p := last[i].Prepare; p != nil {
				if err := p(ctx); err != nil {
					return nil, err
				}
				last[i].Prepare = nil
			}
		}
		l.joined()
	}
	for _, t := range last {
		if err := l.read(ctx, t); err != nil {
			return nil, err
		}
	}
	for key, t := range l.now {
		if t.unread == "" && t.partial == nil {
			l.before[key] = t
		}
	}
	l.kept = nil
	return l.now, nil
}

func (l *memoryLake) read(ctx context.Context, t lake.Table) error {
	m := &memoryTable{schema: t.Schema, load: l.load.ID, unread: t.Unread, ids: map[string]int{}, byID: map[string]int{}}
	l.now[t.Schema.Key] = m
	if t.Unread != "" {
		return nil
	}
	if err := t.Schema.Check(); err != nil {
		return err
	}
	if t.Prepare != nil {
		if err := t.Prepare(ctx); err != nil {
			return err
		}
	}
	if t.State != nil {
		state, err := t.State(ctx)
		if err != nil {
			return err
		}
		m.schema.Columns[0].State = state
	}
	if err := m.take(t.Rows(ctx)); err != nil {
		return err
	}
	if t.Rest != nil && m.partial == nil {
		if rest := t.Rest(); rest != nil {
			l.rest = append(l.rest, func() error {
				if err := m.take(rest(ctx)); err != nil {
					return err
				}
				return l.finish(m, t)
			})
			return nil
		}
	}
	return l.finish(m, t)
}

// take takes in rows.
func (m *memoryTable) take(rows iter.Seq2[lake.Row, error]) error {
	for row, err := range rows {
		if errors.As(err, new(*lake.PartialError)) {
			m.partial = err
			return nil
		}
		if err != nil {
			return err
		}
		values := make([]lake.Value, len(row.Values))
		for i, v := range row.Values {
			values[i] = v.Clone()
		}
		n, known := m.byID[values[0].Text()]
		if known != row.Supersedes && !strings.HasPrefix(m.schema.Key, "_") {
			return fmt.Errorf("table %s, row %s: supersedes %v, and was there %v", m.schema.Table, values[0].Text(), row.Supersedes, known)
		}
		if row.Supersedes {
			m.rows[n] = values
			continue
		}
		m.byID[values[0].Text()] = len(m.rows)
		m.rows = append(m.rows, values)
	}
	return nil
}

// finish does what takes all rows.
func (l *memoryLake) finish(m *memoryTable, t lake.Table) error {
	if t.Omitted != nil {
		m.omitted = t.Omitted()
	}
	if t.Gone != nil {
		m.gone = t.Gone()
	}
	if t.Lost != nil {
		var err error
		if m.lost, err = t.Lost(context.Background()); err != nil {
			return err
		}
	}
	if err := m.decide(); err != nil {
		return err
	}
	l.evolve(m)
	return nil
}

// decide gives the late columns their types and checks all cells.
func (m *memoryTable) decide() error {
	m.schema.Columns = append([]lake.Column(nil), m.schema.Columns...)
	for i := range m.schema.Columns {
		c := &m.schema.Columns[i]
		if c.Late != nil {
			for _, row := range m.rows {
				c.Late.Add(row[i])
			}
			c.Type, c.State = c.Late.Type(), c.Late.State()
		}
		for _, row := range m.rows {
			if c.Late != nil {
				v, err := c.Late.Value(row[i], c.Type)
				if err != nil {
					return fmt.Errorf("table %s, column %s: %w", m.schema.Table, c.Name, err)
				}
				row[i] = v.Clone()
			}
			if why, ok := c.Type.Fits(row[i]); !ok {
				return fmt.Errorf("table %s, column %s: %s", m.schema.Table, c.Name, why)
			}
		}
		c.Late = nil
	}
	return nil
}

// evolve keeps the columns that left, unless a live one needs the name.
func (l *memoryLake) evolve(m *memoryTable) {
	keys, names := map[string]bool{}, map[string]bool{}
	for _, c := range m.schema.Columns {
		keys[c.Key], names[c.Name] = true, true
	}
	old := l.before[m.schema.Key]
	if old != nil {
		for _, c := range old.schema.Columns {
			if c.Property && !keys[c.Key] && !names[c.Name] {
				m.schema.Columns = append(m.schema.Columns, c)
				for i := range m.rows {
					m.rows[i] = append(m.rows[i], lake.Value{})
				}
			}
		}
	}
	for _, c := range m.schema.Columns {
		if old != nil && old.ids[c.Key] != 0 && old.has(c) {
			m.ids[c.Key] = old.ids[c.Key]
			continue
		}
		l.fields++
		m.ids[c.Key] = l.fields
	}
}

func (m *memoryTable) has(c lake.Column) bool {
	for _, o := range m.schema.Columns {
		if o.Key == c.Key {
			return o.Type.String() == c.Type.String()
		}
	}
	return false
}

// column returns the index of a column, -1 if there is none.
func (m *memoryTable) column(name string) int {
	for i, c := range m.schema.Columns {
		if c.Name == name {
			return i
		}
	}
	return -1
}

// cell is the cell of a column in the row whose first column is id.
func (m *memoryTable) cell(id, name string) lake.Value {
	for _, row := range m.rows {
		if row[0].Text() == id {
			return row[m.column(name)]
		}
	}
	return lake.TextValue("no such row")
}

// newClient is a client of the server over no socket.
func newClient(t testing.TB, server *notiontest.Server) *notion.Client {
	t.Helper()
	transport := server.Transport()
	if raced {
		transport = uncompressed{transport}
	}
	c, err := notion.NewClient(notion.Options{
		Token: notiontest.DefaultToken, Transport: transport, Rate: notion.Rate{Off: true}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// uncompressed asks for answers as they are: with the race detector, compressing them
// takes as long as what is tested.
type uncompressed struct{ http.RoundTripper }

func (u uncompressed) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Del("Accept-Encoding")
	return u.RoundTripper.RoundTrip(r)
}

// allOptions reads everything there is.
func allOptions(c Client) Options {
	return Options{Client: c, Archived: true, Users: true, Raw: true}
}

// contentOptions reads what is in and on pages too.
func contentOptions(c Client) Options {
	o := allOptions(c)
	o.Content = Content{Pages: true, Blocks: true, Markdown: true, Views: true, Comments: true, BlockComments: true}
	return o
}
