package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/notionlake/notionlake/extract/notiontest"
	"github.com/notionlake/notionlake/lake"

	_ "modernc.org/sqlite"
)

// TestBadInput has a subtest per row of the table of bad inputs, by its number.
func TestBadInput(t *testing.T) {
	for _, row := range []struct {
		number string
		test   func(*testing.T)
	}{
		{"1", badUnknownFlag},
		{"3", badPrecedence},
		{"4", badConfigFile},
		{"5", badSyntax},
		{"6", badUnknownKey},
		{"7", badDuplicateKey},
		{"8", badRanges},
		{"9", badDuration},
		{"10", badEmptyToken},
		{"11", badTokenCharacters},
		{"12", badTokenPrefix},
		{"13", badTokenRejected},
		{"14", badTokenRevoked},
		{"15", badTokenFileMode},
		{"16", badTokenFlag},
		{"17", badID},
		{"18", goodURL},
		{"19", badIDPath},
		{"20", badPageID},
		{"21", badNotFound},
		{"22", badNothingShared},
		{"23", badStorageURL},
		{"25", goodPaths},
		{"26", badWarehouse},
		{"29", badLockedCatalog},
		{"30", badDamagedCatalog},
		{"33", badForeignTable},
		{"75", badClock},
		{"76", badClock},
		{"77", goodConditionalWrites},
		{"83", badAt},
		{"85", badNetwork},
		{"88", badSurroundings},
	} {
		t.Run(row.number, row.test)
	}
}

func badUnknownFlag(t *testing.T) {
	call(t, nil, "run", "--alow-empty").wants(t, 2, "unknown flag --alow-empty", "did you mean --allow-empty?")
	call(t, nil, "rnu").wants(t, 2, `unknown command "rnu"`, "did you mean notionlake run?")
	call(t, nil, "plan").wants(t, 2, `unknown command "plan"`)
}

// Flags win over the environment.
func badPrecedence(t *testing.T) {
	b := newBench(t, notiontest.Options{})
	b.env["NOTIONLAKE_CONFIG"] = filepath.Join(b.dir, "nowhere.yaml")
	call(t, b.env, "run", "--log-level", "error").wants(t, 2, "nowhere.yaml")
	b.call("run", "--log-level", "error").wants(t, 0)
}

func badConfigFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "c.yaml")
	call(t, nil, "run", "--config", file).wants(t, 2, "cannot read config "+file, "notionlake init")
	call(t, nil, "run", "--config", dir).wants(t, 2, "cannot read config "+dir, "directory")
	r := call(t, nil, "run", "--json", "--config", file)
	r.wants(t, 2)
	if report := r.report(t); report.Status != lake.StatusFailed || len(report.Reasons) != 1 {
		t.Errorf("report %+v", report)
	}
}

func badSyntax(t *testing.T) {
	call(t, nil, "run", "--config", writeConfig(t, "notion:\n  rate: [auto\n")).wants(t, 2, "notionlake.yaml:2:9: not YAML")
}

func badUnknownKey(t *testing.T) {
	call(t, nil, "run", "--config", writeConfig(t, "warehuose: x\n")).wants(t, 2, `notionlake.yaml:1:1: unknown key "warehuose": did you mean warehouse?`)
}

func badDuplicateKey(t *testing.T) {
	call(t, nil, "run", "--config", writeConfig(t, "warehouse: x\nnamespace: a\nwarehouse: y\n")).wants(t, 2, `:3:1: duplicate key "warehouse", first in line 1`)
}

func badRanges(t *testing.T) {
	for _, n := range []string{"0", "-1", "100001", "99999999999999999999", "x"} {
		call(t, nil, "head", "-n", n, "tasks").wants(t, 2, "-n "+n)
	}
	call(t, nil, "run", "--deadline", "-5s").wants(t, 2, "--deadline -5s")
	call(t, nil, "run", "--as-load", "yesterday").wants(t, 2, "--as-load yesterday", "20261121T030000Z")
	call(t, nil, "run", "--shard", "1/2").wants(t, 2, "--shard")
}

