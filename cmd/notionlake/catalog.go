package main

import (
	"bytes"
	"cmp"
	"net/url"
	"os"
	"strings"

	"github.com/notionlake/notionlake/catalog"
)

// A catalogConfig says where the catalog is and how to be let in. The secret ones are with ${NAME} in them: only commands that open the
// catalog look.
type catalogConfig struct {
	Type            string `yaml:"type"`
	Name            string `yaml:"name"`
	URI             string `yaml:"uri"`
	Warehouse       string `yaml:"warehouse"`
	Prefix          string `yaml:"prefix"`
	Token           secret `yaml:"token"`
	Credential      secret `yaml:"credential"`
	OAuth2ServerURI string `yaml:"oauth2_server_uri"`
	Scope           string `yaml:"scope"`
	Audience        string `yaml:"audience"`
	Resource        string `yaml:"resource"`
	SigV4           bool   `yaml:"sigv4"`
	SigningRegion   string `yaml:"signing_region"`
	SigningName     string `yaml:"signing_name"`
	Region          string `yaml:"region"`
	Profile         string `yaml:"profile"`
	CatalogID       string `yaml:"catalog_id"`
}

const defaultCatalogURI = "./lake/catalog.db"

// unused are the keys that mean nothing to a catalog of this type.
func (c *catalogConfig) unused() (keys []string) {
	for _, k := range []struct {
		kind, key string
		set       bool
	}{
		{"rest", "warehouse", c.Warehouse != ""},
		{"rest", "prefix", c.Prefix != ""},
		{"rest", "token", !c.Token.isEmpty()},
		{"rest", "credential", !c.Credential.isEmpty()},
		{"rest", "oauth2_server_uri", c.OAuth2ServerURI != ""},
		{"rest", "scope", c.Scope != ""},
		{"rest", "audience", c.Audience != ""},
		{"rest", "resource", c.Resource != ""},
		{"rest", "sigv4", c.SigV4},
		{"rest", "signing_region", c.SigningRegion != ""},
		{"rest", "signing_name", c.SigningName != ""},
		{"glue", "region", c.Region != ""},
		{"glue", "profile", c.Profile != ""},
		{"glue", "catalog_id", c.CatalogID != ""},
	} {
		if k.set && k.kind != c.Type {
			keys = append(keys, "catalog."+k.key)
		}
	}
	return keys
}

// checkCatalog looks at what the configuration says of the catalog.
func (p *program) checkCatalog(c *config) (err error) {
	switch c.Catalog.Type {
	case "sqlite":
		if c.Catalog.URI, err = p.catalogFile(c); err != nil {
			return badKey("catalog.uri", "%v", err)
		}
		return nil
	case "postgres":
		u, err := url.Parse(c.Catalog.URI)
		if err != nil || u.Host == "" || u.Scheme != "postgres" && u.Scheme != "postgresql" || strings.Trim(u.Path, "/") == "" {
			return badKey("catalog.uri", "catalog.uri: of a postgres catalog a URL like postgres://user@host:5432/database is expected")
		}
		if password, ok := u.User.Password(); ok {
			p.secrets.hide(password)
		}
		return nil
	case "rest":
		return c.Catalog.checkREST()
	case "glue":
		if c.Catalog.URI == "" || c.Catalog.URI == defaultCatalogURI {
			c.Catalog.URI = ""
			return nil // the region's
		}
		return checkServer("catalog.uri", c.Catalog.URI, "glue", "https://glue.eu-central-1.amazonaws.com")
	case "hive":
		u, err := url.Parse(c.Catalog.URI)
		if err != nil || u.Hostname() == "" || u.Scheme != "thrift" || u.User != nil || strings.Trim(u.Path, "/") != "" {
			return badKey("catalog.uri", "catalog.uri: of a hive catalog a URI like thrift://metastore.example.com:9083 is expected")
		}
		return nil
	default:
		return badKey("catalog.type", "catalog.type %s: there are sqlite, postgres, rest, glue and hive", c.Catalog.Type)
	}
}

