package extract

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/notionlake/notionlake/lake"
)

// Files says how the files that pages refer to are copied. The zero Files copies none.
type Files struct {
	// Copies is where copies are kept; nil: no file is copied.
	Copies *lake.Copies
	// MaxBytes is the size up to which a file is copied; 0: DefaultMaxBytes.
	MaxBytes int64
	// Types are the MIME types that are copied, see ParseFileType; nil: all.
	Types []string
	// Allow are addresses that may be asked although they are not public.
	Allow []netip.AddrPort
	// Proxy names the proxy for a request; nil: there is none. It is asked for files
	// that Notion hosts only: what a proxy connects to cannot be seen here.
	Proxy func(*http.Request) (*url.URL, error)
	// UserAgent is sent with every request.
	UserAgent string
	// Transport answers the requests instead of the network, in tests.
	Transport http.RoundTripper
	// Resolver finds the addresses of names; nil: the system's.
	Resolver *net.Resolver
}

// DefaultMaxBytes is the size up to which a file is copied if nothing else is said.
const DefaultMaxBytes = 100_000_000

const (
	fileDialTimeout = 10 * time.Second
	fileStallTime   = 60 * time.Second // without a byte
	fileTotalTime   = time.Hour        // of one file: a hosted URL lives as long
	fileHeaderBytes = 64 << 10
	fileRedirects   = 5
	sniffBytes      = 512 // what http.DetectContentType looks at
)

// A fetcher fetches files. It has clients of its own, so that nothing of Notion's
// goes to where the URLs of files lead: no token, no cookie, no referrer.
type fetcher struct {
	direct *http.Client
	hosted *http.Client // of files that Notion hosts
	agent  string
	temp   string
	max    int64
}

func newFetcher(f Files, temp string) *fetcher {
	g := guard{f.Allow}
	dialer := &net.Dialer{Timeout: fileDialTimeout, Control: g.control, Resolver: f.Resolver}
	direct := fileTransport()
	direct.DialContext = dialer.DialContext
	c := &fetcher{agent: f.UserAgent, temp: temp, max: cmp.Or(f.MaxBytes, DefaultMaxBytes)}
	c.direct = &http.Client{Transport: direct, CheckRedirect: checkRedirect}
	c.hosted = c.direct
	if f.Proxy != nil {
		// The proxy connects: only a URL that came from Notion itself goes there, and
		// where that leads to another it is not followed.
		proxied := fileTransport()
		proxied.DialContext = (&net.Dialer{Timeout: fileDialTimeout, Resolver: f.Resolver}).DialContext
		c.hosted = &http.Client{Transport: &eitherWay{f.Proxy, direct, proxied}, CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if p, err := f.Proxy(r); p != nil || err != nil {
				return errors.New("a redirect is not followed through a proxy")
			}
			return checkRedirect(r, via)
		}}
		proxied.Proxy = f.Proxy
	}
	if f.Transport != nil {
		c.direct = &http.Client{Transport: literal{g, f.Transport}, CheckRedirect: checkRedirect}
		c.hosted = c.direct
	}
	return c
}

// fileTransport is a transport without a way out.
func fileTransport() *http.Transport {
	return &http.Transport{
		TLSHandshakeTimeout: fileDialTimeout, ResponseHeaderTimeout: fileStallTime, MaxResponseHeaderBytes: fileHeaderBytes,
		DisableCompression: true, ForceAttemptHTTP2: true, MaxIdleConns: fileWorkers, IdleConnTimeout: time.Minute,
	}
}

// eitherWay goes through a proxy where there is one for the request.
type eitherWay struct {
	proxy           func(*http.Request) (*url.URL, error)
	direct, proxied http.RoundTripper
}

func (e *eitherWay) RoundTrip(r *http.Request) (*http.Response, error) {
	if p, err := e.proxy(r); err != nil || p == nil {
		return e.direct.RoundTrip(r)
	}
	return e.proxied.RoundTrip(r)
}

// CloseIdleConnections ends what is kept open.
func (e *eitherWay) CloseIdleConnections() {
	for _, t := range []http.RoundTripper{e.direct, e.proxied} {
		(&http.Client{Transport: t}).CloseIdleConnections()
	}
}

// literal refuses addresses that stand in a URL, where no dialer sees them.
type literal struct {
	guard
	next http.RoundTripper
}

