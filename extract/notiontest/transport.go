package notiontest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// ServeHTTP answers a request over a socket.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if isFilePath(r.URL.Path) {
		s.serveFile(w, r, r.URL.EscapedPath())
		return
	}
	p, err := s.answer(r.Context(), r)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if p.ending == endReset {
		p.release()
		reset(w)
		return
	}
	for name, values := range p.header {
		w.Header()[name] = values
	}
	if p.ending != endCut && p.stall == 0 {
		w.Header().Set("Content-Length", strconv.Itoa(p.size()))
	}
	w.WriteHeader(p.status)
	flush := http.NewResponseController(w)
	b := newWire(r.Context(), p)
	b.stalls = func() { _ = flush.Flush() }
	defer b.Close()
	if _, err := io.Copy(w, b); err != nil {
		_ = flush.Flush()
		panic(http.ErrAbortHandler)
	}
}

// reset breaks the connection: the client reads "connection reset by peer".
func reset(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = conn.Close()
		return
	}
	panic(http.ErrAbortHandler)
}

// Transport is a way to the server without sockets. It waits with timers alone,
// so that a test in a bubble of testing/synctest waits in no time.
func (s *Server) Transport() http.RoundTripper { return transport{s} }

type transport struct{ s *Server }

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		read, err := io.ReadAll(r.Body)
		if closeErr := r.Body.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			return nil, err
		}
		body = read
	}
	in := r.Clone(r.Context())
	in.Body = io.NopCloser(bytes.NewReader(body))
	in.RequestURI = r.URL.RequestURI()
	in.URL = &url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
	p, err := t.s.answer(r.Context(), in)
	if err != nil {
		return nil, err
	}
	if p.ending == endReset {
		p.release()
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	}
	resp := &http.Response{
		Status: fmt.Sprintf("%d %s", p.status, http.StatusText(p.status)), StatusCode: p.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: p.header, ContentLength: int64(p.size()), Request: r,
	}
	if p.ending == endCut || p.stall > 0 {
		resp.ContentLength, resp.TransferEncoding = -1, []string{"chunked"}
	} else {
		p.header.Set("Content-Length", strconv.Itoa(p.size()))
	}
	resp.Body = newWire(r.Context(), p)
	return resp, nil
}

// A wire is the body of a reply as its reader gets it: it may stall or break.
type wire struct {
	ctx    context.Context
	cancel context.CancelFunc
	stalls func() // called before it stalls
	end    int
	broken bool
	half   int

	mu    sync.Mutex // of what follows: the buffer goes back at Close
	p     *reply
	at    int
	stall time.Duration
}

func newWire(ctx context.Context, p *reply) *wire {
	b := &wire{p: p, end: p.size(), half: p.size() / 2, stall: p.stall}
	b.ctx, b.cancel = context.WithCancel(ctx)
	if p.ending == endCut || p.ending == endShort {
		b.end, b.broken = b.half, true
	}
	return b
}

func (b *wire) Read(to []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	if b.p == nil {
		return 0, http.ErrBodyReadAfterClose
	}
	if b.stall > 0 && b.at >= b.half {
		if b.stalls != nil {
			b.stalls()
		}
		if err := sleep(b.ctx, b.stall); err != nil {
			return 0, err
		}
		b.stall = 0
	}
	if b.at >= b.end {
		if b.broken {
			return 0, io.ErrUnexpectedEOF
		}
		return 0, io.EOF
	}
	end := b.end
	if b.stall > 0 {
		end = b.half
	}
	n := 0
	for n < len(to) && b.at < end {
		from := b.at % len(b.p.body)
		k := copy(to[n:], b.p.body[from:min(len(b.p.body), from+end-b.at)])
		n += k
		b.at += k
	}
	return n, nil
}

// Close wakes a Read that stalls.
func (b *wire) Close() error {
	b.cancel()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.p != nil {
		b.p.release()
		b.p = nil
	}
	return nil
}
