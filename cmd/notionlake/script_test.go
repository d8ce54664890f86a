package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// TestScripts runs testdata/script: what a user types, and what comes of it.
//
//	notionlake ...   runs the program in this process; with exec before it, as a process of its own
//	sim [slow]       starts a simulator of the demo's workspace; NOTION_URL and NOTION_TOKEN are set
//	step             makes the changes of the demo in the workspace
//	change NAME      makes one change in it (script_change_test.go)
//	json PATH VALUE  compares a value of the JSON document that the last command printed
//	load NAME PATH   sets a variable to a value of that document
func TestScripts(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.Symlink(self, filepath.Join(bin, "notionlake")); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", bin+string(os.PathListSeparator)+e.Getenv("PATH"))
			return nil
		},
		Dir:                "../../testdata/script",
		RequireUniqueNames: true,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"notionlake": runProgram, "sim": startSimulator, "step": changeWorkspace, "change": changeOne, "json": compareJSON, "load": loadVariable,
		},
	})
}

// simulators are the changes that are left to be made, by script.
var simulators sync.Map // *testscript.TestScript to []notiontest.Step

func runProgram(ts *testscript.TestScript, neg bool, args []string) {
	code := run(context.Background(), append([]string{"notionlake"}, args...), outside{
		dir: ts.MkAbs("."), stdin: strings.NewReader(""), stdout: ts.Stdout(), stderr: ts.Stderr(),
		env: func(name string) (string, bool) { v := ts.Getenv(name); return v, v != "" },
	})
	if (code != 0) != neg {
		ts.Fatalf("exit code %d", code)
	}
}

func startSimulator(ts *testscript.TestScript, _ bool, args []string) {
	w, steps := notiontest.Demo(1)
	var o notiontest.Options
	if len(args) > 0 && args[0] == "slow" {
		o.Latency = 5 * time.Second // longer than the script
	}
	s := httptest.NewServer(notiontest.NewServer(w, o))
	ts.Defer(s.Close)
	ts.Setenv("NOTION_URL", s.URL)
	ts.Setenv("NOTION_TOKEN", notiontest.DefaultToken)
	simulators.Store(ts, steps)
	workspaces.Store(ts, w)
	ts.Defer(func() { simulators.Delete(ts); workspaces.Delete(ts) })
}

func changeWorkspace(ts *testscript.TestScript, _ bool, _ []string) {
	steps, ok := simulators.Load(ts)
	if !ok {
		ts.Fatalf("no simulator runs")
	}
	for _, s := range steps.([]notiontest.Step) {
		s.Apply()
	}
}

func compareJSON(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: json PATH VALUE")
	}
	got := jsonAt(ts, args[0])
	if (got == args[1]) == neg {
		ts.Fatalf("%s is %s", args[0], got)
	}
}

func loadVariable(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: load NAME PATH")
	}
	ts.Setenv(args[0], jsonAt(ts, args[1]))
}

// jsonAt is a value of the document on the last command's stdout: tables.0.name,
// tables.[name=tasks].rows, tables.len.
func jsonAt(ts *testscript.TestScript, path string) string {
	d := json.NewDecoder(strings.NewReader(ts.ReadFile("stdout")))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		ts.Fatalf("stdout is no JSON: %v", err)
	}
	if d.More() {
		ts.Fatalf("stdout has more than one JSON document")
	}
	for _, key := range strings.Split(path, ".") {
		switch at := v.(type) {
		case map[string]any:
			v = at[key]
		case []any:
			v = element(ts, at, key)
		default:
			ts.Fatalf("%s: nothing at %s", path, key)
		}
	}
	switch v := v.(type) {
	case string:
		return v
	case nil:
		return "null"
	default:
		text, err := json.Marshal(v)
		ts.Check(err)
		return string(text)
	}
}

func element(ts *testscript.TestScript, list []any, key string) any {
	if key == "len" {
		return json.Number(strconv.Itoa(len(list)))
	}
	if field, value, ok := strings.Cut(strings.Trim(key, "[]"), "="); ok {
		for _, e := range list {
			if object, ok := e.(map[string]any); ok && fmt.Sprint(object[field]) == value {
				return e
			}
		}
		ts.Fatalf("no element with %s", key)
	}
	i, err := strconv.Atoi(key)
	if err != nil || i < 0 || i >= len(list) {
		ts.Fatalf("no element %s of %d", key, len(list))
	}
	return list[i]
}
