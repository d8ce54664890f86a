package extract

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"strings"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/lake"
)

// filesTable is _files: every place where a file is referred to, and its copy. What
// is wrong with files is noted on the way, for _problems, which comes after it. It
// names every copy that a table of the load names, those of tables that stay at
// their last load included: what it does not name may be deleted.
func (d *discovery) filesTable() lake.Table {
	schema := d.filesSchema()
	return lake.Table{Schema: schema, Last: true, Rows: func(ctx context.Context) iter.Seq2[lake.Row, error] {
		return func(yield func(lake.Row, error) bool) {
			err := d.fileRows(ctx, schema, func(values []lake.Value) bool { return yield(lake.Row{Values: values}, nil) })
			if err != nil && !errors.Is(err, errStopped) {
				yield(lake.Row{}, err)
			}
		}
	}}
}

func (d *discovery) filesSchema() lake.Schema {
	return d.fixedSchema(lake.CopiesTable, false,
		fixedColumn("page_id", stringType, "the page that the file is on"),
		fixedColumn("data_source_id", stringType, "of a row: its data source"),
		fixedColumn("block_id", stringType, "the block that it is in, or that the comment is on"),
		fixedColumn("property_id", stringType, "the property that it is in, percent-decoded"),
		fixedColumn("comment_id", stringType, "the comment that it is attached to"),
		fixedColumn("source", stringType, "property, block, icon, cover, comment"),
		fixedColumn("position", lake.Type{Kind: lake.Int64}, "from 0, in its property or comment"),
		fixedColumn("name", stringType, "as Notion gives it"),
		fixedColumn("kind", stringType, "file (Notion hosts it) or external"),
		fixedColumn("url", stringType, "of a file that Notion hosts without its signature"),
		fixedColumn("content_type", stringType, "of the copy"),
		fixedColumn("size", lake.Type{Kind: lake.Int64}, "of the copy, in bytes"),
		fixedColumn("sha256", stringType, "of the copy"),
		fixedColumn("path", stringType, "URI of the copy; null where there is none"),
		fixedColumn("etag", stringType, "with which the copy came"),
		fixedColumn("last_modified", stringType, "with which the copy came"),
		fixedColumn("reason", stringType, "why there is no copy, or that of an earlier load: blocked, too_large, type, not_found, refused, unreachable, invalid_url"),
	)
}

func (d *discovery) fileRows(ctx context.Context, schema lake.Schema, push func([]lake.Value) bool) error {
	c := d.source.files
	there, err := c.present(ctx)
	if err != nil {
		return err
	}
	written := placesSeen{maphash.MakeSeed(), map[uint64]struct{}{}}
	d.fileNotes = fileNotes{counts: map[ProblemKind]int64{}}
	if err := d.eachFile(ctx, func(ref fileRef, source string, copied fileCopy) error {
		if _, ok := there[copied.sum]; copied.there && !ok {
			return &lake.StorageError{Err: fmt.Errorf("the copy %s of a file is gone, which was there when the load began: another program deletes in the warehouse; run again", c.uri(copied.sum))}
		}
		written.add(ref.page, ref.block, ref.property, ref.comment, ref.source, ref.position)
		d.fileNotes.note(ref, copied)
		if !push(c.fileRow(ref, source, copied)) {
			return errStopped
		}
		return nil
	}); err != nil {
		return err
	}
	return d.eachKeptFile(ctx, schema, written, func(row lake.Row) error {
		d.fileNotes.noteKept(row)
		if !push(row.Values) {
			return errStopped
		}
		return nil
	})
}

// eachKeptFile visits the rows of the last load that stay.
func (d *discovery) eachKeptFile(ctx context.Context, schema lake.Schema, written placesSeen, visit func(row lake.Row) error) error {
	keeps := d.keepsFiles()
	for row, err := range d.carried(ctx, schema, func(row lake.Row, old cells) bool {
		return keeps(row, old) && !written.has(old.text(row, "page_id"), old.text(row, "block_id"), old.text(row, "property_id"),
			old.text(row, "comment_id"), old.text(row, "source"), int(old.value(row, "position").Int()))
	}) {
		if err != nil {
			return err
		}
		if err := visit(row); err != nil {
			return err
		}
	}
	return nil
}

// present are the copies that are there now.
func (c *copier) present(ctx context.Context) (map[lake.Sum]struct{}, error) {
	there := map[lake.Sum]struct{}{}
	for copied, err := range c.copies.List(ctx) {
		if err != nil {
			return nil, &lake.StorageError{Err: err}
		}
		there[copied.Sum] = struct{}{}
	}
	return there, nil
}

