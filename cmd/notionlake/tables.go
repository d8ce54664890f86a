package main

import (
	"context"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/notionlake/notionlake/lake"
)

// A tableInfo is a table in the document of `tables --json`.
type tableInfo struct {
	Name       string      `json:"name"`
	Key        string      `json:"key"`
	Rows       int64       `json:"rows"`
	Files      int64       `json:"files"`
	Bytes      int64       `json:"bytes"`
	Columns    int         `json:"columns"`
	SnapshotID int64       `json:"snapshot_id"`
	LoadID     lake.LoadID `json:"load_id"` // the load that read it last
	Time       time.Time   `json:"time"`
}

func tableInfoOf(t lake.TableState) tableInfo {
	return tableInfo{
		Name: t.Schema.Table, Key: t.Schema.Key, Rows: t.Snapshot.Rows, Files: t.Snapshot.Files, Bytes: t.Snapshot.Bytes,
		Columns: len(t.Schema.Columns), SnapshotID: t.Snapshot.ID, LoadID: t.Snapshot.LoadID, Time: t.Snapshot.Time.UTC(),
	}
}

func (p *program) tablesCommand() *cli.Command {
	return &cli.Command{
		Name:        "tables",
		Usage:       "list the tables",
		Description: "Tables that begin with _ are notionlake's own; every other one is a data source.",
		Flags:       []cli.Flag{atFlag(), jsonFlag()},
		Action: func(c *cli.Context) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			l, err := p.openExisting(c.Context, c)
			if err != nil {
				return err
			}
			defer l.close()
			return p.tables(c.Context, l, c.String("at"), c.Bool("json"))
		},
	}
}

func (p *program) tables(ctx context.Context, l *lakeAt, at string, asJSON bool) error {
	m, err := l.at(ctx, at, "")
	if err != nil {
		return err
	}
	states, err := l.states(ctx, m)
	if err != nil {
		return err
	}
	infos := []tableInfo{}
	g := &grid{header: []string{"table", "rows", "columns", "files", "size", "load"}, numbers: []int{1, 2, 3, 4}}
	for _, t := range states {
		i := tableInfoOf(t)
		infos = append(infos, i)
		g.add(i.Name, thousands(i.Rows), fmt.Sprint(i.Columns), thousands(i.Files), size(i.Bytes), string(i.LoadID))
	}
	if len(infos) == 0 {
		return l.noLoad(ctx)
	}
	if asJSON {
		return p.printJSON(struct {
			Namespace string      `json:"namespace"`
			Tables    []tableInfo `json:"tables"`
		}{l.cfg.Namespace, infos})
	}
	return p.printText(g.String())
}
