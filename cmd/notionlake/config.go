package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/urfave/cli/v2"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/lake"
)

// defaultConfig is the name of the configuration file in the working directory.
const defaultConfig = "notionlake.yaml"

// A config is what the configuration file says, completed by the defaults.
type config struct {
	path string // of the file, "" where there is none
	dir  string // absolute; relative paths start here

	Notion    notionConfig     `yaml:"notion"`
	Databases []databaseConfig `yaml:"databases"`
	Exclude   []string         `yaml:"exclude"`
	Content   contentConfig    `yaml:"content"`
	Warehouse string           `yaml:"warehouse"`
	Storage   storageConfig    `yaml:"storage"`
	Catalog   catalogConfig    `yaml:"catalog"`
	Namespace string           `yaml:"namespace"`
	Schema    struct {
		Contract string `yaml:"contract"`
		Removed  string `yaml:"removed"`
	} `yaml:"schema"`
	Guard struct {
		MaxShrink string `yaml:"max_shrink"`
		Partial   string `yaml:"partial"`
	} `yaml:"guard"`
	Retention retentionConfig `yaml:"retention"`
	Resume    string          `yaml:"resume"`
	Notify    struct {
		Webhook string `yaml:"webhook"`
	} `yaml:"notify"`

	rate      notion.Rate
	maxShrink float64       // share of a table's rows
	sample    float64       // share of the pages that have not been edited
	resume    time.Duration // 0: off
	attempts  int           // of one request; 0: as many as a load makes
	unused    []string      // keys of the file that this version does nothing with
}

type notionConfig struct {
	Token        secret   `yaml:"token"` // with ${NAME} in it: only commands that need it look
	TokenFile    string   `yaml:"token_file"`
	TokenCommand []string `yaml:"token_command"`
	BaseURL      string   `yaml:"base_url"`
	Rate         string   `yaml:"rate"`
	Version      string   `yaml:"version"`
}

type contentConfig struct {
	Archived bool   `yaml:"archived"`
	Pages    bool   `yaml:"pages"`
	Blocks   bool   `yaml:"blocks"`
	Markdown bool   `yaml:"markdown"`
	Comments string `yaml:"comments"`
	Users    bool   `yaml:"users"`
	Views    bool   `yaml:"views"`
	Files    files  `yaml:"files"`
	Raw      bool   `yaml:"raw"`
	Sample   string `yaml:"sample"`
}

// A databaseConfig is a database, or one of its data sources, to load.
type databaseConfig struct {
	id   string
	name string
}

func (c *databaseConfig) decodeYAML(d *yamlDecoder, n ast.Node, path string) error {
	entry := struct {
		ID   string `yaml:"id"`
		Name string `yaml:"name"`
	}{}
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		err := d.mapping(n, path, []string{"id", "name"}, func(key string, value ast.Node, path string) (err error) {
			if key == "id" {
				entry.ID, err = d.text(value, path)
			} else if entry.Name, err = d.text(value, path); err == nil && strings.TrimSpace(entry.Name) == "" {
				err = d.errorAt(value, path, "empty; leave the key out to name the table by the title in Notion")
			}
			return err
		})
		if err != nil {
			return err
		}
	default:
		var err error
		if entry.ID, err = d.text(n, path); err != nil {
			return err
		}
	}
	if strings.TrimSpace(entry.ID) == "" {
		return d.errorAt(n, path, "it has no id: give the id or the URL of the database, such as {id: https://www.notion.so/…, name: tasks}")
	}
	id, err := parseID(entry.ID)
	if err != nil {
		return d.errorAt(n, path, "%q: %v", cut(entry.ID, 100), err)
	}
	*c = databaseConfig{id: id, name: entry.Name}
	return nil
}

// parseID is notion.ParseID without what only looks like an id.
func parseID(text string) (string, error) {
	if strings.Contains(strings.ToLower(text), "%2e") {
		return "", errors.New("not a Notion id or URL")
	}
	return notion.ParseID(text)
}

// decodeYAML takes the text as it is; a token is expanded when it is needed.
func (s *secret) decodeYAML(d *yamlDecoder, n ast.Node, path string) error {
	text, err := d.rawText(n, path)
	s.Token = notion.Token(text)
	if err == nil && text != "" {
		d.present[path] = hidden
	}
	return err
}

// defaults is the configuration of a file without keys.
func defaults() *config {
	c := &config{}
	c.Notion.BaseURL = "https://api.notion.com"
	c.Notion.Rate = "auto"
	c.Notion.Version = notion.Version
	c.Content = contentConfig{Archived: true, Pages: true, Blocks: true, Markdown: true, Comments: "pages", Users: true, Views: true, Raw: true, Sample: "1%"}
	c.Warehouse = "./lake"
	c.Catalog.Type = "sqlite"
	c.Catalog.Name = "notionlake"
	c.Catalog.URI = defaultCatalogURI
	c.Namespace = "notion"
	c.Schema.Contract = "evolve"
	c.Schema.Removed = "keep"
	c.Guard.MaxShrink = "50%"
	c.Guard.Partial = "hold"
	c.Retention = defaultRetention
	c.Resume = "12h"
	return c
}

