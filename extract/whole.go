package extract

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/notionlake/notionlake/extract/notion"
)

// wholeValue fetches a property's value in the form that pages have it in.
func wholeValue(ctx context.Context, client Client, page, wire, typ string) (notion.JSON, error) {
	list := []byte{'['}
	last, err := client.Property(ctx, page, wire, func(item notion.JSON) error {
		if typ == "rollup" {
			return nil // the references that it runs over
		}
		value := item.Get(typ)
		if value == nil {
			return fmt.Errorf("an item holds no %s", typ)
		}
		if len(list) > 1 {
			list = append(list, ',')
		}
		list = append(list, value...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if typ != "rollup" {
		return append(list, ']'), nil
	}
	result := last.Get("rollup")
	if result.Kind() != '{' {
		return nil, errors.New("the answer holds no rollup")
	}
	return bytes.Clone(result), nil
}

// longProperties fetches the relations and texts of which a page shows a part only.
func (c *content) longProperties(ctx context.Context, id string, page notion.JSON) (map[*column]notion.JSON, error) {
	parts := map[*column]notion.JSON{}
	for _, value := range page.Get("properties").Fields() {
		typ, long := value.Get("type").Text(), false
		switch typ {
		case "relation":
			long = value.Get("has_more").Bool()
		case "title", "rich_text":
			mentions := 0
			for run := range value.Get(typ).Elems() {
				if run.Get("type").Text() != "text" {
					mentions++
				}
			}
			long = mentions >= pageLimit
		}
		if !long {
			continue
		}
		wire := value.Get("id").Text()
		whole, err := wholeValue(ctx, c.client, id, wire, typ)
		if err != nil {
			return nil, fmt.Errorf("page %s: property %s: %w", id, wire, err)
		}
		parts[&column{property: &property{id: decodeID(wire), wire: wire, typ: typ}, number: len(parts)}] = whole
	}
	return parts, nil
}
