package notion

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func repeat(n int, r reply) []reply {
	all := make([]reply, n)
	for i := range all {
		all[i] = r
	}
	return all
}

func then(some []reply, more ...reply) []reply { return append(some, more...) }

var blocked = status(429, `{"object":"error","status":429,"code":"rate_limited","message":"No.","additional_data":{"rate_limit_reason":"public_api_request_blocked"}}`, "Retry-After", "1")

func TestRequest(t *testing.T) {
	untrusted := &tls.CertificateVerificationError{Err: errors.New("unknown authority")}
	tests := []struct {
		name     string
		replies  []reply
		requests int
		is       error  // nil: it succeeds
		says     string // in the error
		not      error  // what the error is not
	}{
		{"answered", []reply{json200(onePage)}, 1, nil, "", nil},
		{"packed", []reply{packed([]byte(onePage))}, 1, nil, "", nil},
		{"conflict", []reply{refusal(409, "conflict_error"), json200(onePage)}, 2, nil, "", nil},
		{"500", []reply{refusal(500, "internal_server_error"), json200(onePage)}, 2, nil, "", nil},
		{"502 HTML", []reply{html(502), json200(onePage)}, 2, nil, "", nil},
		{"503 seven times", then(repeat(7, refusal(503, "service_unavailable")), json200(onePage)), 8, nil, "", nil},
		{"504 for ever", []reply{refusal(504, "gateway_timeout")}, 8, errAny, "About gateway_timeout. (HTTP 504, gateway_timeout, after 8 attempts, request id req-1)", nil},
		{"reset", []reply{breaks(syscall.ECONNRESET), json200(onePage)}, 2, nil, "", nil},
		{"reset for ever", []reply{breaks(syscall.ECONNRESET)}, 8, syscall.ECONNRESET, "connection reset by peer (after 8 attempts)", nil},
		{"TLS EOF", []reply{breaks(io.EOF), json200(onePage)}, 2, nil, "", nil},
		{"not trusted", []reply{breaks(untrusted)}, 1, errAny, "unknown authority", nil},
		{"cut by the connection", []reply{cut(onePage[:20], io.ErrUnexpectedEOF), json200(onePage)}, 2, nil, "", nil},
		{"cut JSON", []reply{json200(onePage[:20]), json200(onePage)}, 2, nil, "", nil},
		{"trailing garbage", []reply{json200(onePage + "{"), json200(onePage)}, 2, nil, "", nil},
		{"empty", []reply{json200(""), json200(onePage)}, 2, nil, "", nil},
		{"empty for ever", []reply{json200("")}, 8, errAny, "the answer is empty (HTTP 200, after 8 attempts, request id req-1)", nil},
		{"no JSON", []reply{json200(`{"object":"page","n":NaN}`), json200(onePage)}, 2, nil, "", nil},
		{"HTML in 200", []reply{html(200), json200(onePage)}, 2, nil, "", nil},
		{"no content type", []reply{status(200, onePage, "Content-Type", ""), json200(onePage)}, 2, nil, "", nil},
		{"unknown encoding", []reply{status(200, onePage, "Content-Encoding", "br"), json200(onePage)}, 2, nil, "", nil},
		{"broken gzip", []reply{status(200, onePage, "Content-Encoding", "gzip"), json200(onePage)}, 2, nil, "", nil},
		{"empty gzip", []reply{status(200, "", "Content-Encoding", "gzip"), json200(onePage)}, 2, nil, "", nil},
		{"error in 200", []reply{refusal(200, "internal_server_error"), json200(onePage)}, 2, nil, "", nil},
		{"error in 200 for ever", []reply{refusal(200, "unauthorized")}, 8, errAny, "About unauthorized.", ErrUnauthorized},
		{"no content", []reply{status(204, ""), json200(onePage)}, 2, nil, "", nil},
		{"another object", []reply{json200(strings.Replace(onePage, "page", "database", 1)), json200(onePage)}, 2, nil, "", nil},
		{
			"another page for ever",
			[]reply{json200(strings.Replace(onePage, pageID, otherID, 1))},
			8, errAny, "the answer is page " + otherID + ", asked for was " + pageID, nil,
		},
		{"too deep", []reply{json200(strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001)), json200(onePage)}, 2, nil, "", nil},
		{"401", []reply{refusal(401, "unauthorized")}, 1, ErrUnauthorized, "retrieve page " + pageID + ": About unauthorized. (HTTP 401, unauthorized, request id req-1)", nil},
		{"403", []reply{refusal(403, "restricted_resource")}, 1, ErrRestricted, "About restricted_resource.", nil},
		{"404", []reply{refusal(404, "object_not_found")}, 1, ErrNotFound, "About object_not_found.", ErrRestricted},
		{"400", []reply{refusal(400, "validation_error")}, 1, errAny, "About validation_error.", ErrCursor},
		{"403 of a proxy", []reply{html(403), json200(onePage)}, 2, nil, "", nil},
		{"403 of a proxy for ever", []reply{html(403)}, 8, errAny, `the answer is "text/html", not JSON (HTTP 403`, ErrRestricted},
		{"404 of a proxy for ever", []reply{html(404)}, 8, errAny, "HTTP 404", ErrNotFound},
		{"401 of a proxy for ever", []reply{status(401, `{"error":"login"}`)}, 8, errAny, "answer 401 Unauthorized", ErrUnauthorized},
		{"429 without count", then(repeat(30, refusal(429, "rate_limited", "Retry-After", "7")), json200(onePage)), 31, nil, "", nil},
		{"529 without count", then(repeat(30, refusal(529, "service_overload", "Retry-After", "7")), json200(onePage)), 31, nil, "", nil},
		{"429 of a proxy", []reply{html(429), json200(onePage)}, 2, nil, "", nil},
		{"blocked", []reply{blocked}, 1, ErrBlocked, "No.", nil},
		{"stall before the header", []reply{stall(""), json200(onePage)}, 2, nil, "", nil},
		{"stall for ever", []reply{stall(onePage[:10])}, 8, errStalled, "nothing arrived for 1m0s", nil},
		{"slow but alive", []reply{slow(onePage, 59*time.Second)}, 1, nil, "", nil},
		{"page over the cap", []reply{json200(`{"object":"page","x":"` + strings.Repeat("x", 2000) + `"}`)}, 2, ErrTooLarge, "over the size limit", nil},
		{"bomb", []reply{packed(make([]byte, 1<<20))}, 2, ErrTooLarge, "", nil},
		{"a packed body without end", []reply{hollow}, 2, ErrTooLarge, "", nil},
		{"redirect elsewhere", []reply{status(307, "", "Location", "https://evil.example/v1/x")}, 1, errRedirect, "https://evil.example", nil},
		{"redirect to http", []reply{status(307, "", "Location", "http://api.notion.com/v1/x")}, 1, errRedirect, "", nil},
		{"redirect within", []reply{status(307, "", "Location", "/v1/pages/elsewhere"), json200(onePage)}, 2, nil, "", nil},
		{"redirects for ever", []reply{status(307, "", "Location", "/v1/pages/elsewhere")}, 4, errRedirect, "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := answers(tt.replies...)
				var log bytes.Buffer
				c := newTestClient(t, f, Options{
					Rate: Rate{Off: true}, MaxBodyBytes: 30_000,
					Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug - 10})),
				})
				if strings.Contains(tt.name, "over the cap") {
					c.maxBytes = 1000
				}
				got, err := c.Page(t.Context(), pageID)
				switch {
				case tt.is == nil && err != nil:
					t.Fatal(err)
				case tt.is == nil && string(got) != onePage:
					t.Fatalf("got %s", got)
				case !fits(err, tt.is):
					t.Fatalf("error %v, want %v", err, tt.is)
				case err != nil && !strings.Contains(err.Error(), tt.says):
					t.Fatalf("error %q does not say %q", err, tt.says)
				case err != nil && !strings.HasPrefix(err.Error(), "retrieve page "+pageID+": "):
					t.Fatalf("error %q does not say what was asked for", err)
				case tt.not != nil && errors.Is(err, tt.not):
					t.Fatalf("error %q is %q", err, tt.not)
				}
				if len(f.asked) != tt.requests {
					t.Fatalf("%d requests, want %d", len(f.asked), tt.requests)
				}
				for _, a := range f.asked {
					if h := a.head; h.Get("Authorization") != "Bearer "+testToken || h.Get("Notion-Version") != Version || h.Get("Accept-Encoding") != "gzip" {
						t.Fatalf("headers %v", h)
					}
				}
				if text := log.String() + fmt.Sprint(err); strings.Contains(text, testToken) || strings.Contains(text, "sentinel") {
					t.Fatalf("the token shows: %s", text)
				}
			})
		})
	}
}

