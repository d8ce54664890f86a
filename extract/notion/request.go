package notion

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// A request is what is asked for. It may be sent several times.
type request struct {
	op     string // for errors: "query data source 2481…"
	method string
	// target returns path and query below the base URL, escaped, and the body;
	// it is called for each attempt.
	target func() (path string, body []byte)
	// check refuses an answer about something else. That is asked for again.
	check func(*answer) error
	// shrink asks for less from now on, and reports whether it could. Nil if
	// the answer is one object.
	shrink func() bool
	// last: it waits until nothing else does, as what is in and on pages: those are
	// most requests and lead to few, while a search or query leads to the next one.
	last bool
}

// An answer is a body that was read whole and checked.
type answer struct {
	*buffer
	JSON      JSON
	RequestID string
}

// member returns a member of the outermost object.
func (a *answer) member(name string) JSON {
	for _, m := range a.members {
		if key := a.b[m.key.start+1 : m.key.end-1]; string(key) == name {
			return a.b[m.value.start:m.value.end]
		}
	}
	return nil
}

// A fault is an attempt that brought no answer.
type fault struct {
	err   Error
	final bool          // asking again would not help
	told  bool          // 429 or 529: the limiter waits, and it is no attempt
	heavy bool          // asking for less may help: 503, 504, an answer over the cap
	wait  time.Duration // at least, before the next attempt
}

// do sends a request until it is answered, fails for good or has been tried
// as often as Options.Attempts says. The answer must be released.
func (c *Client) do(ctx context.Context, r request) (*answer, error) {
	attempts, heavy, told := 0, 0, 0
	for n := 1; ; n++ {
		a, f := c.attempt(ctx, r, n, told)
		if f == nil {
			return a, nil
		}
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("%s: %w", r.op, err)
		}
		f.err.Op = r.op
		if f.told {
			told++
			continue
		}
		told = 0
		attempts++
		f.err.Attempts = attempts
		if f.final || attempts == c.attempts {
			return nil, &f.err
		}
		if !f.heavy {
			heavy = 0
		} else if heavy++; heavy == 2 {
			heavy = 0
			if (r.shrink == nil || !r.shrink()) && errors.Is(f.err.Err, ErrTooLarge) {
				return nil, &f.err
			}
		}
		wait := max(backoff(attempts), f.wait)
		c.warnOfRetry(ctx, &f.err, wait)
		if err := sleep(ctx, wait); err != nil {
			return nil, fmt.Errorf("%s: %w", r.op, err)
		}
	}
}

// warnOfRetry says that a request failed more than once and when it is tried
// again. With many requests in flight it does not say it of each.
func (c *Client) warnOfRetry(ctx context.Context, err *Error, wait time.Duration) {
	if err.Attempts <= quietTries {
		return
	}
	now, after := time.Now(), c.warnAfter.Load()
	if now.UnixNano() < after || !c.warnAfter.CompareAndSwap(after, now.Add(warnInterval).UnixNano()) {
		return
	}
	c.log.LogAttrs(ctx, slog.LevelWarn, "a request to Notion failed and is tried again",
		slog.String("error", err.Error()), slog.String("next_in", wait.Round(100*time.Millisecond).String()), slog.Int("attempts_left", c.attempts-err.Attempts))
}

var errStalled = errors.New("nothing arrived for " + stallTime.String())

