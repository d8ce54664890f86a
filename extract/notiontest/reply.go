package notiontest

import (
	"bytes"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
)

// A reply is what goes back: over a socket or through Transport.
type reply struct {
	x      *exchange
	status int
	header http.Header
	body   []byte // as it goes over the wire, repeat times
	repeat int
	plain  int // bytes before compression
	ending ending
	stall  time.Duration // in the middle of the body
	buffer *[]byte       // where body came from
}

// An ending says how a reply comes to its end.
type ending int

const (
	endWell  ending = iota
	endReset        // the connection breaks before the first byte
	endCut          // it breaks in the middle of a chunked body
	endShort        // it is closed before as many bytes as Content-Length says
)

// A pool keeps buffers and compressors between replies: pages of results are large.
type pool struct{ buffers, compressors sync.Pool }

func (k *pool) buffer() *[]byte {
	if b, ok := k.buffers.Get().(*[]byte); ok {
		return b
	}
	return new([]byte)
}

// pack appends a gzip member; writing to memory cannot fail.
func (k *pool) pack(to *bytes.Buffer, data []byte) {
	w, ok := k.compressors.Get().(*gzip.Writer)
	if !ok {
		w, _ = gzip.NewWriterLevel(to, gzip.BestSpeed)
	}
	w.Reset(to)
	_, _ = w.Write(data)
	_ = w.Close()
	k.compressors.Put(w)
}

func newReply(x *exchange) *reply {
	p := &reply{x: x, status: http.StatusOK, repeat: 1, header: http.Header{}}
	p.buffer = x.s.pool.buffer()
	p.body = (*p.buffer)[:0]
	p.header.Set("Content-Type", "application/json; charset=utf-8")
	p.header.Set("Date", x.now.UTC().Format(http.TimeFormat))
	p.header.Set("X-Notion-Request-Id", x.id)
	p.header.Set("Cf-Ray", strings.ReplaceAll(x.id, "-", "")[:16]+"-SIM")
	return p
}

// release gives the buffer back; nobody may read the body any more.
func (p *reply) release() {
	if p.buffer == nil {
		return
	}
	*p.buffer = p.body
	p.x.s.pool.buffers.Put(p.buffer)
	p.buffer, p.body = nil, nil
}

func (p *reply) refuse(e *refusal) {
	p.status = e.status
	p.body = append(p.body[:0], e.body(p.x.id)...)
	if e.retry != "" {
		p.header.Set("Retry-After", e.retry)
	}
}

// edge is an answer that never reached Notion.
func (p *reply) edge(status int, html string) {
	p.status = status
	p.header.Del("X-Notion-Request-Id")
	p.header.Set("Content-Type", "text/html")
	p.body = append(p.body[:0], html...)
}

// compress, if the client takes it.
func (p *reply) compress(r *http.Request) {
	p.plain = len(p.body) * p.repeat
	if p.repeat > 1 || len(p.body) == 0 || p.header.Get("Content-Encoding") != "" || !accepts(r, "gzip") {
		return
	}
	buffer := p.x.s.pool.buffer()
	packed := bytes.NewBuffer((*buffer)[:0])
	p.x.s.pool.pack(packed, p.body)
	p.release()
	p.buffer, p.body = buffer, packed.Bytes()
	p.header.Set("Content-Encoding", "gzip")
	p.header.Set("Vary", "Accept-Encoding")
}

func accepts(r *http.Request, encoding string) bool {
	for _, line := range r.Header.Values("Accept-Encoding") {
		for _, one := range strings.Split(line, ",") {
			name, q, _ := strings.Cut(strings.TrimSpace(one), ";")
			if strings.EqualFold(name, encoding) && strings.ReplaceAll(q, " ", "") != "q=0" {
				return true
			}
		}
	}
	return false
}

// bomb makes a body of 1 GiB of blanks: many members of one gzip stream.
func (p *reply) bomb() {
	var member bytes.Buffer
	p.x.s.pool.pack(&member, bytes.Repeat([]byte{' '}, 1<<20))
	p.body = append(p.body[:0], member.Bytes()...)
	p.repeat = 1 << 10
	p.header.Set("Content-Encoding", "gzip")
}

// size is the length of the whole body on the wire.
func (p *reply) size() int { return len(p.body) * p.repeat }