func (l literal) RoundTrip(r *http.Request) (*http.Response, error) {
	if a, err := netip.ParseAddr(r.URL.Hostname()); err == nil && !l.permits(netip.AddrPortFrom(a, portOf(r.URL))) {
		return nil, fmt.Errorf("%s: %w", r.URL.Host, errBlocked)
	}
	return l.next.RoundTrip(r)
}

func portOf(u *url.URL) uint16 {
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil {
		port = map[string]uint64{"http": 80, "https": 443}[u.Scheme]
	}
	return uint16(port)
}

func (f *fetcher) close() {
	f.direct.CloseIdleConnections()
	f.hosted.CloseIdleConnections()
}

func checkRedirect(r *http.Request, via []*http.Request) error {
	if len(via) > fileRedirects {
		return fmt.Errorf("more than %d redirects", fileRedirects)
	}
	r.Header.Del("Referer") // it holds the signature
	return checkScheme(r.URL)
}

func checkScheme(u *url.URL) error {
	if u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("scheme %q: %w", u.Scheme, errBlocked)
	}
	return nil
}

// A wanted is a file that is to be fetched.
type wanted struct {
	url    string
	hosted bool // by Notion
	// etag and modified are what the copy that is there came with.
	etag, modified string
	// types decides by the type of the content whether it is wanted.
	types func(contentType string) bool
}

// A download is a file that was fetched.
type download struct {
	unchanged                   bool // it is what the copy holds
	file                        *os.File
	sum                         lake.Sum
	bytes                       int64
	contentType, etag, modified string
}

func (d *download) close() error {
	if d.file == nil {
		return nil
	}
	return lake.CloseTempFile(d.file)
}

// A fetchError says why a file was not fetched.
type fetchError struct {
	reason fileReason
	err    error
	again  bool          // it may go well the next time
	after  time.Duration // at the earliest; 0: not told
	status int           // of the answer
}

func (e *fetchError) Error() string { return e.err.Error() }
func (e *fetchError) Unwrap() error { return e.err }

var errFileStalled = errors.New("no byte came for " + fileStallTime.String())

// get fetches a file. The error is a *fetchError, that of ctx, or one of the disk
// here. No error holds more of a URL than its host: the rest may be a secret.
func (f *fetcher) get(ctx context.Context, w wanted) (d *download, err error) {
	u, err := url.Parse(w.url)
	if err != nil || u.Scheme == "" {
		return nil, &fetchError{reason: fileInvalid, err: errors.New("not a URL")}
	}
	if err := checkScheme(u); err != nil {
		return nil, &fetchError{reason: fileBlocked, err: err}
	}
	if u.Host == "" {
		return nil, &fetchError{reason: fileInvalid, err: errors.New("a URL without a host")}
	}
	asked, cancel := context.WithTimeout(ctx, fileTotalTime)
	defer cancel()
	asked, stall := context.WithCancelCause(asked)
	defer stall(nil)
	timer := time.AfterFunc(fileStallTime+fileDialTimeout, func() { stall(errFileStalled) })
	defer timer.Stop()
	client := f.direct
	if w.hosted {
		client = f.hosted
	}
	r, err := http.NewRequestWithContext(asked, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, &fetchError{reason: fileInvalid, err: errors.New("not a URL")}
	}
	r.Header.Set("Accept-Encoding", "identity")
	for name, value := range map[string]string{"User-Agent": f.agent, "If-None-Match": w.etag, "If-Modified-Since": w.modified} {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	response, err := client.Do(r)
	if err != nil {
		return nil, failed(ctx, asked, err)
	}
	defer func() { _ = response.Body.Close() }() // what was read of it is what counts
	if response.StatusCode == http.StatusNotModified && (w.etag != "" || w.modified != "") {
		return &download{unchanged: true}, nil
	}
	if response.StatusCode != http.StatusOK {
		return nil, refused(response)
	}
	timer.Reset(fileStallTime)
	body := &watched{body: response.Body, seen: func() { timer.Reset(fileStallTime) }}
	d, err = f.read(body, response, w)
	var disk *lake.StorageError
	var told *fetchError
	if err == nil || errors.As(err, &disk) || errors.As(err, &told) {
		return d, err
	}
	return nil, failed(ctx, asked, err)
}

// read takes in the body of an answer.
func (f *fetcher) read(body io.Reader, response *http.Response, w wanted) (d *download, err error) {
	head := make([]byte, sniffBytes)
	n, ended := 0, false
	for n < len(head) && !ended {
		more, err := body.Read(head[n:])
		n += more
		if ended = errors.Is(err, io.EOF); err != nil && !ended {
			return nil, err
		}
	}
	head = head[:n]
	d = &download{etag: response.Header.Get("Etag"), modified: response.Header.Get("Last-Modified")}
	d.contentType = cmp.Or(mediaType(response.Header.Get("Content-Type")), mediaType(http.DetectContentType(head)), "application/octet-stream")
	if w.types != nil && !w.types(d.contentType) {
		return nil, &fetchError{reason: fileOtherType, err: fmt.Errorf("it is %s", d.contentType)}
	}
	if response.ContentLength > f.max {
		return nil, &fetchError{reason: fileTooLarge, err: fmt.Errorf("it has %d bytes", response.ContentLength)}
	}
	if d.file, err = lake.NewTempFile(f.temp); err != nil {
		return nil, &lake.StorageError{Err: fmt.Errorf("file for what is fetched: %w", err)}
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close())
			d = nil
		}
	}()
	hash := sha256.New()
	to := io.MultiWriter(&diskWriter{d.file}, hash)
	if _, err = to.Write(head); err != nil {
		return d, err
	}
	d.bytes = int64(n)
	if !ended {
		more, err := io.Copy(to, io.LimitReader(body, f.max-d.bytes+1))
		if d.bytes += more; err != nil {
			return d, err
		}
	}
	if d.bytes > f.max {
		return d, &fetchError{reason: fileTooLarge, err: fmt.Errorf("it has more than %d bytes", f.max)}
	}
	if response.ContentLength >= 0 && d.bytes != response.ContentLength {
		return d, io.ErrUnexpectedEOF
	}
	hash.Sum(d.sum[:0])
	return d, nil
}

