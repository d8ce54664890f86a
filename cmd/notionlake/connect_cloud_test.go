package main

import (
	"strings"
	"testing"

	"github.com/notionlake/notionlake/extract/notion"
)

// What `connect` prints says how to reach warehouse and catalog, and no secret.
// That the texts work is shown by `make matrix`.
func TestConnectCloud(t *testing.T) {
	for _, c := range []struct {
		name, warehouse string
		storage         storageConfig
		env             map[string]string
		want            map[string][]string
		without         map[string]string
	}{
		{
			name: "S3", warehouse: "s3://bucket/lake", storage: storageConfig{Region: "eu-central-1"},
			want: map[string][]string{
				"duckdb": {"SET s3_region = 'eu-central-1';", "LOAD httpfs"}, "pyiceberg": {`"s3.region": "eu-central-1"`},
				"polars": {`storage_options={"aws_region": "eu-central-1"}`}, "spark": {"iceberg-aws-bundle", `client.region", "eu-central-1"`},
				"trino": {`"fs.native-s3.enabled" = 'true'`, `"s3.region" = 'eu-central-1'`},
			},
			without: map[string]string{"trino": "local.location", "duckdb": "s3_endpoint", "spark": "path-style"},
		},
		{
			name: "compatible", warehouse: "s3://bucket/lake",
			storage: storageConfig{
				Endpoint: "http://127.0.0.1:9000", AccessKeyID: secret{notion.Token("thekeyid")}, SecretAccessKey: secret{notion.Token("thesecretkey")},
			},
			want: map[string][]string{
				"duckdb": {"SET s3_endpoint = '127.0.0.1:9000';", "SET s3_use_ssl = false;", "SET s3_url_style = 'path';"},
				"polars": {`"aws_allow_http": "true"`}, "spark": {`s3.path-style-access", "true"`}, "trino": {`"s3.path-style-access" = 'true'`},
				"pandas": {`"s3.endpoint": "http://127.0.0.1:9000"`, "AWS_ACCESS_KEY_ID"},
			},
		},
		{
			name: "region of the environment", warehouse: "s3://bucket/lake", env: map[string]string{"AWS_DEFAULT_REGION": "eu-west-3"},
			want: map[string][]string{"duckdb": {"SET s3_region = 'eu-west-3';"}, "pyiceberg": {`"s3.region": "eu-west-3"`}},
		},
		{
			name: "profile", warehouse: "s3://bucket/lake", storage: storageConfig{Endpoint: "http://127.0.0.1:9000", Profile: "lakes"},
			want: map[string][]string{
				"duckdb":    {"LOAD aws;\nCREATE OR REPLACE SECRET s3 (TYPE s3, PROVIDER credential_chain, PROFILE 'lakes', ENDPOINT '127.0.0.1:9000', USE_SSL false, URL_STYLE 'path');"},
				"pyiceberg": {"set AWS_PROFILE"}, "spark": {"set AWS_PROFILE"},
			},
		},
		{
			name: "virtual hosts", warehouse: "s3://bucket/lake", storage: storageConfig{Endpoint: "https://s3.example.com", PathStyle: "false"},
			want:    map[string][]string{"duckdb": {"SET s3_use_ssl = true;"}, "pyiceberg": {"force-virtual-addressing"}},
			without: map[string]string{"duckdb": "url_style", "spark": "path-style", "trino": "path-style", "polars": "allow_http"},
		},
		{
			name: "Google", warehouse: "gs://bucket/lake",
			want: map[string][]string{
				"spark": {"GCSFileIO", "iceberg-gcp-bundle"}, "trino": {"fs.native-gcs.enabled", "APPLICATION_DEFAULT"}, "pyiceberg": {"GOOGLE_APPLICATION_CREDENTIALS"},
			},
			without: map[string]string{"pyiceberg": "gcs.", "spark": "no-auth"},
		},
		{
			name: "emulator", warehouse: "gs://bucket/lake", env: map[string]string{emulatorVariable: "127.0.0.1:4443"},
			want: map[string][]string{
				"pyiceberg": {`"gcs.service.host": "http://127.0.0.1:4443"`}, "spark": {"gcs.no-auth"},
				"duckdb": {"ENDPOINT '127.0.0.1:4443'", "USE_SSL false"}, "polars": {`gcs_base_url`, `"allow_http": "true"`},
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := defaults()
			cfg.Warehouse, cfg.Storage = c.warehouse, c.storage
			cfg.Catalog.Type, cfg.Catalog.URI = "postgres", "postgres://lake:thepassword@db.example.com:5433/meta"
			p := newTestProgram(c.env)
			conn := connection{
				catalogName: "notionlake", access: p.accessOf(cfg, c.warehouse), namespace: "notion", cloud: p.cloudOf(cfg), tag: "load_x",
				tables: []connectedTable{{"tasks", c.warehouse + "/notion/tasks", 7}}, single: true,
			}
			for _, engine := range engineNames() {
				text := engines()[engine](conn)
				for _, hidden := range []string{"thepassword", "thesecretkey", "thekeyid"} {
					if strings.Contains(text, hidden) {
						t.Errorf("%s shows %s", engine, hidden)
					}
				}
				want := c.want[engine]
				switch engine {
				case "duckdb":
				case "spark", "trino":
					want = append(want, "jdbc:postgresql://db.example.com:5433/meta", "PGPASSWORD", "org.postgresql")
				default:
					want = append(want, `"postgresql+psycopg2://lake@db.example.com:5433/meta"`, "sql-postgres")
				}
				for _, w := range want {
					if !strings.Contains(text, w) {
						t.Errorf("%s lacks %s:\n%s", engine, w, text)
					}
				}
				if w := c.without[engine]; w != "" && strings.Contains(text, w) {
					t.Errorf("%s has %s:\n%s", engine, w, text)
				}
			}
		})
	}
}

