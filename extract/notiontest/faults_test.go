package notiontest

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// A seen is what a client sees of an answer, over a socket or without.
type seen struct {
	status  int
	retry   string
	html    bool
	err     string // of the request or of the body
	body    string
	id      bool // the header X-Notion-Request-Id
	encoded string
}

func look(c *http.Client, r *http.Request) seen {
	resp, err := c.Do(r)
	if err != nil {
		return seen{err: kind(err)}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 2<<20))
	return seen{
		status: resp.StatusCode, retry: resp.Header.Get("Retry-After"), html: resp.Header.Get("Content-Type") == "text/html",
		err: kind(err), body: string(body), id: resp.Header.Get("X-Notion-Request-Id") != "", encoded: resp.Header.Get("Content-Encoding"),
	}
}

func kind(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, syscall.ECONNRESET):
		return "reset"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "cut"
	}
	return err.Error()
}

// Every fault does what it says, over a socket as without one, and is counted.
func TestFaults(t *testing.T) {
	p := newPlain(30)
	whole := newClient(t, NewServer(p.Workspace, Options{})).get(p.query(), `{"page_size":10`+byCreation+`}`).ids()
	tests := map[string]func(seen) bool{
		"429:0": func(s seen) bool { return s.status == 429 && s.retry == "0" && has(s, `"retry_after":"0"`) },
		"429:2": func(s seen) bool {
			return s.status == 429 && s.retry == "2" && has(s, `"public_api_request_rate_limit"`)
		},
		"429":               func(s seen) bool { return s.status == 429 && s.retry == "" && !has(s, "retry_after") },
		"429:abc":           func(s seen) bool { return s.status == 429 && s.retry == "abc" },
		"429:-1":            func(s seen) bool { return s.status == 429 && s.retry == "-1" },
		"429:date":          func(s seen) bool { _, err := http.ParseTime(s.retry); return s.status == 429 && err == nil },
		"529:1":             func(s seen) bool { return s.status == 529 && s.retry == "1" && has(s, "service_overload") },
		FaultConflict:       func(s seen) bool { return s.status == 409 && has(s, "conflict_error") },
		FaultInternal:       func(s seen) bool { return s.status == 500 && has(s, "internal_server_error") },
		FaultGateway:        func(s seen) bool { return s.status == 502 && s.html && !s.id && has(s, "<html>") },
		FaultUnavailable:    func(s seen) bool { return s.status == 503 && has(s, "public_queryDataSource") },
		FaultTimeout:        func(s seen) bool { return s.status == 504 },
		FaultReset:          func(s seen) bool { return s.err == "reset" },
		FaultCut:            func(s seen) bool { return s.status == 200 && s.err == "cut" && len(s.body) > 0 },
		FaultShort:          func(s seen) bool { return s.status == 200 && s.err == "cut" && len(s.body) > 0 },
		FaultTruncated:      func(s seen) bool { return s.status == 200 && s.err == "" && !json.Valid([]byte(s.body)) },
		FaultEmpty:          func(s seen) bool { return s.status == 200 && s.err == "" && s.body == "" },
		FaultErrorOK:        func(s seen) bool { return s.status == 200 && has(s, `"object":"error"`) },
		FaultGarbage:        func(s seen) bool { return s.status == 200 && !json.Valid([]byte(s.body)) && has(s, `"results":[`) },
		FaultStall + ":1ms": func(s seen) bool { return s.status == 200 && slices.Equal(parse(t, s.body).ids(), whole) },
		FaultIncomplete:     func(s seen) bool { return has(s, `"request_status":{"type":"incomplete"`) },
		FaultUnauthorized:   func(s seen) bool { return s.status == 401 },
		FaultRestricted:     func(s seen) bool { return s.status == 403 && s.id },
		FaultNotFound:       func(s seen) bool { return s.status == 404 },
		FaultBlocked:        func(s seen) bool { return s.status == 429 && has(s, "public_api_request_blocked") },
		FaultBomb:           func(s seen) bool { return s.encoded == "gzip" && unpacks(s.body, 100<<20) },
		FaultOversized:      func(s seen) bool { return len(s.body) == 2<<20 },
		FaultWrongID:        func(s seen) bool { return parse(t, s.body).ids()[0] != whole[0] && s.status == 200 },
		FaultNotUTF8:        func(s seen) bool { return s.status == 200 && !utf8.ValidString(s.body) },
		FaultNoCursor:       func(s seen) bool { o := parse(t, s.body); return o.more() && o["next_cursor"] == nil },
	}
	for _, kind := range append(RetryFaults(), OtherFaults()...) {
		if _, ok := tests[kind]; !ok && !slices.Contains([]string{"429:1", FaultStall, FaultExpired, FaultDuplicate, FaultRepeated}, kind) {
			t.Errorf("fault %s has no test", kind)
		}
	}
	s := NewServer(p.Workspace, Options{})
	socket := httptest.NewServer(s)
	defer socket.Close()
	clients := map[string]*http.Client{"no socket": {Transport: s.Transport()}, "socket": socket.Client()}
	for kind, ok := range tests {
		for name, c := range clients {
			s.Inject(nil, kind, 1)
			r := request(p.query(), `{"page_size":10`+byCreation+`}`)
			if kind == FaultBomb {
				r.Header.Set("Accept-Encoding", "gzip")
			}
			if name == "socket" {
				r.URL.Scheme, r.URL.Host = "http", strings.TrimPrefix(socket.URL, "http://")
			}
			if got := look(c, r); !ok(got) {
				got.body = got.body[:min(len(got.body), 300)]
				t.Errorf("%s, %s: %+v", kind, name, got)
			}
		}
	}
	want := map[string]int64{}
	for kind := range tests {
		want[kind] = 2
	}
	if diff := cmp.Diff(want, s.Stats().Faults); diff != "" {
		t.Errorf("counted: %s", diff)
	}
	if got := s.Stats().Fired(); got != int64(2*len(tests)) {
		t.Errorf("%d fired", got)
	}
}

