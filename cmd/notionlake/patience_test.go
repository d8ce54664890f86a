package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/extract/notiontest"
)

// A server that takes connections and says nothing: who looks at a terminal is not
// left to wait until all attempts have been made.
func TestSilentServer(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	b := &bench{t: t, dir: t.TempDir(), env: map[string]string{"NOTION_TOKEN": "ntn_simulator"}, url: "http://" + l.Addr().String()}
	b.configure("")
	for _, command := range []string{"plan", "check"} {
		var stdout, stderr strings.Builder
		code := run(context.Background(), []string{"notionlake", command, "--config", b.config}, outside{
			dir: b.dir, stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, patience: time.Second / 2,
			env: func(name string) (string, bool) { v, ok := b.env[name]; return v, ok },
		})
		text := stdout.String() + stderr.String()
		if want := "no connection to Notion: no answer from " + b.url + " within 500ms"; code != exitSource || strings.Count(stderr.String(), want) != 1 || strings.Contains(text, "canceled") {
			t.Errorf("%s: exit code %d, %s", command, code, text)
		}
	}
}

// What the lake holds takes as long to read as it takes: Notion is silent only when
// it has been asked.
func TestNotAskedYet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, err := notion.NewClient(notion.Options{Token: "ntn_simulator", Transport: silentTransport{}, Rate: notion.Rate{Off: true}, Attempts: 1})
		if err != nil {
			t.Fatal(err)
		}
		p := &program{patience: defaultPatience}
		ctx, answer, stop := p.impatient(t.Context(), &config{Notion: notionConfig{BaseURL: "https://api.notion.com"}}, client)
		defer stop()
		time.Sleep(time.Hour)
		if ctx.Err() != nil {
			t.Fatalf("nothing was asked: %v", context.Cause(ctx))
		}
		asked := time.Now()
		_, err = client.Me(ctx)
		if err = answer(err); !errors.Is(err, notion.ErrUnreachable) || time.Since(asked) > 2*defaultPatience {
			t.Errorf("after %s: %v", time.Since(asked), err)
		}
	})
}

// A silentTransport is a server that says nothing.
type silentTransport struct{}

func (silentTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// What went wrong is said once: neither the request nor the object twice in a row.
func TestSaidOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t, notiontest.Options{})
	for _, test := range []struct {
		what, more string
		env        map[string]string
		code       int
		want       string
	}{
		{"token", "", map[string]string{"NOTION_TOKEN": "ntn_notthisone"}, exitRefused, "token rejected by Notion: "},
		{"database", "databases: [{id: d8ee2d15-9ac3-4cfc-8582-7ba5a0a8ae71, name: x}]\n", nil, exitSource, " d8ee2d15-9ac3-4cfc-8582-7ba5a0a8ae71: Could not find "},
		{"folder", "warehouse: /dev/null/lake\n", nil, exitStorage, "open /dev/null/lake: "},
		{"folder that cannot be made", "warehouse: /proc/nowhere/lake\n", nil, exitStorage, "open /proc/nowhere/lake: its folder cannot be made: "},
		{"catalog", "catalog: {uri: /proc/nowhere/c.db}\n", nil, exitStorage, "catalog /proc/nowhere/c.db: its folder cannot be made: "},
		{"Postgres", "catalog: {type: postgres, uri: 'postgres://lake@127.0.0.1:1/lake'}\n", nil, exitStorage, "failed to connect to `user=lake database=lake`: 127.0.0.1:1 (127.0.0.1): dial error"},
	} {
		b.configure(test.more)
		for _, command := range []string{"run", "check"} {
			env := b.env
			if test.env != nil {
				b.env = test.env
			}
			r := b.call(command)
			b.env = env
			text := r.stderr
			if command == "check" {
				text = r.stdout
			}
			if r.code != test.code || !strings.Contains(text, test.want) {
				t.Errorf("%s: %s: exit code %d, %s, want %s", test.what, command, r.code, text, test.want)
			}
			if strings.Contains(text, "backup") {
				t.Errorf("%s: %s: nothing is lost: %s", test.what, command, text)
			}
			parts := strings.FieldsFunc(text, func(r rune) bool { return r == ':' || r == ';' })
			for i := range parts[1:] {
				if a, b := strings.TrimSpace(parts[i]), strings.TrimSpace(parts[i+1]); a == b && a != "" {
					t.Errorf("%s: %s says %q twice: %s", test.what, command, a, text)
				}
			}
		}
	}
}
