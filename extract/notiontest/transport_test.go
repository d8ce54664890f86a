package notiontest

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// In a bubble the server waits in no time, and a reader that gives up is let go.
func TestTransportInBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlain(10)
		s := NewServer(p.Workspace, Options{Latency: 100 * time.Millisecond})
		c := &http.Client{Transport: s.Transport()}
		took := func(do func()) time.Duration { start := time.Now(); do(); return time.Since(start) }

		if d := took(func() { look(c, request("GET /v1/users/me", "")) }); d != 100*time.Millisecond {
			t.Errorf("latency %v", d)
		}
		s.Inject(nil, FaultStall, 1)
		if d := took(func() {
			if got := look(c, request(p.query(), "{}")); len(parse(t, got.body).ids()) != 10 {
				t.Errorf("stalled: %+v", got)
			}
		}); d != time.Minute+100*time.Millisecond {
			t.Errorf("stalled %v", d)
		}
		s.Inject(nil, "429:3600", 1)
		if d := took(func() {
			wait, _ := strconv.Atoi(look(c, request("GET /v1/users/me", "")).retry)
			time.Sleep(time.Duration(wait) * time.Second)
		}); d < time.Hour {
			t.Errorf("waited %v", d)
		}

		s.Inject(nil, FaultStall, 1)
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		resp, err := c.Do(request(p.query(), "{}").WithContext(ctx))
		if err != nil {
			t.Fatal(err)
		}
		if d := took(func() { _, err = io.ReadAll(resp.Body) }); !errors.Is(err, context.DeadlineExceeded) || d > 30*time.Second {
			t.Errorf("given up after %v: %v", d, err)
		}
		resp.Body.Close()

		ctx, cancel = context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if resp, err := c.Do(request("GET /v1/users/me", "").WithContext(ctx)); !errors.Is(err, context.DeadlineExceeded) {
			resp.Body.Close()
			t.Errorf("slow answer: %v", err)
		}

		s.Inject(nil, FaultStall, 1)
		resp, err = c.Do(request(p.query(), "{}"))
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Second, func() { resp.Body.Close() })
		if d := took(func() { _, err = io.ReadAll(resp.Body) }); err == nil || d > 2*time.Second {
			t.Errorf("closed while it stalls: %v after %v", err, d)
		}
	})
}

func TestRateLimit(t *testing.T) {
	tests := []struct {
		name             string
		perMinute, burst int
		every            time.Duration // between requests
		requests, passed int
		retry            string // of the first that is refused
	}{
		{"in one go", 180, 0, 0, 200, 180, "60"},
		{"at the average", 180, 0, 334 * time.Millisecond, 400, 400, ""},
		{"too fast", 180, 0, 100 * time.Millisecond, 400, 180, "42"},
		{"burst", 180, 10, 0, 20, 10, "1"},
		{"burst and on", 60, 5, time.Second, 50, 50, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := NewServer(NewWorkspace(1), Options{RatePerMinute: tt.perMinute, Burst: tt.burst})
				c := &http.Client{Transport: s.Transport()}
				passed, retry := 0, ""
				for range tt.requests {
					got := look(c, request("GET /v1/users/me", ""))
					if got.status == 200 {
						passed++
					} else if retry == "" {
						retry = got.retry
						if !has(got, `"retry_after":"`+retry+`"`) || !has(got, `"public_api_request_rate_limit"`) {
							t.Errorf("refusal %s", got.body)
						}
					}
					time.Sleep(tt.every)
				}
				if passed != tt.passed || retry != tt.retry || s.Stats().Limited != int64(tt.requests-tt.passed) {
					t.Errorf("%d passed, Retry-After %q, %d limited", passed, retry, s.Stats().Limited)
				}
				if wait, err := strconv.Atoi(retry); err == nil {
					time.Sleep(time.Duration(wait) * time.Second)
					if got := look(c, request("GET /v1/users/me", "")); got.status != 200 {
						t.Errorf("after Retry-After: %d", got.status)
					}
				}
			})
		})
	}
}

func TestGzip(t *testing.T) {
	p := newPlain(20)
	for _, off := range []bool{false, true} {
		s := NewServer(p.Workspace, Options{NoGzip: off})
		r := request(p.query(), "{}")
		r.Header.Set("Accept-Encoding", "br, gzip;q=0.8")
		resp, err := s.Transport().RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		body := io.Reader(resp.Body)
		if got := resp.Header.Get("Content-Encoding") == "gzip"; got == off {
			t.Errorf("gzip off %v: Content-Encoding %q", off, resp.Header.Get("Content-Encoding"))
		} else if got {
			if body, err = gzip.NewReader(resp.Body); err != nil {
				t.Fatal(err)
			}
		}
		text, err := io.ReadAll(body)
		if err != nil || len(parse(t, string(text)).ids()) != 20 {
			t.Errorf("gzip off %v: %v", off, err)
		}
		resp.Body.Close()
	}
	if got := look(&http.Client{Transport: NewServer(p.Workspace, Options{}).Transport()}, request(p.query(), "{}")); got.encoded != "" {
		t.Error("compressed though nobody asked for it")
	}
}

// Over a socket and without, many at once, the answers are the same.
func TestConcurrent(t *testing.T) {
	p := newPlain(300)
	s := NewServer(p.Workspace, Options{})
	socket := httptest.NewServer(s)
	defer socket.Close()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			c := client{t, &http.Client{Transport: s.Transport()}}
			if i%2 == 0 {
				c.http = &http.Client{Transport: redirect{strings.TrimPrefix(socket.URL, "http://"), socket.Client().Transport}}
			}
			for range 3 {
				if got := idsOf(c.all(p.query(), byCreation, 40, nil)); !slices.Equal(got, p.rows) {
					t.Errorf("client %d: %d rows", i, len(got))
				}
			}
		})
	}
	wg.Wait()
	if got := s.Stats(); got.Requests != 8*3*8 || got.Routes["POST "+queryPath] != got.Requests || got.Statuses[200] != got.Requests {
		t.Errorf("stats %+v", got)
	}
}

// redirect sends requests to another host.
type redirect struct {
	host string
	next http.RoundTripper
}

func (r redirect) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.URL.Scheme, req.URL.Host = "http", r.host
	return r.next.RoundTrip(req)
}
