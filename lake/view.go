package lake

import (
	"context"
	"fmt"
	"iter"
	"sync"
)

// lakeView is the View of one load.
type lakeView struct {
	load    Load
	storage *Storage
	before  map[string]TableState // by key, as the load found them
	keeper  *keeper

	mu     sync.Mutex
	staged map[string]TableResult
	broken map[string]bool // tables whose rows could not be read
}

func newView(ctx context.Context, load Load, storage *Storage, catalog Catalog) (*lakeView, error) {
	tables, err := catalog.Tables(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the tables: %w", err)
	}
	v := &lakeView{load: load, storage: storage, before: map[string]TableState{}, staged: map[string]TableResult{}, broken: map[string]bool{}}
	for _, t := range tables {
		v.before[t.Schema.Key] = t
	}
	return v, nil
}

func (v *lakeView) Load() Load { return v.load }

func (v *lakeView) Tables(context.Context) (map[string]Schema, error) {
	schemas := make(map[string]Schema, len(v.before))
	for key, t := range v.before {
		schemas[key] = t.Schema
	}
	return schemas, nil
}

// last is a table as last published, with its files: none where there is no such table.
func (v *lakeView) last(ctx context.Context, key string) (TableState, []File, error) {
	t, ok := v.before[key]
	if !ok {
		return t, nil, nil
	}
	files, err := t.Files(ctx)
	if err != nil {
		return t, nil, storageError(fmt.Errorf("files of table %s: %w", t.Schema.Table, err))
	}
	return t, files, nil
}

func (v *lakeView) Rows(ctx context.Context, key string) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		t, files, err := v.last(ctx, key)
		if err != nil {
			yield(Row{}, err)
			return
		}
		for row, err := range ReadFiles(ctx, v.storage, t.Schema, t.Layout, files) {
			if err != nil {
				v.breaks(key)
			}
			if !yield(row, storageError(err)) || err != nil {
				return
			}
		}
	}
}

func (v *lakeView) Columns(ctx context.Context, key string, names ...string) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		t, files, err := v.last(ctx, key)
		if err != nil {
			yield(Row{}, err)
			return
		}
		some := Schema{Table: t.Schema.Table, Key: t.Schema.Key}
		at := make([]int, len(names)) // of the names among some.Columns, -1: none
		for i, name := range names {
			at[i] = -1
			for _, c := range t.Schema.Columns {
				if c.Name == name {
					at[i] = len(some.Columns)
					some.Columns = append(some.Columns, c)
				}
			}
		}
		values := make([]Value, len(names))
		for row, err := range ReadFiles(ctx, v.storage, some, t.Layout, files) {
			if err != nil {
				v.breaks(key)
				yield(Row{}, storageError(err))
				return
			}
			for i := range names {
				if values[i] = (Value{}); at[i] >= 0 {
					values[i] = row.Values[at[i]]
				}
			}
			if !yield(Row{Values: values}, nil) {
				return
			}
		}
	}
}

func (v *lakeView) breaks(key string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.broken[key] = true
}

func (v *lakeView) isBroken(key string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.broken[key]
}

func (v *lakeView) LoadOf(key string) LoadID { return v.before[key].Snapshot.LoadID }

func (v *lakeView) Keep(ctx context.Context, data []byte) error { return v.keeper.keep(ctx, data) }

func (v *lakeView) Kept(ctx context.Context) iter.Seq2[KeptPart, error] { return v.keeper.kept(ctx) }

func (v *lakeView) Staged(key string) (TableResult, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	r, ok := v.staged[key]
	return r, ok
}

func (v *lakeView) stage(key string, r TableResult) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.staged[key] = r
}