func badDuration(t *testing.T) {
	call(t, nil, "run", "--deadline", "5").wants(t, 2, "--deadline 5", "use 5s")
	call(t, nil, "run", "--lock-timeout", "soon").wants(t, 2, "--lock-timeout soon")
}

func badEmptyToken(t *testing.T) {
	b := newBench(t, notiontest.Options{})
	for _, token := range []string{"", "   ", "\n"} {
		b.env["NOTION_TOKEN"] = token
		b.call("run").wants(t, 2, "no token: set NOTION_TOKEN")
	}
	b.write("token", notiontest.DefaultToken+"\r\n", 0o600)
	b.configureToken("token_file: token")
	b.call("run", "--log-level", "error").wants(t, 0)
	b.write("token", "\n", 0o600)
	b.call("run").wants(t, 2, "no token", "token_file")
	b.configureToken("token: ${NO_SUCH_TOKEN}")
	b.call("run").wants(t, 2, "NO_SUCH_TOKEN is not set")
}

func badTokenCharacters(t *testing.T) {
	b := newBench(t, notiontest.Options{OnRequest: func(*http.Request) { t.Error("a request was sent") }})
	for _, token := range []string{"ntn_abcdefgh\nX-Evil: 1", "ntn_abc\x00defgh", "ntn_abc defghi", "ntn_abcdéfghij"} {
		b.env["NOTION_TOKEN"] = token
		r := b.call("run", "--log-level", "debug")
		r.wants(t, 2, "the token of NOTION_TOKEN has a line break")
		for _, part := range []string{"abc", "Evil"} {
			if strings.Contains(r.stderr, part) {
				t.Errorf("stderr shows the token: %s", r.stderr)
			}
		}
	}
}

func badTokenPrefix(t *testing.T) {
	b := newBench(t, notiontest.Options{Token: "another-form-of-token"})
	b.call("run").wants(t, 0, "does not begin with ntn_ or secret_")
}

func badTokenRejected(t *testing.T) {
	b := newBench(t, notiontest.Options{})
	b.env["NOTION_TOKEN"] = "ntn_of_another_one"
	r := b.call("run", "--json")
	r.wants(t, 3, "token rejected by Notion", "request id")
	if report := r.report(t); report.Status != lake.StatusFailed || len(report.Tables) != 0 {
		t.Errorf("report %+v", report)
	}
	b.call("check").wants(t, 3, "token rejected by Notion")
}

func badTokenRevoked(t *testing.T) {
	b := newBench(t, notiontest.Options{})
	b.call("run", "--log-level", "error").wants(t, 0)
	before := b.call("tables", "--json").stdout
	loads := b.call("loads", "--json").stdout
	requests := 0
	b.restart(notiontest.Options{OnRequest: func(*http.Request) {
		if requests++; requests == 8 {
			b.server.Inject("", notiontest.FaultUnauthorized, 1000)
		}
	}})
	b.call("run").wants(t, 3, "token rejected by Notion")
	if after := b.call("tables", "--json").stdout; after != before {
		t.Errorf("the tables changed:\n%s\n%s", before, after)
	}
	if after := b.call("loads", "--json").stdout; after != loads {
		t.Errorf("the loads changed:\n%s\n%s", loads, after)
	}
}

func badTokenFileMode(t *testing.T) {
	b := newBench(t, notiontest.Options{})
	b.configureToken("token_file: token")
	b.write("token", notiontest.DefaultToken, 0o644)
	b.call("run").wants(t, 2, "token_file", "0644", "chmod 600")
	if err := os.Chmod(filepath.Join(b.dir, "token"), 0o440); err != nil {
		t.Fatal(err)
	}
	b.call("run", "--log-level", "error").wants(t, 0)
	b.configureToken("token_file: nowhere")
	b.call("run").wants(t, 2, "nowhere", "no such file")
	b.configureToken("token_file: .")
	b.call("run").wants(t, 2, "not a regular file")
	// A configuration with a token in it is such a file too.
	b.configureToken("token: " + notiontest.DefaultToken)
	b.url = "https://api.notion.example"
	b.configureToken("token: " + notiontest.DefaultToken)
	if err := os.Chmod(b.config, 0o644); err != nil {
		t.Fatal(err)
	}
	b.call("run").wants(t, 2, "holds the token", "chmod 600")
}

