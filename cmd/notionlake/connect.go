package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
)

// A connection is what an engine needs to know of the lake.
type connection struct {
	catalogName, catalogFile, warehouse string
	namespace                           string
	loadID                              lake.LoadID // of tag, "" where there is none
	// tag pins all tables to one load; "" follows the newest.
	tag    string
	pinned bool // also where there is no tag: by snapshot
	tables []connectedTable
	single bool // one table was asked for
}

type connectedTable struct {
	Name       string `json:"name"`
	Location   string `json:"location"`
	SnapshotID int64  `json:"snapshot_id"`
}

// engines print what to paste, by the name of the engine.
func engines() map[string]func(connection) string {
	return map[string]func(connection) string{
		"duckdb": connection.duckdb, "pyiceberg": connection.pyiceberg, "polars": connection.polars, "pandas": connection.pandas,
	}
}

func engineNames() []string { return []string{"duckdb", "pyiceberg", "polars", "pandas"} }

func (p *program) connectCommand() *cli.Command {
	return &cli.Command{
		Name:      "connect",
		Usage:     "print what to paste into another engine to query the tables",
		ArgsUsage: "ENGINE [TABLE]",
		Description: "ENGINE is " + strings.Join(engineNames(), ", ") + ". With TABLE, the newest load of that table, or the one of --at.\n" +
			"Without, all tables as one load left them (the newest, or that of --at): an engine fetches every\n" +
			"table's pointer by itself, so only what is pinned to one load is sure to belong together.",
		Flags: []cli.Flag{atFlag(), jsonFlag()},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, "ENGINE", "[TABLE]")
			if err != nil {
				return err
			}
			if !contains(engineNames(), args[0]) {
				return usagef("connect %s: no such engine%s", cut(args[0], 60), suggestKey(args[0], engineNames()))
			}
			l, err := p.openExisting(c.Context, c)
			if err != nil {
				return err
			}
			defer l.close()
			return p.connect(c.Context, l, args[0], args[1], c.String("at"), c.Bool("json"))
		},
	}
}

func (p *program) connect(ctx context.Context, l *lakeAt, engine, table, at string, asJSON bool) error {
	conn, err := l.connection(ctx, table, at)
	if err != nil {
		return err
	}
	text := engines()[engine](conn)
	if !asJSON {
		return p.printText(text)
	}
	return p.printJSON(struct {
		Engine    string           `json:"engine"`
		Namespace string           `json:"namespace"`
		LoadID    lake.LoadID      `json:"load_id"` // "" follows the newest
		Tables    []connectedTable `json:"tables"`
		Text      string           `json:"text"`
	}{engine, conn.namespace, conn.loadID, conn.tables, text})
}

// connection gathers what engines need for one table or, where table is "", all
// of them.
func (l *lakeAt) connection(ctx context.Context, table, at string) (connection, error) {
	conn := connection{
		catalogName: l.cfg.Catalog.Name, catalogFile: l.cfg.Catalog.URI, warehouse: l.storage.Root(),
		namespace: l.cfg.Namespace, single: table != "", pinned: at != "" || table == "",
	}
	var states []lake.TableState
	var m moment
	if conn.single {
		state, then, err := l.table(ctx, table, at)
		if err != nil {
			return conn, err
		}
		states, m = []lake.TableState{state}, then
	} else {
		var err error
		if m, err = l.atOrLast(ctx, at); err != nil {
			return conn, err
		}
		if states, err = l.states(ctx, m); err != nil {
			return conn, err
		}
	}
	conn.tag = m.ref.Tag
	if m.load != nil {
		conn.loadID = m.load.LoadID
	}
	for _, s := range states {
		info, err := l.catalog.Metadata(ctx, s.Schema.Table)
		if err != nil {
			return conn, l.tableError(ctx, s.Schema.Table, err)
		}
		conn.tables = append(conn.tables, connectedTable{s.Schema.Table, info.Location, s.Snapshot.ID})
	}
	return conn, nil
}

// atOrLast is the moment that at names, the last load where at is "".
func (l *lakeAt) atOrLast(ctx context.Context, at string) (moment, error) {
	if at != "" {
		return l.at(ctx, at, "")
	}
	loads, err := l.loads(ctx)
	if err != nil {
		return moment{}, err
	}
	if len(loads) == 0 {
		return moment{}, errNoLoad()
	}
	last := &loads[len(loads)-1]
	return moment{ref: catalog.Ref{Tag: last.Tag}, load: last}, nil
}

// example is the table that the last line shows: the first data source.
func (c connection) example() connectedTable {
	i := slices.IndexFunc(c.tables, func(t connectedTable) bool { return !strings.HasPrefix(t.Name, "_") })
	return c.tables[max(i, 0)]
}

// about says in a comment what is shown.
func (c connection) about(comment string) string {
	what, left := "all tables of namespace "+c.namespace, "left them"
	if c.single {
		what, left = c.namespace+"."+c.tables[0].Name, "left it"
	}
	switch {
	case c.loadID != "":
		return fmt.Sprintf("%s %s as load %s %s\n", comment, what, c.loadID, left)
	case c.pinned:
		return fmt.Sprintf("%s %s at snapshot %d\n", comment, what, c.tables[0].SnapshotID)
	default:
		return fmt.Sprintf("%s %s, always the newest load\n", comment, what)
	}
}