// Of a REST catalog the texts name the variables from which the token comes.
func TestConnectGlueAndHive(t *testing.T) {
	t.Parallel()
	cfg := defaults()
	cfg.Warehouse = "s3://bucket/lake"
	for _, test := range []struct {
		catalog catalogConfig
		want    map[string][]string
	}{
		{catalogConfig{Type: "glue", Name: "notionlake", CatalogID: "123456789012"}, map[string][]string{
			"pyiceberg": {"from pyiceberg.catalog.glue import GlueCatalog", `"glue.region": "eu-central-1"`, `"glue.id": "123456789012"`, "pyiceberg[glue,pyarrow]"},
			"spark":     {`.type", "glue"`, `.warehouse", "s3://bucket/lake"`, `.client.region", "eu-central-1"`, "iceberg-aws-bundle", "S3FileIO"},
			"trino":     {`"iceberg.catalog.type" = 'glue'`, `"hive.metastore.glue.region" = 'eu-central-1'`, `"hive.metastore.glue.catalogid" = '123456789012'`},
		}},
		{catalogConfig{Type: "hive", Name: "notionlake", URI: "thrift://metastore:9083"}, map[string][]string{
			"pyiceberg": {"from pyiceberg.catalog.hive import HiveCatalog", `uri="thrift://metastore:9083"`, "pyiceberg[hive,pyarrow]"},
			"spark":     {`.type", "hive"`, `.uri", "thrift://metastore:9083"`},
			"trino":     {`"iceberg.catalog.type" = 'hive_metastore'`, `"hive.metastore.uri" = 'thrift://metastore:9083'`},
		}},
	} {
		cfg.Catalog = test.catalog
		p := newTestProgram(map[string]string{"AWS_REGION": "eu-central-1"})
		conn := connection{
			catalogName: "notionlake", access: p.accessOf(cfg, cfg.Warehouse), namespace: "notion", cloud: p.cloudOf(cfg), tag: "load_x",
			tables: []connectedTable{{"tasks", cfg.Warehouse + "/notion/tasks", 7}}, single: true,
		}
		for engine, want := range test.want {
			text := engines()[engine](conn)
			for _, w := range want {
				if strings.Count(text, w) != 1 {
					t.Errorf("%s with %s has not %s once:\n%s", engine, test.catalog.Type, w, text)
				}
			}
		}
	}
}

