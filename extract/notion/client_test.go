package notion

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

func TestTokenNeverShows(t *testing.T) {
	o := Options{Token: testToken}
	c, err := NewClient(o)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, v := range []any{o, &o, o.Token, &o.Token, c, *c.base, struct{ C *Client }{c}, struct{ c *Client }{c}, []Token{o.Token}} {
			fmt.Fprintf(&b, verb+"\n", v)
		}
	}
	o.Transport, o.Logger = nil, nil
	_ = json.NewEncoder(&b).Encode(o)
	slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "o", o, "t", o.Token, "c", c)
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "o", o, "t", o.Token, "c", c)
	for _, form := range []string{testToken, fmt.Sprintf("%x", testToken), "sentinel"} {
		if strings.Contains(b.String(), form) {
			t.Errorf("the token shows in\n%s", b.String())
		}
	}
	if !strings.Contains(b.String(), hidden) {
		t.Error("nothing was printed")
	}
}

func TestTokenInMessage(t *testing.T) {
	f := answers(status(400, `{"object":"error","code":"x`+testToken+`","message":"Bad token `+testToken+`\n\u001b[31m."}`))
	_, err := newTestClient(t, f, unlimited).Page(t.Context(), pageID)
	if err == nil || strings.Contains(err.Error(), testToken) || strings.ContainsAny(err.Error(), "\n\x1b") {
		t.Errorf("error %q", err)
	}
}

func TestOptions(t *testing.T) {
	tests := []struct {
		name string
		o    Options
		says string // "" is no error
	}{
		{"only a token", Options{Token: "secret_x"}, ""},
		{"no token", Options{}, "no token"},
		{"line break in the token", Options{Token: testToken + "\nX-Evil: 1"}, "the token holds"},
		{"blank in the token", Options{Token: testToken + " "}, "the token holds"},
		{"control character in the token", Options{Token: testToken + "\x00"}, "the token holds"},
		{"not ASCII", Options{Token: testToken + "é"}, "the token holds"},
		{"base with path", Options{Token: "x", BaseURL: "http://127.0.0.1:8080/notion/"}, ""},
		{"base with /v1", Options{Token: "x", BaseURL: "https://api.notion.com/v1"}, "must not end in /v1"},
		{"base without scheme", Options{Token: "x", BaseURL: "api.notion.com"}, "must begin with"},
		{"base of another scheme", Options{Token: "x", BaseURL: "ftp://api.notion.com"}, "must begin with"},
		{"base without host", Options{Token: "x", BaseURL: "https:///x"}, "has no host"},
		{"base with a password", Options{Token: "x", BaseURL: "https://u:sentinel@api.notion.com"}, "must not hold a user"},
		{"base with a query", Options{Token: "x", BaseURL: "https://api.notion.com?x=1"}, "must not hold a query"},
		{"base with a control character", Options{Token: "x", BaseURL: "https://u:sentinel@api.notion.com/\n"}, "base URL: "},
		{"negative parallel", Options{Token: "x", Parallel: -1}, "must not be negative"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := NewClient(tt.o)
			if (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %v, want %q", err, tt.says)
			}
			if err != nil && strings.Contains(err.Error(), "sentinel") {
				t.Errorf("error %q shows a secret", err)
			}
		})
	}
}

func TestBasePathAndRealTransport(t *testing.T) {
	var paths []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		paths = append(paths, r.RequestURI)
		w.Header().Set("Content-Type", "application/json")
		if strings.Contains(r.RequestURI, "properties") {
			fmt.Fprint(w, `{"object":"property_item","id":"f%5C%5C%3Ap","type":"number","number":1}`)
			return
		}
		fmt.Fprint(w, onePage)
	}))
	defer s.Close()
	c, err := NewClient(Options{Token: testToken, BaseURL: s.URL + "/below/"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Page(t.Context(), pageID); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Property(t.Context(), pageID, "f%5C%5C%3Ap", nil); err != nil {
		t.Fatal(err)
	}
	want := []string{"/below/v1/pages/" + pageID, "/below/v1/pages/" + pageID + "/properties/f%5C%5C%3Ap?page_size=100"}
	if fmt.Sprint(paths) != fmt.Sprint(want) {
		t.Errorf("asked %v, want %v", paths, want)
	}
}

// Packed answers are read to their end: one connection serves all requests.
func TestConnectionsAreUsedAgain(t *testing.T) {
	var opened atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = z.Write([]byte(`{"object":"page","id":"` + pageID + `","x":"` + strings.Repeat("x", 100_000) + `"}`))
		_ = z.Close()
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	c, err := NewClient(Options{Token: testToken, BaseURL: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range 10 {
		if _, err := c.Page(t.Context(), pageID); err != nil {
			t.Fatal(err)
		}
	}
	if n := opened.Load(); n != 1 {
		t.Errorf("%d connections for 10 requests", n)
	}
}