// configuration finds and reads the configuration: --config, else
// NOTIONLAKE_CONFIG, else notionlake.yaml in the working directory. Without
// that last file the defaults hold, where they can mean something: usable says
// whether they do.
func (p *program) configuration(c *cli.Context, usable func(*config) bool) (*config, error) {
	file := c.String("config")
	if file == "" {
		file, _ = p.env("NOTIONLAKE_CONFIG")
	}
	named := file != ""
	if !named {
		file = defaultConfig
	}
	file, err := p.argument(file)
	if err != nil {
		return nil, err
	}
	cfg := defaults()
	cfg.dir = filepath.Dir(file)
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		if named {
			return nil, usagef("cannot read config %s: it does not exist: make one with `notionlake init`", file)
		}
		if err := p.complete(cfg, nil); err != nil {
			return nil, err
		}
		if !usable(cfg) {
			return nil, usagef("there is no %s here: make one with `notionlake init`, or name one with --config", defaultConfig)
		}
		return cfg, nil
	}
	return p.readConfig(file)
}

// readConfig reads a configuration file, the path of which is absolute.
func (p *program) readConfig(file string) (*config, error) {
	data, err := readConfigFile(file)
	if err != nil {
		return nil, err
	}
	for _, token := range tokenForm.FindAllString(string(data), -1) { // before anything of the file can be printed
		if !isKeyName(token) {
			p.secrets.hide(token)
		}
	}
	cfg := defaults()
	cfg.path, cfg.dir = file, filepath.Dir(file)
	d := &yamlDecoder{file: file, env: p.env, present: map[string]string{}, places: map[string]string{}}
	if err := d.decode(data, cfg); err != nil {
		return nil, err
	}
	if err := p.complete(cfg, d.present); err != nil {
		var bad *keyError
		if errors.As(err, &bad) {
			return nil, usagef("%s: %v", d.placeOf(bad.key), err)
		}
		return nil, usagef("%s: %v", file, err)
	}
	if len(cfg.unused) > 0 {
		p.log.Warn("this version does nothing with some keys of the configuration", "keys", strings.Join(cfg.unused, ", "))
	}
	return cfg, nil
}

// hasToken says whether the defaults can load: the token is in the environment.
func (p *program) hasToken(*config) bool {
	token, _ := p.env("NOTION_TOKEN")
	return strings.TrimSpace(token) != ""
}

// hasLake says whether the defaults can show a lake: there is one.
func hasLake(c *config) bool {
	_, err := os.Stat(c.Catalog.URI)
	return err == nil
}

