package extract

import (
	"context"
	"fmt"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/lake"
)

// A ProblemKind says what kind of thing could not be read. The kinds of what
// cells do not hold are the Reasons.
type ProblemKind string

const (
	// KindTable: a table that exists was not read (gone, in the trash).
	KindTable ProblemKind = "table_not_read"
	// KindPartial: a table could not be read whole and stays at its last load.
	KindPartial ProblemKind = "table_not_whole"
	// KindNotShared: something that is referred to is not shared, or not there.
	KindNotShared ProblemKind = "not_shared"
	// KindLinked: a configured database only shows another one's data source.
	KindLinked ProblemKind = "linked_database"
	// KindNoSources: a configured database shows no data source to the connection.
	KindNoSources ProblemKind = "database_without_data_sources"
	// KindSearch: Notion cut the search for data sources off.
	KindSearch ProblemKind = "search_cut_off"
	// KindTrash: a page of the last load is in the trash.
	KindTrash ProblemKind = "in_trash"
	// KindRowNotFound: a row of the last load is neither listed nor shown any more.
	KindRowNotFound ProblemKind = "row_not_found"
	// KindRowsUnasked: more rows of the last load are gone than a load asks for.
	KindRowsUnasked ProblemKind = "rows_not_asked"
	// KindRowUnlisted: a row that Notion shows and does not list.
	KindRowUnlisted ProblemKind = "row_not_listed"
	// KindRowMoved: a row that moved to a data source after its rows were read.
	KindRowMoved ProblemKind = "row_moved_meanwhile"
	// KindBlocks: what is in a page or block is not shown to the connection.
	KindBlocks ProblemKind = "blocks_not_readable"
	// KindUnsupportedBlock: a block whose content Notion gives to no client.
	KindUnsupportedBlock ProblemKind = "block_not_supported"
	// KindUnseen: a page changed and its last_edited_time did not.
	KindUnseen ProblemKind = "change_not_seen"
	// KindMarkdown: Notion's Markdown of a page is cut off.
	KindMarkdown ProblemKind = "markdown_cut_off"
	// KindComments: the connection may not read comments.
	KindComments ProblemKind = "comments_not_readable"
	// KindView: a view that Notion lists and does not show.
	KindView ProblemKind = "view_not_readable"
	// KindFile: a file could not be fetched.
	KindFile ProblemKind = "file_not_copied"
	// KindFileBlocked: the URL of a file leads to an address that is not asked.
	KindFileBlocked ProblemKind = "file_blocked"
	// KindFileTooLarge, KindFileType: the configuration leaves a file out.
	KindFileTooLarge ProblemKind = "file_too_large"
	KindFileType     ProblemKind = "file_type"
	// KindCopyDamaged: a copy of a file holds other bytes than it was written with.
	KindCopyDamaged ProblemKind = "copy_damaged"
	// KindRowsLost: rows that a fixed table kept of what is gone cannot be read any more.
	KindRowsLost ProblemKind = "rows_lost"
	// KindUsers: the connection may not read users.
	KindUsers ProblemKind = "users_not_readable"
)

// A problem is a row of _problems.
type problem struct {
	kind                 ProblemKind
	objectType, objectID string
	table                string
	property, column     string
	message              string
	count                int64  // 0: one
	page                 string // ID of the page that the object is on
	group                string // problems of a page of one kind and group are one
	lost                 bool   // it is of the last load, which could not be read
}

// problemsTable is _problems: what could not be read in this load.
func (d *discovery) problemsTable() lake.Table {
	w := d.workspace
	schema := w.fixedSchema(keyProblems, false,
		fixedColumn("load_id", stringType, ""),
		fixedColumn("kind", stringType, "one of a fixed list of words"),
		fixedColumn("object_type", stringType, "what the object is: data_source, database, page, block, comment, view, user, file"),
		fixedColumn("object_id", stringType, "of several on a page: one of them"),
		fixedColumn("table_name", stringType, ""),
		fixedColumn("property_id", stringType, "percent-decoded"),
		fixedColumn("column_name", stringType, ""),
		fixedColumn("message", stringType, ""),
		fixedColumn("count", lake.Type{Kind: lake.Int64}, "how many cells or objects"),
		fixedColumn("page_id", stringType, "of what is on a page: the page"),
	)
	var carry func(lake.Row, cells) bool
	if w.source.options.isPart() {
		var again map[string]bool // what is said in this load
		carry = func(row lake.Row, old cells) bool {
			if again == nil {
				again = map[string]bool{}
				for _, p := range d.allProblems() {
					again[string(p.kind)+p.objectID] = true
				}
			}
			return d.keepsProblem(row, old, again)
		}
	}
	return w.fixed(schema, true, carry, func(ctx context.Context, push func(...lake.Value) bool) error {
		load := text(string(w.view.Load().ID))
		all := append(d.allProblems(), d.fileProblems(ctx)...)
		w.source.problems.set(all)
		for _, p := range all {
			if !push(load, text(string(p.kind)), someText(p.objectType), someText(p.objectID), someText(p.table),
				someText(p.property), someText(p.column), someText(p.message), lake.IntValue(max(1, p.count)), someText(p.page)) {
				return nil
			}
		}
		return nil
	})
}

// allProblems are the problems of the load, those of its tables included.
func (d *discovery) allProblems() []problem {
	w := d.workspace
	all := append([]problem(nil), w.problems...)
	if c := w.source.content; c != nil {
		for _, e := range c.ordered {
			if !e.gone {
				all = append(all, e.seldom().problems...)
			}
		}
	}
	for _, id := range sortedKeys(w.gone) {
		all = append(all, problem{kind: KindTable, objectType: "data_source", objectID: id, table: w.before[id].Table, message: w.gone[id]})
	}
	for _, f := range w.found {
		if r, ok := w.view.Staged(f.id); ok && r.Partial != nil {
			all = append(all, problem{kind: KindPartial, objectType: "data_source", objectID: f.id, table: f.name, message: notion.Steady(r.Partial)})
		}
	}
	for _, t := range w.made {
		for _, p := range t.vanished.problems {
			p.table = t.found.name
			all = append(all, p)
		}
		all = append(all, d.movedMeanwhile(t)...)
		for _, o := range t.omitted() {
			all = append(all, problem{
				kind: ProblemKind(o.Reason), objectType: "data_source", objectID: t.source.id, table: t.found.name,
				property: o.PropertyID, column: o.Column, count: o.Count,
				message: fmt.Sprintf("%d values: %s", o.Count, Reason(o.Reason).explain()),
			})
		}
	}
	if w.source.users.isRefused() {
		all = append(all, problem{kind: KindUsers, objectType: "user", message: "the connection may not read users: only those met in the load are known"})
	}
	return all
}
