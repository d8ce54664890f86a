package notiontest

import (
	"cmp"
	"encoding/json"
	"slices"
	"sort"
	"strconv"
)

const queryPath = "/v1/data_sources/{data_source_id}/query"

// query lists the rows of a data source.
func (x *exchange) query() error {
	a, err := x.pageArgs()
	if err != nil {
		return err
	}
	archived, err := x.bodyBool("is_archived")
	if err != nil {
		return err
	}
	kind, err := x.bodyWord("result_type", "page", "data_source")
	if err != nil {
		return err
	}
	s, err := x.visibleSource()
	if err != nil {
		return err
	}
	if x.r.want, err = x.wanted(s); err != nil {
		return err
	}
	f := everything
	if raw, ok := x.body["filter"]; ok {
		if f, err = (compiler{x, s}).filter(raw, "filter", 0); err != nil {
			return err
		}
	}
	sorts, err := x.sorts(s)
	if err != nil {
		return err
	}
	key := s.ID + " " + compact(x.body["filter"]) + compact(x.body["sorts"]) + kind + strconv.FormatBool(archived)
	q := queried{x, s, f, sorts, kind, archived, key}
	if x.timely {
		q.key += x.now.String()
	}
	found := q.rows()
	if s.Gen != nil {
		if found, err = q.generated(); err != nil {
			return err
		}
	}
	return x.list(a, list{
		kind: "page_or_data_source", binding: queryPath + " " + key, n: found.n, capped: true,
		each: func(dst []byte, i int) []byte { return x.row(dst, found.at(i)) },
	})
}

// queried is a query that was understood.
type queried struct {
	x        *exchange
	s        *DataSource
	f        filter
	sorts    []sortKey
	kind     string
	archived bool
	key      string
}

func (q queried) rows() rows {
	return rowsOf(q.x.s.listings.get(q.x.m, "query "+q.key, func() []row {
		var all []row
		add := func(r row) {
			if q.f.match(r) {
				all = append(all, r)
			}
		}
		if q.kind != "data_source" {
			for _, id := range q.s.Rows {
				if p := q.x.m.Pages[id]; p.Archived == q.archived && !p.Unshared && !p.Unlisted && !q.x.m.inTrash(p) {
					add(row{page: p})
				}
			}
		}
		if q.kind != "page" && !q.archived {
			for _, id := range q.s.Children {
				if c := q.x.m.sources[id]; q.x.m.Visible(c) && !q.x.m.sourceInTrash(c) {
					add(row{source: c})
				}
			}
		}
		q.x.order(all, q.sorts)
		return all
	}))
}

// order sorts rows. Without sort keys it is an order of Notion's own, which
// follows from the seed.
func (x *exchange) order(all []row, sorts []sortKey) {
	byHash := func(a, b row) int {
		return cmp.Compare(hash(x.s.o.Seed, "order", a.id()), hash(x.s.o.Seed, "order", b.id()))
	}
	if len(sorts) == 0 {
		slices.SortFunc(all, byHash)
		return
	}
	if x.s.o.Shuffle {
		slices.SortFunc(all, byHash)
	}
	sortRows(all, sorts)
}

// generated are the rows of a Generator: what filters and sorts by the time of
// creation alone is found without making rows.
func (q queried) generated() (rows, error) {
	g := q.s.Gen
	if q.kind == "data_source" || q.archived || q.x.m.sourceInTrash(q.s) {
		return rows{}, nil
	}
	byCreation := len(q.sorts) == 1 && q.sorts[0].property == nil && q.sorts[0].created
	if q.f.exact && (byCreation || len(q.sorts) == 0) {
		from, to := q.f.window.within(g)
		n := to - from
		switch {
		case !byCreation:
			return rows{n, func(i int) row { return row{gen: q.s, index: from + scatter(i, n)} }}, nil
		case q.sorts[0].descending:
			return rows{n, func(i int) row { return row{gen: q.s, index: to - 1 - i} }}, nil
		}
		return rows{n, func(i int) row { return row{gen: q.s, index: from + i} }}, nil
	}
	if _, ok := g.(PageGenerator); !ok {
		return rows{}, invalid("The simulator filters and sorts generated rows by created_time only.")
	}
	return rowsOf(q.x.s.listings.get(q.x.m, "query "+q.key, func() []row {
		var all []row
		for i := range g.Len() {
			if r := (row{gen: q.s, index: i}); q.f.match(r) {
				all = append(all, r)
			}
		}
		q.x.order(all, q.sorts)
		return all
	})), nil
}

// A PageGenerator is a Generator that also knows its rows as pages of the
// model, for what needs more than their JSON: filters and sorts by properties,
// and values beyond the 25 limit.
type PageGenerator interface {
	Generator
	Page(i int) *Page
}

// within finds the indexes of a generator's rows in the span.
func (w span) within(g Generator) (from, to int) {
	to = g.Len()
	if !w.from.IsZero() {
		from = sort.Search(to, func(i int) bool { return !g.Minute(i).Before(w.from) })
	}
	if !w.to.IsZero() {
		to = sort.Search(to, func(i int) bool { return !g.Minute(i).Before(w.to) })
	}
	return from, max(from, to)
}

// scatter is a permutation of 0 to n-1 that keeps no neighbours together.
func scatter(i, n int) int {
	step := n*5/8 | 1
	for gcd(step, n) != 1 {
		step += 2
	}
	return int((uint64(i)*uint64(step) + uint64(n/3)) % uint64(n))
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// visibleSource is the data source that the path names.
func (x *exchange) visibleSource() (*DataSource, error) {
	if x.s.o.NoContent {
		return nil, errRestricted
	}
	s := x.m.sources[x.path["data_source_id"]]
	if !x.m.Visible(s) {
		return nil, x.notFound("data_source", x.path["data_source_id"])
	}
	return s, nil
}

func (x *exchange) bodyBool(name string) (bool, error) {
	raw, ok := x.body[name]
	if !ok {
		return false, nil
	}
	switch string(raw) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, should("body", name, "a boolean or `undefined`", compact(raw))
}

// bodyWord reads a member that holds one of two words.
func (x *exchange) bodyWord(name, one, other string) (string, error) {
	raw, ok := x.body[name]
	if !ok {
		return "", nil
	}
	var word string
	if json.Unmarshal(raw, &word) != nil || word != one && word != other {
		return "", should("body", name, "`"+jsonString(one)+"`, `"+jsonString(other)+"`, or `undefined`", compact(raw))
	}
	return word, nil
}

func (m *Model) sourceInTrash(s *DataSource) bool {
	d := m.databases[s.Database]
	return s.Trashed || d != nil && d.Trashed
}

// inTrash: what stands in something trashed is trashed too.
func (m *Model) inTrash(p *Page) bool {
	for range 100 {
		if p.Trashed {
			return true
		}
		if s := m.sources[p.Source]; s != nil {
			return m.sourceInTrash(s)
		}
		parent := m.Pages[p.Parent.ID]
		if b := m.Blocks[p.Parent.ID]; parent == nil && b != nil {
			parent = m.Pages[b.page]
		}
		if parent == nil {
			return false
		}
		p = parent
	}
	return false
}
