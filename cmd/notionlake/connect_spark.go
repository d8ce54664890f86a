package main

import (
	"fmt"
	"strings"
)

// The versions that `connect spark` names, which are known to work together.
const (
	sparkVersion = "4.1"
	sparkRuntime = "org.apache.iceberg:iceberg-spark-runtime-4.1_2.13:1.12.0"
	sparkAWS     = "org.apache.iceberg:iceberg-aws-bundle:1.12.0"
	sparkGCP     = "org.apache.iceberg:iceberg-gcp-bundle:1.12.0"
)

// spark opens the catalog by JDBC. It must have the name in Spark that it has in
// the SQLite file.
func (c connection) spark() string {
	var b strings.Builder
	b.WriteString(c.about("#"))
	b.WriteString(c.cloud.about("#"))
	b.WriteString(c.database.about("#"))
	fmt.Fprintf(&b, "# pip install \"pyspark==%s.*\" (it needs Java 17)\n", sparkVersion)
	if c.database.user != "" {
		b.WriteString("import os\n")
	}
	b.WriteString("from pyspark.sql import SparkSession\n\n")
	catalog := "spark.sql.catalog." + c.catalogName
	b.WriteString("spark = (\n    SparkSession.builder\n")
	packages, settings := c.cloud.spark()
	all := [][2]string{
		{"spark.jars.packages", sparkRuntime + "," + c.database.artifact + ":" + c.database.version + packages},
		{"spark.sql.session.timeZone", "UTC"},
		{catalog, "org.apache.iceberg.spark.SparkCatalog"},
		{catalog + ".type", "jdbc"},
		{catalog + ".uri", c.database.jdbc},
		{catalog + ".warehouse", c.warehouse},
	}
	for _, s := range settings {
		all = append(all, [2]string{catalog + "." + s[0], s[1]})
	}
	for _, s := range all {
		fmt.Fprintf(&b, "    .config(%s, %s)\n", pyText(s[0]), pyText(s[1]))
	}
	if c.database.user != "" {
		fmt.Fprintf(&b, "    .config(%s, %s)\n", pyText(catalog+".jdbc.user"), pyText(c.database.user))
		fmt.Fprintf(&b, "    .config(%s, os.environ[%s])\n", pyText(catalog+".jdbc.password"), pyText(passwordVariable))
	}
	b.WriteString("    # Else a session that runs keeps the tables as it saw them first, until REFRESH TABLE.\n")
	fmt.Fprintf(&b, "    .config(%s, \"false\")\n", pyText(catalog+".cache-enabled"))
	b.WriteString("    .getOrCreate()\n)\n")
	c.queries(&b, sparkName, c.catalogName, "VERSION AS OF", func(sql string) string { return "spark.sql(" + pyText(sql) + ").show()" })
	return b.String()
}

// sparkName quotes a name for Spark.
func sparkName(s string) string { return "`" + strings.ReplaceAll(s, "`", "``") + "`" }
