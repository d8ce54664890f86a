package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// The help says how many steps there are.
func TestSteps(t *testing.T) {
	for name, want := range map[string]string{"demo": "5 of demo", "everything": "7 of everything", "files": "2 of files", "big": "100 of big"} {
		_, steps, err := openWorkspace(config{workspace: name, rows: 1})
		if got := fmt.Sprintf("%d of %s", len(steps), name); err != nil || got != want || !strings.Contains(description, want) {
			t.Errorf("%s, %v", got, err)
		}
	}
}

// start runs the program and returns its URL and what ends it.
func start(t *testing.T, args ...string) (url string, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := run(ctx, append([]string{"notionsim"}, args...), in, io.Discard)
		in.CloseWithError(err)
		done <- err
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line), func() error { cancel(); return <-done }
}

func ask(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer ntn_test")
	r.Header.Set("Notion-Version", "2026-03-11")
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func TestProgram(t *testing.T) {
	url, stop := start(t, "--workspace", "demo", "--token", "ntn_test", "--seed", "3")
	type one struct {
		method, path, body string
		status             int
		want               string
	}
	for _, tt := range []one{
		{"GET", "/v1/users/me", "", 200, `"object":"user"`},
		{"POST", "/v1/search", `{}`, 200, `"object":"list"`},
		{"GET", "/v1/nothing", "", 400, "invalid_request_url"},
		{"POST", "/_sim/inject", `{"kind":"500","times":1,"path":"/v1/users"}`, 200, `"kind":"500"`},
		{"POST", "/v1/search", `{}`, 200, `"object":"list"`},
		{"GET", "/v1/users/me", "", 500, "internal_server_error"},
		{"GET", "/v1/users/me", "", 200, `"object":"user"`},
		{"POST", "/_sim/inject", `{"kind":"strange"}`, 400, "no fault"},
		{"POST", "/_sim/inject", `{"kind":"500","path_prefix":"/"}`, 400, "unknown field"},
		{"POST", "/_sim/inject", `{"kind":"500","times":0}`, 400, "times is 0"},
		{"POST", "/_sim/step", "", 200, `"step":1`},
		{"GET", "/_sim/step", "", 405, ""},
		{"GET", "/_sim/other", "", 404, ""},
	} {
		if status, got := ask(t, tt.method, url+tt.path, tt.body); status != tt.status || !strings.Contains(got, tt.want) {
			t.Errorf("%s %s: %d %s, want %d %s", tt.method, tt.path, status, got, tt.status, tt.want)
		}
	}
	_, text := ask(t, "GET", url+"/_sim/stats", "")
	var stats struct {
		Requests  int            `json:"requests"`
		Faults    map[string]int `json:"faults"`
		Steps, Of int
	}
	if err := json.Unmarshal([]byte(text), &stats); err != nil || stats.Requests != 6 || stats.Faults["500"] != 1 || stats.Steps != 1 || stats.Of < 1 {
		t.Errorf("stats %v %s", err, text)
	}
	tasks := notiontest.SourceID(3, "tasks")
	for _, m := range []struct{ name, id, kind, want string }{
		{"unshare", tasks, "data_source", "object_not_found"},
		{"share", strings.ReplaceAll(tasks, "-", ""), "data_source", `"object":"data_source"`},
		{"trash", tasks, "data_source", `"in_trash":true`},
		{"restore", tasks, "data_source", `"in_trash":false`},
	} {
		if status, got := ask(t, "POST", url+"/_sim/"+m.name+"?id="+m.id, ""); status != 200 || !strings.Contains(got, m.kind) {
			t.Errorf("%s: %d %s", m.name, status, got)
		}
		if _, got := ask(t, "GET", url+"/v1/data_sources/"+tasks, ""); !strings.Contains(got, m.want) {
			t.Errorf("%s: %s", m.name, got)
		}
	}
	if status, got := ask(t, "POST", url+"/_sim/trash?id=nothing", ""); status != 404 || !strings.Contains(got, "no page, database or data source") {
		t.Errorf("what is not there: %d %s", status, got)
	}
	for range stats.Of - 1 {
		ask(t, "POST", url+"/_sim/step", "")
	}
	if status, got := ask(t, "POST", url+"/_sim/step", ""); status != 409 {
		t.Errorf("one step too many: %d %s", status, got)
	}
	if err := stop(); err != nil {
		t.Errorf("stopped: %v", err)
	}
}

func TestWorkspaces(t *testing.T) {
	for _, args := range [][]string{{"everything"}, {"big", "--rows", "10"}, {"empty"}} {
		url, stop := start(t, append([]string{"--token", "ntn_test", "--workspace"}, args...)...)
		if status, body := ask(t, "GET", url+"/v1/users/me", ""); status != 200 {
			t.Errorf("%s: %d %s", args[0], status, body)
		}
		if err := stop(); err != nil {
			t.Errorf("%s: %v", args[0], err)
		}
	}
}

func TestFlags(t *testing.T) {
	for name, tt := range map[string]struct{ args, want string }{
		"remote":         {"--listen 0.0.0.0:0", "add --allow-remote"},
		"all addresses":  {"--listen :0", "add --allow-remote"},
		"no port":        {"--listen 127.0.0.1", "missing port"},
		"workspace":      {"--workspace huge", "none of demo"},
		"no recordings":  {"--workspace recorded", "needs --recorded"},
		"not recorded":   {"--recorded x", "--workspace recorded only"},
		"lost recording": {"--workspace recorded --recorded /does/not/exist", "/does/not/exist"},
		"fault":          {"--fault teapot", `no fault "teapot"`},
		"fault rate":     {"--fault-rate 2", "not between 0 and 1"},
		"search gap":     {"--search-gap all", "neither"},
		"rows":           {"--rows -1", "less than none"},
		"argument":       {"serve", "unexpected argument"},
	} {
		var out bytes.Buffer
		err := run(t.Context(), append([]string{"notionsim"}, strings.Fields(tt.args)...), &out, io.Discard)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
	}
	if err := checkAddress("0.0.0.0:80", true); err != nil {
		t.Error(err)
	}
	for _, ok := range []string{"127.0.0.1:0", "localhost:8080", "[::1]:0"} {
		if err := checkAddress(ok, false); err != nil {
			t.Error(err)
		}
	}
}