// There is no flag for the token: it would show in the list of processes.
func badTokenFlag(t *testing.T) {
	r := call(t, nil, "run", "--token", "ntn_sentinel_value")
	r.wants(t, 2, "unknown flag --token")
	if strings.Contains(r.stderr, "sentinel") {
		t.Errorf("stderr shows the token: %s", r.stderr)
	}
}

func badID(t *testing.T) {
	for _, id := range []string{"123", "zzzzzzzz-9ac3-4cfc-8582-7ba5a0a8ae71", "https://www.notion.so/", "tasks"} {
		call(t, nil, "run", "--config", writeConfig(t, "databases:\n  - \""+id+"\"\n")).wants(t, 2, ":2:5: databases[0]", "not a Notion id or URL")
	}
}

func goodURL(t *testing.T) {
	b := newBench(t, notiontest.Options{})
	id := b.database("Tasks")
	plain := strings.ReplaceAll(id, "-", "")
	for _, link := range []string{
		"https://www.notion.so/harbor/Tasks-" + plain + "?v=c714dec3742440cc91a8c38914f83b6b#d8ee2d159ac34cfc85827ba5a0a8ae71",
		"https://app.notion.com/" + plain, plain, strings.ToUpper(id),
	} {
		b.configure("databases: [\"" + link + "\"]\n")
		r := b.call("run", "--json", "--log-level", "error")
		r.wants(t, 0)
		if r.report(t).table("tasks") == nil {
			t.Errorf("%s: no table tasks", link)
		}
	}
}

func badIDPath(t *testing.T) {
	b := newBench(t, notiontest.Options{OnRequest: func(*http.Request) { t.Error("a request was sent") }})
	for _, id := range []string{
		"../d8ee2d15-9ac3-4cfc-8582-7ba5a0a8ae71", "%2e%2e/d8ee2d159ac34cfc85827ba5a0a8ae71",
		"https://www.notion.so/../d8ee2d159ac34cfc85827ba5a0a8ae71", "https://www.notion.so/%2E%2e/d8ee2d159ac34cfc85827ba5a0a8ae71",
	} {
		b.configure("databases: [\"" + id + "\"]\n")
		b.call("run").wants(t, 2, "not a Notion id or URL")
	}
}

func badPageID(t *testing.T) {
	b := newBench(t, notiontest.Options{})
	page := b.workspace.Model().Sources[0].Rows[0]
	b.configure("databases: [" + page + "]\n")
	b.call("run").wants(t, 2, page, "page")
}

func badNotFound(t *testing.T) {
	b := newBench(t, notiontest.Options{})
	const nowhere = "d8ee2d15-9ac3-4cfc-8582-7ba5a0a8ae71"
	b.configure("databases: [" + nowhere + "]\n")
	b.call("run").wants(t, 4, nowhere, "not found or not shared with the connection", "Connections")
	b.call("check").wants(t, 4)
	// One that has a table stays at its last load.
	b.configure("")
	b.call("run", "--log-level", "error").wants(t, 0)
	id, other := b.database("Tasks"), b.database("Clients")
	b.unshare("Tasks")
	b.configure("databases: [" + id + ", " + other + "]\n")
	r := b.call("run", "--json", "--log-level", "error")
	r.wants(t, 0)
	table := r.report(t).table("tasks")
	if table == nil || table.Complete || table.Reason == "" || table.Rows == 0 {
		t.Errorf("report of tasks: %+v", table)
	}
}

func badNothingShared(t *testing.T) {
	b := newBench(t, notiontest.Options{})
	for _, title := range []string{"Tasks", "Clients", "Projects"} {
		b.unshare(title)
	}
	r := b.call("run", "--json")
	r.wants(t, 4, "Connections", "--allow-empty")
	if report := r.report(t); report.Status != lake.StatusFailed {
		t.Errorf("status %s", report.Status)
	}
	b.call("check").wants(t, 4)
	if loads := b.call("loads", "--json").stdout; strings.Contains(loads, "complete") {
		t.Errorf("a load was published: %s", loads)
	}
	b.call("run", "--allow-empty", "--log-level", "error").wants(t, 0)
}