// checkServer looks at the URL of a server.
func checkServer(key, uri, kind, example string) error {
	u, err := url.Parse(uri)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return badKey(key, "%s: of a %s catalog a URL like %s is expected", key, kind, example)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return badKey(key, "%s: a name, a password or a query has no place in it", key)
	}
	return nil
}

func (c *catalogConfig) checkREST() error {
	for key, uri := range map[string]string{"catalog.uri": c.URI, "catalog.oauth2_server_uri": c.OAuth2ServerURI} {
		if uri == "" && key != "catalog.uri" {
			continue
		}
		if err := checkServer(key, uri, "rest", "https://catalog.example.com/api/catalog"); err != nil {
			return err
		}
	}
	switch {
	case !c.Token.isEmpty() && !c.Credential.isEmpty():
		return badKey("catalog.credential", "catalog: use either token or credential")
	case c.SigV4 && (!c.Token.isEmpty() || !c.Credential.isEmpty()):
		return badKey("catalog.sigv4", "catalog.sigv4: requests are signed, or sent with token or credential")
	}
	return nil
}

// restOptions reads what the configuration says of a REST catalog.
func (p *program) restOptions(cfg *config) (o catalog.RESTOptions, err error) {
	c := &cfg.Catalog
	if c.Type != "rest" {
		return o, nil
	}
	o = catalog.RESTOptions{
		Warehouse: c.Warehouse, Prefix: c.Prefix, AuthURL: c.OAuth2ServerURI, Scope: c.Scope, Audience: c.Audience, Resource: c.Resource,
		SigV4: c.SigV4, Region: c.SigningRegion, Service: c.SigningName, Hide: p.secrets.hide,
	}
	if !c.Token.isEmpty() {
		o.Token, err = p.reveal(cfg, "catalog.token", c.Token, false, isLoopback(c.URI))
	}
	if !c.Credential.isEmpty() {
		if o.Credential, err = p.reveal(cfg, "catalog.credential", c.Credential, false, isLoopback(c.URI)); err == nil {
			if _, password, ok := strings.Cut(o.Credential, ":"); ok {
				p.secrets.hide(password)
			}
		}
	}
	return o, err
}

// checkPostgresPassword looks at who may read a configuration with the password of
// a Postgres catalog in it.
func (p *program) checkPostgresPassword(cfg *config) error {
	u, err := url.Parse(cfg.Catalog.URI)
	if cfg.Catalog.Type != "postgres" || err != nil {
		return nil // what is wrong with it is said elsewhere
	}
	_, holds := u.User.Password()
	text, err := os.ReadFile(cfg.path)
	if !holds || err != nil || !bytes.Contains(text, []byte(cfg.Catalog.URI)) {
		return nil // the password comes from the environment
	}
	return p.checkSecretInConfig(cfg, "the password of catalog.uri", "${NAME} in its place, which is read from the environment", isLoopback(cfg.Catalog.URI))
}

// glueOptions reads what the configuration says of a catalog in AWS Glue. Where the
// warehouse is in s3, its keys are those of the catalog too.
func (p *program) glueOptions(cfg *config) (o catalog.GlueOptions, err error) {
	c := &cfg.Catalog
	if c.Type != "glue" {
		return o, nil
	}
	o = catalog.GlueOptions{Region: c.Region, Profile: c.Profile, CatalogID: c.CatalogID}
	if !strings.HasPrefix(cfg.Warehouse, "s3:") {
		return o, nil
	}
	cloud, err := p.cloudOptions(cfg)
	if err != nil {
		return o, err
	}
	o.Region = cmp.Or(o.Region, cloud.Region)
	if o.Profile == "" {
		o.Profile, o.AccessKeyID, o.SecretAccessKey, o.SessionToken = cloud.Profile, cloud.AccessKeyID, cloud.SecretAccessKey, cloud.SessionToken
	}
	return o, nil
}
