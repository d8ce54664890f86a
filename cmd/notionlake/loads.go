package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/notionlake/notionlake/lake"
)

func (p *program) loadsCommand() *cli.Command {
	return &cli.Command{
		Name:  "loads",
		Usage: "list the loads that were published or are held, or wait to be continued",
		Description: "Oldest first. Every load that has not expired can be read with --at and by its tag. What is held waits for publish or discard,\n" +
			"what is unfinished for the next run.",
		Flags: []cli.Flag{&cli.IntFlag{Name: "last", Usage: "list the newest `N` only", DefaultText: "all"}, jsonFlag()},
		Action: func(c *cli.Context) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			last := c.Int("last")
			if c.IsSet("last") && last <= 0 {
				return usagef("--last %d: at least 1 is expected", last)
			}
			l, err := p.openExisting(c.Context, c)
			if err != nil {
				return err
			}
			defer l.close()
			return p.loads(c.Context, l, last, c.Bool("json"))
		},
	}
}

// loads lists the newest loads, 0: all of them. What is to be decided or continued is
// always told.
func (p *program) loads(ctx context.Context, l *lakeAt, last int, asJSON bool) error {
	loads, err := l.loads(ctx)
	if err != nil {
		return err
	}
	kept, err := l.kept(ctx, loads)
	if err != nil {
		return err
	}
	for i := range loads {
		loads[i].Expired = !isKept(kept, loads[i].LoadID)
	}
	held, err := l.heldRows(ctx)
	if err != nil {
		return err
	}
	unfinished, err := l.unfinishedRows(ctx, p.now())
	if err != nil {
		return err
	}
	loads = slices.Concat(loads, held, unfinished)
	slices.SortStableFunc(loads, func(a, b ledgerRow) int { return strings.Compare(string(a.LoadID), string(b.LoadID)) })
	if len(loads) == 0 {
		return l.noLoad(ctx)
	}
	if last > 0 && len(loads) > last {
		loads = loads[len(loads)-last:]
	}
	if asJSON {
		return p.printJSON(struct {
			Loads []ledgerRow `json:"loads"`
		}{loads})
	}
	g := &grid{header: []string{"load", "status", "published", "tables", "rows", "requests", "version"}, numbers: []int{3, 4, 5}}
	for _, r := range loads {
		published, status := when(r.Finished), r.Status
		switch {
		case r.Status == lake.StatusHeld, r.Status == statusUnfinished:
			published = "-"
		case r.Expired:
			status = "expired"
		}
		if r.RollbackTo != "" {
			status += ", rollback to " + r.RollbackTo
		}
		g.add(string(r.LoadID), status, published, thousands(r.Tables), thousands(r.Rows), thousands(r.Requests), r.Version)
	}
	text := g.String()
	open := 0
	var late []string // those that can only be discarded
	for _, r := range held {
		if r.EntryLost || r.OvertakenBy != "" {
			late = append(late, string(r.LoadID))
		}
		if r.EntryLost {
			text += fmt.Sprintf("\nload %s is held, and its entry in the journal is lost or damaged: it can only be discarded, with `notionlake discard %[1]s`\n", r.LoadID)
		} else if r.OvertakenBy != "" {
			text += fmt.Sprintf("\nload %s is held, and load %s was published since: it can only be discarded, with `notionlake discard %[1]s`:\n", r.LoadID, r.OvertakenBy)
		} else {
			open++
			text += fmt.Sprintf("\nload %s is held; decide with `notionlake publish %[1]s` or `notionlake discard %[1]s`:\n", r.LoadID)
		}
		for _, reason := range r.Reasons {
			text += "  " + oneLine(reason) + "\n"
		}
	}
	if open > 1 {
		text += "\nonce one of them is published, the others can only be discarded\n"
	}
	if len(late) > 1 {
		text += fmt.Sprintf("\n`notionlake discard %s` discards all that can only be discarded\n", strings.Join(late, " "))
	}
	for _, r := range unfinished {
		text += "\n" + unfinishedText(r)
	}
	return p.printText(text)
}
