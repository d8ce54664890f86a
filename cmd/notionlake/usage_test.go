package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPermute(t *testing.T) {
	app := newTestProgram(nil).app()
	for in, want := range map[string]string{
		"n":                                "n",
		"n run":                            "n run",
		"n head tasks -n 5":                "n head -n 5 tasks",
		"n --json --config c head tasks":   "n head --json --config c tasks",
		"n head --config=c tasks --json":   "n head --config=c --json tasks",
		"n head -n -1 tasks":               "n head -n -1 tasks",
		"n connect duckdb tasks --at x":    "n connect --at x duckdb tasks",
		"n head --json -- -n":              "n head --json -- -n",
		"n --version":                      "n --version",
		"n nowhere --at x":                 "n nowhere --at x",
		"n run --only":                     "n run --only",
		"n --log-format json run --only a": "n run --log-format json --only a",
	} {
		if diff := cmp.Diff(strings.Fields(want), permute(app, strings.Fields(in))); diff != "" {
			t.Errorf("%s: %s", in, diff)
		}
	}
}

func TestSuggest(t *testing.T) {
	known := []string{"run", "tables", "schema", "version", "warehouse"}
	for in, want := range map[string]string{
		"rnu": ": did you mean run?", "table": ": did you mean tables?", "warehuose": ": did you mean warehouse?",
		"x": "", "publish": "", "": "",
	} {
		if got := suggest(in, known, ""); got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}

func TestQuote(t *testing.T) {
	const s = "it's \"a\" \\ b\n"
	for got, want := range map[string]string{
		sqlName(`a"b`):      `"a""b"`,
		sqlText("it's"):     `'it''s'`,
		pyText(s):           `"it's \"a\" \\ b\x0a"`,
		shellQuote("a/b-c"): "a/b-c",
		shellQuote("it's"):  `'it'\''s'`,
		shellQuote(""):      "''",
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
