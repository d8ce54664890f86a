package laketest

import (
	"context"
	"iter"

	"github.com/notionlake/notionlake/lake"
)

// A Source yields tables that are held in memory.
type Source struct {
	List []lake.Table
	Err  error // after the tables
}

// Tables yields List.
func (s *Source) Tables(ctx context.Context, _ lake.View) iter.Seq2[lake.Table, error] {
	return func(yield func(lake.Table, error) bool) {
		for _, t := range s.List {
			if ctx.Err() != nil {
				yield(lake.Table{}, ctx.Err())
				return
			}
			if !yield(t, nil) {
				return
			}
		}
		if s.Err != nil {
			yield(lake.Table{}, s.Err)
		}
	}
}

// Table returns a table with the given rows.
func Table(schema lake.Schema, rows ...[]lake.Value) lake.Table {
	return lake.Table{Schema: schema, Rows: Rows(rows...)}
}

// Rows yields rows.
func Rows(rows ...[]lake.Value) func(context.Context) iter.Seq2[lake.Row, error] {
	return func(context.Context) iter.Seq2[lake.Row, error] {
		return func(yield func(lake.Row, error) bool) {
			for _, values := range rows {
				if !yield(lake.Row{Values: values}, nil) {
					return
				}
			}
		}
	}
}

// RowsThen yields rows and then an error.
func RowsThen(err error, rows ...[]lake.Value) func(context.Context) iter.Seq2[lake.Row, error] {
	return func(ctx context.Context) iter.Seq2[lake.Row, error] {
		return func(yield func(lake.Row, error) bool) {
			for row, err := range Rows(rows...)(ctx) {
				if !yield(row, err) {
					return
				}
			}
			yield(lake.Row{}, err)
		}
	}
}