// turn waits until a request may be sent, and holds one of the slots then. Of those
// that are last one lines up at a time: the others go before all the rest of them.
func (c *Client) turn(ctx context.Context, last bool) error {
	if last {
		select {
		case c.lastTurn <- struct{}{}:
			defer func() { <-c.lastTurn }()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	select {
	case c.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	err := c.limit.wait(ctx)
	if err != nil {
		<-c.slots
	}
	return err
}

// attempt sends the request once. told is how often in a row Notion has asked
// this request to wait.
func (c *Client) attempt(ctx context.Context, r request, n, told int) (*answer, *fault) {
	if err := c.turn(ctx, r.last); err != nil {
		return nil, &fault{err: Error{Err: err}}
	}
	defer func() { <-c.slots }()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	idle := time.AfterFunc(stallTime, func() { cancel(errStalled) })
	defer idle.Stop()

	path, body := r.target()
	req, err := http.NewRequestWithContext(ctx, r.method, c.base.String()+path, bytes.NewReader(body))
	if err != nil {
		return nil, &fault{final: true, err: Error{Err: err}}
	}
	c.header(req.Header)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	c.requests.Add(1)
	if n > 1 {
		c.retries.Add(1)
	}
	sent := time.Now()
	buf := c.buffer(r.method)
	a, f := c.send(req, buf, func() { idle.Reset(stallTime) })
	if f == nil && r.check != nil {
		if err := r.check(a); err != nil {
			f = &fault{err: Error{Status: http.StatusOK, RequestID: a.RequestID, Err: err}}
		}
	}
	if f != nil && errors.Is(context.Cause(ctx), errStalled) {
		f.err.Err = errStalled
	}
	took := time.Since(sent)
	c.busy.Add(int64(took))
	c.logAttempt(ctx, req, n, took, f)
	if f == nil {
		c.limit.answered()
		return a, nil
	}
	c.release(buf)
	if f.told {
		c.limited.Add(1)
		if f.wait <= 0 {
			f.wait = backoff(told + 1)
		}
		c.limit.limited(sent, f.wait, strings.TrimSpace(strconv.Itoa(f.err.Status)+" "+f.err.Reason))
	}
	return nil, f
}

// send sends req and reads the answer into buf.
func (c *Client) send(req *http.Request, buf *buffer, progress func()) (*answer, *fault) {
	resp, err := c.http.Do(req)
	if err != nil {
		if e := new(url.Error); errors.As(err, &e) {
			err = e.Err // the URL is said in the name of the request
		}
		untrusted := new(tls.CertificateVerificationError)
		final := errors.Is(err, errRedirect) || errors.As(err, &untrusted)
		return nil, &fault{final: final, err: Error{Err: err}}
	}
	defer resp.Body.Close()
	progress()
	a := &answer{buffer: buf, RequestID: resp.Header.Get("X-Notion-Request-Id")}
	if a.RequestID != "" {
		c.clock(resp.Header)
	}
	err = c.read(buf, resp, progress)
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch {
	case err != nil:
	case media != "application/json":
		err = fmt.Errorf("the answer is %q, not JSON", media)
	case len(buf.b) == 0:
		err = errors.New("the answer is empty")
	default:
		a.JSON, err = buf.parse(buf.b)
	}
	var object, id string
	if err == nil {
		object = a.member("object").Text()
		if id = a.member("request_id").Text(); a.RequestID == "" {
			a.RequestID = id
		}
	}
	if resp.StatusCode == http.StatusOK && err == nil && object != "error" {
		return a, nil
	}
	return nil, c.refused(resp, a, err)
}

// refused says what an answer that is not the one hoped for means.
func (c *Client) refused(resp *http.Response, a *answer, err error) *fault {
	f := &fault{err: Error{Status: resp.StatusCode, RequestID: a.RequestID, Err: err}}
	var details JSON
	if err == nil && a.member("object").Text() == "error" {
		details = a.member("additional_data")
		f.err.Code = c.foreign(a.member("code"))
		f.err.Message = c.foreign(a.member("message"))
		f.err.Reason = c.foreign(details.Get("rate_limit_reason"))
	}
	wait, known := parseRetryAfter(resp.Header.Get("Retry-After"), resp.Header.Get("Date"), time.Now())
	if !known {
		wait, _ = parseRetryAfter(details.Get("retry_after").Text(), "", time.Now())
	}
	switch status := resp.StatusCode; {
	case f.err.Reason == reasonBlocked:
		f.final = true
	case status == http.StatusTooManyRequests, status == statusOverload:
		f.told, f.wait = true, wait
	case status == http.StatusServiceUnavailable, status == http.StatusGatewayTimeout:
		f.heavy, f.wait = true, min(wait, maxBackoff)
	case errors.Is(err, ErrTooLarge):
		f.heavy = true
	case status >= 400 && status < 500 && status != http.StatusConflict && status != http.StatusRequestTimeout:
		// Only Notion's own word is final: what stands before it answers 403 and 404 too.
		f.final = f.err.Code != ""
	}
	return f
}

// statusOverload is Notion's status for service_overload.
const statusOverload = 529

// clock notes how far Notion's clock is from this one.
func (c *Client) clock(h http.Header) {
	if t, err := http.ParseTime(h.Get("Date")); err == nil {
		c.skew.Store(int64(t.Sub(c.now().Truncate(time.Second))))
	}
}

func (c *Client) logAttempt(ctx context.Context, req *http.Request, n int, took time.Duration, f *fault) {
	if !c.log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	attrs := []slog.Attr{ // never headers, and no query: it may hold a cursor
		slog.String("method", req.Method),
		slog.String("path", req.URL.Path),
		slog.Int("attempt", n),
		slog.Duration("duration", took.Round(time.Microsecond)),
	}
	if f == nil {
		attrs = append(attrs, slog.Int("status", http.StatusOK))
	} else {
		attrs = append(attrs, slog.Int("status", f.err.Status), slog.String("error", f.err.Error()))
	}
	c.log.LogAttrs(ctx, slog.LevelDebug, "request", attrs...)
}

// foreign makes a text of a server fit for an error: one line, not endless, and
// without the token, should the server send it back.
func (c *Client) foreign(j JSON) string {
	const most = 1000
	s := c.redact(j.Text())
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}
