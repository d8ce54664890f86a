package truth

import (
	"fmt"
	"net/url"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// parsed is the row of a page that the model has as JSON only.
func (l *load) parsed(s *notiontest.DataSource, text []byte) (row, error) {
	tree, err := decode(text)
	if err != nil {
		return row{}, err
	}
	id := func(v any) any {
		id, _ := member(v, "id").(string)
		l.meet(id, nil)
		return id
	}
	at := func(v any) any {
		cell, _ := instant(v, nil)
		return cell
	}
	r := row{trees: map[string]any{}, own: map[string]any{
		"_id": member(tree, "id"), "_url": member(tree, "url"), "_public_url": member(tree, "public_url"),
		"_created_time": at(member(tree, "created_time")), "_last_edited_time": at(member(tree, "last_edited_time")),
		"_created_by": id(member(tree, "created_by")), "_last_edited_by": id(member(tree, "last_edited_by")),
		"_parent_type": "data_source_id", "_parent_id": s.ID,
		"_icon": iconTree(member(tree, "icon")), "_cover": iconTree(member(tree, "cover")),
		"_archived": member(tree, "is_archived"), "_locked": member(tree, "is_locked"),
	}}
	properties, ok := member(tree, "properties").(object)
	if !ok {
		return row{}, fmt.Errorf("no properties")
	}
	for name, p := range properties {
		encoded, _ := member(p, "id").(string)
		decoded, err := url.PathUnescape(encoded)
		if err != nil {
			return row{}, fmt.Errorf("property %q: %w", name, err)
		}
		_, r.trees[decoded] = result(p)
	}
	return r, nil
}

func iconTree(tree any) any {
	kind, value := result(tree)
	switch kind {
	case "emoji":
		return value
	case "icon":
		return member(value, "name")
	case "file":
		address, _ := member(value, "url").(string)
		return bare(address)
	case "":
		return nil
	}
	return member(value, "url")
}
