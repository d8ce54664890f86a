package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/notionlake/notionlake/extract/notiontest"
	"github.com/notionlake/notionlake/lake"
)

// TestBadInput has a subtest per row of the table of bad inputs, by its number.
func TestBadInput(t *testing.T) {
	for _, row := range []struct {
		number string
		test   func(*testing.T)
	}{
		{"1", badUnknownFlag},
		{"2", badRequired},
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
		{"24", badBucket},
		{"25", goodPaths},
		{"26", badWarehouse},
		{"27", badDisk},
		{"29", badLockedCatalog},
		{"30", badDamagedCatalog},
		{"31", badMetadataMissing},
		{"32", badMetadataDamaged},
		{"33", badForeignTable},
		{"71", badTwoRuns},
		{"72", badOvertaken},
		{"73", badCommitAnswer},
		{"74", badEnd},
		{"75", badClock},
		{"76", badSkew},
		{"77", goodConditionalWrites},
		{"82", badJournal},
		{"83", badLoad},
		{"84", badRetention},
		{"85", badNetwork},
		{"86", badEmptied},
		{"88", badSurroundings},
		{"89", badLimits},
		{"90", badMapper},
	} {
		t.Run(row.number, func(t *testing.T) {
			t.Parallel()
			row.test(t)
		})
	}
}

func badUnknownFlag(t *testing.T) {
	call(t, nil, "run", "--alow-empty").wants(t, 2, "unknown flag --alow-empty", "did you mean --allow-empty?")
	call(t, nil, "rnu").wants(t, 2, `unknown command "rnu"`, "did you mean notionlake run?")
	call(t, nil, "plam").wants(t, 2, `unknown command "plam"`, "did you mean notionlake plan?")
	call(t, nil, "abracadabra").wants(t, 2, `unknown command "abracadabra"`, "notionlake --help")
}

// No flag is required: the configuration has a default for everything but the token.
func badRequired(t *testing.T) {
	newBench(t, notiontest.Options{}).call("run", "--log-level", "error").wants(t, 0)
	call(t, nil, "run", "--warehouse", "x").wants(t, 2, "unknown flag --warehouse")
	call(t, nil, "head").wants(t, 2, "TABLE is missing")
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
	call(t, nil, "run", "--shard", "3/2").wants(t, 2, "--shard 3/2")
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
			b.server.Inject(nil, notiontest.FaultUnauthorized, 1000)
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
	// So is one with the password of the catalog, but for that of a server here.
	uri := "postgres://lake:${PART}word@%s:1/db?connect_timeout=1"
	b.env["PART"] = "thesecret"
	for _, c := range []struct {
		uri  string
		code int
		says string
	}{
		{"postgres://lake:thesecretword@db.example:1/db", 2, "holds the password of catalog.uri"},
		{"postgres://lake:thesecretword@127.0.0.1:1/db", 5, "everybody on this machine may read it"},
		{fmt.Sprintf(uri, "127.0.0.1"), 5, "cannot be reached"},
	} {
		b.configure("catalog: {type: postgres, uri: \"" + c.uri + "\"}\n")
		if err := os.Chmod(b.config, 0o644); err != nil {
			t.Fatal(err)
		}
		r := b.call("tables")
		r.wants(t, c.code, c.says)
		if strings.Contains(r.stderr, "thesecretword") || strings.Contains(c.uri, "PART") && strings.Contains(r.stderr, "may read it") {
			t.Errorf("%s: %s", c.uri, r.stderr)
		}
	}
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
	if table == nil || table.Complete || table.Reason == "" || table.Rows == 0 || table.Files != 1 || table.Bytes == 0 || table.ReusedFiles != 1 {
		t.Errorf("report of tasks: %+v", table)
	}
	r = b.call("run")
	r.wants(t, 0, "are not read any more", "tasks", table.Reason)
	if !strings.Contains(r.stdout, "as they were: tasks: "+table.Reason) {
		t.Errorf("the report says\n%s", r.stdout)
	}
}

func badNothingShared(t *testing.T) {
	b := newBench(t, notiontest.Options{})
	for _, title := range []string{"Tasks", "Clients", "Projects"} {
		b.unshare(title)
	}
	b.unsharePages()
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
