package main

import (
	"net/url"
	"strings"

	"github.com/notionlake/notionlake/catalog"
)

// A catalogConfig says where the catalog is and, of a REST catalog, how to be let
// in. The secret ones are with ${NAME} in them: only commands that open the
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
}

// unused are the keys that mean nothing to a catalog of this type.
func (c *catalogConfig) unused() (keys []string) {
	if c.Type == "rest" {
		return nil
	}
	for _, k := range []struct {
		key string
		set bool
	}{
		{"warehouse", c.Warehouse != ""},
		{"prefix", c.Prefix != ""},
		{"token", !c.Token.isEmpty()},
		{"credential", !c.Credential.isEmpty()},
		{"oauth2_server_uri", c.OAuth2ServerURI != ""},
		{"scope", c.Scope != ""},
		{"audience", c.Audience != ""},
		{"resource", c.Resource != ""},
		{"sigv4", c.SigV4},
		{"signing_region", c.SigningRegion != ""},
		{"signing_name", c.SigningName != ""},
	} {
		if k.set {
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
	default:
		return badKey("catalog.type", "catalog.type %s: this version has sqlite, postgres and rest only", c.Catalog.Type)
	}
}

func (c *catalogConfig) checkREST() error {
	for key, uri := range map[string]string{"catalog.uri": c.URI, "catalog.oauth2_server_uri": c.OAuth2ServerURI} {
		if uri == "" && key != "catalog.uri" {
			continue
		}
		u, err := url.Parse(uri)
		switch {
		case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
			return badKey(key, "%s: of a rest catalog a URL like https://catalog.example.com/api/catalog is expected", key)
		case u.User != nil || u.RawQuery != "" || u.Fragment != "":
			return badKey(key, "%s: a name, a password or a query has no place in it: use token or credential", key)
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
		SigV4: c.SigV4, Region: c.SigningRegion, Service: c.SigningName,
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
