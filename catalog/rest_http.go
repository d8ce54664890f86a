package catalog

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/apache/iceberg-go/catalog/rest"
	"github.com/hashicorp/go-retryablehttp"
)

const (
	// restTimeout is how long a server may take to begin an answer. A publication
	// of many tables takes seconds.
	restTimeout = 2 * time.Minute
	// restTries is how often a reading is tried, if it does not take longer than
	// restPatience: a server that cannot read a table's metadata may try that for
	// more than a minute itself before it says so.
	restTries    = 4
	restPatience = 20 * time.Second

	restWaitMin = 200 * time.Millisecond
	restWaitMax = 5 * time.Second
	// restWaitAsked is the longest wait that a server is granted which says how long.
	restWaitAsked = time.Minute
)

// restTransport carries the requests to a REST catalog. Those that only read are
// repeated where an error may go away; of the others those that came too soon (429), with
// which nothing has been done. What became of the rest is looked up.
// Where quiet is true, credentials for the warehouse are asked for by questions only:
// for most requests a server would make some that nobody uses. Where a token of tokens
// is not taken, another one is; nil: there are none.
func restTransport(quiet bool, tokens *restTokens) rest.TransportFactory {
	return func(config *tls.Config) (http.RoundTripper, func()) {
		client := retryingClient(config, false)
		var carries http.RoundTripper = &retryablehttp.RoundTripper{Client: client}
		if tokens != nil {
			carries = &renewing{carries, tokens}
		}
		return &restRequests{carries, quiet}, client.HTTPClient.CloseIdleConnections
	}
}

// retryingClient is a client that repeats requests: all, or those that only read.
func retryingClient(config *tls.Config, all bool) *retryablehttp.Client {
	base, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		base = &http.Transport{Proxy: http.ProxyFromEnvironment}
	}
	base = base.Clone()
	base.ResponseHeaderTimeout = restTimeout
	if config != nil {
		base.TLSClientConfig = config
	}
	client := retryablehttp.NewClient()
	client.HTTPClient = &http.Client{Transport: base, Timeout: commitTimeout, CheckRedirect: sameHost}
	client.Logger = nil
	client.RetryMax, client.RetryWaitMin, client.RetryWaitMax = restTries-1, restWaitMin, restWaitMax
	client.Backoff = func(least, most time.Duration, n int, resp *http.Response) time.Duration {
		return min(retryablehttp.DefaultBackoff(least, most, n, resp), restWaitAsked)
	}
	client.CheckRetry = func(ctx context.Context, resp *http.Response, err error) (bool, error) {
		if resp != nil && resp.StatusCode == http.StatusTooManyRequests {
			return ctx.Err() == nil, nil
		}
		if !all && resp != nil && resp.Request.Method != http.MethodGet && resp.Request.Method != http.MethodHead {
			return false, nil
		}
		var of *url.Error
		if !all && resp == nil && errors.As(err, &of) && !strings.EqualFold(of.Op, http.MethodGet) && !strings.EqualFold(of.Op, http.MethodHead) {
			return false, nil
		}
		if resp != nil && ctx.Err() != nil {
			return false, nil // with an error too, net/http would complain on stderr
		}
		if began, ok := ctx.Value(beganKey{}).(time.Time); ok && time.Since(began) > restPatience {
			return false, nil
		}
		return retryablehttp.DefaultRetryPolicy(ctx, resp, err)
	}
	// After the last try the answer says best what is wrong.
	client.ErrorHandler = retryablehttp.PassthroughErrorHandler
	return client
}

// tokenClient fetches tokens.
func tokenClient() (client *http.Client, idle func()) {
	retrying := retryingClient(nil, true)
	return retrying.StandardClient(), retrying.HTTPClient.CloseIdleConnections
}

// renewing sends a request again, with another token, where its own is not taken: nothing
// has been done then.
type renewing struct {
	http.RoundTripper
	tokens *restTokens
}

// statusTokenExpired is what a catalog says of a token that was good once.
const statusTokenExpired = 419

func (t *renewing) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.RoundTripper.RoundTrip(r)
	if err != nil || resp.StatusCode != http.StatusUnauthorized && resp.StatusCode != statusTokenExpired || r.Body != nil && r.GetBody == nil {
		return resp, err
	}
	value, err := t.tokens.header(r.Context(), r.Header.Get("Authorization"))
	switch reads := r.Method == http.MethodGet || r.Method == http.MethodHead; {
	case err != nil && reads:
		return nil, errors.Join(err, resp.Body.Close())
	case err != nil:
		return resp, nil //nolint:nilerr // that nothing was done is what matters of the others
	}
	again := r.Clone(r.Context())
	again.Header.Set("Authorization", value)
	if r.GetBody != nil {
		if again.Body, err = r.GetBody(); err != nil {
			return resp, nil //nolint:nilerr // as above
		}
	}
	_ = resp.Body.Close() // nobody reads it
	return t.RoundTripper.RoundTrip(again)
}

