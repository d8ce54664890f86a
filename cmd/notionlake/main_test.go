package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/notionlake/notionlake/extract/notiontest"
	"github.com/notionlake/notionlake/lake"
)

// TestMain lets this binary be the program too, for tests that need a process.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "notionlake" {
		if at := os.Getenv(killVariable); at != "" {
			os.Exit(runKilled(at))
		}
		if point := os.Getenv(panicVariable); point != "" {
			os.Exit(runPanicking(point))
		}
		main()
	}
	os.Exit(m.Run())
}

// A result is what a call of the program came to.
type result struct {
	code           int
	stdout, stderr string
}

// call runs the program in this process.
func call(t *testing.T, env map[string]string, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	lookup := func(name string) (string, bool) {
		v, ok := env[name]
		return v, ok
	}
	code := run(context.Background(), append([]string{"notionlake"}, args...), outside{
		dir: t.TempDir(), stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, env: lookup,
	})
	return result{code, stdout.String(), stderr.String()}
}

// wants fails the test unless the call ended with the code and stderr has the texts.
func (r result) wants(t *testing.T, code int, texts ...string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code %d, want %d\n%s", r.code, code, r.stderr)
	}
	for _, text := range texts {
		if !strings.Contains(r.stderr, text) {
			t.Errorf("stderr lacks %q:\n%s", text, r.stderr)
		}
	}
}

// A bench is a folder with a configuration and, usually, a simulator.
type bench struct {
	t         *testing.T
	dir       string
	config    string
	env       map[string]string
	server    *notiontest.Server
	workspace *notiontest.Workspace
	url       string
}

// newBench starts a simulator of the demo's workspace.
func newBench(t *testing.T, o notiontest.Options) *bench {
	t.Helper()
	w, _ := notiontest.Demo(1)
	return newBenchOf(t, w, o)
}

// newBenchOf starts a simulator of a workspace.
func newBenchOf(t *testing.T, w *notiontest.Workspace, o notiontest.Options) *bench {
	t.Helper()
	b := &bench{t: t, dir: t.TempDir(), workspace: w}
	b.serve(o)
	token := o.Token
	if token == "" {
		token = notiontest.DefaultToken
	}
	b.env = map[string]string{"NOTION_TOKEN": token, "HOME": b.dir}
	b.configure("")
	return b
}

// serve puts a server before the workspace, which serves its files too.
func (b *bench) serve(o notiontest.Options) {
	b.t.Helper()
	s := httptest.NewUnstartedServer(nil)
	b.url = "http://" + s.Listener.Addr().String()
	o.FileBase = b.url
	b.server = notiontest.NewServer(b.workspace, o)
	s.Config.Handler = b.server
	s.Start()
	b.t.Cleanup(s.Close)
}

// configure writes the configuration: the simulator, and more keys.
func (b *bench) configure(more string) {
	b.t.Helper()
	text := "notion: {base_url: \"" + b.url + "\", rate: off}\n" + more
	b.config = b.write("notionlake.yaml", text, 0o600)
}

// write writes a file and returns its path.
func (b *bench) write(name, text string, mode os.FileMode) string {
	b.t.Helper()
	file := filepath.Join(b.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		b.t.Fatal(err)
	}
	if err := os.Chmod(file, mode); err != nil { // whatever the umask is
		b.t.Fatal(err)
	}
	return file
}

// call runs a command with the bench's configuration.
func (b *bench) call(command string, args ...string) result {
	b.t.Helper()
	return call(b.t, b.env, append([]string{command, "--config", b.config}, args...)...)
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
	b.serve(o)
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

// unsharePages hides all pages that are no rows.
func (b *bench) unsharePages() {
	b.workspace.Update(func(t *notiontest.Tx) {
		for _, id := range t.Model().TopPages {
			t.Page(id).Unshared = true
		}
	})
}

// unshare takes the database with the title from the connection.
func (b *bench) unshare(title string) {
	b.t.Helper()
	id := b.database(title)
	b.workspace.Update(func(t *notiontest.Tx) { t.Database(id).Unshared = true })
}
