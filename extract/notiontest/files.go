package notiontest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// A Served is what the URL of a file leads to. A path below /secure/ is that of a
// file which Notion hosts, and has to be signed; one below /public/ stands for a
// server elsewhere. By its whole URL a file is found by FileTransport only.
type Served struct {
	Data     []byte
	Type     string    // Content-Type; "" is not told
	ETag     string    // "" is not told
	Modified time.Time // zero is not told
	// What goes wrong:
	Status   int           // of the answer; 0 is 200
	Redirect string        // where it leads on to
	Length   int64         // the Content-Length that is told; 0 is the true one, below 0 none
	Stall    time.Duration // after half of it
}

// FileHost is where hosted files of a Server without a FileBase are.
const FileHost = "https://prod-files-secure.s3.us-west-2.amazonaws.com"

// HostedPath is the path of a file that Notion hosts, of which key is one upload.
func HostedPath(seed uint64, key, name string) string {
	return "/secure/" + NewID(seed, "workspace") + "/" + NewID(seed, "file/"+key) + "/" + url.PathEscape(name)
}

// AddFile makes a URL or path lead to a file.
func (t *Tx) AddFile(url string, f Served) { t.m.Files[url] = &f }

// RemoveFile makes a URL or path lead nowhere.
func (t *Tx) RemoveFile(url string) { delete(t.m.Files, url) }

// FileAt is what the URL of a File leads to, nil if nothing.
func (m *Model) FileAt(url string) *Served {
	if isFilePath(url) {
		return m.Files[url]
	}
	url, _, _ = strings.Cut(url, "#")
	return m.Files[url]
}

func isFilePath(s string) bool {
	return strings.HasPrefix(s, "/secure/") || strings.HasPrefix(s, "/public/")
}

// own is the URL of an external file, which may be one of the server's own.
func (r *renderer) own(url string) string {
	if isFilePath(url) {
		return r.files + url
	}
	return url
}

const signatureTime = "20060102T150405Z"

// signed appends a file below /secure/ with a URL that is good for a while.
func (r *renderer) signed(dst []byte, path string) []byte {
	date := r.now.UTC().Format(signatureTime)
	dst = append(dst, `{"url":`...)
	dst = appendString(dst, fmt.Sprintf("%s%s?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=%s&X-Amz-Security-Token=%016x&X-Amz-Signature=%s",
		r.files, path, date, mix(r.sign), signature(r.m.Seed, path, date)))
	dst = append(dst, `,"expiry_time":"`...)
	dst = r.now.Add(r.ttl).UTC().AppendFormat(dst, "2006-01-02T15:04:05.000Z")
	return append(dst, `"}`...)
}

func signature(seed uint64, path, date string) string {
	return fmt.Sprintf("%016x", hash(seed, "signature", path, date))
}

// refusal of a request for a file, as S3 words them.
func refuseFile(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>%s</Code><Message>%s</Message></Error>", code, message)
}

// serveFile answers a request for a file.
func (s *Server) serveFile(w http.ResponseWriter, r *http.Request, name string) {
	m := s.w.Model()
	if kind := s.fileFault(name); kind != "" {
		s.failFile(w, m.FileAt(name), kind)
		return
	}
	if r.Header.Get("Authorization") != "" || r.Header.Get("Notion-Version") != "" {
		refuseFile(w, http.StatusBadRequest, "InvalidArgument", "Only one auth mechanism allowed")
		return
	}
	if strings.HasPrefix(name, "/secure/") {
		q := r.URL.Query()
		at, err := time.Parse(signatureTime, q.Get("X-Amz-Date"))
		switch {
		case err != nil || q.Get("X-Amz-Signature") != signature(m.Seed, name, q.Get("X-Amz-Date")):
			refuseFile(w, http.StatusForbidden, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided.")
			return
		case s.o.Now().After(at.Add(s.o.FileTTL)):
			refuseFile(w, http.StatusForbidden, "AccessDenied", "Request has expired")
			return
		}
	}
	f := m.FileAt(name)
	switch {
	case f == nil:
		refuseFile(w, http.StatusNotFound, "NoSuchKey", "The specified key does not exist.")
	case f.Redirect != "":
		http.Redirect(w, r, f.Redirect, http.StatusFound)
	case f.Status != 0:
		refuseFile(w, f.Status, "Refused", http.StatusText(f.Status))
	default:
		f.serve(w, r)
	}
}

func (f *Served) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	if h["Content-Type"] = nil; f.Type != "" {
		h.Set("Content-Type", f.Type)
	}
	if f.ETag != "" {
		h.Set("Etag", f.ETag)
	}
	if f.Length == 0 && f.Stall == 0 {
		http.ServeContent(w, r, "", f.Modified, bytes.NewReader(f.Data))
		return
	}
	if f.Length > 0 {
		h.Set("Content-Length", fmt.Sprint(f.Length))
	}
	half := len(f.Data) / 2
	_, _ = w.Write(f.Data[:half]) // a client that has gone need not be told
	if f.Stall > 0 {
		_ = http.NewResponseController(w).Flush()
		if sleep(r.Context(), f.Stall) != nil {
			panic(http.ErrAbortHandler)
		}
	}
	_, _ = w.Write(f.Data[half:])
	if f.Length > int64(len(f.Data)) {
		panic(http.ErrAbortHandler)
	}
}

