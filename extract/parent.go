package extract

import "github.com/notionlake/notionlake/extract/notion"

// A parentKind is the type of a parent, as Notion names it, in one byte: a load
// keeps a parent for every page.
type parentKind uint8

const (
	parentNone  parentKind = iota // of an object that was not read, or not shown
	parentOther                   // the workspace, and types that are not known
	parentPage
	parentDataSource
	parentDatabase
	parentBlock
)

func parentKindOf(typ string) parentKind {
	switch typ {
	case "":
		return parentNone
	case "page_id":
		return parentPage
	case "data_source_id":
		return parentDataSource
	case "database_id":
		return parentDatabase
	case "block_id":
		return parentBlock
	}
	return parentOther
}

// A parentRef is what an object stands in.
type parentRef struct {
	typ parentKind
	id  notion.UUID
}

func parentRefOf(object notion.JSON) parentRef {
	parent := object.Get("parent")
	typ := parent.Get("type").Text()
	ref := parentRef{typ: parentKindOf(typ)}
	if id := parent.Get(typ); id.Kind() == '"' {
		ref.id, _ = notion.ParseUUID([]byte(id.Text()))
	}
	return ref
}
