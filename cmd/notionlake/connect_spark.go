package main

import (
	"fmt"
	"slices"
	"strings"
)

// The versions that `connect spark` names, which are known to work together.
const (
	sparkVersion = "4.1"
	sparkRuntime = "org.apache.iceberg:iceberg-spark-runtime-4.1_2.13:1.12.0"
	sparkAWS     = "org.apache.iceberg:iceberg-aws-bundle:1.12.0"
	sparkGCP     = "org.apache.iceberg:iceberg-gcp-bundle:1.11.0"
)

// spark opens the catalog. One in a database must have the name in Spark that it
// has there.
func (c connection) spark() string {
	var b strings.Builder
	b.WriteString(c.about("#"))
	b.WriteString(c.cloud.about("#"))
	b.WriteString(c.access.about("#"))
	fmt.Fprintf(&b, "# pip install \"pyspark==%s.*\" (it needs Java 17)\n", sparkVersion)
	drivers, own := c.access.spark()
	if slices.ContainsFunc(own, func(s setting) bool { return s.variable != "" }) {
		b.WriteString("import os\n")
	}
	b.WriteString("from pyspark.sql import SparkSession\n\n")
	catalog := "spark.sql.catalog." + c.catalogName
	b.WriteString("spark = (\n    SparkSession.builder\n")
	packages, cloud := c.cloud.spark()
	if drivers == packages {
		packages = ""
	}
	cloud = slices.DeleteFunc(cloud, func(s setting) bool {
		return slices.ContainsFunc(own, func(o setting) bool { return o.name == s.name })
	})
	all := settings{
		{name: "spark.jars.packages", value: sparkRuntime + drivers + packages},
		{name: "spark.sql.session.timeZone", value: "UTC"},
		{name: catalog, value: "org.apache.iceberg.spark.SparkCatalog"},
	}
	if c.access.kind == "glue" && c.cloud.scheme == "" {
		cloud.add("io-impl", "org.apache.iceberg.hadoop.HadoopFileIO", true) // else it expects s3
	}
	for _, s := range append(own, cloud...) {
		s.name = catalog + "." + s.name
		all = append(all, s)
	}
	for _, s := range all {
		fmt.Fprintf(&b, "    .config(%s, %s)\n", pyText(s.name), s.python())
	}
	b.WriteString("    # Else a session that runs keeps the tables as it saw them first, until REFRESH TABLE.\n")
	fmt.Fprintf(&b, "    .config(%s, \"false\")\n", pyText(catalog+".cache-enabled"))
	b.WriteString("    .getOrCreate()\n)\n")
	c.queries(&b, sparkName, c.catalogName, "VERSION AS OF", func(sql string) string { return "spark.sql(" + pyText(sql) + ").show()" })
	return b.String()
}

// sparkName quotes a name for Spark.
func sparkName(s string) string { return "`" + strings.ReplaceAll(s, "`", "``") + "`" }
