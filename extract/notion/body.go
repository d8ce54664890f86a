package notion

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
)

// A buffer holds one answer. Buffers are used again: an answer of a query is
// several hundred kilobytes.
type buffer struct {
	b []byte
	outline
	heads []rowHead // of the results, where these are rows
}

const (
	firstBufferBytes = 64 << 10
	keptBufferBytes  = 8 << 20 // larger ones are left to the garbage collector
)

// buffer returns a buffer for the answer to a request of the method: what is posted
// is a query or a search.
func (c *Client) buffer(method string) *buffer {
	pool := &c.buffers[0]
	if method == http.MethodPost {
		pool = &c.buffers[1]
	}
	if buf, ok := pool.Get().(*buffer); ok {
		return buf
	}
	return &buffer{b: make([]byte, 0, firstBufferBytes)}
}

func (c *Client) release(buf *buffer) {
	switch {
	case buf == nil || cap(buf.b) > keptBufferBytes:
	case cap(buf.b) > 2*firstBufferBytes:
		c.buffers[1].Put(buf)
	default:
		c.buffers[0].Put(buf)
	}
}

// read fills buf with the body, unpacked. progress is called with every byte
// that arrives.
func (c *Client) read(buf *buffer, resp *http.Response, progress func()) error {
	wire := &meter{r: resp.Body, total: &c.bytesRead, left: c.maxBytes, progress: progress}
	var r io.Reader = wire
	switch coding := resp.Header.Get("Content-Encoding"); coding {
	case "", "identity":
	case "gzip":
		z, _ := c.gunzips.Get().(*gunzip)
		if z == nil {
			z = &gunzip{in: bufio.NewReaderSize(nil, 32<<10)}
		}
		defer func() {
			z.in.Reset(nil)
			c.gunzips.Put(z)
		}()
		z.in.Reset(wire)
		if err := z.Reset(z.in); err != nil {
			return fmt.Errorf("unpack the answer: %w", unexpected(err))
		}
		r = z
	default:
		return fmt.Errorf("the answer is encoded as %q", coding)
	}
	b := buf.b[:0]
	for {
		if len(b) == cap(b) {
			grown := make([]byte, len(b), 2*cap(b))
			copy(grown, b)
			b = grown
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		buf.b = b
		switch {
		case int64(len(b)) > c.maxBytes:
			return ErrTooLarge
		case err == io.EOF:
			return nil
		case err != nil:
			return fmt.Errorf("read the answer: %w", err)
		}
	}
}

// gunzip unpacks a body.
type gunzip struct {
	gzip.Reader
	in *bufio.Reader
}

// unexpected names the end of a body that is empty although it is packed.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// A meter counts what comes over the wire. A packed body may be as large as an
// unpacked one, not larger: without that bound one that unpacks to nothing
// would never end.
type meter struct {
	r        io.Reader
	total    *atomic.Int64
	left     int64
	progress func()
}

func (m *meter) Read(p []byte) (int, error) {
	if m.left < 0 {
		return 0, ErrTooLarge
	}
	n, err := m.r.Read(p)
	if n > 0 {
		m.progress()
		m.total.Add(int64(n))
		m.left -= int64(n)
	}
	return n, err
}
