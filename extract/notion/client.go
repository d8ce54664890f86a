package notion

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Version is the version of the API that this package speaks.
const Version = "2026-03-11"

const (
	defaultBaseURL = "https://api.notion.com"
	defaultMaxBody = 64 << 20
	maxPageSize    = 100 // Notion's
)

// Options of a Client. Only Token is required.
type Options struct {
	Token     Token
	BaseURL   string            // https://api.notion.com
	Version   string            // Version
	Rate      Rate              // zero: as fast as Notion lets
	Transport http.RoundTripper // NewTransport(Parallel)
	Logger    *slog.Logger      // none
	Now       func() time.Time  `json:"-"` // time.Now: the clock that Notion's is compared with
	UserAgent string            // "notionlake"
	Parallel  int               // requests in flight, Rate.Parallel
	Attempts  int               // of one request that brings no answer, 8
	// Proxy names the proxy of a request, where Transport is nil; nil: none.
	Proxy func(*http.Request) (*url.URL, error) `json:"-"`
	// MaxBodyBytes is how large an answer may be, unpacked; 64 MiB.
	MaxBodyBytes int64
}

// A Client reads a workspace. It may be used by several goroutines at once.
type Client struct {
	base     *url.URL
	header   func(http.Header) // a function, since what it holds is not printed
	http     *http.Client
	log      *slog.Logger
	now      func() time.Time
	limit    *limiter
	slots    chan struct{}
	lastTurn chan struct{} // of one slot: see turn
	maxBytes int64
	attempts int
	buffers  [2]sync.Pool // *buffer; the second for lists of rows, which are large
	gunzips  sync.Pool    // *gunzip
	redact   func(string) string

	warnAfter atomic.Int64 // when the next line about a retry may be logged, in nanoseconds

	requests, retries, limited, bytesRead, skipped, skew, busy atomic.Int64
}

// NewClient returns a Client. It sends nothing.
func NewClient(o Options) (*Client, error) {
	if err := o.Token.check(); err != nil {
		return nil, err
	}
	base, err := parseBase(o.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("base URL: %w", err)
	}
	if o.Parallel < 0 || o.MaxBodyBytes < 0 || o.Rate.PerMinute < 0 || o.Attempts < 0 {
		return nil, errors.New("parallel, attempts, the body limit and the rate must not be negative")
	}
	if o.Attempts == 0 {
		o.Attempts = maxAttempts
	}
	if o.Parallel == 0 {
		o.Parallel = o.Rate.Parallel()
	}
	if o.MaxBodyBytes == 0 {
		o.MaxBodyBytes = defaultMaxBody
	}
	if o.Version == "" {
		o.Version = Version
	}
	if o.UserAgent == "" {
		o.UserAgent = "notionlake"
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Transport == nil {
		t := NewTransport(o.Parallel)
		t.Proxy = o.Proxy
		o.Transport = t
	}
	token := string(o.Token)
	return &Client{
		base: base,
		header: func(h http.Header) {
			h.Set("Authorization", "Bearer "+token)
			h.Set("Notion-Version", o.Version)
			h.Set("User-Agent", o.UserAgent)
			h.Set("Accept", "application/json")
			h.Set("Accept-Encoding", "gzip")
		},
		redact:   strings.NewReplacer(token, hidden).Replace,
		http:     &http.Client{Transport: o.Transport, CheckRedirect: checkRedirect},
		log:      o.Logger,
		now:      o.Now,
		limit:    newLimiter(o.Rate, o.Logger),
		slots:    make(chan struct{}, o.Parallel),
		lastTurn: make(chan struct{}, 1),
		maxBytes: o.MaxBodyBytes,
		attempts: o.Attempts,
	}, nil
}

// Format keeps what a Client holds out of anything that is printed.
func (c *Client) Format(s fmt.State, _ rune) {
	_, _ = io.WriteString(s, "notion.Client("+c.base.String()+")")
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Stats counts what a Client did.
type Stats struct {
	Requests    int64         // sent, repeated ones included
	Retries     int64         // of these, repeated ones
	RateLimited int64         // answers 429 and 529
	BytesRead   int64         // of bodies, as they came over the wire
	Skipped     int64         // objects among rows that are no pages
	PerMinute   float64       // the pace now; 0 without a limit
	PausedUntil time.Time     // when Notion asked to wait until; past or zero: not paused
	Skew        time.Duration // Notion's clock minus this one, to the second
	Busy        time.Duration // all requests together, from sent to answered
}

// Stats returns the counters so far.
func (c *Client) Stats() Stats {
	s := Stats{
		Requests:    c.requests.Load(),
		Retries:     c.retries.Load(),
		RateLimited: c.limited.Load(),
		BytesRead:   c.bytesRead.Load(),
		Skipped:     c.skipped.Load(),
		Skew:        time.Duration(c.skew.Load()),
		Busy:        time.Duration(c.busy.Load()),
	}
	s.PerMinute, s.PausedUntil = c.limit.state()
	return s
}

// parseBase returns the URL below which /v1 lies. Its errors do not repeat the
// text, which may hold a password.
func parseBase(s string) (*url.URL, error) {
	if s == "" {
		s = defaultBaseURL
	}
	u, err := url.Parse(s)
	if err != nil {
		if e := new(url.Error); errors.As(err, &e) {
			err = e.Err
		}
		return nil, err
	}
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("must begin with https:// or http://")
	case u.Hostname() == "":
		return nil, errors.New("has no host")
	case u.User != nil:
		return nil, errors.New("must not hold a user or password")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("must not hold a query or fragment")
	}
	u.Path = strings.TrimRight(u.Path, "/")
	u.RawPath = ""
	if strings.HasSuffix(u.Path, "/v1") {
		return nil, errors.New("must not end in /v1")
	}
	return u, nil
}