// safeNamespace is one level that every engine takes and that can be a folder.
var safeNamespace = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,126}$`)

// A keyError is a value of the configuration that cannot be.
type keyError struct{ key, text string }

func (e *keyError) Error() string { return e.text }
func (e *keyError) Unwrap() error { return &usageError{e.text} }

func badKey(key, format string, args ...any) error {
	return &keyError{key, fmt.Sprintf(format, args...)}
}

// complete checks the values and makes paths absolute. present are the keys
// that the file has, with their values.
func (p *program) complete(c *config, present map[string]string) (err error) {
	if err := c.Notion.check(); err != nil {
		return err
	}
	if c.rate, err = notion.ParseRate(c.Notion.Rate); err != nil {
		return badKey("notion.rate", "notion.rate %s: auto, off or a number of requests per minute is expected", c.Notion.Rate)
	}
	if c.Notion.TokenFile, err = p.path(c, c.Notion.TokenFile); err != nil {
		return badKey("notion.token_file", "%v", err)
	}
	if present["databases"] == emptyList {
		return badKey("databases", "databases: an empty list: leave the key out to load everything that is shared with the connection")
	}
	seen := map[string]bool{}
	for i, db := range c.Databases {
		if seen[db.id] {
			return badKey(fmt.Sprintf("databases[%d]", i), "databases[%d]: %s is there twice", i, db.id)
		}
		seen[db.id] = true
	}
	for i, pattern := range c.Exclude {
		if _, err := path.Match(pattern, ""); err != nil {
			return badKey(fmt.Sprintf("exclude[%d]", i), "exclude[%d] %q: an id, a URL or a name with * and ? is expected", i, pattern)
		}
	}
	for _, f := range []struct {
		key, value string
		allowed    []string
	}{
		{"content.comments", c.Content.Comments, []string{"pages", "true", "false"}},
		{"schema.contract", c.Schema.Contract, []string{"evolve", "freeze"}},
		{"schema.removed", c.Schema.Removed, []string{"keep", "retire"}},
		{"guard.partial", c.Guard.Partial, []string{"hold", "publish"}},
		{"catalog.type", c.Catalog.Type, []string{"sqlite", "postgres", "rest", "glue", "hive"}},
	} {
		if !contains(f.allowed, f.value) {
			return badKey(f.key, "%s %s: use %s", f.key, f.value, strings.Join(f.allowed, ", "))
		}
	}
	if c.Catalog.Name == "" {
		return badKey("catalog.name", "catalog.name is empty")
	}
	if !safeNamespace.MatchString(c.Namespace) {
		return badKey("namespace", "namespace %q: one name of letters, digits, - and _ is expected, beginning with a letter or digit", c.Namespace)
	}
	if c.Warehouse, err = p.warehouse(c); err == nil {
		err = lake.CheckURL(c.Warehouse)
	}
	if err != nil {
		return badKey("warehouse", "%v", err)
	}
	if err := c.Storage.check(); err != nil {
		return err
	}
	if err := p.checkCatalog(c); err != nil {
		return err
	}
	if err := c.checkVended(); err != nil {
		return err
	}
	if c.maxShrink, err = parseShare("guard.max_shrink", c.Guard.MaxShrink); err != nil {
		return badKey("guard.max_shrink", "%v", err)
	}
	if c.sample, err = parseShare("content.sample", c.Content.Sample); err != nil {
		return badKey("content.sample", "%v", err)
	}
	if err := c.Retention.check(); err != nil {
		return err
	}
	if c.resume, err = parseResume(c.Resume); err != nil {
		return badKey("resume", "%v", err)
	}
	c.unused = slices.Concat(unusedKeys(present), c.Catalog.unused(), c.Storage.unused(c.Warehouse))
	return nil
}

func (c *notionConfig) check() error {
	u, err := url.Parse(c.BaseURL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return badKey("notion.base_url", "notion.base_url: a URL like https://api.notion.com is expected")
	case u.User != nil:
		return badKey("notion.base_url", "notion.base_url: a name or password has no place in it")
	case strings.TrimRight(u.Path, "/") == "/v1":
		return badKey("notion.base_url", "notion.base_url %s: leave the /v1 out", c.BaseURL)
	case u.RawQuery != "" || u.Fragment != "":
		return badKey("notion.base_url", "notion.base_url: ? and # have no place in it")
	}
	c.BaseURL = strings.TrimRight(c.BaseURL, "/")
	if c.Version != notion.Version {
		return badKey("notion.version", "notion.version %s: this version of notionlake speaks %s", c.Version, notion.Version)
	}
	n := 0
	for _, set := range []bool{!c.Token.isEmpty(), c.TokenFile != "", len(c.TokenCommand) > 0} {
		if set {
			n++
		}
	}
	if n > 1 {
		return badKey("notion", "notion: use one of token, token_file and token_command")
	}
	return nil
}

// isLoopback says whether a URL is of a server on this machine.
func isLoopback(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// hasScheme is true of URLs. One letter is no scheme but a Windows drive.
var hasScheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]+:`)

// warehouse makes a path absolute. Which URLs are good is the storage's to say.
func (p *program) warehouse(c *config) (string, error) {
	if hasScheme.MatchString(c.Warehouse) || c.Warehouse == "" {
		return c.Warehouse, nil
	}
	return p.path(c, c.Warehouse)
}

// catalogFile is the absolute path of the SQLite file.
func (p *program) catalogFile(c *config) (string, error) {
	uri := c.Catalog.URI
	if rest, ok := strings.CutPrefix(uri, "file://"); ok {
		uri = rest
	} else if rest, ok := strings.CutPrefix(uri, "sqlite:///"); ok {
		uri = rest
	}
	if uri == "" || strings.Contains(uri, "://") {
		return "", usagef("catalog.uri %s: the path of a file on a local disk is expected", cmp.Or(c.Catalog.URI, `""`))
	}
	return p.path(c, uri)
}

// path makes a path of the configuration absolute.
func (p *program) path(c *config, name string) (string, error) {
	if name == "" {
		return "", nil
	}
	name, err := p.expandHome(name)
	if err != nil {
		return "", err
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(c.dir, name)
	}
	return filepath.Clean(name), nil
}

// argument makes a path of the command line absolute.
func (p *program) argument(name string) (string, error) {
	name, err := p.expandHome(name)
	if err != nil || filepath.IsAbs(name) {
		return name, err
	}
	return filepath.Join(p.dir, name), nil
}

// expandHome replaces a ~ at the beginning.
func (p *program) expandHome(name string) (string, error) {
	if name != "~" && !strings.HasPrefix(name, "~/") {
		return name, nil
	}
	home, _ := p.env("HOME")
	if home == "" {
		return "", usagef("%s: the environment variable HOME is not set", name)
	}
	return filepath.Join(home, name[1:]), nil
}

// unusedKeys are the keys of the file that ask for what this version does not
// do. A key that asks for just what it does is not among them.
func unusedKeys(present map[string]string) (keys []string) {
	for _, k := range []struct{ key, asBuilt string }{
		{"notify", ""},
	} {
		for name, value := range present {
			if (name == k.key || strings.HasPrefix(name, k.key+".")) && value != k.asBuilt {
				keys = append(keys, k.key)
				break
			}
		}
	}
	return keys
}