// errAny stands for any error in tables.
var errAny = errors.New("any")

// fits reports whether err is what a table wants: nil is none.
func fits(err, want error) bool {
	if errors.Is(want, errAny) {
		return err != nil
	}
	return errors.Is(err, want)
}

func TestBackoffIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := answers(refusal(500, "internal_server_error"))
		start := time.Now()
		_, err := newTestClient(t, f, unlimited).Page(t.Context(), pageID)
		if err == nil {
			t.Fatal("no error")
		}
		for i, bound := range []time.Duration{1, 2, 4, 8, 16, 32, 60} {
			if d := f.asked[i+1].at.Sub(f.asked[i].at); d <= 0 || d > bound*time.Second {
				t.Errorf("pause %d is %v, bound %v", i+1, d, bound*time.Second)
			}
		}
		if time.Since(start) == 0 {
			t.Error("no pause at all")
		}
	})
}

func TestCancelled(t *testing.T) {
	tests := []struct {
		name  string
		reply reply
		rate  Rate
	}{
		{"while backing off", refusal(500, "x"), Rate{Off: true}},
		{"while paused", refusal(429, "rate_limited", "Retry-After", "86400"), Rate{Off: true}},
		{"while waiting for a header", stall(""), Rate{Off: true}},
		{"while reading", stall("{"), Rate{Off: true}},
		{"while lining up", refusal(500, "x"), Rate{PerMinute: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newTestClient(t, answers(tt.reply), Options{Rate: tt.rate})
				const after = 300 * time.Millisecond
				ctx, cancel := context.WithTimeout(t.Context(), after)
				defer cancel()
				start := time.Now()
				_, err := c.Page(ctx, pageID)
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Fatalf("error %v", err)
				}
				if !strings.Contains(err.Error(), pageID) {
					t.Errorf("error %q does not name the page", err)
				}
				if d := time.Since(start); d != after {
					t.Errorf("returned after %v", d)
				}
			})
		})
	}
}

