package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
)

// defaultOrphanAge is longer than any program takes from writing a file to
// publishing it.
const defaultOrphanAge = "24h"

func (p *program) expireCommand() *cli.Command {
	return &cli.Command{
		Name:  "expire",
		Usage: "forget old loads and delete the files that only they need",
		Description: "A load is kept if any of the flags says so, and the newest one always. Without these flags\n" +
			"retention in the configuration says it. Days, weeks (ISO) and months are in UTC, and those without\n" +
			"a load do not count. A load that expires stays a row of _loads. Begin with --dry-run. On a terminal,\n" +
			"without flags that say what is kept, it only says what would expire, and --yes does it.",
		Flags: append(keepFlags(),
			&cli.StringFlag{Name: "older-than", Usage: "keep the loads that are younger than `AGE`: 90d, 12w, 36h; months in days, 180d"},
			&cli.StringSliceFlag{Name: "load", Usage: "let only this `LOAD` expire; may be repeated, and goes with no other of these flags"},
			dryRunFlag(),
			&cli.BoolFlag{Name: "yes", Usage: "on a terminal: expire by the configured retention, without a look at it first", DisableDefaultText: true},
			lockTimeoutFlag(), jsonFlag(),
		),
		Action: func(c *cli.Context) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			retention, err := retentionOf(c)
			if err != nil {
				return err
			}
			looks := retention.Empty() && !c.Bool("yes") && !c.Bool("dry-run") && isTyped(p.stdin)
			report, err := p.maintain(c, func(cfg *config) lake.Maintenance {
				if retention.Empty() {
					retention = cfg.retention()
				}
				return lake.Maintenance{Retention: retention, DryRun: looks}
			}, false)
			if err == nil && looks && len(report.Expired) > 0 {
				return usagef("nothing has expired yet: `notionlake expire --yes` does it, by retention in the configuration; flags like --keep-last say otherwise")
			}
			return err
		},
	}
}

func (p *program) maintainCommand() *cli.Command {
	return &cli.Command{
		Name:  "maintain",
		Usage: "expire by the configured retention, compact small files, delete orphan files",
		Description: "For every night, after run. Puts the rows of many small files into few, which changes no row, and\n" +
			"deletes files that nothing names: what other programs left behind, old metadata, and copies of files\n" +
			"(content.files). Only files in the folders of the catalog's tables, and such copies, are deleted.\n" +
			"On a terminal, where loads would expire, it only says what would be done, and --yes does it.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "orphan-age", Usage: "delete files that nothing names once they are older than `AGE`", Value: defaultOrphanAge},
			dryRunFlag(),
			&cli.BoolFlag{Name: "yes", Usage: "on a terminal: let loads expire without a look at it first", DisableDefaultText: true},
			lockTimeoutFlag(), jsonFlag(),
		},
		Action: func(c *cli.Context) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			age, err := parseAge("--orphan-age", c.String("orphan-age"))
			if err != nil {
				return err
			}
			looks := !c.Bool("yes") && !c.Bool("dry-run") && isTyped(p.stdin)
			report, err := p.maintain(c, func(cfg *config) lake.Maintenance {
				return lake.Maintenance{Retention: cfg.retention(), Compact: true, Orphans: age}
			}, looks)
			if err == nil && looks && report.DryRun {
				return usagef("nothing has been done yet: `notionlake maintain --yes` does it; what is kept says retention in the configuration")
			}
			return err
		},
	}
}

func dryRunFlag() cli.Flag {
	return &cli.BoolFlag{Name: "dry-run", Usage: "only say what would be done", DisableDefaultText: true}
}