// sameHost refuses to follow a redirect to another server, or to one that is not
// encrypted: what lets this program in is for one only.
func sameHost(r *http.Request, via []*http.Request) error {
	if r.URL.Host != via[0].URL.Host || via[0].URL.Scheme == "https" && r.URL.Scheme != "https" || len(via) >= 10 {
		return fmt.Errorf("the catalog sends to another server, %s, which is not followed", r.URL.Redacted())
	}
	return nil
}

// restRequests leave out what need not be asked for.
type restRequests struct {
	http.RoundTripper
	quiet bool
}

// delegation asks a server for credentials for a table's files. A signature
// covers it.
const delegation = "X-Iceberg-Access-Delegation"

// beganKey is the key of when a request was sent first.
type beganKey struct{}

func (t *restRequests) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(context.WithValue(r.Context(), beganKey{}, time.Now()))
	if q, ok := r.Context().Value(questionKey{}).(*question); ok {
		return q.send(t.RoundTripper, r)
	}
	if t.quiet {
		r.Header.Del(delegation)
	}
	resp, err := t.RoundTripper.RoundTrip(r)
	if err == nil && resp.StatusCode >= http.StatusBadRequest && r.Method != http.MethodHead {
		if err = withStatus(resp); err != nil {
			return nil, err
		}
	}
	return resp, err
}

// withStatus makes an error that is not one of a catalog, but of what stands before it, one
// that says which it is: the client tells of what the body says only.
func withStatus(resp *http.Response) error {
	body, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return err
	}
	var answer struct{ Error, Message any }
	if json.Unmarshal(body, &answer) != nil || answer.Error == nil && answer.Message == nil {
		if body, err = json.Marshal(map[string]any{"error": map[string]any{"message": "HTTP status " + resp.Status, "code": resp.StatusCode}}); err != nil {
			return err
		}
	}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return nil
}

// A question is a request, in its context, of whose answer more is wanted than the
// client tells of: what the server says of the storage.
type question struct {
	stages   bool // what the client would send after the answer is not sent
	settings bool // it asks for the server's settings
	answered bool
	answer   restAnswer
}

type questionKey struct{}

// errStagedOnly ends the creation of a table that was staged only.
var errStagedOnly = errors.New("only staged")

// send keeps what the first good answer says.
func (q *question) send(next http.RoundTripper, r *http.Request) (*http.Response, error) {
	if q.stages && q.answered {
		if r.Body != nil {
			_ = r.Body.Close() // nobody reads it
		}
		return nil, errStagedOnly
	}
	resp, err := next.RoundTrip(r)
	if err != nil || resp.StatusCode != http.StatusOK {
		return resp, err
	}
	body, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return nil, err
	}
	if q.settings {
		body = withoutIgnored(body)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	q.answered = json.Unmarshal(body, &q.answer) == nil // the client says what is wrong with it
	return resp, nil
}

// ignored are settings of the server that the client must not follow. With snapshots by
// reference only, those are not told of that have no tag, and their files would be taken
// for nobody's; whose certificate is not looked at may be anybody.
var ignored = []string{"snapshot-loading-mode", "rest.tls.skip-verify"}

// withoutIgnored is an answer with settings without those.
func withoutIgnored(body []byte) []byte {
	var answer map[string]json.RawMessage
	if json.Unmarshal(body, &answer) != nil {
		return body // the client says what is wrong with it
	}
	for _, member := range []string{"defaults", "overrides"} {
		var settings map[string]json.RawMessage
		if json.Unmarshal(answer[member], &settings) != nil {
			continue
		}
		for _, name := range ignored {
			delete(settings, name)
		}
		if text, err := json.Marshal(settings); err == nil {
			answer[member] = text
		}
	}
	if text, err := json.Marshal(answer); err == nil {
		return text
	}
	return body
}

// restURL checks the URL of a REST catalog.
func restURL(uri string) (*url.URL, error) {
	u, err := url.Parse(uri)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("catalog: a REST catalog is a URL like https://catalog.example.com/api/catalog")
	case u.User != nil:
		return nil, errors.New("catalog: a name or password has no place in the URL of a REST catalog: use a token or a credential")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("catalog %s: the URL of a REST catalog has no query and no fragment", u.Redacted())
	}
	return u, nil
}