func TestParallel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now, most := make(chan int, 1), 0
		now <- 0
		f := answers(func(r *http.Request) (*http.Response, error) {
			n := <-now + 1
			most = max(most, n)
			now <- n
			time.Sleep(time.Second)
			now <- <-now - 1
			return json200(onePage)(r)
		})
		c := newTestClient(t, f, Options{Rate: Rate{Off: true}, Parallel: 3})
		done := make(chan error)
		for range 12 {
			go func() {
				_, err := c.Page(t.Context(), pageID)
				done <- err
			}()
		}
		for range 12 {
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
		if most != 3 {
			t.Errorf("%d requests in flight, want 3", most)
		}
	})
}

func TestStats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		date := time.Now().Add(7 * time.Minute).UTC().Format(http.TimeFormat)
		f := answers(refusal(500, "x"), refusal(429, "x", "Retry-After", "5"), status(200, onePage, "Date", date))
		c := newTestClient(t, f, Options{Rate: Rate{PerMinute: 600}})
		if _, err := c.Page(t.Context(), pageID); err != nil {
			t.Fatal(err)
		}
		s := c.Stats()
		if s.Requests != 3 || s.Retries != 2 || s.RateLimited != 1 || s.BytesRead < int64(len(onePage)) || s.PerMinute != 600 {
			t.Errorf("%+v", s)
		}
		if s.PausedUntil.IsZero() || s.PausedUntil.After(time.Now()) {
			t.Errorf("paused until %v, now %v", s.PausedUntil, time.Now())
		}
		if d := s.Skew - 7*time.Minute; d < -time.Minute || d > 0 {
			t.Errorf("skew %v", s.Skew)
		}
	})
}

// Retries are not made in silence, and not with a line each.
func TestRetriesAreLogged(t *testing.T) {
	dead := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	for _, tt := range []struct {
		name     string
		attempts int
		replies  []reply
		requests int
		lines    func(n int) bool
	}{
		{"one failure", 0, []reply{breaks(dead), json200(onePage)}, 2, func(n int) bool { return n == 0 }},
		{"two failures", 0, []reply{breaks(dead), breaks(dead), json200(onePage)}, 3, func(n int) bool { return n == 1 }},
		{"a dead server", 0, []reply{breaks(dead)}, 8, func(n int) bool { return n > 1 && n < 7 }},
		{"a dead server, few attempts", 3, []reply{breaks(dead)}, 3, func(n int) bool { return n == 1 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				f := answers(tt.replies...)
				c, err := NewClient(Options{Token: testToken, Transport: f, Attempts: tt.attempts, Logger: slog.New(slog.NewTextHandler(&log, nil))})
				if err != nil {
					t.Fatal(err)
				}
				_, err = c.Page(t.Context(), pageID)
				if failed := len(tt.replies) == 1; failed != errors.Is(err, ErrUnreachable) {
					t.Errorf("error %v", err)
				}
				if len(f.asked) != tt.requests {
					t.Errorf("%d requests, want %d", len(f.asked), tt.requests)
				}
				lines := strings.Split(strings.TrimSuffix(log.String(), "\n"), "\n")
				if log.Len() == 0 {
					lines = nil
				}
				if !tt.lines(len(lines)) {
					t.Errorf("%d lines:\n%s", len(lines), log.String())
				}
				for _, line := range lines {
					if !strings.Contains(line, "level=WARN") || !strings.Contains(line, "retrieve page "+pageID) || !strings.Contains(line, "connection refused") || !strings.Contains(line, "next_in=") {
						t.Errorf("line %s", line)
					}
				}
			})
		})
	}
}
