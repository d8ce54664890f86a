package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
)

// hidden stands where a secret was.
const hidden = "***"

// A redactor replaces secrets in text, also where they are encoded. It is the
// last thing before every output, so that a secret is hidden however it came
// there: in an error of a library, in an answer that repeats the request.
type redactor struct {
	mu    sync.RWMutex
	forms []string // longest first
}

// minSecretBytes is the length from which text is taken for a secret: Notion's
// have some fifty. Shorter text would be found in what is no secret.
const minSecretBytes = 8

// hide makes the redactor know s.
func (r *redactor) hide(s string) {
	if len(s) < minSecretBytes {
		return
	}
	quoted, _ := json.Marshal(s)
	forms := []string{
		s, url.QueryEscape(s), url.PathEscape(s), strings.Trim(string(quoted), `"`), strings.Trim(strconv.Quote(s), `"`),
	}
	// Base64 of a text that holds s: the digits differ with the place of s in
	// its group of three bytes, and those at both ends belong to the neighbours too.
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for offset := range 3 {
			digits := encoding.EncodeToString([]byte(strings.Repeat("\x00", offset) + s))
			digits = digits[(offset*8+5)/6:]
			if (offset+len(s))%3 != 0 {
				digits = digits[:len(digits)-1]
			}
			if len(digits) >= minSecretBytes {
				forms = append(forms, digits)
			}
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.Contains(r.forms, s) {
		return // its other forms are known too
	}
	r.forms = append(r.forms, forms...)
	sort.SliceStable(r.forms, func(i, j int) bool { return len(r.forms[i]) > len(r.forms[j]) })
}

// redact returns s without secrets.
func (r *redactor) redact(s string) string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, form := range r.forms {
		s = strings.ReplaceAll(s, form, hidden)
	}
	return s
}

func (r *redactor) redactBytes(b []byte) []byte {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, form := range r.forms {
		if bytes.Contains(b, []byte(form)) {
			b = bytes.ReplaceAll(b, []byte(form), []byte(hidden))
		}
	}
	return b
}

// A redactingWriter hides secrets in each piece that is written; a secret must
// not be spread over two pieces, so results are written whole.
type redactingWriter struct {
	w       io.Writer
	secrets *redactor
}

func (w *redactingWriter) Write(b []byte) (int, error) {
	if _, err := w.w.Write(w.secrets.redactBytes(b)); err != nil {
		return 0, err
	}
	return len(b), nil
}

// A console is stderr: log lines and the progress display share it, and a line
// that is logged stands above the display. Each Write is one line.
type console struct {
	mu       sync.Mutex
	w        io.Writer
	progress *display // nil: none
}

func newConsole(w io.Writer, secrets *redactor) *console {
	return &console{w: &redactingWriter{w: w, secrets: secrets}}
}

func (c *console) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.progress != nil {
		c.progress.clear()
	}
	return c.w.Write(b)
}

// endProgress takes the progress display away.
func (c *console) endProgress() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.progress != nil {
		c.progress.clear()
		c.progress = nil
	}
}
