package extract

import (
	"context"
	"errors"
	"fmt"

	"github.com/notionlake/notionlake/extract/notion"
)

// joins computes the rollups that Notion does not give whole, from the rows that
// the load has read: once all tables have been.
type joins struct {
	*rowStore
	tables map[string]*sourceTable // of the load, by data source ID
}

func newJoins(s *Source) *joins { return &joins{newRowStore(s), map[string]*sourceTable{}} }

// expect takes in the data sources of the load before their rows are read.
func (j *joins) expect(sources map[string]*dataSource) {
	for _, ds := range sources {
		for _, p := range ds.properties {
			if p.typ != "rollup" || !rollupWays[p.function].joined {
				continue
			}
			relation := find(ds.properties, p.relation)
			if relation == nil || sources[relation.relatedSource] == nil {
				continue
			}
			related := sources[relation.relatedSource]
			target := find(related.properties, p.target)
			if target == nil {
				continue
			}
			j.need(related, target)
			if over := find(related.properties, target.relation); over != nil && target.typ == "rollup" {
				j.need(related, over)
			}
		}
	}
}

func (j *joins) need(ds *dataSource, p *property) {
	if j.needs[ds.id] == nil {
		j.needs[ds.id] = map[string]bool{}
	}
	j.needs[ds.id][p.id] = true
}

// A rollupReading is the computation of one row's rollups.
type rollupReading struct {
	depth int
	reads *int // pages read for rollups over rollups
}

// rollups computes rollups of a row of t. Those that cannot be computed are not
// among them: where the related data source is not in the load, or is not whole;
// where a value is not known.
func (j *joins) rollups(ctx context.Context, t *dataSource, row rowRecord, wanted []*property, r rollupReading) (map[string]notion.JSON, error) {
	results := map[string]notion.JSON{}
	tallies := map[*property][]*rollupTally{} // by relation
	for _, p := range wanted {
		relation := find(t.properties, p.relation)
		if relation == nil || relation.typ != "relation" || !rollupWays[p.function].joined {
			continue
		}
		related := j.tables[relation.relatedSource]
		if related == nil || !related.complete {
			continue
		}
		if target := find(related.source.properties, p.target); target != nil {
			tallies[relation] = append(tallies[relation], newRollupTally(p, target))
		}
	}
	for relation, list := range tallies {
		refs, ok := row.references(relation)
		if !ok {
			continue
		}
		if err := j.run(ctx, j.tables[relation.relatedSource], refs, list, r); err != nil {
			return nil, err
		}
		for _, tally := range list {
			if !tally.failed {
				results[tally.rollup.id] = tally.result()
			}
		}
	}
	return results, nil
}

// run gives the values of the pages that refs name to tallies.
func (j *joins) run(ctx context.Context, related *sourceTable, refs notion.JSON, tallies []*rollupTally, r rollupReading) error {
	fail := func() {
		for _, t := range tallies {
			t.failed = true
		}
	}
	values := map[*property]notion.JSON{} // of one page
	for ref := range refs.Elems() {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if *r.reads++; r.depth > 0 && *r.reads > maxNestedReads {
			fail()
			return nil
		}
		id, ok := notion.ParseUUID([]byte(ref.Get("id").Text()))
		if !ok {
			fail()
			return nil
		}
		row, ok, err := j.row(id, related.source.id)
		if err == nil && !ok {
			row, ok, err = j.ask(ctx, related, id)
		}
		switch {
		case errors.Is(err, errManyAsked):
			fail()
			return nil
		case err != nil:
			return fmt.Errorf("related page %s: %w", id, err)
		case !ok:
			continue // it is not there any more
		}
		clear(values)
		for _, t := range tallies {
			value, known := values[t.target]
			if !known {
				if value, err = j.value(ctx, related.source, row, t.target, r); err != nil {
					return err
				}
				values[t.target] = value
			}
			if value == nil {
				t.failed = true
			}
			if !t.failed {
				t.add(value)
			}
		}
	}
	return nil
}

// value is the whole value of a property of a row of ds; nil where it is not known.
func (j *joins) value(ctx context.Context, ds *dataSource, row rowRecord, p *property, r rollupReading) (notion.JSON, error) {
	shown := row.property(p.id)
	value := shown.Get(p.typ)
	if shown.Get("type").Text() != p.typ || value == nil {
		return nil, nil
	}
	part := row.parts.Get(p.id)
	if p.typ != "rollup" {
		if part != nil {
			return part, nil
		}
		return value, nil
	}
	relation := find(ds.properties, p.relation)
	if relation == nil || relation.typ != "relation" {
		return value, nil
	}
	if row.parts.Get(relation.id) == nil && !row.property(relation.id).Get("has_more").Bool() {
		return value, nil
	}
	if part != nil && part.Get("type").Text() != "unsupported" && part.Get("type").Text() != "incomplete" {
		return part, nil
	}
	if r.depth+1 >= maxNested {
		return nil, nil
	}
	results, err := j.rollups(ctx, ds, row, []*property{p}, rollupReading{r.depth + 1, r.reads})
	return results[p.id], err
}