func (c *copier) fileRow(ref fileRef, source string, copied fileCopy) []lake.Value {
	row := []lake.Value{
		text(ref.page), someText(source), someText(ref.block), someText(ref.property), someText(ref.comment), text(ref.source),
		lake.IntValue(int64(ref.position)), ref.name, text(ref.kind), text(ref.url),
		{},
		{},
		{},
		{},
		{},
		{},
		someText(string(copied.reason)),
	}
	if copied.there {
		row[10], row[11], row[12], row[13] = someText(copied.contentType), lake.IntValue(copied.bytes), text(copied.sum.String()), text(c.uri(copied.sum))
		row[14], row[15] = someText(copied.etag), someText(copied.modified)
	}
	return row
}

// A placesSeen tells which places have a row, by their hashes.
type placesSeen struct {
	seed   maphash.Seed
	places map[uint64]struct{}
}

func (s placesSeen) hash(page, block, property, comment, source string, position int) uint64 {
	return maphash.String(s.seed, strings.Join([]string{page, block, property, comment, source, fmt.Sprint(position)}, "\x00"))
}

func (s placesSeen) add(page, block, property, comment, source string, position int) {
	s.places[s.hash(page, block, property, comment, source, position)] = struct{}{}
}

func (s placesSeen) has(page, block, property, comment, source string, position int) bool {
	_, ok := s.places[s.hash(page, block, property, comment, source, position)]
	return ok
}

// keepsFiles says which rows of the last load stay where this load has none of
// their place: those of data sources whose table stays at its last load, those of
// pages that could not be read whole, and those of what another part reads.
func (d *discovery) keepsFiles() func(row lake.Row, old cells) bool {
	read := map[string]bool{}
	for _, f := range d.found {
		if r, ok := d.view.Staged(f.id); f.ds != nil && (!ok || r.Partial == nil) {
			read[f.id] = true
		}
	}
	c := d.content
	noText, noComments := false, false
	if c != nil {
		noText = c.failure(keyPages) != nil || c.failure(keyBlocks) != nil
		noComments = noText || c.failure(keyComments) != nil || c.refused != nil
	}
	isPart := d.source.options.isPart()
	return func(row lake.Row, old cells) bool {
		source := old.text(row, "data_source_id")
		if source != "" && !read[source] && (isPart || d.before[source].Key != "") {
			return true
		}
		if isComment := old.text(row, "source") == fileInComment; isComment && noComments || !isComment && noText && (source == "" || old.text(row, "block_id") != "") {
			return true
		}
		page, _ := notion.ParseUUID([]byte(old.text(row, "page_id")))
		if isPart && c != nil && c.awaitsItsPart(page, source) {
			return true
		}
		if !isPart || read[source] {
			return false
		}
		if c == nil {
			return source == ""
		}
		n, known := c.number(page)
		return (c.part == nil || !c.part.owned[page]) && (!known || c.all[n].gone)
	}
}

// eachFile visits every reference of the load with the copy of its file.
func (d *discovery) eachFile(ctx context.Context, visit func(ref fileRef, source string, copied fileCopy) error) error {
	c := d.source.files
	one := func(ref fileRef, source string) error {
		copied, err := c.copy(ctx, ref, nil)
		if err != nil {
			return err
		}
		return visit(ref, source, copied)
	}
	rows := map[notion.UUID]bool{}
	for _, row := range c.objects.all() {
		rows[row.id] = true
		if r, ok := d.view.Staged(row.source.String()); ok && r.Partial != nil {
			continue // its table stays at the last load, and so do the copies that it names
		}
		refs, err := c.objects.refs(row)
		if err != nil {
			return err
		}
		for _, ref := range refs {
			if err := one(ref, row.source.String()); err != nil {
				return err
			}
		}
	}
	if d.content == nil {
		return nil
	}
	for _, e := range d.content.ordered {
		if e.gone {
			continue
		}
		source := ""
		if e.parent.typ == parentDataSource {
			source = e.parent.id.String()
		}
		if !e.isRow() && !rows[e.id] {
			record, err := d.content.pages.get(e.object)
			if err != nil {
				return err
			}
			for ref := range pageFiles(e.id.String(), notion.JSON(record).Get("page")) {
				if err := one(ref, source); err != nil {
					return err
				}
			}
		}
		t, err := d.content.text(e)
		if err != nil {
			return err
		}
		for ref := range textFiles(e.id.String(), t) {
			if err := one(ref, source); err != nil {
				return err
			}
		}
	}
	return nil
}
