package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
)

func (p *program) publishCommand() *cli.Command {
	return &cli.Command{
		Name:      "publish",
		Usage:     "publish a load that is held",
		ArgsUsage: "LOAD",
		Description: "Makes the held load current in all tables at once, as it was read, under its own id.\n" +
			"Once any other load, or a rollback, has been published since it was read, it can only be discarded.",
		Flags: []cli.Flag{lockTimeoutFlag(), jsonFlag()},
		Action: func(c *cli.Context) error {
			loads, err := loadArguments(c, "LOAD")
			if err != nil {
				return err
			}
			load := loads[0]
			return p.changeLake(c, decidedText, func(ctx context.Context, at *lakeAt, l *lake.Loader) (lake.Report, error) {
				report, err := l.PublishHeld(ctx, load)
				if errors.Is(err, lake.ErrNotHeld) {
					return lake.Report{}, p.notHeld(c, at, load, err)
				}
				return report, err
			})
		},
	}
}

func (p *program) rollbackCommand() *cli.Command {
	return &cli.Command{
		Name:  "rollback",
		Usage: "make an earlier load current again",
		Description: "All tables at once, as a load of its own: with an id, a tag and a row in _loads. What was current\n" +
			"before stays readable with --at. A table that is younger than that load loses its rows. One that got\n" +
			"another name since keeps that, while _properties and _data_sources have the old one until the next run.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "to", Usage: "the `LOAD`: its id, tag, a snapshot id, a time or a day"},
			lockTimeoutFlag(), jsonFlag(),
		},
		Action: func(c *cli.Context) error {
			if c.String("to") == "" {
				return usagef("rollback: --to is missing: notionlake rollback --to %s", cmp.Or(cut(c.Args().First(), 60), "LOAD"))
			}
			if _, err := arguments(c); err != nil {
				return err
			}
			return p.changeLake(c, reportText, func(ctx context.Context, at *lakeAt, l *lake.Loader) (lake.Report, error) {
				m, err := at.moment(ctx, "--to", c.String("to"), "")
				switch {
				case err != nil:
					return lake.Report{}, err
				case m.held != nil:
					return lake.Report{}, usagef("--to %s: load %s is held, not published: `notionlake publish` makes it current", cut(c.String("to"), 60), m.held.Load.ID)
				case m.load == nil:
					return lake.Report{}, usagef("--to %s: no load made that snapshot", cut(c.String("to"), 60))
				}
				renamed, err := at.renamedSince(ctx, m.load)
				if err != nil {
					return lake.Report{}, err
				}
				loads, err := at.loads(ctx)
				if err != nil {
					return lake.Report{}, err
				}
				report, err := l.Rollback(ctx, m.load.LoadID)
				if last := loads[len(loads)-1]; err == nil && (last.LoadID == m.load.LoadID || last.RollbackTo == string(m.load.LoadID)) {
					l.Logger.WarnContext(ctx, "the tables were as that load left them already: the rollback has changed nothing in them", "load", m.load.LoadID)
				}
				for _, table := range slices.Sorted(maps.Keys(renamed)) {
					if err == nil {
						l.Logger.WarnContext(ctx, "a table keeps the name that it got since then; _properties and _data_sources have the old one until the next run", "table", table, "old", renamed[table])
					}
				}
				return report, err
			})
		},
	}
}

// renamedSince are the tables that have another name than in a load, with that one: what
// the fixed tables say of them is as it was then.
func (l *lakeAt) renamedSince(ctx context.Context, load *ledgerRow) (map[string]string, error) {
	names := map[int64]string{}
	for name, s := range load.TableSnapshots {
		names[s.SnapshotID] = name
	}
	tables, err := l.catalog.Tables(ctx)
	if err != nil {
		return nil, storageError(err)
	}
	renamed := map[string]string{}
	for _, t := range tables {
		then, err := l.catalog.TableAt(ctx, t.Schema.Key, catalog.Ref{Tag: load.Tag})
		if errors.Is(err, catalog.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, storageError(err)
		}
		if was := names[then.Snapshot.ID]; was != "" && was != t.Schema.Table {
			renamed[t.Schema.Table] = was
		}
	}
	return renamed, nil
}