func TestConnectREST(t *testing.T) {
	cfg := defaults()
	cfg.Warehouse, cfg.Storage.Region = "s3://bucket/lake", "eu-central-1"
	base := catalogConfig{Type: "rest", Name: "notionlake", URI: "https://catalog.example.com/api", Warehouse: "prod"}
	for name, c := range map[string]struct {
		change func(*catalogConfig)
		want   map[string][]string
	}{
		"token": {func(c *catalogConfig) { c.Token = secret{"${LAKE_TOKEN}"} }, map[string][]string{
			"pyiceberg": {`token=os.environ["LAKE_TOKEN"]`, "import os", `warehouse="prod"`, "LAKE_TOKEN."},
			"spark":     {`.token", os.environ["LAKE_TOKEN"])`, `.type", "rest"`, "import os"},
			"trino":     {`"iceberg.rest-catalog.oauth2.token" = '${ENV:LAKE_TOKEN}'`, "OAUTH2", `"iceberg.rest-catalog.warehouse" = 'prod'`},
		}},
		"credential": {func(c *catalogConfig) {
			c.Credential, c.OAuth2ServerURI, c.Scope = secret{"theid:thesecretkey"}, "https://auth.example.com/token", "all"
		}, map[string][]string{
			"pyiceberg": {`credential=os.environ["ICEBERG_CREDENTIAL"]`, `scope="all"`, `"oauth2-server-uri": "https://auth.example.com/token"`},
			"spark":     {`.credential", os.environ["ICEBERG_CREDENTIAL"])`},
			"trino":     {`"iceberg.rest-catalog.oauth2.server-uri" = 'https://auth.example.com/token'`},
		}},
		"signed": {func(c *catalogConfig) { c.SigV4, c.SigningRegion, c.SigningName = true, "eu-central-1", "glue" }, map[string][]string{
			"pyiceberg": {`"rest.sigv4-enabled": "true"`, `"rest.signing-name": "glue"`, "pyiceberg[rest-sigv4,pyarrow]"},
			"trino":     {`"iceberg.rest-catalog.security" = 'SIGV4'`},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg.Catalog = base
			c.change(&cfg.Catalog)
			p := newTestProgram(nil)
			conn := connection{
				catalogName: "notionlake", access: p.accessOf(cfg, cfg.Warehouse), namespace: "notion", cloud: p.cloudOf(cfg), tag: "load_x",
				tables: []connectedTable{{"tasks", cfg.Warehouse + "/notion/tasks", 7}}, single: true,
			}
			for _, engine := range engineNames() {
				text := engines()[engine](conn)
				if strings.Contains(text, "thesecretkey") {
					t.Errorf("%s shows the credential", engine)
				}
				for _, w := range c.want[engine] {
					if !strings.Contains(text, w) {
						t.Errorf("%s lacks %s:\n%s", engine, w, text)
					}
				}
			}
		})
	}
}

// Where the catalog hands out the keys for the files, engines are told to ask for them.
func TestConnectVended(t *testing.T) {
	t.Parallel()
	cfg := defaults()
	cfg.Warehouse, cfg.Storage.Credentials = "s3://bucket/lake", fromCatalog
	cfg.Catalog = catalogConfig{Type: "rest", Name: "notionlake", URI: "https://catalog.example.com/api", Warehouse: "prod", Credential: secret{"theid:thesecretkey"}, Scope: "all"}
	p := newTestProgram(nil)
	for engine, want := range map[string][]string{
		"pyiceberg": {`"header.X-Iceberg-Access-Delegation": "vended-credentials"`, "hands out"},
		"spark":     {`.header.X-Iceberg-Access-Delegation", "vended-credentials"`, "S3FileIO"},
		"trino":     {`"iceberg.rest-catalog.vended-credentials-enabled" = 'true'`, `"fs.native-s3.enabled" = 'true'`},
		"duckdb": {
			`CREATE OR REPLACE SECRET "notionlake" (TYPE iceberg, CLIENT_ID '...', CLIENT_SECRET '...', OAUTH2_SCOPE 'all');`,
			`ATTACH 'prod' AS "notionlake" (TYPE iceberg, ENDPOINT 'https://catalog.example.com/api', SECRET "notionlake");`,
			`SELECT * FROM "notionlake"."notion"."tasks" AT (VERSION => 7) LIMIT 10;`,
		},
	} {
		conn := connection{
			catalogName: "notionlake", access: p.accessOf(cfg, cfg.Warehouse), namespace: "notion", cloud: p.cloudOf(cfg), tag: "load_x",
			tables: []connectedTable{{"tasks", cfg.Warehouse + "/notion/tasks", 7}}, single: true,
		}
		text := engines()[engine](conn)
		for _, w := range want {
			if strings.Count(text, w) != 1 {
				t.Errorf("%s has not %s once:\n%s", engine, w, text)
			}
		}
		if strings.Contains(text, "thesecretkey") || strings.Contains(text, "AWS_") {
			t.Errorf("%s:\n%s", engine, text)
		}
	}
}