func has(s seen, text string) bool { return strings.Contains(s.body, text) }

// unpacks reports whether a compressed body has so many bytes or more.
func unpacks(packed string, bytes int64) bool {
	r, err := gzip.NewReader(strings.NewReader(packed))
	if err != nil {
		return false
	}
	n, _ := io.Copy(io.Discard, io.LimitReader(r, bytes))
	return n == bytes
}

func TestFaultsOfListings(t *testing.T) {
	p := newPlain(30)
	s := NewServer(p.Workspace, Options{})
	c := newClient(t, s)
	first := c.get(p.query(), `{"page_size":10`+byCreation+`}`)
	body := fmt.Sprintf(`{"page_size":10,"start_cursor":%q%s}`, first.str("next_cursor"), byCreation)
	for _, kind := range []string{FaultDuplicate, FaultExpired, FaultRepeated} {
		s.Inject(nil, kind, 1)
	}
	// None of them fits a first page.
	if got := c.get(p.query(), `{"page_size":10`+byCreation+`}`); !slices.Equal(got.ids(), p.rows[:10]) || s.Stats().Fired() != 0 {
		t.Errorf("first page: %v", got.ids())
	}
	if got := c.get(p.query(), body).ids(); !slices.Equal(got, p.rows[9:19]) {
		t.Errorf("duplicate: %v", got)
	}
	if status, o := c.ask(p.query(), body); status != 400 || o.str("message") != "The start_cursor provided is invalid: "+first.str("next_cursor") {
		t.Errorf("expired: %d %v", status, o)
	}
	if got := c.get(p.query(), body); !got.more() || got["next_cursor"] != first["next_cursor"] {
		t.Errorf("repeated: %v", got["next_cursor"])
	}
	if got := c.get(p.query(), body).ids(); !slices.Equal(got, p.rows[10:20]) {
		t.Errorf("afterwards: %v", got)
	}
}

func TestInjectMatches(t *testing.T) {
	p := newPlain(1)
	read := 0
	s := NewServer(p.Workspace, Options{OnRequest: func(r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		read += len(body)
	}})
	c := newClient(t, s)
	s.Inject(func(r *http.Request) bool {
		body, _ := io.ReadAll(r.Body)
		return strings.Contains(string(body), "page_size")
	}, FaultInternal, 2)
	var got []int
	for _, body := range []string{`{}`, `{"page_size":1}`, `{}`, `{"page_size":1}`, `{"page_size":1}`} {
		status, _ := c.ask(p.query(), body)
		got = append(got, status)
	}
	if want := []int{200, 500, 200, 500, 200}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if want := 2*len(`{}`) + 3*len(`{"page_size":1}`); read != want {
		t.Errorf("OnRequest read %d bytes, want %d", read, want)
	}
	for _, kind := range []string{"430", "stall:x", "500:1", ""} {
		if CheckFault(kind) == nil {
			t.Errorf("fault %q is taken", kind)
		}
	}
}

// Random faults depend on the seed and the number of the request alone, come at
// their rate, and a client that asks again gets everything.
func TestRandomFaults(t *testing.T) {
	p := newPlain(50)
	fired := func(seed uint64) (pattern []string, got []string) {
		s := NewServer(p.Workspace, Options{Faults: Faults{Rate: 0.3, Seed: seed}})
		c := &http.Client{Transport: s.Transport()}
		cursor := ""
		for range 10_000 {
			before := s.Stats().Fired()
			answer := look(c, request(p.query(), fmt.Sprintf(`{"page_size":1%s%s}`, byCreation, optional(`,"start_cursor":%q`, cursor))))
			pattern = append(pattern, fmt.Sprint(s.Stats().Fired()-before, answer.status))
			var o object
			if answer.status == 400 {
				cursor = ""
			}
			if answer.err != "" || answer.status != 200 || json.Unmarshal([]byte(answer.body), &o) != nil || o.str("object") != "list" {
				continue
			}
			got = append(got, o.ids()...)
			if cursor = o.str("next_cursor"); !o.more() {
				break
			}
		}
		slices.Sort(got)
		return pattern, slices.Compact(got)
	}
	one, rows := fired(1)
	again, _ := fired(1)
	other, _ := fired(2)
	if !slices.Equal(one, again) {
		t.Error("the same seed fails other requests")
	}
	if slices.Equal(one, other) {
		t.Error("another seed fails the same requests")
	}
	if !slices.Equal(rows, slices.Sorted(slices.Values(p.rows))) {
		t.Errorf("%d rows", len(rows))
	}
	n := 0
	for _, f := range one {
		if strings.HasPrefix(f, "1") {
			n++
		}
	}
	if share := float64(n) / float64(len(one)); share < 0.15 || share > 0.45 {
		t.Errorf("%d of %d requests failed", n, len(one))
	}
}