func badStorageURL(t *testing.T) {
	b := newBench(t, notiontest.Options{OnRequest: func(*http.Request) { t.Error("a request was sent") }})
	for _, url := range []string{"s3:/b", "s3://", "ftp://x", "gs://b?x", "s3://bucket/prefix", "file://host"} {
		b.configure("warehouse: \"" + url + "\"\n")
		b.call("run").wants(t, 2, "warehouse", "s3://bucket/prefix")
	}
}

func goodPaths(t *testing.T) {
	b := newBench(t, notiontest.Options{})
	for _, path := range []string{"lake one", "~/home lake", "Größe 名前", "a%20b", "deep/er/lake"} {
		b.configure("warehouse: \"" + path + "\"\ncatalog: {uri: \"" + path + "/catalog.db\"}\n")
		b.call("run", "--log-level", "error").wants(t, 0)
		dir := filepath.Join(b.dir, strings.TrimPrefix(path, "~/"))
		if _, err := os.Stat(filepath.Join(dir, "catalog.db")); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		b.call("head", "--json", "tasks").wants(t, 0)
	}
}

func badWarehouse(t *testing.T) {
	b := newBench(t, notiontest.Options{OnRequest: func(*http.Request) { t.Error("a request was sent") }})
	file := b.write("file", "", 0o600)
	for _, c := range []struct{ more, want string }{
		{"warehouse: file\n", file},
		{"warehouse: file/below\n", file},
		{"catalog: {uri: .}\n", b.dir},
		{"catalog: {uri: file/catalog.db}\n", file},
	} {
		b.configure(c.more)
		b.call("run").wants(t, 5, c.want)
	}
	// A folder that cannot be written, also for root, who may write everywhere.
	b.configure("warehouse: /proc/lake\n")
	b.call("run").wants(t, 5, "/proc/lake")
	b.call("check").wants(t, 2+3, "/proc/lake")
}