// maintain runs what a command plans, and prints the report. With looks it does so only
// where no load expires, and else only says what it would do.
func (p *program) maintain(c *cli.Context, plan func(*config) lake.Maintenance, looks bool) (report lake.MaintenanceReport, err error) {
	cfg, err := p.configuration(c, hasLake)
	if err != nil {
		return report, err
	}
	m := plan(cfg)
	m.DryRun = m.DryRun || c.Bool("dry-run")
	options := catalog.Options{LockTimeout: max(c.Duration("lock-timeout"), 1), ReadOnly: m.DryRun}
	l, err := p.openExistingFor(c.Context, cfg, options)
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, storageError(l.close())) }()
	loads, err := l.catalog.Loads(c.Context)
	if err != nil {
		return report, storageError(err)
	}
	for _, id := range m.Retention.Named {
		if err := p.canExpire(c.Context, l, loads, id); err != nil {
			return report, err
		}
	}
	if len(loads) == 0 {
		return report, l.noLoad(c.Context)
	}
	if looks {
		_, expired := m.Retention.Split(loads, p.now())
		m.DryRun = len(expired) > 0
	}
	report, err = p.loader(c, l).Maintain(c.Context, m)
	if err != nil && !report.Did {
		return report, err
	}
	// What was done is said, whatever became of the rest.
	var unwritten error
	if c.Bool("json") {
		unwritten = p.printJSON(report)
	} else {
		unwritten = p.printText(maintenanceText(report, m, err == nil))
	}
	if err != nil || report.DryRun {
		return report, errors.Join(err, unwritten)
	}
	files := report.Files.Files + report.Orphans.Files + report.Copies.Files
	return report, onlyLost(fmt.Sprintf("%s is done: %s expired, %s compacted, %s deleted", c.Command.Name,
		plural(int64(len(report.Expired)), "load"), plural(int64(len(report.Compacted)), "table"), plural(int64(files), "file")), unwritten)
}

// canExpire says why a load that --load names does not expire, nil where it can. loads
// are those that are published and have not expired.
func (p *program) canExpire(ctx context.Context, l *lakeAt, loads []lake.LoadID, id lake.LoadID) error {
	switch i := slices.Index(loads, id); {
	case i >= 0 && i == len(loads)-1:
		return usagef("--load %s: it is the last load, which does not expire: it can once another one is published", id)
	case i >= 0:
		return nil
	}
	held, err := lake.HeldLoads(ctx, l.storage, l.catalog)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(held, func(h lake.Held) bool { return h.Load.ID == id }) {
		return usagef("--load %s: it is held, not published: `notionlake discard %[1]s` deletes it", id)
	}
	if err := l.isUnfinished(ctx, "--load", id, p.now()); err != nil || len(loads) == 0 {
		return err // without any load there is more to say
	}
	return usagef("--load %s: there is no such load, or it has expired: `notionlake loads` lists them", id)
}

