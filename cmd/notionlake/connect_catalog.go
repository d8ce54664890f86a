package main

import (
	"cmp"
	"net/url"
	"regexp"
	"strings"
)

// An access is how engines open the catalog. Passwords and tokens are not among
// it: no text that is printed holds a secret.
type access struct {
	kind      string // sqlite, postgres, rest, glue or hive
	name      string // of the catalog
	warehouse string // URI, or the name that a REST catalog has for it
	uri       string // of a server; "" of Glue: the region's
	prefix    string

	sqlalchemy string // URI for PyIceberg
	jdbc       string // URL
	driver     string // class
	artifact   string // of Maven, without the version
	version    string
	user       string // "": none

	// secretVariable names the variable with the token or the credential; "": none is needed.
	secretVariable string
	credential     bool // it is a credential
	authURL, scope string
	sigv4          bool
	region         string // of the signature, or of Glue
	service        string
	catalogID      string // of Glue
	profile        string // of Glue
	vended         bool   // it hands out credentials for the files
}

// passwordVariable is where programs of Postgres look for the password.
const passwordVariable = "PGPASSWORD"

func (p *program) accessOf(cfg *config, warehouse string) access {
	c := &cfg.Catalog
	a := access{kind: c.Type, name: c.Name, warehouse: warehouse}
	switch c.Type {
	case "rest":
		a.warehouse, a.uri, a.prefix = c.Warehouse, c.URI, c.Prefix
		a.authURL, a.scope, a.sigv4, a.region, a.service = c.OAuth2ServerURI, c.Scope, c.SigV4, c.SigningRegion, c.SigningName
		a.vended = cfg.Storage.vended()
		switch {
		case !c.Token.isEmpty():
			a.secretVariable = variableOf(c.Token, "ICEBERG_TOKEN")
		case !c.Credential.isEmpty():
			a.secretVariable, a.credential = variableOf(c.Credential, "ICEBERG_CREDENTIAL"), true
		}
	case "glue":
		a.uri, a.region, a.catalogID, a.profile = c.URI, cmp.Or(c.Region, cfg.Storage.Region, p.region()), c.CatalogID, cmp.Or(c.Profile, cfg.Storage.Profile)
	case "hive":
		a.uri = c.URI
	case "postgres":
		a.driver, a.artifact, a.version = "org.postgresql.Driver", "org.postgresql:postgresql", "42.7.8"
		u, err := url.Parse(c.URI)
		if err != nil {
			return a // the catalog could not have been opened
		}
		a.user = u.User.Username()
		a.jdbc = "jdbc:postgresql://" + u.Host + u.Path
		u.Scheme, u.RawQuery = "postgresql+psycopg2", ""
		if a.user != "" {
			u.User = url.User(a.user)
		}
		a.sqlalchemy = u.String()
	default:
		a.sqlalchemy, a.jdbc = "sqlite:///"+percentPair.ReplaceAllString(c.URI, "%25$1"), "jdbc:sqlite:"+c.URI
		a.driver, a.artifact, a.version = "org.sqlite.JDBC", "org.xerial:sqlite-jdbc", "3.50.3.0"
	}
	return a
}

// percentPair is what SQLAlchemy decodes in the path of a URI, from version 2.1 on.
var percentPair = regexp.MustCompile(`%([0-9A-Fa-f]{2})`)

