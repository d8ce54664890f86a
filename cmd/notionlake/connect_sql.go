package main

import (
	"fmt"
	"regexp"
	"strings"
)

// duckdb reads the tables by their folders; each has a hint to its newest
// metadata. That way knows no tags: what is pinned is pinned to snapshots.
func (c connection) duckdb() string {
	if c.access.vended {
		return c.duckdbVended()
	}
	var b strings.Builder
	b.WriteString(c.about("--"))
	b.WriteString(c.cloud.about("--"))
	b.WriteString("INSTALL avro; LOAD avro;\n")
	b.WriteString(c.cloud.duckdb())
	b.WriteString("INSTALL iceberg; LOAD iceberg;\n")
	folder := func(t connectedTable) string { return sqlText(strings.TrimPrefix(t.Location, "file://")) }
	pinned := func(t connectedTable) string {
		return "iceberg_scan(" + folder(t) + ", snapshot_from_id = " + formatID(t.SnapshotID) + ")"
	}
	if c.single {
		t := c.tables[0]
		fmt.Fprintf(&b, "SELECT * FROM iceberg_scan(%s) LIMIT 10;\n", folder(t))
		fmt.Fprintf(&b, "-- %s (a path has no tags: this is the snapshot):\n", c.then("it"))
		fmt.Fprintf(&b, "SELECT * FROM %s LIMIT 10;\n", pinned(t))
		return b.String()
	}
	fmt.Fprintf(&b, "CREATE SCHEMA IF NOT EXISTS %s;\n", sqlName(c.namespace))
	for _, t := range c.tables {
		fmt.Fprintf(&b, "CREATE OR REPLACE VIEW %s.%s AS SELECT * FROM %s;\n", sqlName(c.namespace), sqlName(t.Name), pinned(t))
	}
	b.WriteString("-- Joins of these views see one load. Run `notionlake connect duckdb` again after the next one.\n")
	fmt.Fprintf(&b, "SELECT * FROM %s.%s LIMIT 10;\n", sqlName(c.namespace), sqlName(c.example().Name))
	if users, ok := c.users(); ok {
		fmt.Fprintf(&b, "SELECT t.\"_id\", u.\"name\" AS \"created_by\" FROM %s.%s AS t JOIN %s.%s AS u ON u.\"id\" = t.\"_created_by\" LIMIT 10;\n",
			sqlName(c.namespace), sqlName(c.example().Name), sqlName(c.namespace), sqlName(users.Name))
	}
	return b.String()
}

// notTrino is what a name of a catalog in Trino does not have.
var notTrino = regexp.MustCompile(`[^a-z0-9_]`)

// trino opens the catalog. Its name in Trino is free; that in a database is a setting.
func (c connection) trino() string {
	var b strings.Builder
	name := notTrino.ReplaceAllString(strings.ToLower(c.catalogName), "_")
	b.WriteString(c.about("--"))
	b.WriteString(c.cloud.about("--"))
	b.WriteString(c.access.about("--"))
	if c.access.artifact != "" {
		b.WriteString("-- Once: put the jar of " + c.access.artifact + " into plugin/iceberg of the Trino server, which must reach these files.\n")
	}
	b.WriteString("-- CREATE CATALOG needs catalog.management=dynamic; else write the settings, without quotes, to\n")
	fmt.Fprintf(&b, "-- etc/catalog/%s.properties, with the line connector.name=iceberg.\n", name)
	fmt.Fprintf(&b, "CREATE CATALOG %s USING iceberg WITH (\n", sqlName(name))
	all := append(c.access.trino(), c.cloud.trino()...)
	for i, s := range all {
		end := ","
		if i == len(all)-1 {
			end = ""
		}
		value := s.value
		if s.variable != "" {
			value = "${ENV:" + s.variable + "}"
		}
		fmt.Fprintf(&b, "  %s = %s%s\n", sqlName(s.name), sqlText(value), end)
	}
	b.WriteString(");\n")
	c.queries(&b, sqlName, name, "FOR VERSION AS OF", func(sql string) string { return sql + ";" })
	return b.String()
}

// queries writes the queries of an engine that reads by tag; statement makes a
// statement of a query.
func (c connection) queries(b *strings.Builder, quote func(string) string, catalogName, versionAsOf string, statement func(string) string) {
	of := func(t connectedTable) string {
		return quote(catalogName) + "." + quote(c.namespace) + "." + quote(t.Name)
	}
	pinned := func(t connectedTable) string {
		version := sqlText(c.tag)
		if c.tag == "" {
			version = formatID(t.SnapshotID)
		}
		return of(t) + " " + versionAsOf + " " + version
	}
	line := func(sql string) { b.WriteString(statement(sql) + "\n") }
	if c.single {
		line("SELECT * FROM " + of(c.tables[0]) + " LIMIT 10")
		line("SELECT * FROM " + pinned(c.tables[0]) + " LIMIT 10")
		return
	}
	for _, t := range c.tables {
		line("SELECT * FROM " + pinned(t) + " LIMIT 10")
	}
	if users, ok := c.users(); ok {
		line("SELECT t." + quote("_id") + ", u." + quote("name") + " AS " + quote("created_by") + " FROM " + pinned(c.example()) + " AS t JOIN " +
			pinned(users) + " AS u ON u." + quote("id") + " = t." + quote("_created_by") + " LIMIT 10")
	}
}
