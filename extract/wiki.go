package extract

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/notionlake/notionlake/extract/notion"
)

// isWiki reports whether data sources may stand among the rows. Notion need not say
// that it is a wiki, which have pages that somebody verifies.
func (ds *dataSource) isWiki() bool {
	return ds.object.Get("database_type").Text() == "wiki" ||
		slices.ContainsFunc(ds.properties, func(p *property) bool { return p.typ == "verification" })
}

// visitWiki takes in the data sources that stand among the rows of a wiki: they are
// tables of their own.
func (d *discovery) visitWiki(ctx context.Context, ds *dataSource) error {
	for object, err := range d.source.client.ChildSources(ctx, ds.id) {
		switch {
		case err != nil && fatal(err):
			return fmt.Errorf("wiki %s: %w", ds.id, err)
		case errors.Is(err, notion.ErrNotFound), refusedAs(err, refusedID): // gone, or not one that can be asked so
			return nil
		case err != nil:
			d.problem(problem{kind: KindSearch, objectType: "data_source", objectID: ds.id, message: "the data sources in the wiki: " + notion.Steady(err)})
			return nil
		}
		if object.Get("object").Text() == "data_source" && !inTrash(object) {
			d.add(candidate{id: object.Get("id").Text(), by: byDatabase})
		}
	}
	return nil
}
