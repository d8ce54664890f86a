package main

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/extract/notion"
)

func newTestProgram(env map[string]string) *program {
	secrets := &redactor{}
	return &program{
		stdin: strings.NewReader(""), stdout: io.Discard, console: newConsole(io.Discard, secrets), secrets: secrets,
		env: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
		log: slog.New(slog.DiscardHandler), format: formatText, now: time.Now,
	}
}

func writeConfig(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "notionlake.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// The configuration of the contract is read as it stands there.
const contractConfig = `
notion:
  token: ${NOTION_TOKEN}        # or token_file: PATH (0600), or token_command: [..]
  base_url: https://api.notion.com      # without /v1
  rate: auto                    # auto | requests per minute, however large | off
  version: "2026-03-11"
databases:                      # absent: everything shared with the connection
  - id: https://www.notion.so/d8ee2d159ac34cfc85827ba5a0a8ae71?v=c714dec3742440cc91a8c38914f83b6b
    name: db_one                # optional; else from the title in Notion
  - d8ee2d15-9ac3-4cfc-8582-7ba5a0a8ae72
exclude: [d8ee2d15-9ac3-4cfc-8582-7ba5a0a8ae73, "Old *"]
content:
  archived: true
  pages: true
  blocks: true
  markdown: true
  comments: pages
  users: true
  views: true
  files: {max_size: 100MB, types: [image, pdf]}
  raw: true
warehouse: ./lake
storage: {region: eu-central-1}
catalog:
  type: sqlite
  name: notionlake
  uri: ./lake/catalog.db
  warehouse: x
namespace: notion
schema:
  contract: evolve
  removed: keep
guard:
  max_shrink: 50%
  partial: hold
retention: {keep_daily: 30, keep_weekly: 12, keep_monthly: 24}
resume: 12h
notify: {webhook: https://example.com/hook}
`

func TestConfig(t *testing.T) {
	t.Run("contract", func(t *testing.T) {
		file := writeConfig(t, contractConfig)
		got, err := newTestProgram(nil).readConfig(file)
		if err != nil {
			t.Fatal(err)
		}
		want := []databaseConfig{
			{"d8ee2d15-9ac3-4cfc-8582-7ba5a0a8ae71", "db_one"}, {"d8ee2d15-9ac3-4cfc-8582-7ba5a0a8ae72", ""},
		}
		if diff := cmp.Diff(want, got.Databases, cmp.AllowUnexported(databaseConfig{})); diff != "" {
			t.Error(diff)
		}
		if want := filepath.Join(filepath.Dir(file), "lake"); got.Warehouse != want {
			t.Errorf("warehouse %s, want %s", got.Warehouse, want)
		}
		if want := filepath.Join(filepath.Dir(file), "lake/catalog.db"); got.Catalog.URI != want {
			t.Errorf("catalog %s, want %s", got.Catalog.URI, want)
		}
		if diff := cmp.Diff(files{true, 100_000_000, []string{"image", "pdf"}}, got.Content.Files, cmp.AllowUnexported(files{})); diff != "" {
			t.Error(diff)
		}
		unused := []string{
			"notify", "catalog.warehouse", "storage.region",
		}
		if diff := cmp.Diff(unused, got.unused); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("every key may be left out", func(t *testing.T) {
		for _, text := range []string{"", "# nothing\n", "notion:\ndatabases:\ncontent:\n", "---\n", initialConfig} {
			file := writeConfig(t, text)
			got, err := newTestProgram(nil).readConfig(file)
			if err != nil {
				t.Errorf("%q: %v", text, err)
				continue
			}
			want := defaults()
			if err := newTestProgram(nil).complete(func() *config { want.path, want.dir = file, filepath.Dir(file); return want }(), nil); err != nil {
				t.Fatal(err)
			}
			got.Notion.Token, want.Notion.Token = secret{}, secret{}
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(config{}, databaseConfig{}, files{}), cmp.Comparer(func(a, b secret) bool { return a == b })); diff != "" {
				t.Errorf("%q: %s", text, diff)
			}
		}
	})
	t.Run("environment", func(t *testing.T) {
		env := map[string]string{"LAKE": "a: b, c", "RAW": "false", "N": "120"}
		got, err := newTestProgram(env).readConfig(writeConfig(t, "warehouse: /x/${LAKE}/y\ncontent: {raw: \"${RAW}\"}\nnotion:\n  rate: ${N}\n"))
		if err != nil {
			t.Fatal(err)
		}
		if got.Warehouse != "/x/a: b, c/y" || got.Content.Raw || got.rate.PerMinute != 120 {
			t.Errorf("got %s, %v, %v", got.Warehouse, got.Content.Raw, got.rate)
		}
	})
	t.Run("home", func(t *testing.T) {
		got, err := newTestProgram(map[string]string{"HOME": "/home/me"}).readConfig(writeConfig(t, "warehouse: ~/lake\ncatalog: {uri: ~/c.db}\n"))
		if err != nil {
			t.Fatal(err)
		}
		if got.Warehouse != "/home/me/lake" || got.Catalog.URI != "/home/me/c.db" {
			t.Errorf("got %s, %s", got.Warehouse, got.Catalog.URI)
		}
	})
}

func TestConfigMistakes(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"unknown key below", "notion:\n  tokn: x\n", `2:3: notion: unknown key "tokn": did you mean token?`},
		{"unknown key far from all", "guard:\n  zzzzzz: x\n", `2:3: guard: unknown key "zzzzzz": there are max_shrink, partial`},
		{"unknown key of a database", "databases:\n  - idd: x\n", `unknown key "idd": did you mean id?`},
		{"not a list", "databases: x: y\n", "not YAML"},
		{"scalar for a list", "databases: x\n", "1:12: databases: a list is expected"},
		{"list for a scalar", "warehouse: [a]\n", "warehouse: one value is expected"},
		{"not a truth", "content:\n  raw: maybe\n", "2:8: content.raw: true or false is expected"},
		{"two documents", "warehouse: a\n---\nwarehouse: b\n", "one YAML document is expected"},
		{"variable that is not set", "warehouse: ${NOWHERE}\n", "1:12: warehouse: the environment variable NOWHERE is not set"},
		{"not a variable", "warehouse: ${a-b}\n", "${a-b} is not the name of an environment variable"},
		{"two tokens", "notion: {token_file: a, token_command: [b]}\n", "notionlake.yaml:1:9: notion: use one of token, token_file and token_command"},
		{"rate", "notion: {rate: 0}\n", "yaml:1:16: notion.rate 0"},
		{"base url with v1", "notion: {base_url: \"https://api.notion.com/v1\"}\n", "leave the /v1 out"},
		{"other API version", "notion: {version: \"2022-06-28\"}\n", "yaml:1:19: notion.version 2022-06-28: this version of notionlake speaks 2026-03-11"},
		{"namespace of two levels", "warehouse: x\nnamespace: a.b\n", `yaml:2:12: namespace "a.b": one name of letters`},
		{"namespace with underscore first", "namespace: _a\n", "one name of letters"},
		{"no metastore", "catalog: {type: hive, uri: \"http://host\"}\n", "catalog.uri: of a hive catalog a URI like thrift://metastore.example.com:9083 is expected"},
		{"no Glue", "catalog: {type: glue, uri: \"thrift://host\"}\n", "catalog.uri: of a glue catalog a URL like https://glue.eu-central-1.amazonaws.com is expected"},
		{"REST without a server", "catalog: {type: rest}\n", "catalog.uri: of a rest catalog a URL like"},
		{"password in the URL of a REST catalog", "catalog: {type: rest, uri: \"https://a:b@c.example\"}\n", "yaml:1:28: catalog.uri: a name, a password or a query has no place in it"},
		{"token and credential", "catalog: {type: rest, uri: \"https://c.example\", token: \"${T}\", credential: \"${C}\"}\n", "use either token or credential"},
		{"catalog unknown", "catalog: {type: hadoop}\n", "catalog.type hadoop: use sqlite, postgres"},
		{"same database twice", "databases: [d8ee2d159ac34cfc85827ba5a0a8ae71, d8ee2d15-9ac3-4cfc-8582-7ba5a0a8ae71]\n", "yaml:1:47: databases[1]: d8ee2d15-9ac3-4cfc-8582-7ba5a0a8ae71 is there twice"},
		{"glob", "exclude: [\"[a\"]\n", "yaml:1:11: exclude[0]"},
		{"no database", "databases: []\n", "yaml:1:12: databases: an empty list: leave the key out to load everything"},
		{"bucket", "warehouse: s3://Bucket/prefix\n", `yaml:1:12: warehouse "s3://Bucket/prefix": "Bucket" is no name of a bucket`},
		{"storage key", "storage: {regoin: x}\n", `yaml:1:11: storage: unknown key "regoin": did you mean region?`},
		{"endpoint", "storage: {endpoint: localhost:9000}\n", `yaml:1:21: storage.endpoint: a URL like http://127.0.0.1:9000`},
		{"key in the endpoint", "storage: {endpoint: \"http://me:hidden@x\"}\n", `storage.endpoint: a name or password has no place in it`},
		{"path style", "storage: {path_style: maybe}\n", `storage.path_style maybe: use true or false`},
		{"half a key", "storage: {access_key_id: x}\n", `storage: access_key_id and secret_access_key belong together`},
		{"credentials of nobody", "storage: {credentials: me}\n", `yaml:1:24: storage.credentials me: use catalog, or leave it out`},
		{"credentials of a file", "warehouse: s3://bucket/x\nstorage: {credentials: catalog}\n", `yaml:2:24: storage.credentials: only a catalog of type rest hands out credentials, and catalog.type is sqlite`},
		{"credentials for a folder", "warehouse: x\nstorage: {credentials: catalog}\ncatalog: {type: rest, uri: \"http://host\"}\n", `storage.credentials: those of a catalog are used for a warehouse in s3 only`},
		{"credentials twice", "warehouse: s3://bucket/x\nstorage: {credentials: catalog, profile: me}\ncatalog: {type: rest, uri: \"http://host\"}\n", `have no place beside it`},
		{"token without a key", "storage: {session_token: x}\n", `storage.session_token belongs to`},
		{"postgres", "catalog: {type: postgres, uri: \"https://me:hidden@x\"}\n", "yaml:1:32: catalog.uri: of a postgres catalog a URL like postgres://"},
		{"catalog elsewhere", "catalog:\n  uri: https://x\n", "yaml:2:8: catalog.uri https://x: the path of a file"},
		{"no home", "catalog: {uri: ~/x.db}\n", "yaml:1:16: ~/x.db: the environment variable HOME is not set"},
		{"database without id", "databases: [{name: x}]\n", "yaml:1:13: databases[0]: it has no id: give the id or the URL"},
		{"empty database", "databases: ['']\n", "databases[0]: it has no id"},
		{"share of a guard", "guard: {max_shrink: 5}\n", "yaml:1:21: guard.max_shrink 5: a percentage from 0% to 100%"},
		{"share of pages", "content: {sample: x}\n", "content.sample x: a percentage"},
		{"no catalog file", "catalog: {uri: ''}\n", "catalog.uri \"\": the path of a file"},
		{"variable between braces", "notion: {token: ${TOKEN}}\n", "not YAML: ',' or '}' must be specified: between { and } a variable needs quotes: \"${NAME}\""},
		{"no YAML of another kind", "warehouse: [x\n", "not YAML: sequence end token ']' not found"},
		{"contract", "schema: {contract: maybe}\n", "schema.contract maybe: use evolve, freeze"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := newTestProgram(nil).readConfig(writeConfig(t, c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if code := exitCode(err); code != exitUsage {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

// What init writes shows every key but those that this version does nothing with.
func TestInitialConfig(t *testing.T) {
	var look func(reflect.Type)
	look = func(typ reflect.Type) {
		for i := range typ.NumField() {
			field := typ.Field(i)
			key := field.Tag.Get("yaml")
			if key == "" || key == "notify" {
				continue
			}
			if !regexp.MustCompile(`\b` + key + `\b`).MatchString(initialConfig) {
				t.Errorf("the key %s is not shown", key)
			}
			if field.Type.Kind() == reflect.Struct {
				look(field.Type)
			}
		}
	}
	look(reflect.TypeFor[config]())
	if want := `version: "` + notion.Version + `"`; !strings.Contains(initialConfig, want) {
		t.Errorf("it lacks %s", want)
	}
}