func (p *program) discardCommand() *cli.Command {
	return &cli.Command{
		Name:      "discard",
		Usage:     "delete loads that are held",
		ArgsUsage: "LOAD...",
		Description: "Deletes what was read and what held it in the tables. What is published stays as it is.\n" +
			"Several loads are discarded one after the other, up to the first that cannot be.",
		Flags: []cli.Flag{lockTimeoutFlag(), jsonFlag()},
		Action: func(c *cli.Context) error {
			loads, err := loadArguments(c, "LOAD...")
			if err != nil {
				return err
			}
			var gone []string
			_, err = p.withLoader(c, func(ctx context.Context, at *lakeAt, l *lake.Loader) (lake.Report, error) {
				for _, load := range loads {
					err := l.Discard(ctx, load)
					if errors.Is(err, lake.ErrNotHeld) {
						err = p.notHeld(c, at, load, err)
					}
					if err != nil {
						return lake.Report{}, err
					}
					gone = append(gone, string(load))
				}
				return lake.Report{}, nil
			})
			if len(gone) == 0 {
				return err
			}
			done := "load " + gone[0] + " is discarded"
			if len(gone) > 1 {
				done = "loads " + strings.Join(gone, ", ") + " are discarded"
			}
			var unwritten error
			if c.Bool("json") {
				unwritten = p.printJSON(struct {
					Discarded string   `json:"discarded"`
					Loads     []string `json:"loads"`
				}{gone[0], gone})
			} else {
				unwritten = p.printText(done + "\n")
			}
			return errors.Join(err, onlyLost(done, unwritten))
		},
	}
}

func lockTimeoutFlag() cli.Flag {
	return durationFlag("lock-timeout", "wait `TIME` for another load or program that holds the catalog", defaultLockTimeout)
}

// loadArguments are the held loads that a command names, each by its id or tag. What
// is named twice is there once.
func loadArguments(c *cli.Context, names string) (loads []lake.LoadID, err error) {
	args, err := arguments(c, names)
	if err != nil {
		return nil, err
	}
	for _, arg := range args {
		load, err := parseLoad(arg)
		if err != nil {
			return nil, usagef("%s %v; `notionlake loads` lists those that are held", c.Command.Name, err)
		}
		if !slices.Contains(loads, load) {
			loads = append(loads, load)
		}
	}
	return loads, nil
}

// parseLoad reads the ID or the tag of a load.
func parseLoad(text string) (lake.LoadID, error) {
	id := text
	for _, tag := range []string{lake.LoadID("").HeldTag(), lake.LoadID("").Tag()} {
		id = strings.TrimPrefix(id, tag)
	}
	if !lake.LoadID(id).Valid() {
		return "", fmt.Errorf("%s: a load id is a time in UTC like 20261121T030000Z", cut(text, 60))
	}
	return lake.LoadID(id), nil
}

// changeLake publishes without reading Notion, and prints the report, for people as text says.
func (p *program) changeLake(c *cli.Context, text func(lake.Report) string, do func(context.Context, *lakeAt, *lake.Loader) (lake.Report, error)) error {
	report, err := p.withLoader(c, do)
	if err != nil && report.LoadID == "" && !c.Bool("json") {
		return err
	}
	report = failedReport(report, err, p.now())
	var unwritten error
	if c.Bool("json") {
		unwritten = p.printJSON(report)
	} else {
		unwritten = p.printText(text(report))
	}
	if err != nil {
		return errors.Join(err, unwritten)
	}
	return onlyLost(fmt.Sprintf("load %s is published and verified (%s)", report.LoadID, report.Status), unwritten)
}

// notHeld is the error of a command that decides about a load which is not held, by err.
func (p *program) notHeld(c *cli.Context, l *lakeAt, load lake.LoadID, err error) error {
	if err := l.isUnfinished(c.Context, c.Command.Name, load, p.now()); err != nil {
		return err
	}
	loads, e := l.loads(c.Context)
	if e != nil {
		return e
	}
	i := slices.IndexFunc(loads, func(r ledgerRow) bool { return r.LoadID == load })
	_, held, _ := strings.Cut(err.Error(), lake.ErrNotHeld.Error())
	switch {
	case i < 0:
		return usagef("%s: load %s is not held: it was discarded, or there never was such a load%s", c.Command.Name, load, strings.Replace(held, ":", ";", 1))
	case c.Command.Name == "discard":
		return usagef("discard: load %s is not held, it is published (%s): `notionlake rollback --to LOAD` makes another load current", load, when(loads[i].Finished))
	default:
		return usagef("%s: load %s is published already (%s)", c.Command.Name, load, when(loads[i].Finished))
	}
}
