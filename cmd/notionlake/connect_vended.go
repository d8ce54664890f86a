package main

import (
	"fmt"
	"strings"
)

// What a client asks a REST catalog by for credentials for the files of a table.
const (
	delegationHeader  = "header.X-Iceberg-Access-Delegation"
	vendedCredentials = "vended-credentials"
)

// duckdbVended opens the catalog, which has the keys for the files: by their folders they
// cannot be read. DuckDB knows no tags: what is pinned is pinned to snapshots.
func (c connection) duckdbVended() string {
	var b strings.Builder
	a := c.access
	b.WriteString(c.about("--"))
	b.WriteString(c.cloud.about("--"))
	b.WriteString(a.about("--"))
	b.WriteString("INSTALL httpfs; LOAD httpfs;\nINSTALL avro; LOAD avro;\nINSTALL iceberg; LOAD iceberg;\n")
	name := sqlName(c.catalogName)
	let := ", AUTHORIZATION_TYPE 'none'"
	if a.secretVariable != "" {
		secret := "TOKEN '...'"
		if a.credential {
			secret = "CLIENT_ID '...', CLIENT_SECRET '...'"
			if a.authURL != "" {
				secret += ", OAUTH2_SERVER_URI " + sqlText(a.authURL)
			}
			if a.scope != "" {
				secret += ", OAUTH2_SCOPE " + sqlText(a.scope)
			}
		}
		fmt.Fprintf(&b, "CREATE OR REPLACE SECRET %s (TYPE iceberg, %s);\n", name, secret)
		let = ", SECRET " + name
	}
	fmt.Fprintf(&b, "ATTACH %s AS %s (TYPE iceberg, ENDPOINT %s%s);\n", sqlText(a.warehouse), name, sqlText(a.uri), let)
	for _, t := range c.tables {
		of := name + "." + sqlName(c.namespace) + "." + sqlName(t.Name)
		if c.single {
			fmt.Fprintf(&b, "SELECT * FROM %s LIMIT 10;\n-- %s:\n", of, c.then("it"))
		}
		fmt.Fprintf(&b, "SELECT * FROM %s AT (VERSION => %s) LIMIT 10;\n", of, formatID(t.SnapshotID))
	}
	return b.String()
}