var oneVariable = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$`)

// variableOf is the environment variable that a secret of the configuration is
// taken from.
func variableOf(s secret, otherwise string) string {
	if m := oneVariable.FindStringSubmatch(strings.TrimSpace(s.reveal())); m != nil {
		return m[1]
	}
	return otherwise
}

// about says in a comment where the password or the token comes from.
func (a access) about(comment string) string {
	switch {
	case a.secretVariable != "":
		return comment + " What lets you into the catalog is taken from " + a.secretVariable + ".\n"
	case a.user != "":
		return comment + " The password of the catalog is taken from " + passwordVariable + ".\n"
	default:
		return ""
	}
}

// extra is what the package pyiceberg needs beside itself.
func (a access) extra() string {
	switch {
	case a.kind == "postgres":
		return "sql-postgres,pyarrow"
	case a.kind == "rest" && a.sigv4:
		return "rest-sigv4,pyarrow"
	case a.kind == "rest":
		return "pyarrow"
	case a.kind == "glue" || a.kind == "hive":
		return a.kind + ",pyarrow"
	default:
		return "sql-sqlite,pyarrow"
	}
}

// A setting is a name with its value, or with the environment variable that holds it.
type setting struct{ name, value, variable string }

// settings are names with their values.
type settings []setting

// add adds a setting where it is needed.
func (s *settings) add(name, value string, needed bool) {
	if needed {
		*s = append(*s, setting{name: name, value: value})
	}
}

// secret adds a setting whose value is in the environment.
func (s *settings) secret(name, variable string, needed bool) {
	if needed {
		*s = append(*s, setting{name: name, variable: variable})
	}
}

// pyiceberg are the class of the catalog and its properties.
func (a access) pyiceberg() (module, class string, properties settings) {
	switch a.kind {
	case "glue":
		properties.add("glue.region", a.region, a.region != "")
		properties.add("glue.endpoint", a.uri, a.uri != "")
		properties.add("glue.profile-name", a.profile, a.profile != "")
		properties.add("glue.id", a.catalogID, a.catalogID != "")
		return "glue", "GlueCatalog", properties
	case "hive":
		properties.add("uri", a.uri, true)
		return "hive", "HiveCatalog", properties
	case "sqlite", "postgres":
		properties.add("uri", a.sqlalchemy, true)
		properties.add("warehouse", a.warehouse, true)
		return "sql", "SqlCatalog", properties
	}
	a.rest(&properties)
	return "rest", "RestCatalog", properties
}

// rest are the settings of a REST catalog, which PyIceberg and Spark name alike.
func (a access) rest(all *settings) {
	all.add("uri", a.uri, true)
	all.add("warehouse", a.warehouse, a.warehouse != "")
	all.add("prefix", a.prefix, a.prefix != "")
	all.secret("token", a.secretVariable, a.secretVariable != "" && !a.credential)
	all.secret("credential", a.secretVariable, a.credential)
	all.add("oauth2-server-uri", a.authURL, a.authURL != "")
	all.add("scope", a.scope, a.scope != "")
	all.add("rest.sigv4-enabled", "true", a.sigv4)
	all.add("rest.signing-region", a.region, a.sigv4 && a.region != "")
	all.add("rest.signing-name", a.service, a.sigv4 && a.service != "")
	all.add(delegationHeader, vendedCredentials, a.vended)
}

// spark are the package and the settings of the catalog, by their names after its own.
func (a access) spark() (packages string, all settings) {
	switch a.kind {
	case "glue":
		all.add("type", "glue", true)
		all.add("warehouse", a.warehouse, true)
		all.add("glue.endpoint", a.uri, a.uri != "")
		all.add("glue.id", a.catalogID, a.catalogID != "")
		all.add("client.region", a.region, a.region != "")
		return "," + sparkAWS, all
	case "hive":
		all.add("type", "hive", true)
		all.add("uri", a.uri, true)
		all.add("warehouse", a.warehouse, true)
		return "", all
	case "sqlite", "postgres":
		all.add("type", "jdbc", true)
		all.add("uri", a.jdbc, true)
		all.add("warehouse", a.warehouse, true)
		all.add("jdbc.user", a.user, a.user != "")
		all.secret("jdbc.password", passwordVariable, a.user != "")
		return "," + a.artifact + ":" + a.version, all
	}
	all.add("type", "rest", true)
	a.rest(&all)
	return "", all
}

// trino are the settings of the catalog.
func (a access) trino() (all settings) {
	switch a.kind {
	case "glue":
		all.add("iceberg.catalog.type", "glue", true)
		all.add("hive.metastore.glue.region", a.region, a.region != "")
		all.add("hive.metastore.glue.endpoint-url", a.uri, a.uri != "")
		all.add("hive.metastore.glue.catalogid", a.catalogID, a.catalogID != "")
		return all
	case "hive":
		all.add("iceberg.catalog.type", "hive_metastore", true)
		all.add("hive.metastore.uri", a.uri, true)
		return all
	case "sqlite", "postgres":
		all.add("iceberg.catalog.type", "jdbc", true)
		all.add("iceberg.jdbc-catalog.driver-class", a.driver, true)
		all.add("iceberg.jdbc-catalog.connection-url", a.jdbc, true)
		all.add("iceberg.jdbc-catalog.catalog-name", a.name, true)
		all.add("iceberg.jdbc-catalog.default-warehouse-dir", a.warehouse, true)
		all.add("iceberg.jdbc-catalog.connection-user", a.user, a.user != "")
		all.secret("iceberg.jdbc-catalog.connection-password", passwordVariable, a.user != "")
		return all
	}
	all.add("iceberg.catalog.type", "rest", true)
	all.add("iceberg.rest-catalog.uri", a.uri, true)
	all.add("iceberg.rest-catalog.warehouse", a.warehouse, a.warehouse != "")
	all.add("iceberg.rest-catalog.prefix", a.prefix, a.prefix != "")
	all.add("iceberg.rest-catalog.security", "OAUTH2", a.secretVariable != "")
	all.secret("iceberg.rest-catalog.oauth2.token", a.secretVariable, a.secretVariable != "" && !a.credential)
	all.secret("iceberg.rest-catalog.oauth2.credential", a.secretVariable, a.credential)
	all.add("iceberg.rest-catalog.oauth2.server-uri", a.authURL, a.authURL != "")
	all.add("iceberg.rest-catalog.oauth2.scope", a.scope, a.scope != "")
	all.add("iceberg.rest-catalog.security", "SIGV4", a.sigv4)
	all.add("iceberg.rest-catalog.signing-name", a.service, a.sigv4 && a.service != "")
	all.add("iceberg.rest-catalog.vended-credentials-enabled", "true", a.vended)
	return all
}
