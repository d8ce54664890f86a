package extract

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/lake"
)

// earlierPages are the pages of the last load.
type earlierPages struct {
	list      []earlierPage // by ID: a map of them would take twice the memory
	standings []lastStanding
}

// page is a page, nil where there was none.
func (l *earlierPages) page(id notion.UUID) *earlierPage {
	n, ok := slices.BinarySearchFunc(l.list, id, func(p earlierPage, id notion.UUID) int { return bytes.Compare(p.id[:], id[:]) })
	if !ok {
		return nil
	}
	return &l.list[n]
}

// A lastStanding is where pages stood at the last load. Many stand in the same.
type lastStanding struct {
	source  notion.UUID // of rows: their data source
	sources []string    // data sources with tables in the path, from the top down
	alone   bool        // rows that their data source did not bring
}

// readLastPages reads the pages of the last load.
func (c *content) readLastPages(ctx context.Context) (last earlierPages, err error) {
	before, ok := c.d.before[keyPages]
	if !ok {
		return last, nil
	}
	cells, known := newCells(before), map[string]int32{}
	for row, err := range c.d.view.Rows(ctx, keyPages) {
		if err != nil {
			return last, fmt.Errorf("pages of the last load: %w", err)
		}
		id, ok := notion.ParseUUID([]byte(cells.value(row, "id").Text()))
		if !ok {
			continue
		}
		last.list = append(last.list, earlierPage{
			id:       id,
			mark:     mark{cells.value(row, "last_edited_time").Micros(), titleHash(cells.value(row, "title").Text())},
			standing: last.standing(known, c.d.standing(cells, row)),
		})
	}
	last.list = slices.Clone(last.list) // without what it could grow by
	slices.SortFunc(last.list, func(a, b earlierPage) int { return bytes.Compare(a.id[:], b.id[:]) })
	return last, nil
}

// standing is the index of a standing; known has those that were met.
func (l *earlierPages) standing(known map[string]int32, s lastStanding) int32 {
	key := string(s.source[:]) + strings.Join(s.sources, " ")
	if s.alone {
		key += "+"
	}
	n, ok := known[key]
	if !ok {
		n = int32(len(l.standings))
		l.standings = append(l.standings, s)
		known[key] = n
	}
	return n
}

func (d *discovery) standing(cells cells, row lake.Row) (s lastStanding) {
	s.source, _ = notion.ParseUUID([]byte(cells.value(row, "data_source_id").Text()))
	s.alone = cells.value(row, "discovered_by").Text() == byOnlyRow
	for _, v := range cells.value(row, "path").Items() {
		if _, known := d.before[v.Text()]; known {
			s.sources = append(s.sources, string([]byte(v.Text())))
		}
	}
	return s
}

// of is where a page stood.
func (l *earlierPages) of(id notion.UUID) lastStanding {
	if p := l.page(id); p != nil {
		return l.standings[p.standing]
	}
	return lastStanding{}
}

// findEarlier takes in the pages of the last load, and those that were away.
func (c *content) findEarlier() {
	for _, id := range c.awayIDs() {
		c.add(id.String(), byLastLoad, notion.UUID{})
	}
	for i := range c.last.list {
		c.takeAgain(&c.last.list[i])
	}
}

// takeAgain takes in a page of the last load, unless it is a row that its data source
// brought: that one brings it again, or tells what became of it.
func (c *content) takeAgain(p *earlierPage) {
	in := &c.last.standings[p.standing]
	if in.source == (notion.UUID{}) {
		c.add(p.id.String(), byLastLoad, notion.UUID{})
	} else if !c.hadTable(in) {
		c.strayID(p.id, in.source)
	}
}

// hadTable reports whether pages that stood somewhere were rows in a table, which tells
// what became of them.
func (c *content) hadTable(in *lastStanding) bool {
	_, ok := c.d.before[in.source.String()]
	return ok && !in.alone
}

// findLost finds the pages of the last load that are gone with their data source, or that
// exclude leaves out with it.
func (c *content) findLost() {
	if c.options.isPart() {
		return
	}
	out := func(source string) bool {
		return c.d.gone[source] != "" || c.d.leftOut[source] || c.d.pick.excludes(source)
	}
	c.lostPages = map[notion.UUID]bool{}
	for i := range c.last.list {
		id := c.last.list[i].id
		if n, ok := c.number(id); ok && !c.all[n].gone {
			continue
		}
		if slices.ContainsFunc(c.last.of(id).sources, out) {
			c.lostPages[id] = true
		}
	}
}
