package notiontest

import (
	"fmt"
	"strconv"
	"time"
)

// A BlockGenerator is a Generator whose rows have blocks in them.
type BlockGenerator interface {
	Generator
	// Blocks is how many blocks are in row i.
	Blocks(i int) int
	// Block is the n-th of them.
	Block(i, n int) *Block
}

// BigPages is like Big, with so many blocks in every row. Each edit changes a block
// in one row of a hundred, others each time.
func BigPages(rows, blocks int, seed uint64) (w *Workspace, edit func()) {
	w = Big(rows, seed)
	g, _ := w.Model().Sources[0].Gen.(*big)
	g.blocks = blocks
	return w, func() { g.night.Add(1) }
}

// editedEvery is how many rows there are for one that an edit changes.
const editedEvery = 100

// edits is how often row i has been edited, and last the edit that did it last.
func (g *big) edits(i int) (n, last int64) {
	night := g.night.Load()
	first := int64(i%editedEvery) + 1 // edits are counted from 1
	if night < first {
		return 0, 0
	}
	n = (night-first)/editedEvery + 1
	return n, first + (n-1)*editedEvery
}

// edited is when row i was edited last.
func (g *big) edited(i int, hash uint64) time.Time {
	if _, last := g.edits(i); last > 0 {
		return g.start.AddDate(1, 0, int(last))
	}
	return g.Minute(i).Add(time.Duration(hash%40_000) * time.Minute)
}

func (g *big) Blocks(int) int { return g.blocks }

func (g *big) Block(i, n int) *Block {
	h := mix(g.seed + uint64(i)*0x9e3779b97f4a7c15 + uint64(n)*0xff51afd7ed558ccd)
	text := "Line " + strconv.Itoa(n) + " of row " + strconv.Itoa(i) + ": " + g.words[h%uint64(len(g.words))] + " " + strconv.FormatUint(h, 36)
	edited := g.Minute(i)
	if edits, last := g.edits(i); edits > 0 && n == 0 {
		text += ", edit " + strconv.FormatInt(edits, 10)
		edited = g.start.AddDate(1, 0, int(last))
	}
	page := g.ID(i)
	return &Block{
		ID: fmt.Sprintf("%s%012x", page[:24], (g.code(i)+uint64(n+1)*0x1000003)&idMask), Parent: Parent{"page_id", page}, page: page, Type: "paragraph",
		Payload: `{"rich_text":` + runs(text) + `,"color":"default"}`, Created: g.Minute(i), Edited: edited, By: g.authors[h%uint64(len(g.authors))],
	}
}