func badLockedCatalog(t *testing.T) {
	b := newBench(t, notiontest.Options{})
	b.call("run", "--log-level", "error").wants(t, 0)
	db, err := sql.Open("sqlite", filepath.Join(b.dir, "lake/catalog.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("BEGIN EXCLUSIVE"); err != nil {
		t.Fatal(err)
	}
	b.call("run", "--lock-timeout", "10ms", "--log-level", "error").wants(t, 6, "locked")
}

func badDamagedCatalog(t *testing.T) {
	b := newBench(t, notiontest.Options{})
	file := b.write("lake/catalog.db", strings.Repeat("this is no database\n", 100), 0o600)
	b.call("run").wants(t, 5, file, "damaged")
	b.call("tables").wants(t, 5, file, "damaged")
}

func badForeignTable(t *testing.T) {
	b := newBench(t, notiontest.Options{})
	b.call("check").wants(t, 0) // makes the catalog
	db, err := sql.Open("sqlite", filepath.Join(b.dir, "lake/catalog.db"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Exec(`INSERT INTO iceberg_tables (catalog_name, table_namespace, table_name, iceberg_type, metadata_location)
		VALUES ('notionlake', 'notion', 'tasks', 'VIEW', 'file:///elsewhere/v1.metadata.json')`)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	b.call("run", "--log-level", "error").wants(t, 2, "tasks", "namespace")
}

// A clock that is off is said; it does not stop a load.
func badClock(t *testing.T) {
	b := newBench(t, notiontest.Options{})
	inner := b.server
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", "Sat, 21 Nov 2020 03:00:00 GMT")
		inner.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	b.url = s.URL
	b.configure("")
	b.call("run").wants(t, 0, "clock of this machine differs")
	r := b.call("check")
	r.wants(t, 0)
	if !strings.Contains(r.stdout, "warn  clock") {
		t.Errorf("check says\n%s", r.stdout)
	}
}

func goodConditionalWrites(t *testing.T) {
	b := newBench(t, notiontest.Options{})
	r := b.call("check", "--json")
	r.wants(t, 0)
	if !strings.Contains(r.stdout, `"new objects"`) {
		t.Errorf("check says nothing of conditional writes: %s", r.stdout)
	}
}

func badAt(t *testing.T) {
	b := newBench(t, notiontest.Options{})
	b.call("run", "--as-load", "20260101T000000Z", "--log-level", "error").wants(t, 0)
	b.call("run", "--as-load", "20260102T000000Z", "--log-level", "error").wants(t, 0)
	for _, at := range []string{"20250101T000000Z", "load_20260101T120000Z", "42", "2001-01-01T00:00:00Z"} {
		b.call("head", "--at", at, "tasks").wants(t, 2, at, "no such load", "20260101T000000Z, 20260102T000000Z")
		b.call("tables", "--at", at).wants(t, 2, at, "no such load")
	}
	for _, at := range []string{"yesterday", "20261301T000000Z", "2026-01-01", "-1"} {
		b.call("tables", "--at", at).wants(t, 2, at, "is expected")
	}
	b.call("head", "taks").wants(t, 2, `no table "taks"`, "did you mean tasks?")
}

func badNetwork(t *testing.T) {
	b := newBench(t, notiontest.Options{})
	b.env["HTTPS_PROXY"] = "http://user:password with space@"
	r := b.call("run")
	r.wants(t, 2, "HTTPS_PROXY")
	if strings.Contains(r.stderr, "password") {
		t.Errorf("stderr shows the password: %s", r.stderr)
	}
	delete(b.env, "HTTPS_PROXY")
	b.env["SSL_CERT_FILE"] = filepath.Join(b.dir, "nowhere.pem")
	b.call("run").wants(t, 2, "SSL_CERT_FILE", "nowhere.pem")
}

// No HOME, no TZ, stdin at its end: it works. Outputs that are closed are in
// testdata/script/closed.txtar.
func badSurroundings(t *testing.T) {
	b := newBench(t, notiontest.Options{})
	delete(b.env, "HOME")
	b.call("run", "--log-level", "error").wants(t, 0)
	b.configure("warehouse: ~/lake\n")
	b.call("run").wants(t, 2, "HOME is not set")
}

// report is the report that `run --json` printed.
func (r result) report(t *testing.T) report {
	t.Helper()
	var got report
	d := json.NewDecoder(strings.NewReader(r.stdout))
	if err := d.Decode(&got); err != nil || d.More() {
		t.Fatalf("stdout is not one JSON document (%v):\n%s", err, r.stdout)
	}
	return got
}

type report lake.Report

func (r report) table(name string) *lake.TableReport {
	for i := range r.Tables {
		if r.Tables[i].Name == name {
			return &r.Tables[i]
		}
	}
	return nil
}

// restart puts another server before the workspace.
func (b *bench) restart(o notiontest.Options) {
	b.t.Helper()
	b.server = notiontest.NewServer(b.workspace, o)
	s := httptest.NewServer(b.server)
	b.t.Cleanup(s.Close)
	b.url = s.URL
	b.configure("")
}

// configureToken is configure with another source of the token.
func (b *bench) configureToken(line string) {
	b.t.Helper()
	b.config = b.write("notionlake.yaml", fmt.Sprintf("notion:\n  base_url: %s\n  rate: off\n  %s\n", b.url, line), 0o600)
}

// database is the ID of the database with the title.
func (b *bench) database(title string) string {
	b.t.Helper()
	for _, d := range b.workspace.Model().Databases {
		if fmt.Sprint(d.Title) == fmt.Sprint(notiontest.Plain(title)) {
			return d.ID
		}
	}
	b.t.Fatalf("no database %q", title)
	return ""
}

// unshare takes the database with the title from the connection.
func (b *bench) unshare(title string) {
	b.t.Helper()
	id := b.database(title)
	b.workspace.Update(func(t *notiontest.Tx) { t.Database(id).Unshared = true })
}
