package extract

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/lake"
)

// earlierPages are the pages of the last load.
type earlierPages struct {
	pages     map[notion.UUID]earlierPage
	order     []notion.UUID // as the table has them
	standings []lastStanding
}

// A lastStanding is where pages stood at the last load. Many stand in the same.
type lastStanding struct {
	source  notion.UUID // of rows: their data source
	sources []string    // data sources with tables in the path, from the top down
}

// readLastPages reads the pages of the last load.
func (c *content) readLastPages(ctx context.Context) (last earlierPages, err error) {
	last.pages = map[notion.UUID]earlierPage{}
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
		last.order = append(last.order, id)
		last.pages[id] = earlierPage{
			mark:     mark{cells.value(row, "last_edited_time").Micros(), titleHash(cells.value(row, "title").Text())},
			standing: last.standing(known, c.d.standing(cells, row)),
		}
	}
	return last, nil
}

// standing is the index of a standing; known has those that were met.
func (l *earlierPages) standing(known map[string]int32, s lastStanding) int32 {
	key := string(s.source[:]) + strings.Join(s.sources, " ")
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
	for _, v := range cells.value(row, "path").Items() {
		if _, known := d.before[v.Text()]; known {
			s.sources = append(s.sources, string([]byte(v.Text())))
		}
	}
	return s
}

// of is where a page stood.
func (l *earlierPages) of(id notion.UUID) lastStanding {
	if p, ok := l.pages[id]; ok {
		return l.standings[p.standing]
	}
	return lastStanding{}
}

// findEarlier takes in the pages of the last load that are no rows.
func (c *content) findEarlier() {
	for _, id := range c.last.order {
		source := c.last.of(id).source
		if source == (notion.UUID{}) {
			c.add(id.String(), byLastLoad, notion.UUID{})
		} else if _, ok := c.d.before[source.String()]; !ok { // it was shared alone
			c.stray(id.String(), source)
		}
	}
}

// findLost finds the pages of the last load that are gone with their data source.
func (c *content) findLost() {
	if len(c.d.gone) == 0 || c.options.isPart() {
		return
	}
	c.lostPages = map[notion.UUID]bool{}
	for _, id := range c.last.order {
		if slices.ContainsFunc(c.last.of(id).sources, func(source string) bool { return c.d.gone[source] != "" }) {
			c.lostPages[id] = true
		}
	}
}
