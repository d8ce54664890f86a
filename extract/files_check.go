package extract

import (
	"bytes"
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/notionlake/notionlake/lake"
)

// check reads some of the copies, others in every load, to see whether they still
// hold what they were written with: that another program, or the disk, changes one is
// seen in nothing else. A copy that does not is not relied on, so what refers to its
// file fetches that again and writes it in its place. Those that were damaged at the
// last load are read in any case. One that cannot be read now may be whole: it stays.
func (c *copier) check(ctx context.Context, load string, share float64, known map[lake.Sum]bool) error {
	var list []lake.Copy
	for sum, copied := range c.have {
		h := fnv.New32a()
		_, _ = h.Write([]byte(load + string(sum[:]))) // it never fails
		if float64(h.Sum32()) >= share*math.MaxUint32 && !known[sum] {
			continue
		}
		list = append(list, copied)
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(fileWorkers)
	for _, copied := range list {
		g.Go(safe(lake.CopiesTable, func() error {
			err := c.look(gctx, copied)
			if err == nil || gctx.Err() != nil {
				return err
			}
			c.log.WarnContext(ctx, "the copy of a file cannot be read", "copy", c.copies.URI(copied), "error", err)
			c.mu.Lock()
			defer c.mu.Unlock()
			c.unread[copied.Sum] = copied
			return nil
		}))
	}
	return g.Wait()
}

// look reads a copy. One that is damaged is as if it were not there.
func (c *copier) look(ctx context.Context, copied lake.Copy) error {
	ok, err := c.copies.IsIntact(ctx, copied)
	if err != nil {
		return &lake.StorageError{Err: err}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if ok || c.sure[copied.Sum] { // it has been written again meanwhile
		c.sure[copied.Sum] = true
		return nil
	}
	c.mistrust(copied)
	c.log.WarnContext(ctx, "the copy of a file does not hold what it was written with: the file is fetched again, where it is", "copy", c.copies.URI(copied))
	return nil
}

// mistrust takes a copy for damaged, unless it has been written again. c.mu is held.
func (c *copier) mistrust(copied lake.Copy) {
	if !c.sure[copied.Sum] {
		c.damaged[copied.Sum] = copied
		delete(c.have, copied.Sum)
	}
}

// damagedBefore are the copies that the last load found damaged and could not mend.
func damagedBefore(ctx context.Context, d *discovery) (map[lake.Sum]bool, error) {
	sums := map[lake.Sum]bool{}
	for row, err := range d.view.Columns(ctx, keyProblems, "kind", "object_id") {
		if err != nil {
			d.mu.Lock()
			defer d.mu.Unlock()
			return sums, d.without(ctx, fmt.Errorf("problems of the last load: %w", err), problem{
				kind: KindRowsLost, table: keyProblems,
				message: "the rows of the last load cannot be read: which copies of files it found damaged is not known",
			})
		}
		if sum, ok := lake.ParseSum(row.Values[1].Text()); ok && row.Values[0].Text() == string(KindCopyDamaged) {
			sums[sum] = true
		}
	}
	return sums, nil
}

// damages are the copies that are damaged still, and those that could not be read.
func (c *copier) damages() (all []problem) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, of := range []struct {
		copies map[lake.Sum]lake.Copy
		what   string
	}{
		{c.damaged, "holds other bytes than it was written with, and no file with these could be fetched in this load"},
		{c.unread, "could not be read, so that it is not known whether it holds what it was written with"},
	} {
		for _, sum := range slices.SortedFunc(maps.Keys(of.copies), func(a, b lake.Sum) int { return bytes.Compare(a[:], b[:]) }) {
			all = append(all, problem{
				kind: KindCopyDamaged, objectType: "file", objectID: sum.String(),
				message: fmt.Sprintf("the copy %s %s", c.copies.URI(of.copies[sum]), of.what),
			})
		}
	}
	return all
}
