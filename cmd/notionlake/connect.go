package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
)

// A connection is what an engine needs to know of the lake.
type connection struct {
	catalogName string
	namespace   string
	access      access
	// loadID and tag are of the load that is shown: that of --at, else the newest.
	// A snapshot that no load made has neither, and a held load no ID.
	loadID lake.LoadID
	tag    string
	tables []connectedTable
	absent []string // of a held load: what no catalog has before it is published
	cloud  cloud
	single bool // one table was asked for: its newest load is shown too
	at     bool // --at was given
}

type connectedTable struct {
	Name       string `json:"name"`
	Location   string `json:"location"`
	SnapshotID int64  `json:"snapshot_id"`
}

// engines print what to paste, by the name of the engine.
func engines() map[string]func(connection) string {
	return map[string]func(connection) string{
		"duckdb": connection.duckdb, "spark": connection.spark, "trino": connection.trino,
		"pyiceberg": connection.pyiceberg, "polars": connection.polars, "pandas": connection.pandas,
	}
}

func engineNames() []string {
	return []string{"duckdb", "spark", "trino", "pyiceberg", "polars", "pandas"}
}

func (p *program) connectCommand() *cli.Command {
	return &cli.Command{
		Name:      "connect",
		Usage:     "print what to paste into another engine to query the tables",
		ArgsUsage: "ENGINE [TABLE]",
		Description: "ENGINE is " + strings.Join(engineNames(), ", ") + ". With TABLE, how to read its newest load, and that of --at.\n" +
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
	conn.access, conn.cloud = p.accessOf(l.cfg, l.storage.Root()), p.cloudOf(l.cfg)
	if engine == "spark" && strings.Contains(conn.catalogName, ".") {
		return usagef("connect spark: the catalog is named %s, and Spark takes no name with a dot: choose another catalog.name before the first load", conn.catalogName)
	}
	text := engines()[engine](conn)
	if !asJSON {
		return p.printText(text)
	}
	if conn.single && !conn.at {
		conn.loadID = ""
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
		catalogName: l.cfg.Catalog.Name, namespace: l.cfg.Namespace, single: table != "", at: at != "",
	}
	var states []lake.TableState
	var m moment
	if conn.single {
		state, then, err := l.table(ctx, table, at)
		if err != nil {
			return conn, err
		}
		states, m = []lake.TableState{state}, then
	}
	if !conn.single || at == "" {
		var err error
		if m, err = l.atOrLast(ctx, at); err != nil {
			return conn, err
		}
	}
	if !conn.single {
		var err error
		if states, err = l.states(ctx, m); err != nil {
			return conn, err
		}
	}
	conn.tag = m.ref.Tag
	if m.load != nil {
		conn.loadID = m.load.LoadID
	}
	for _, s := range states {
		if m.held != nil {
			if _, err := l.catalog.TableAt(ctx, s.Schema.Table, catalog.Ref{SnapshotID: s.Snapshot.ID}); errors.Is(err, catalog.ErrNotFound) {
				conn.absent = append(conn.absent, s.Schema.Table)
				continue
			}
		}
		info, err := l.catalog.Metadata(ctx, s.Schema.Table)
		if err != nil {
			return conn, l.tableError(ctx, s.Schema.Table, err)
		}
		conn.tables = append(conn.tables, connectedTable{s.Schema.Table, info.Location, s.Snapshot.ID})
	}
	if len(conn.tables) == 0 && len(conn.absent) > 0 {
		return conn, usagef("load %s is held, and the catalog has %s only once it is published (`notionlake publish`); `notionlake head --at %[1]s` shows it", m.held.Load.ID, strings.Join(conn.absent, ", "))
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
		return moment{}, l.noLoad(ctx)
	}
	last := &loads[len(loads)-1]
	return moment{ref: catalog.Ref{Tag: last.Tag}, load: last}, nil
}

// example is the table that the last line shows: the first data source.
func (c connection) example() connectedTable {
	i := slices.IndexFunc(c.tables, func(t connectedTable) bool { return !strings.HasPrefix(t.Name, "_") })
	return c.tables[max(i, 0)]
}

// users is the table of the people who made the rows of example, for a join.
func (c connection) users() (connectedTable, bool) {
	i := slices.IndexFunc(c.tables, func(t connectedTable) bool { return t.Name == "_users" })
	if i < 0 || strings.HasPrefix(c.example().Name, "_") {
		return connectedTable{}, false
	}
	return c.tables[i], true
}

// about says in a comment what is shown.
func (c connection) about(comment string) string {
	if c.single {
		return comment + " " + c.namespace + "." + c.tables[0].Name + ": the newest load, and " + c.then("it") + "\n"
	}
	absent := ""
	if len(c.absent) > 0 {
		absent = comment + " The load is held; not in the catalog before it is published: " + strings.Join(c.absent, ", ") + "\n"
	}
	return comment + " all tables of namespace " + c.namespace + " " + c.then("them") + "\n" + absent +
		comment + " An engine fetches each table's pointer by itself, also within one query: in the moment in which a\n" +
		comment + " load becomes visible it may see two loads. Tables that are pinned to one load belong together.\n"
}

// then says of what time a pinned query is.
func (c connection) then(it string) string {
	switch {
	case c.loadID != "":
		return "as load " + string(c.loadID) + " left " + it
	case c.tag != "":
		return "as tag " + c.tag + " has " + it
	default:
		return fmt.Sprintf("at snapshot %d", c.tables[0].SnapshotID)
	}
}
