package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/extract/notiontest"
)

// sentinel is a token with characters that encoders change.
const sentinel = `ntn_s3ntinel+tok/en%41="q\x&y`

// leaks returns the forms of the sentinel that text holds.
func leaks(text string) (found []string) {
	quoted, _ := json.Marshal(sentinel)
	forms := []string{
		sentinel, url.QueryEscape(sentinel), url.PathEscape(sentinel), strings.Trim(string(quoted), `"`), strings.Trim(fmt.Sprintf("%q", sentinel), `"`),
		"s3ntinel", base64.StdEncoding.EncodeToString([]byte(sentinel))[:20], base64.StdEncoding.EncodeToString([]byte("Bearer " + sentinel))[12:32],
	}
	for _, f := range forms {
		if strings.Contains(text, f) {
			found = append(found, f)
		}
	}
	return found
}

// TestTokenNeverVisible takes the token through every way in and every way to
// fail, and looks for it in all that comes out.
func TestTokenNeverVisible(t *testing.T) {
	workspace, _ := notiontest.Demo(1)
	simulator := httptest.NewServer(notiontest.NewServer(workspace, notiontest.Options{Token: sentinel}))
	t.Cleanup(simulator.Close)
	other := httptest.NewServer(notiontest.NewServer(workspace, notiontest.Options{}))
	t.Cleanup(other.Close)
	// echo answers with all that it is sent, for one data source or for everything.
	echo := func(only string) *httptest.Server {
		inner := notiontest.NewServer(workspace, notiontest.Options{Token: sentinel})
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.Contains(r.URL.Path, only) {
				inner.ServeHTTP(w, r)
				return
			}
			said := fmt.Sprint(r.Header, base64.StdEncoding.EncodeToString([]byte(r.Header.Get("Authorization"))), url.QueryEscape(r.Header.Get("Authorization")))
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("X-Request-Id", said)
			w.WriteHeader(http.StatusBadRequest)
			_ = json.NewEncoder(w).Encode(map[string]any{"object": "error", "status": 400, "code": "validation_error", "message": said, "request_id": said})
		}))
		t.Cleanup(s.Close)
		return s
	}
	thief := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if got := leaks(fmt.Sprint(r.Header, r.URL)); got != nil {
			t.Errorf("another host was sent the token: %q", got)
		}
	}))
	t.Cleanup(thief.Close)
	redirect := httptest.NewServer(http.RedirectHandler(strings.Replace(thief.URL, "127.0.0.1", "localhost", 1), http.StatusTemporaryRedirect))
	t.Cleanup(redirect.Close)

	channels := map[string]string{
		"environment": "token: ${NOTION_TOKEN}",
		"literal":     "token: '" + sentinel + "'",
		"file":        "token_file: token",
		"command":     "token_command: [cat, token]",
	}
	ways := []struct {
		name, url, more string
		code            int
	}{
		{"load", simulator.URL, "", 0},
		{"rejected", other.URL, "", 3},
		{"echoed", echo("").URL, "", 4},
		{"echoed once", echo("/query").URL, "guard: {partial: publish}\n", 4},
		{"redirected", redirect.URL, "", 4},
		{"unknown key", simulator.URL, "warehuose: x\n", 2},
		{"syntax", simulator.URL, "warehouse: [x\n", 2},
		{"token as key", simulator.URL, "'" + sentinel + "': x\n", 2},
		{"token as value", simulator.URL, "namespace: '" + sentinel + "'\n", 2},
		{"token in the base URL", "https://" + url.PathEscape(sentinel) + "@127.0.0.1", "", 2},
		{"token as warehouse", simulator.URL, "warehouse: 's3://" + sentinel + "'\n", 2},
		{"storage fails", simulator.URL, "warehouse: token\n", 5},
	}
	for channel, line := range channels {
		for _, way := range ways {
			t.Run(channel+"/"+way.name, func(t *testing.T) {
				t.Parallel()
				b := &bench{t: t, dir: t.TempDir(), env: map[string]string{"HOME": "/", "PATH": os.Getenv("PATH")}}
				if channel == "environment" {
					b.env["NOTION_TOKEN"] = sentinel
				}
				b.write("token", sentinel+"\n", 0o600)
				b.config = b.write("notionlake.yaml", fmt.Sprintf("notion:\n  base_url: %s\n  rate: off\n  %s\n%s", way.url, line, way.more), 0o600)
				for _, args := range [][]string{{"check"}, {"run", "--log-format", "json", "--json"}, {"run"}, {"head", "--json", "_loads"}, {"tables"}} {
					r := b.call(args[0], append(args[1:], "--log-level", "debug")...)
					if args[0] == "run" && r.code != way.code {
						t.Errorf("%v: exit code %d, want %d\n%s", args, r.code, way.code, r.stderr)
					}
					if got := leaks(r.stdout + r.stderr); got != nil {
						t.Errorf("%v shows the token as %q\n%s%s", args, got, r.stdout, r.stderr)
					}
				}
				b.searchLake()
			})
		}
	}
}

