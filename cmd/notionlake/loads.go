package main

import (
	"context"

	"github.com/urfave/cli/v2"
)

func (p *program) loadsCommand() *cli.Command {
	return &cli.Command{
		Name:        "loads",
		Usage:       "list the loads that were published",
		Description: "Oldest first. Every load can be read with --at and by its tag.",
		Flags:       []cli.Flag{jsonFlag()},
		Action: func(c *cli.Context) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			l, err := p.openExisting(c.Context, c)
			if err != nil {
				return err
			}
			defer l.close()
			return p.loads(c.Context, l, c.Bool("json"))
		},
	}
}

func (p *program) loads(ctx context.Context, l *lakeAt, asJSON bool) error {
	loads, err := l.loads(ctx)
	if err != nil {
		return err
	}
	if len(loads) == 0 {
		return errNoLoad()
	}
	if asJSON {
		return p.printJSON(struct {
			Loads []ledgerRow `json:"loads"`
		}{loads})
	}
	g := &grid{header: []string{"load", "status", "published", "tables", "rows", "requests", "version"}, numbers: []int{3, 4, 5}}
	for _, r := range loads {
		g.add(string(r.LoadID), r.Status, when(r.Finished), thousands(r.Tables), thousands(r.Rows), thousands(r.Requests), r.Version)
	}
	return p.printText(g.String())
}
