package notiontest

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"sync"
	"time"
)

// A Server serves a workspace as Notion does. It is safe for concurrent use.
type Server struct {
	w        *Workspace
	o        Options
	listings listings
	pool     pool

	mu       sync.Mutex
	number   int64
	pages    int
	limiter  limiter
	injected []*injection
	stats    Stats
	failures map[string]int // of requests for files, by path
}

// NewServer returns a server of the workspace.
func NewServer(w *Workspace, o Options) *Server {
	o = o.withDefaults()
	o.Faults.check()
	return &Server{
		w: w, o: o, limiter: limiter{perMinute: o.RatePerMinute, burst: o.Burst},
		failures: map[string]int{},
		stats:    Stats{Routes: map[string]int64{}, Statuses: map[int]int64{}, Faults: map[string]int64{}},
	}
}

// Workspace is what the server serves.
func (s *Server) Workspace() *Workspace { return s.w }

// FileBase is where clients find the server's own files.
func (s *Server) FileBase() string { return s.o.FileBase }

// Stats counts what a server has done.
type Stats struct {
	Requests int64            `json:"requests"`
	Bytes    int64            `json:"bytes"`    // of bodies, before compression
	Writes   int64            `json:"writes"`   // requests that would have changed something
	Pages    int64            `json:"pages"`    // requests with a cursor
	Routes   map[string]int64 `json:"routes"`   // requests by "GET /v1/users"
	Statuses map[int]int64    `json:"statuses"` // answers by HTTP status
	Faults   map[string]int64 `json:"faults"`   // faults that fired, by kind
	Limited  int64            `json:"limited"`  // requests that the rate limit refused
	Files    int64            `json:"files"`    // requests for files, which Requests leaves out
}

// Fired is how many faults fired.
func (s Stats) Fired() int64 {
	n := int64(0)
	for _, k := range s.Faults {
		n += k
	}
	return n
}

// Stats returns the counts so far.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.stats
	c.Pages = int64(s.pages)
	c.Routes, c.Statuses, c.Faults = maps.Clone(c.Routes), maps.Clone(c.Statuses), maps.Clone(c.Faults)
	return c
}

func (s *Server) admit(now time.Time) (retry string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	retry, ok = s.limiter.take(now)
	if !ok {
		s.stats.Limited++
	}
	return retry, ok
}

// betweenPages lets the test change the workspace before a later page.
func (s *Server) betweenPages(x *exchange) {
	if !x.continues() {
		return
	}
	s.mu.Lock()
	s.pages++
	n := s.pages
	s.mu.Unlock()
	if s.o.BetweenPages != nil {
		s.o.BetweenPages(n)
	}
}

// maxRequestBytes is the largest body of a request.
const maxRequestBytes = 500 << 10

// answer makes the reply to a request. Whether a fault fires is decided before
// anything else. The error is that of ctx.
func (s *Server) answer(ctx context.Context, r *http.Request) (*reply, error) {
	began := time.Now()
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequestBytes+1))
	if err != nil {
		return nil, err
	}
	if s.o.OnRequest != nil {
		r.Body = io.NopCloser(bytes.NewReader(body))
		s.o.OnRequest(r)
	}
	to := find(r)
	number, f := s.begin(r, body, to)
	x := &exchange{s: s, number: number, now: s.o.Now(), fault: f}
	x.id = requestID(s.o.Seed, number)
	p := newReply(x)
	if !f.instead(p, to) {
		x.out = p.body
		err := x.serve(ctx, r, body, to)
		p.body = x.out
		if e, ok := asRefusal(err); ok {
			p.refuse(e)
		} else if err != nil {
			p.release()
			return nil, err
		}
		f.spoil(p)
	}
	if !s.o.NoGzip {
		p.compress(r)
	}
	// What it took to make the reply is a part of the latency.
	if err := sleep(ctx, s.o.Latency-time.Since(began)); err != nil {
		p.release()
		return nil, err
	}
	s.end(to, p)
	return p, nil
}

// begin numbers the request and decides which fault it meets.
func (s *Server) begin(r *http.Request, body []byte, to match) (int64, fault) {
	s.mu.Lock()
	s.number++
	at := moment{number: s.number, continues: continues(r, body), query: to.route != nil && to.route.path == queryPath}
	s.stats.Requests++
	s.stats.Routes[to.name()]++
	if to.write != "" {
		s.stats.Writes++
	}
	s.mu.Unlock()
	f := s.scripted(r, body, at)
	if f.kind == "" {
		f = s.o.Faults.draw(at)
	}
	if f.kind != "" {
		s.mu.Lock()
		s.stats.Faults[f.kind]++
		s.mu.Unlock()
	}
	return at.number, f
}

func (s *Server) end(to match, p *reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Statuses[p.status]++
	s.stats.Bytes += int64(p.plain)
}

// continues tells from the raw request whether it carries a cursor.
func continues(r *http.Request, body []byte) bool {
	return r.URL.Query().Has("start_cursor") || bytes.Contains(body, []byte(`"start_cursor"`))
}

func requestID(seed uint64, number int64) string {
	id := []byte(NewID(seed, "request/"+string(count(int(number)))))
	const random = "0123456789abcdef"
	for i, h := 0, hash(seed, string(id)); i < len("38c9ce7b"); i++ {
		id[i] = random[h>>(4*i)&15]
	}
	return string(id)
}

// sleep waits, or returns the error of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
