package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/notionlake/notionlake/lake"
)

// A snapshotInfo is a snapshot in the document of `snapshots --json`.
type snapshotInfo struct {
	SnapshotID int64       `json:"snapshot_id"`
	ParentID   int64       `json:"parent_id,omitempty"`
	Time       time.Time   `json:"time"`
	LoadID     lake.LoadID `json:"load_id"`
	Status     string      `json:"status"`
	Tags       []string    `json:"tags"`
	Rows       int64       `json:"rows"`
	Files      int64       `json:"files"`
	Bytes      int64       `json:"bytes"`
}

func (p *program) snapshotsCommand() *cli.Command {
	return &cli.Command{
		Name:        "snapshots",
		Usage:       "list the snapshots of a table",
		ArgsUsage:   "TABLE",
		Description: "Oldest first. A load that did not read the table has its tag on the snapshot before it.",
		Flags:       []cli.Flag{jsonFlag()},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, "TABLE")
			if err != nil {
				return err
			}
			l, err := p.openExisting(c.Context, c)
			if err != nil {
				return err
			}
			defer l.close()
			return p.snapshots(c.Context, l, args[0], c.Bool("json"))
		},
	}
}

func (p *program) snapshots(ctx context.Context, l *lakeAt, name string, asJSON bool) error {
	name = l.tableName(name)
	snapshots, err := l.catalog.Snapshots(ctx, name)
	if err != nil {
		return l.tableError(ctx, name, err)
	}
	infos := []snapshotInfo{}
	g := &grid{header: []string{"snapshot", "time", "status", "rows", "files", "size", "tags"}, numbers: []int{0, 3, 4, 5}}
	for _, s := range snapshots {
		if slices.Contains(s.Tags, s.LoadID.HeldTag()) {
			s.Status = lake.StatusHeld // and not published
		}
		tags := append([]string{}, s.Tags...)
		infos = append(infos, snapshotInfo{s.ID, s.ParentID, s.Time.UTC(), s.LoadID, s.Status, tags, s.Rows, s.Files, s.Bytes})
		g.add(formatID(s.ID), when(s.Time), s.Status, thousands(s.Rows), thousands(s.Files), size(s.Bytes), strings.Join(tags, ", "))
	}
	if asJSON {
		return p.printJSON(struct {
			Table     string         `json:"table"`
			Snapshots []snapshotInfo `json:"snapshots"`
		}{name, infos})
	}
	return p.printText(g.String())
}
