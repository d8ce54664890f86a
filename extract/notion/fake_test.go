package notion

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	testToken = "ntn_sentinel0123456789"
	pageID    = "59833787-2cf9-4fdf-8782-e53db20768a5"
	otherID   = "248104cd-477e-80fd-b757-e945d38000bd"
	onePage   = `{"object":"page","id":"` + pageID + `","properties":{}}`
)

// A reply answers one request.
type reply func(*http.Request) (*http.Response, error)

// A fake answers requests by its replies in turn, the last one for ever.
type fake struct {
	mu      sync.Mutex
	replies []reply
	asked   []asked
}

type asked struct {
	at   time.Time
	url  string
	body string
	head http.Header
}

func (f *fake) RoundTrip(r *http.Request) (*http.Response, error) {
	a := asked{at: time.Now(), url: r.URL.String(), head: r.Header}
	if r.Body != nil {
		b, _ := io.ReadAll(r.Body)
		a.body = string(b)
	}
	f.mu.Lock()
	f.asked = append(f.asked, a)
	next := f.replies[min(len(f.asked), len(f.replies))-1]
	f.mu.Unlock()
	return next(r)
}

func answers(replies ...reply) *fake { return &fake{replies: replies} }

func respond(r *http.Request, status int, header http.Header, body io.Reader) (*http.Response, error) {
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: io.NopCloser(body), ContentLength: -1, Request: r,
	}, nil
}

// header makes a header of names and values; the answer is Notion's JSON unless they say else.
func header(pairs ...string) http.Header {
	h := http.Header{}
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("X-Notion-Request-Id", "req-1")
	for i := 0; i < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
		if pairs[i+1] == "" {
			h.Del(pairs[i])
		}
	}
	return h
}

func json200(body string) reply { return status(200, body) }

func status(code int, body string, pairs ...string) reply {
	return func(r *http.Request) (*http.Response, error) {
		return respond(r, code, header(pairs...), strings.NewReader(body))
	}
}

func refusal(code int, name string, pairs ...string) reply {
	return status(code, `{"object":"error","status":400,"code":"`+name+`","message":"About `+name+`."}`, pairs...)
}

func html(code int) reply {
	return status(code, "<html>cloudflare</html>", "Content-Type", "text/html", "X-Notion-Request-Id", "", "Cf-Ray", "1")
}

func breaks(err error) reply {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

// cut breaks off after the first bytes.
func cut(body string, err error) reply {
	return func(r *http.Request) (*http.Response, error) {
		return respond(r, 200, header(), io.MultiReader(strings.NewReader(body), failing{err}))
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// stall sends the first bytes and then none. With "" not even a header comes.
func stall(body string) reply {
	return func(r *http.Request) (*http.Response, error) {
		if body == "" {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}
		return respond(r, 200, header(), io.MultiReader(strings.NewReader(body), silent{r.Context()}))
	}
}

type silent struct{ ctx context.Context }

func (s silent) Read([]byte) (int, error) {
	<-s.ctx.Done()
	return 0, s.ctx.Err()
}

// slow sends a byte of body every d.
func slow(body string, d time.Duration) reply {
	return func(r *http.Request) (*http.Response, error) {
		return respond(r, 200, header(), &trickle{r.Context(), strings.NewReader(body), d})
	}
}

type trickle struct {
	ctx context.Context
	r   io.Reader
	d   time.Duration
}

func (t *trickle) Read(p []byte) (int, error) {
	if err := sleep(t.ctx, t.d); err != nil {
		return 0, err
	}
	return t.r.Read(p[:1])
}

// hollow is a packed body that has no end and nothing in it.
func hollow(r *http.Request) (*http.Response, error) {
	empty := []byte{0, 0, 0, 0xff, 0xff} // a stored block of no bytes
	return respond(r, 200, header("Content-Encoding", "gzip"), io.MultiReader(
		bytes.NewReader([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff}), &endless{bytes.Repeat(empty, 1000), 0},
	))
}

type endless struct {
	b []byte
	i int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.b[e.i:])
	e.i = (e.i + n) % len(e.b)
	return n, nil
}

func packed(body []byte, pairs ...string) reply {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(body)
	_ = z.Close()
	return status(200, b.String(), append([]string{"Content-Encoding", "gzip"}, pairs...)...)
}

// newTestClient is a client of f. It is without a rate limit unless o says one.
func newTestClient(t *testing.T, f http.RoundTripper, o Options) *Client {
	t.Helper()
	o.Token, o.Transport = testToken, f
	c, err := NewClient(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var unlimited = Options{Rate: Rate{Off: true}}