// duckdb reads the tables by their folders; each has a hint to its newest metadata.
func (c connection) duckdb() string {
	var b strings.Builder
	b.WriteString(c.about("--"))
	b.WriteString("INSTALL avro; LOAD avro;\nINSTALL iceberg; LOAD iceberg;\n")
	scan := func(t connectedTable) string {
		s := "iceberg_scan(" + sqlText(strings.TrimPrefix(t.Location, "file://"))
		if c.pinned {
			s += ", snapshot_from_id = " + formatID(t.SnapshotID)
		}
		return s + ")"
	}
	if c.single {
		fmt.Fprintf(&b, "SELECT * FROM %s LIMIT 10;\n", scan(c.tables[0]))
		return b.String()
	}
	fmt.Fprintf(&b, "CREATE SCHEMA IF NOT EXISTS %s;\n", sqlName(c.namespace))
	for _, t := range c.tables {
		fmt.Fprintf(&b, "CREATE OR REPLACE VIEW %s.%s AS SELECT * FROM %s;\n", sqlName(c.namespace), sqlName(t.Name), scan(t))
	}
	b.WriteString("-- Joins of these views see one load. Run `notionlake connect duckdb` again after the next one.\n")
	fmt.Fprintf(&b, "SELECT * FROM %s.%s LIMIT 10;\n", sqlName(c.namespace), sqlName(c.example().Name))
	return b.String()
}

// pyCatalog opens the catalog in Python and defines what is common.
func (c connection) pyCatalog(b *strings.Builder, packages string, imports ...string) {
	b.WriteString(c.about("#"))
	fmt.Fprintf(b, "# pip install %s\n", packages)
	for _, i := range append(imports, "from pyiceberg.catalog.sql import SqlCatalog") {
		b.WriteString(i + "\n")
	}
	fmt.Fprintf(b, "\ncatalog = SqlCatalog(%s, uri=%s, warehouse=%s)\n", pyText(c.catalogName), pyText("sqlite:///"+c.catalogFile), pyText(c.warehouse))
	if c.tag != "" {
		fmt.Fprintf(b, "load = %s  # the tag of one load: the same for every table\n", pyText(c.tag))
	}
}

// pyRead reads with PyIceberg; end turns the scan into the wanted result.
func (c connection) pyRead(b *strings.Builder, end string) {
	scan := "catalog.load_table((" + pyText(c.namespace) + ", %s)).scan(%s)%s" + end
	of := func(name string, t connectedTable) string {
		switch {
		case c.tag != "":
			return fmt.Sprintf(scan, name, "", ".use_ref(load)")
		case c.pinned:
			return fmt.Sprintf(scan, name, "snapshot_id="+formatID(t.SnapshotID), "")
		default:
			return fmt.Sprintf(scan, name, "", "")
		}
	}
	if c.single {
		fmt.Fprintf(b, "table = %s\nprint(table)\n", of(pyText(c.tables[0].Name), c.tables[0]))
		return
	}
	fmt.Fprintf(b, "tables = {\n    name: %s\n    for name in [\n", of("name", connectedTable{}))
	for _, t := range c.tables {
		fmt.Fprintf(b, "        %s,\n", pyText(t.Name))
	}
	fmt.Fprintf(b, "    ]\n}\nprint(tables[%s])\n", pyText(c.example().Name))
}

func (c connection) pyiceberg() string {
	var b strings.Builder
	c.pyCatalog(&b, `"pyiceberg[sql-sqlite,pyarrow]"`)
	c.pyRead(&b, ".to_arrow()")
	return b.String()
}

func (c connection) pandas() string {
	var b strings.Builder
	c.pyCatalog(&b, `pandas "pyiceberg[sql-sqlite,pyarrow]"`)
	c.pyRead(&b, ".to_pandas()")
	return b.String()
}

// polars finds the files by the catalog and reads them itself.
func (c connection) polars() string {
	var b strings.Builder
	c.pyCatalog(&b, `polars "pyiceberg[sql-sqlite,pyarrow]"`, "import polars as pl")
	load := "catalog.load_table((" + pyText(c.namespace) + ", %s))"
	if c.single {
		t := c.tables[0]
		fmt.Fprintf(&b, "table = "+load+"\n", pyText(t.Name))
		switch {
		case c.tag != "":
			b.WriteString("frame = pl.scan_iceberg(table, snapshot_id=table.snapshot_by_name(load).snapshot_id)\n")
		case c.pinned:
			fmt.Fprintf(&b, "frame = pl.scan_iceberg(table, snapshot_id=%d)\n", t.SnapshotID)
		default:
			b.WriteString("frame = pl.scan_iceberg(table)\n")
		}
		b.WriteString("print(frame.head(10).collect())\n")
		return b.String()
	}
	b.WriteString("\n\ndef read(name):\n")
	fmt.Fprintf(&b, "    table = "+load+"\n", "name")
	b.WriteString("    return pl.scan_iceberg(table, snapshot_id=table.snapshot_by_name(load).snapshot_id)\n\n\n")
	b.WriteString("tables = {\n    name: read(name)\n    for name in [\n")
	for _, t := range c.tables {
		fmt.Fprintf(&b, "        %s,\n", pyText(t.Name))
	}
	fmt.Fprintf(&b, "    ]\n}\nprint(tables[%s].head(10).collect())\n", pyText(c.example().Name))
	return b.String()
}