// fileFault counts a request for a file and decides what goes wrong with it.
func (s *Server) fileFault(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Files++
	name, _, _ = strings.Cut(name, "?")
	n := s.failures[name]
	if h := hash(s.o.Seed, "file fault", name, string(count(n))); n < 2 && float64(h>>11)/(1<<53) < s.o.FileFaults {
		s.failures[name]++
		kinds := []string{"file_error", "file_busy", "file_cut", "file_reset", "file_expired"}
		kind := kinds[mix(h)%uint64(len(kinds))]
		if kind == "file_expired" && !strings.HasPrefix(name, "/secure/") {
			kind = "file_error"
		}
		s.stats.Faults[kind]++
		return kind
	}
	return ""
}

func (s *Server) failFile(w http.ResponseWriter, f *Served, kind string) {
	switch kind {
	case "file_busy":
		w.Header().Set("Retry-After", "2")
		refuseFile(w, http.StatusServiceUnavailable, "SlowDown", "Please reduce your request rate.")
	case "file_expired":
		refuseFile(w, http.StatusForbidden, "AccessDenied", "Request has expired")
	case "file_reset":
		reset(w)
	case "file_cut":
		if f != nil {
			w.Header().Set("Content-Length", fmt.Sprint(len(f.Data)+1))
			_, _ = w.Write(f.Data[:len(f.Data)/2])
			panic(http.ErrAbortHandler)
		}
		fallthrough
	default:
		refuseFile(w, http.StatusInternalServerError, "InternalError", "We encountered an internal error. Please try again.")
	}
}

// FileTransport is a way to all files without sockets: those of the server at
// FileBase, and those that the workspace knows by their whole URL.
func (s *Server) FileTransport() http.RoundTripper { return fileTransport{s} }

type fileTransport struct{ s *Server }

func (t fileTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	name := r.URL.String()
	if rest, ok := strings.CutPrefix(name, t.s.o.FileBase); ok && isFilePath(rest) {
		name = r.URL.EscapedPath()
	}
	w := &recorded{header: http.Header{}, status: http.StatusOK}
	w.run(func() { t.s.serveFile(w, r, name) })
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if w.broken && w.body.Len() == 0 {
		return nil, syscall.ECONNRESET
	}
	response := &http.Response{
		Status: http.StatusText(w.status), StatusCode: w.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, ContentLength: -1, Request: r,
	}
	if n, err := fmt.Sscan(w.header.Get("Content-Length"), &response.ContentLength); n == 0 || err != nil {
		response.ContentLength = -1
	}
	var body io.Reader = &w.body
	if w.broken {
		body = io.MultiReader(body, failing{})
	}
	response.Body = &contextBody{r.Context(), body}
	return response, nil
}

// contextBody ends with its request.
type contextBody struct {
	ctx  context.Context
	body io.Reader
}

func (b *contextBody) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	return b.body.Read(p)
}

func (b *contextBody) Close() error { return nil }

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// recorded is an answer in memory.
type recorded struct {
	header http.Header
	status int
	body   bytes.Buffer
	broken bool
}

func (w *recorded) Header() http.Header         { return w.header }
func (w *recorded) WriteHeader(status int)      { w.status = status }
func (w *recorded) Write(p []byte) (int, error) { return w.body.Write(p) }

// run notes that the answer broke off.
func (w *recorded) run(serve func()) {
	defer func() {
		if v := recover(); v != nil {
			if err, ok := v.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
				panic(v)
			}
			w.broken = true
		}
	}()
	serve()
}
