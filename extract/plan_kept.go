package extract

import (
	"context"
	"time"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/lake"
)

// A keptContent is a page that an interrupted run of the load has put aside.
type keptContent struct {
	mark
	read      time.Time
	commented bool  // comments on it were read too
	blocks    int64 // that stand for no page or database
	lists     int64 // requests that the blocks took
}

// readKept reads what the load that would be continued has put aside.
func (p *planner) readKept(ctx context.Context) error {
	files := map[fileKey]keptLine{}
	err := eachKept(ctx, p.view, p.options.Logger, func(line keptLine) error {
		if f := line.File; f != nil {
			if len(f.Key) == len(fileKey{}) && !files[fileKey(f.Key)].Read.After(line.Read) {
				files[fileKey(f.Key)] = line
			}
			return nil
		}
		id, ok := notion.ParseUUID([]byte(line.ID))
		if ok && line.Carried {
			p.keptOn[id] = mark{line.Edited, line.Title}
			return nil
		}
		if before, known := p.kept[id]; !ok || known && before.read.After(line.Read) {
			return nil
		}
		p.kept[id] = p.keptContent(id, line)
		return nil
	})
	if err != nil || len(files) == 0 || p.options.Files.Copies == nil {
		return err
	}
	there := map[lake.Sum]int64{}
	for copied, err := range p.options.Files.Copies.List(ctx) {
		if err != nil {
			return &lake.StorageError{Err: err}
		}
		there[copied.Sum] = copied.Bytes
	}
	for _, line := range files {
		sum, ok := lake.ParseSum(line.File.Sum)
		if bytes, is := there[sum]; ok && is && bytes == line.File.Bytes {
			p.keptFiles++
		}
	}
	return nil
}

// keptContent counts what is in and on a page that was put aside, and takes in which
// pages and databases stand in it.
func (p *planner) keptContent(id notion.UUID, line keptLine) keptContent {
	k := keptContent{mark: mark{line.Edited, line.Title}, read: line.Read, commented: line.Comments}
	t := parsePageText(notion.JSON(line.Text))
	if p.options.Content.Blocks {
		k.lists = readings(int64(len(t.blocks)))
	}
	each(t.blocks, func(b *block) bool {
		switch b.typ() {
		case "child_database":
			p.databases[b.id] = true
			fallthrough
		case "child_page":
			p.within[b.id] = id
			return true
		}
		k.blocks++
		if n := int64(len(b.children)); n > 0 {
			k.lists += readings(n)
		}
		return true
	})
	return k
}

// lookAtKept takes in the state that a page has now: what was put aside of another
// one is of no use.
func (p *planner) lookAtKept(id notion.UUID, now mark) {
	if k, ok := p.kept[id]; ok && (k.mark != now || !isBefore(now.edited, k.read)) {
		delete(p.kept, id)
	}
	if p.keptOn[id] != now {
		delete(p.keptOn, id)
	}
}

// isKept reports whether what is in a page would be taken over.
func (p *planner) isKept(id notion.UUID) bool {
	_, ok := p.kept[id]
	return ok
}

// dropLost forgets pages that were put aside and, where everything has been looked
// at, are not there any more.
func (p *planner) dropLost(pages *pageSet) {
	if !p.searched.whole {
		return
	}
	for _, s := range p.sources {
		if s.rows().Basis != Exact {
			return
		}
	}
	for id := range p.kept {
		if !p.seen[id] && !pages.ids[id] {
			delete(p.kept, id)
		}
	}
	for id := range p.keptOn {
		if !p.seen[id] && !pages.ids[id] {
			delete(p.keptOn, id)
		}
	}
}

// keptPages counts what would be taken over.
func (p *planner) keptPages() int64 {
	n := len(p.kept)
	for id := range p.keptOn {
		if !p.isKept(id) {
			n++
		}
	}
	return int64(n)
}

// less is a figure of which n are known not to be made.
func (f Figure) less(n int64, basis Basis) Figure {
	if n == 0 {
		return f
	}
	f.N, f.AtLeast = max(f.N-n, 0), max(f.AtLeast-n, 0)
	if f.Basis == Exact { // that what was put aside is still of use is not counted
		f.Basis = basis
	}
	return f
}