// isTyped says whether somebody types what comes from r.
func isTyped(r io.Reader) bool {
	f, ok := r.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// loader is a Loader that reads no source.
func (p *program) loader(c *cli.Context, l *lakeAt) *lake.Loader {
	return &lake.Loader{
		Storage: l.storage, Catalog: l.catalog, Logger: p.log, Now: p.now, Version: version, Point: p.point, LockTimeout: c.Duration("lock-timeout"),
	}
}

// maxNamed is how many loads or files the text names of each kind.
const maxNamed = 20

// maintenanceText is the report for people. whole says that all was done that was to be.
func maintenanceText(r lake.MaintenanceReport, plan lake.Maintenance, whole bool) string {
	var b strings.Builder
	would := ""
	if r.DryRun {
		would = "would be "
	}
	if n := len(r.Kept); n > 0 {
		fmt.Fprintf(&b, "%s kept:\n", plural(int64(n), "load"))
		for i, k := range r.Kept {
			if n > maxNamed && i == maxNamed/2 {
				fmt.Fprintf(&b, "  … %d more\n", n-maxNamed)
			}
			if n <= maxNamed || i < maxNamed/2 || i >= n-maxNamed/2 {
				fmt.Fprintf(&b, "  %s  %s\n", k.LoadID, strings.Join(k.Reasons, ", "))
			}
		}
	}
	switch {
	case len(r.Expired) > 0:
		fmt.Fprintf(&b, "%s %sexpired:\n", plural(int64(len(r.Expired)), "load"), would)
		writeList(&b, idTexts(r.Expired))
	case !plan.Retention.Empty():
		b.WriteString("no load expires\n")
	}
	if r.Snapshots > 0 || r.Files.Files > 0 {
		fmt.Fprintf(&b, "%s and %s (%s) %sdeleted\n", plural(int64(r.Snapshots), "snapshot"), plural(int64(r.Files.Files), "file"), size(r.Files.Bytes), would)
	}
	if n := r.FilesLeft.Files; n > 0 {
		fmt.Fprintf(&b, "%s (%s) that only those loads needed could not be deleted: the next run deletes them\n", plural(int64(n), "file"), size(r.FilesLeft.Bytes))
	}
	for _, t := range r.Compacted {
		fmt.Fprintf(&b, "table %s %scompacted: %s → %s, %s\n", t.Table, would, thousands(int64(t.Before)), plural(int64(t.After), "file"), plural(t.Rows, "row"))
	}
	if r.Orphans.Files > 0 {
		fmt.Fprintf(&b, "%s (%s) that nothing names %sdeleted:\n", plural(int64(r.Orphans.Files), "file"), size(r.Orphans.Bytes), would)
		writeList(&b, r.Orphans.Keys)
	}
	if n := len(r.Orphans.Left); n > 0 {
		fmt.Fprintf(&b, "%s that nothing names could not be deleted: the next maintain tries it again:\n", plural(int64(n), "file"))
		writeList(&b, r.Orphans.Left)
	}
	if r.Copies.Files > 0 {
		fmt.Fprintf(&b, "%s of files (%s) that no load names %sdeleted\n", copiesText(r.Copies.Files), size(r.Copies.Bytes), would)
	}
	if n := r.CopiesLeft.Files; n > 0 {
		fmt.Fprintf(&b, "%s of files (%s) that no load names could not be deleted: the next maintain tries it again\n", copiesText(n), size(r.CopiesLeft.Bytes))
	}
	if n := len(r.Orphans.Folders); n > 0 {
		fmt.Fprintf(&b, "%s of no table of the catalog: look at them, and delete them by hand:\n", plural(int64(n), "folder"))
		writeList(&b, r.Orphans.Folders)
	}
	if n := len(r.Orphans.Loose); n > 0 {
		fmt.Fprintf(&b, "%s in no table's folder: look at them, and delete them by hand:\n", plural(int64(n), "file"))
		writeList(&b, r.Orphans.Loose)
	}
	if whole && plan.Orphans > 0 && r.Orphans.Files == 0 && r.Copies.Files == 0 && len(r.Compacted) == 0 {
		b.WriteString("nothing to compact, no orphan files\n")
	}
	return b.String()
}

func copiesText(n int) string {
	if n == 1 {
		return "1 copy"
	}
	return thousands(int64(n)) + " copies"
}

func writeList(b *strings.Builder, list []string) {
	for i, text := range list {
		if i == maxNamed {
			fmt.Fprintf(b, "  … and %d more: --json names them all\n", len(list)-maxNamed)
			break
		}
		fmt.Fprintf(b, "  %s\n", oneLine(text))
	}
}

func idTexts(ids []lake.LoadID) []string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = string(id)
	}
	return texts
}

// withLoader opens the lake, for a change, and a Loader that reads nothing.
func (p *program) withLoader(c *cli.Context, do func(context.Context, *lakeAt, *lake.Loader) (lake.Report, error)) (report lake.Report, err error) {
	cfg, err := p.configuration(c, hasLake)
	if err != nil {
		return lake.Report{}, err
	}
	l, err := p.openExistingFor(c.Context, cfg, catalog.Options{LockTimeout: max(c.Duration("lock-timeout"), 1)})
	if err != nil {
		return lake.Report{}, err
	}
	defer func() { err = errors.Join(err, storageError(l.close())) }()
	return do(c.Context, l, p.loader(c, l))
}
