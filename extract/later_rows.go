package extract

import (
	"context"
	"fmt"
	"iter"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/lake"
)

// laterRows are the rows of a table with rollups that are computed when all tables
// have been read. They wait on disk.
type laterRows struct {
	list []laterRow
	of   map[notion.UUID]int // those that have not been superseded
}

type laterRow struct {
	at         place
	supersedes bool // a row that has been yielded
	gone       bool // a newer one came
}

// come takes in that a row came, and returns whether it supersedes one that has
// been yielded: one that waits is forgotten.
func (l *laterRows) come(id notion.UUID, supersedes bool) bool {
	n, ok := l.of[id]
	if !ok {
		return supersedes
	}
	delete(l.of, id)
	l.list[n].gone = true
	return l.list[n].supersedes
}

func (l *laterRows) add(id notion.UUID, at place, supersedes bool) {
	if l.of == nil {
		l.of = map[notion.UUID]int{}
	}
	l.of[id] = len(l.list)
	l.list = append(l.list, laterRow{at: at, supersedes: supersedes})
}

// keep keeps the row that was just read, where a rollup needs it. later: it is
// yielded when all tables have been read.
func (t *sourceTable) keep(page notion.JSON, parts map[*column]notion.JSON, supersedes bool) (later, newSupersedes bool, err error) {
	m := t.mapper
	kept := t.joins.keeps(t.source.id, supersedes)
	later = len(m.joined) > 0
	if !kept && !later && !supersedes {
		return false, false, nil
	}
	id, ok := notion.ParseUUID([]byte(m.id))
	if !ok {
		return false, supersedes, fmt.Errorf("page %s: not an id", m.id)
	}
	supersedes = t.later.come(id, supersedes)
	if !kept && !later {
		return false, supersedes, nil
	}
	if later {
		at, err := t.joins.add(pageRecord(page, parts))
		if err != nil {
			return false, supersedes, err
		}
		t.later.add(id, at, supersedes)
	}
	if kept {
		return later, supersedes, t.joins.keep(id, t.mapper, page, parts)
	}
	return later, supersedes, nil
}

// rest yields the rows that waited, nil if there are none.
func (t *sourceTable) rest() func(context.Context) iter.Seq2[lake.Row, error] {
	if len(t.later.of) == 0 {
		return nil
	}
	return func(ctx context.Context) iter.Seq2[lake.Row, error] {
		return func(yield func(lake.Row, error) bool) {
			for _, l := range t.later.list {
				if l.gone {
					continue
				}
				if err := t.readLater(ctx, l); err != nil {
					yield(lake.Row{}, t.partial(ctx, err))
					return
				}
				t.mapper.count()
				if !yield(lake.Row{Values: t.mapper.row, Supersedes: l.supersedes}, nil) {
					return
				}
			}
		}
	}
}

// readLater makes a row that waited, with its rollups.
func (t *sourceTable) readLater(ctx context.Context, l laterRow) error {
	row, err := t.joins.get(l.at)
	if err != nil {
		return err
	}
	m := t.mapper
	if m.d.copies, err = t.files.copied(ctx, row.page); err != nil {
		return err
	}
	defer func() { m.d.copies = nil }()
	parts := map[*column]notion.JSON{}
	for id, part := range row.parts.Fields() {
		parts[m.byID[string(id)]] = part
	}
	if _, err := m.read(row.page, parts); err != nil {
		return err
	}
	var wanted []*property
	for _, c := range m.joined {
		wanted = append(wanted, c.property)
	}
	results, err := t.joins.rollups(ctx, t.source, row, wanted, rollupReading{reads: new(int)})
	if err != nil {
		return fmt.Errorf("page %s: rollups: %w", m.id, err)
	}
	for id, result := range results {
		parts[m.byID[id]] = result
	}
	_, err = m.read(row.page, parts)
	return err
}