// searchLake looks for the sentinel in every file of the lake and in every cell.
func (b *bench) searchLake() {
	b.t.Helper()
	err := filepath.WalkDir(filepath.Join(b.dir, "lake"), func(path string, d fs.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if got := leaks(string(data)); got != nil {
			b.t.Errorf("%s holds the token as %q", path, got)
		}
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	p := newTestProgram(b.env)
	cfg, err := p.readConfig(b.config)
	if err != nil || !hasLake(cfg) {
		return
	}
	ctx := context.Background()
	l, err := p.openLake(ctx, cfg, readOnly)
	if err != nil {
		b.t.Fatal(err)
	}
	defer l.close()
	states, err := l.states(ctx, moment{})
	if err != nil {
		b.t.Fatal(err)
	}
	for _, s := range states {
		rows, err := l.firstRows(ctx, s, maxHeadRows)
		if err != nil {
			b.t.Fatal(err)
		}
		if got := leaks(fmt.Sprint(rows)); got != nil {
			b.t.Errorf("table %s holds the token as %q", s.Schema.Table, got)
		}
	}
}

// What a token's command says on stderr is not passed on, and a token that is
// refused is not repeated.
func TestTokenOfCommand(t *testing.T) {
	b := newBench(t, notiontest.Options{})
	b.env["PATH"] = os.Getenv("PATH")
	for _, c := range []struct{ line, want string }{
		{`token_command: [sh, -c, "cat token >&2; exit 3"]`, "token_command sh: exit status 3"},
		{`token_command: [sh, -c, "echo; cat token; echo X"]`, "line break"},
		{`token_command: [no-such-program]`, "token_command no-such-program"},
		{`token_command: [sh, -c, "cat /dev/zero"]`, "token_command sh"},
		{`token_command: ["true"]`, "no token"},
	} {
		b.write("token", sentinel+"\n", 0o600)
		b.configureToken(c.line)
		r := b.call("run", "--log-level", "debug")
		r.wants(t, 2, c.want)
		if got := leaks(r.stdout + r.stderr); got != nil {
			t.Errorf("%s: shows the token as %q\n%s", c.line, got, r.stderr)
		}
	}
}

func TestSecretPrintsItselfHidden(t *testing.T) {
	s := secret{notion.Token(sentinel)}
	c := notionConfig{Token: s}
	encoded, err := json.Marshal(map[string]any{"secret": s, "config": c})
	if err != nil {
		t.Fatal(err)
	}
	if got := leaks(fmt.Sprintf("%v %+v %#v %s %q %x %d %v %+v %#v %s", s, s, s, s, s, s, s, c, c, &c, encoded)); got != nil {
		t.Errorf("it shows as %q", got)
	}
}

// The name of a key looks like a token, and is none: what it holds is hidden.
func TestKeyNamesAreShown(t *testing.T) {
	const value = "secret_0123456789abcdefghij"
	b := &bench{t: t, dir: t.TempDir(), env: map[string]string{"NOTION_TOKEN": "ntn_simulator"}, url: "http://127.0.0.1:1"}
	for more, want := range map[string]string{
		"warehouse: s3://bucket/x\nstorage: {endpoint: 'https://s3.example.com', access_key_id: abc, secret_access_key: " + value + "}\n": "holds storage.secret_access_key and everybody",
		"storage: {secret_acess_key: " + value + "}\n":                  `unknown key "secret_acess_key": did you mean secret_access_key?`,
		"notion: {token: " + value + "}\nexclude: ['" + value + "[']\n": `exclude[0] "***["`,
	} {
		b.config = b.write("notionlake.yaml", more, 0o644)
		r := b.call("plan")
		r.wants(t, exitUsage, want)
		if strings.Contains(r.stderr, value) {
			t.Errorf("%s: it shows the secret: %s", more, r.stderr)
		}
	}
}

func TestRedactor(t *testing.T) {
	r := &redactor{}
	r.hide(sentinel)
	for _, text := range []string{
		sentinel, "Bearer " + sentinel, url.QueryEscape(sentinel), fmt.Sprintf("%q", sentinel), "https://" + url.PathEscape(sentinel) + "@x",
	} {
		if got := leaks(r.redact(text)); got != nil {
			t.Errorf("%s: %q", text, got)
		}
	}
	for _, before := range []string{"", "a", "ab", "Bearer ", "user:", "x: y\n"} {
		for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding} {
			text := encoding.EncodeToString([]byte(before + sentinel + "tail"))
			got, err := encoding.DecodeString(strings.ReplaceAll(r.redact(text), hidden, ""))
			if err == nil && leaks(string(got)) != nil || r.redact(text) == text {
				t.Errorf("base64 after %q: %s", before, r.redact(text))
			}
		}
	}
	r = &redactor{}
	r.hide("test")
	if got := r.redact("a test"); got != "a test" {
		t.Errorf("a word was hidden: %s", got)
	}
}
