package main

import (
	"net/url"
	"strings"
)

// A catalogDatabase is how engines open the database of the catalog. The password
// of a server is not among it: no text that is printed holds a secret.
type catalogDatabase struct {
	sqlalchemy string // URI for PyIceberg
	extra      string // of the package pyiceberg
	jdbc       string // URL
	driver     string // class
	artifact   string // of Maven, without the version
	version    string
	user       string // "": none
}

// passwordVariable is where programs of Postgres look for the password.
const passwordVariable = "PGPASSWORD"

func databaseOf(cfg *config) catalogDatabase {
	if cfg.Catalog.Type != "postgres" {
		return catalogDatabase{
			sqlalchemy: "sqlite:///" + cfg.Catalog.URI, extra: "sql-sqlite", jdbc: "jdbc:sqlite:" + cfg.Catalog.URI,
			driver: "org.sqlite.JDBC", artifact: "org.xerial:sqlite-jdbc", version: "3.50.3.0",
		}
	}
	d := catalogDatabase{extra: "sql-postgres", driver: "org.postgresql.Driver", artifact: "org.postgresql:postgresql", version: "42.7.8"}
	u, err := url.Parse(cfg.Catalog.URI)
	if err != nil {
		return d // the catalog could not have been opened
	}
	d.user = u.User.Username()
	d.jdbc = "jdbc:postgresql://" + u.Host + u.Path
	u.Scheme, u.RawQuery = "postgresql+psycopg2", ""
	if d.user != "" {
		u.User = url.User(d.user)
	}
	d.sqlalchemy = u.String()
	return d
}

// about says in a comment where the password comes from.
func (d catalogDatabase) about(comment string) string {
	if d.user == "" {
		return ""
	}
	return comment + " The password of the catalog is taken from " + passwordVariable + ".\n"
}

// checkCatalog looks at what the configuration says of the catalog.
func (p *program) checkCatalog(c *config) (err error) {
	switch c.Catalog.Type {
	case "sqlite":
		c.Catalog.URI, err = p.catalogFile(c)
		return err
	case "postgres":
		u, err := url.Parse(c.Catalog.URI)
		if err != nil || u.Host == "" || u.Scheme != "postgres" && u.Scheme != "postgresql" || strings.Trim(u.Path, "/") == "" {
			return usagef("catalog.uri: of a postgres catalog a URL like postgres://user@host:5432/database is expected")
		}
		if password, ok := u.User.Password(); ok {
			p.secrets.hide(password)
		}
		return nil
	default:
		return usagef("catalog.type %s: this version has sqlite and postgres only", c.Catalog.Type)
	}
}
