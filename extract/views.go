package extract

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/lake"
)

// viewsTable is _views: the views of the data sources that are read.
func (d *discovery) viewsTable() lake.Table {
	schema := d.fixedSchema(keyViews, true,
		required(fixedColumn("id", stringType, "ID of the view")),
		fixedColumn("data_source_id", stringType, ""),
		fixedColumn("database_id", stringType, ""),
		fixedColumn("name", stringType, ""),
		fixedColumn("type", stringType, "table, board, list, calendar, timeline, gallery, form, chart, map, dashboard"),
		fixedColumn("url", stringType, ""),
		fixedColumn("created_time", timeType, ""),
		fixedColumn("last_edited_time", timeType, ""),
		fixedColumn("created_by", stringType, "user ID"),
		fixedColumn("last_edited_by", stringType, "user ID"),
		fixedColumn("filter", jsonType, "as JSON"),
		fixedColumn("sorts", jsonType, "as JSON"),
		fixedColumn("quick_filters", jsonType, "as JSON"),
		fixedColumn("configuration", jsonType, "as JSON"),
		fixedColumn("dashboard_view_id", stringType, ""),
	)
	var read map[string]bool // views
	carry := func(row lake.Row, old cells) bool {
		if read == nil {
			read = map[string]bool{}
			for _, r := range d.viewed {
				for _, v := range r.views {
					read[v.Get("id").Text()] = true
				}
			}
		}
		return d.carries(old.text(row, "data_source_id")) && !read[old.text(row, "id")]
	}
	return d.fixed(schema, false, carry, func(_ context.Context, push func(...lake.Value) bool) error {
		seen := map[string]bool{}
		for _, f := range d.found {
			r := d.viewed[f.id]
			if r == nil {
				continue
			}
			if r.err != nil {
				return r.err // it names the data source
			}
			for _, v := range r.views {
				id := v.Get("id").Text()
				if seen[id] {
					continue // Notion lists it under two data sources
				}
				seen[id] = true
				if !push(viewRow(f, v)...) {
					return nil
				}
			}
		}
		return nil
	})
}

// A viewsRead are the views of a data source, or why they could not be read.
type viewsRead struct {
	views []notion.JSON
	err   error
}

// readViews begins to read the views of data sources, while their rows are read.
func (d *discovery) readViews(ctx context.Context, list []*found) {
	if !d.source.options.Content.Views {
		return
	}
	for _, f := range list {
		if f.ds == nil {
			continue
		}
		r := &viewsRead{}
		d.viewed[f.id] = r
		d.viewing.Go(func() {
			r.err = safely(keyViews, func() (err error) {
				r.views, err = d.views(ctx, f)
				return err
			})
		})
	}
}

// views reads the views of a data source. What Notion lists and does not show is
// a problem, and its ID is all that is known of it.
func (d *discovery) views(ctx context.Context, f *found) ([]notion.JSON, error) {
	source := f.id
	var views []notion.JSON
	for ref, err := range d.source.client.Views(ctx, source) {
		if err != nil {
			if !fatal(err) && (errors.Is(err, notion.ErrNotFound) || errors.Is(err, notion.ErrRestricted) || refusedAs(err, refusedID)) {
				d.problem(problem{kind: KindView, objectType: "data_source", objectID: source, table: f.name, message: notion.Steady(err)})
				return views, nil
			}
			return nil, err
		}
		views = append(views, bytes.Clone(ref))
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(inFlight)
	for i, ref := range views {
		g.Go(safe(keyViews, func() error {
			id := ref.Get("id").Text()
			view, err := d.source.client.View(gctx, id)
			switch {
			case err == nil:
				views[i] = view
			case !fatal(err) && (errors.Is(err, notion.ErrNotFound) || refusedAs(err, refusedID)):
				d.problem(problem{kind: KindView, objectType: "view", objectID: id, table: f.name, message: notion.Steady(err)})
			default:
				return fmt.Errorf("view of data source %s: %w", source, err)
			}
			return nil
		}))
	}
	return views, g.Wait()
}

func viewRow(f *found, v notion.JSON) []lake.Value {
	return []lake.Value{
		textOf(v.Get("id")), text(f.id), someText(f.ds.database), textOf(v.Get("name")), textOf(v.Get("type")), textOf(v.Get("url")),
		valueOf(v.Get("created_time"), timeValue), valueOf(v.Get("last_edited_time"), timeValue),
		textOf(v.Get("created_by").Get("id")), textOf(v.Get("last_edited_by").Get("id")),
		someJSON(v.Get("filter")), someJSON(v.Get("sorts")), someJSON(v.Get("quick_filters")), someJSON(v.Get("configuration")),
		textOf(v.Get("dashboard_view_id")), rawOf(v),
	}
}

// someJSON is a member as JSON, null where there is none.
func someJSON(j notion.JSON) lake.Value {
	if j.IsNull() {
		return lake.Value{}
	}
	clean, _ := appendClean(nil, j, 0, false)
	return lake.JSONBytes(clean)
}
