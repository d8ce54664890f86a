package main

import (
	"context"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/notionlake/notionlake/lake"
)

// A columnInfo is a column in the document of `schema --json`.
type columnInfo struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	FieldID  int    `json:"field_id"`
	Required bool   `json:"required"`
	// PropertyID is the ID of the Notion property, percent-decoded.
	PropertyID string `json:"property_id,omitempty"`
	Doc        string `json:"doc,omitempty"`
}

func columnInfoOf(t lake.TableState, c lake.Column) columnInfo {
	info := columnInfo{Name: c.Name, Type: c.Type.String(), FieldID: columnFieldID(t, c.Name), Required: c.Required, Doc: c.Doc}
	if c.Property {
		info.PropertyID = c.Key
	}
	return info
}

func (p *program) schemaCommand() *cli.Command {
	return &cli.Command{
		Name:      "schema",
		Usage:     "show the columns of a table",
		ArgsUsage: "TABLE",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "history", Usage: "show which load changed the columns, and how", DisableDefaultText: true},
			atFlag(), jsonFlag(),
		},
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
			if c.Bool("history") {
				return p.schemaHistory(c.Context, l, args[0], c.String("at"), c.Bool("json"))
			}
			return p.schema(c.Context, l, args[0], c.String("at"), c.Bool("json"))
		},
	}
}

func (p *program) schema(ctx context.Context, l *lakeAt, name, at string, asJSON bool) error {
	state, _, err := l.table(ctx, name, at)
	if err != nil {
		return err
	}
	columns := []columnInfo{}
	g := &grid{header: []string{"column", "type", "id", "in Notion"}, numbers: []int{2}}
	for _, c := range state.Schema.Columns {
		i := columnInfoOf(state, c)
		columns = append(columns, i)
		g.add(i.Name, i.Type, strconv.Itoa(i.FieldID), i.Doc)
	}
	if asJSON {
		return p.printJSON(struct {
			tableInfo
			Schema []columnInfo `json:"schema"`
		}{tableInfoOf(state), columns})
	}
	return p.printText(g.String())
}
