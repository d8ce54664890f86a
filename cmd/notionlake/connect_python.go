package main

import (
	"fmt"
	"strings"
)

// pyCatalog opens the catalog in Python and defines what is common.
func (c connection) pyCatalog(b *strings.Builder, packages string, imports ...string) {
	b.WriteString(c.about("#"))
	b.WriteString(c.cloud.about("#"))
	b.WriteString(c.access.about("#"))
	if c.access.kind == "sqlite" && strings.Contains(c.access.sqlalchemy, "%25") {
		packages += ` "sqlalchemy>=2.1"` // those before take a path as it is
	}
	fmt.Fprintf(b, "# pip install %s\n", packages)
	if c.access.secretVariable != "" {
		b.WriteString("import os\n")
	}
	module, class, properties := c.access.pyiceberg()
	for _, i := range append(imports, "from pyiceberg.catalog."+module+" import "+class) {
		b.WriteString(i + "\n")
	}
	fmt.Fprintf(b, "\ncatalog = %s(%s", class, pyText(c.catalogName))
	var more []string // whose names are none in Python
	for _, p := range append(properties, c.cloud.pyiceberg()...) {
		if strings.ContainsAny(p.name, ".-") {
			more = append(more, "    "+pyText(p.name)+": "+p.python()+",\n")
		} else {
			b.WriteString(", " + p.name + "=" + p.python())
		}
	}
	if more != nil {
		b.WriteString(", **{\n" + strings.Join(more, "") + "}")
	}
	b.WriteString(")\n")
	if c.tag != "" {
		fmt.Fprintf(b, "load = %s  # the tag of one load: the same for every table\n", pyText(c.tag))
	}
}

// python is the value of a setting, or where it is found.
func (s setting) python() string {
	if s.variable != "" {
		return "os.environ[" + pyText(s.variable) + "]"
	}
	return pyText(s.value)
}

// pyTable loads a table; name is an expression.
func (c connection) pyTable(name string) string {
	return "catalog.load_table((" + pyText(c.namespace) + ", " + name + "))"
}

// pyRead reads with PyIceberg; end turns the scan into the wanted result.
func (c connection) pyRead(b *strings.Builder, end string) {
	pinned := func(name string, t connectedTable) string {
		if c.tag != "" {
			return c.pyTable(name) + ".scan().use_ref(load)" + end
		}
		return c.pyTable(name) + ".scan(snapshot_id=" + formatID(t.SnapshotID) + ")" + end
	}
	if c.single {
		name := pyText(c.tables[0].Name)
		fmt.Fprintf(b, "table = %s.scan()%s\nprint(table)\n", c.pyTable(name), end)
		fmt.Fprintf(b, "then = %s\nprint(then)\n", pinned(name, c.tables[0]))
		return
	}
	c.pyTables(b, pinned("name", connectedTable{}), "")
}

// pyTables reads all tables by an expression of their name, and prints one.
func (c connection) pyTables(b *strings.Builder, read, end string) {
	fmt.Fprintf(b, "tables = {\n    name: %s\n    for name in [\n", read)
	for _, t := range c.tables {
		fmt.Fprintf(b, "        %s,\n", pyText(t.Name))
	}
	fmt.Fprintf(b, "    ]\n}\nprint(tables[%s]%s)\n", pyText(c.example().Name), end)
}

func (c connection) pyiceberg() string {
	var b strings.Builder
	c.pyCatalog(&b, `"pyiceberg[`+c.access.extra()+`]"`)
	c.pyRead(&b, ".to_arrow()")
	return b.String()
}

func (c connection) pandas() string {
	var b strings.Builder
	c.pyCatalog(&b, `pandas "pyiceberg[`+c.access.extra()+`]"`)
	c.pyRead(&b, ".to_pandas()")
	return b.String()
}

// polars finds the files by the catalog and reads them itself.
func (c connection) polars() string {
	var b strings.Builder
	c.pyCatalog(&b, `polars "pyiceberg[`+c.access.extra()+`]"`, "import polars as pl")
	options := c.cloud.polars()
	pinned := "pl.scan_iceberg(table, snapshot_id=table.snapshot_by_name(load).snapshot_id" + options + ")"
	if c.single {
		t := c.tables[0]
		fmt.Fprintf(&b, "table = %s\n", c.pyTable(pyText(t.Name)))
		b.WriteString("frame = pl.scan_iceberg(table" + options + ")\nprint(frame.head(10).collect())\n")
		if c.tag != "" {
			b.WriteString("then = " + pinned + "\n")
		} else {
			fmt.Fprintf(&b, "then = pl.scan_iceberg(table, snapshot_id=%d%s)\n", t.SnapshotID, options)
		}
		b.WriteString("print(then.head(10).collect())\n")
		return b.String()
	}
	fmt.Fprintf(&b, "\n\ndef read(name):\n    table = %s\n    return %s\n\n\n", c.pyTable("name"), pinned)
	c.pyTables(&b, "read(name)", ".head(10).collect()")
	return b.String()
}