// A diskWriter marks errors of the disk.
type diskWriter struct{ file *os.File }

func (w *diskWriter) Write(p []byte) (int, error) {
	n, err := w.file.Write(p)
	if err != nil {
		err = &lake.StorageError{Err: fmt.Errorf("file for what is fetched: %w", err)}
	}
	return n, err
}

// watched is a body of which it is noticed that something came.
type watched struct {
	body io.Reader
	seen func()
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.body.Read(p)
	if n > 0 {
		w.seen()
	}
	return n, err
}

// mediaType is a Content-Type without its parameters; "" where it says nothing.
func mediaType(header string) string {
	typ, _, err := mime.ParseMediaType(header)
	if err != nil || typ == "application/octet-stream" || typ == "binary/octet-stream" {
		return ""
	}
	return typ
}

// failed says what a failed request or a body that ended early means.
func failed(ctx, asked context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if cause := context.Cause(asked); cause != nil {
		err = cause
	}
	var whole *url.Error
	if errors.As(err, &whole) {
		err = whole.Err // without the URL
	}
	if errors.Is(err, errBlocked) {
		return &fetchError{reason: fileBlocked, err: err}
	}
	if strings.Contains(err.Error(), "Location") {
		err = errors.New("a redirect leads to what is no URL") // it is in the text, and may be signed
	}
	var name *net.DNSError
	again := !errors.As(err, &name) || !name.IsNotFound
	return &fetchError{reason: fileUnreachable, err: err, again: again}
}

// refused says what the status of an answer means.
func refused(r *http.Response) error {
	e := &fetchError{status: r.StatusCode, err: fmt.Errorf("%s answered %d %s", r.Request.URL.Hostname(), r.StatusCode, strings.ToLower(http.StatusText(r.StatusCode)))}
	switch s := r.StatusCode; {
	case s == http.StatusNotFound || s == http.StatusGone:
		e.reason = fileNotFound
	case s == http.StatusTooManyRequests || s == http.StatusRequestTimeout || s >= 500:
		e.reason, e.again = fileUnreachable, true
		if n, err := strconv.Atoi(r.Header.Get("Retry-After")); err == nil && n > 0 {
			e.after = time.Duration(n) * time.Second
		}
	default:
		e.reason = fileRefused
	}
	return e
}
