package extract

import (
	"context"
	"fmt"

	"github.com/notionlake/notionlake/lake"
)

// maxFileProblems is how many rows of _problems one kind has at most; after them
// the rest is counted.
const maxFileProblems = 1000

// fileNotes are the problems that the table of files came upon: of each place where a
// file is referred to, which is a row of that table. A report counts each file once.
type fileNotes struct {
	all    []problem
	counts map[ProblemKind]int64 // of places
}

// note takes in what became of a file.
func (n *fileNotes) note(ref fileRef, copied fileCopy) {
	if copied.reason == "" {
		return
	}
	kind := copied.reason.kind()
	n.counts[kind]++
	if kind == KindFileTooLarge || kind == KindFileType || n.counts[kind] > maxFileProblems {
		return // they are counted
	}
	p := problem{kind: kind, objectType: "page", objectID: ref.page, page: ref.page, property: ref.property, message: fileMessage(ref, copied)}
	switch {
	case ref.comment != "":
		p.objectType, p.objectID = "comment", ref.comment
	case ref.block != "":
		p.objectType, p.objectID = "block", ref.block
	}
	n.all = append(n.all, p)
}

// noteKept takes in what a row of the last load says that stays.
func (n *fileNotes) noteKept(row lake.Row) {
	if row.Values[16].IsNull() {
		return
	}
	v := func(i int) string { return string([]byte(row.Values[i].Text())) }
	n.note(fileRef{filePlace: filePlace{page: v(0), block: v(2), property: v(3), comment: v(4), source: v(5)}},
		fileCopy{reason: fileReason(v(16)), message: "as at an earlier load", there: !row.Values[13].IsNull()})
}

// fileProblems are the problems with files.
func (d *discovery) fileProblems(ctx context.Context) []problem {
	if d.source.files == nil {
		return nil
	}
	all := append(d.fileNotes.all, d.source.files.damages()...)
	for _, kind := range []ProblemKind{KindFile, KindFileBlocked, KindFileTooLarge, KindFileType} {
		n := d.fileNotes.counts[kind]
		counted, more := n, ""
		if kind == KindFile || kind == KindFileBlocked {
			counted, more = counted-maxFileProblems, " more"
		}
		if counted > 0 {
			all = append(all, problem{kind: kind, objectType: "file", count: counted, message: fmt.Sprintf("such files, by the places where they are referred to: %d%s: _files.reason says which", counted, more)})
		}
		if n > 0 {
			d.source.log.WarnContext(ctx, "files were not copied", "kind", string(kind), "places", n)
		}
	}
	return all
}

// fileMessage says what became of a file.
func fileMessage(ref fileRef, copied fileCopy) string {
	m := string(copied.reason) + ": " + copied.message
	if ref.source != fileInProperty && ref.source != fileInBlock {
		m = "its " + ref.source + ": " + m
	}
	if copied.there {
		m += "; the copy of an earlier load is kept"
	}
	return m
}
