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
)

// restTransport carries the requests to a REST catalog. Those that only read are
// repeated where an error may go away; what became of the others is looked up.
// Where quiet is true, credentials for the warehouse are asked for by questions only:
// for most requests a server would make some that nobody uses.
func restTransport(quiet bool) rest.TransportFactory {
	return func(config *tls.Config) (http.RoundTripper, func()) {
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
		client.CheckRetry = func(ctx context.Context, resp *http.Response, err error) (bool, error) {
			if resp != nil && resp.Request.Method != http.MethodGet && resp.Request.Method != http.MethodHead {
				return false, nil
			}
			var of *url.Error
			if resp == nil && errors.As(err, &of) && !strings.EqualFold(of.Op, http.MethodGet) && !strings.EqualFold(of.Op, http.MethodHead) {
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
		return &restRequests{&retryablehttp.RoundTripper{Client: client}, quiet}, base.CloseIdleConnections
	}
}

// sameHost refuses to follow a redirect to another server: what lets this program
// in is for one only.
func sameHost(r *http.Request, via []*http.Request) error {
	if r.URL.Host != via[0].URL.Host || len(via) >= 10 {
		return fmt.Errorf("the catalog sends to another server, %s, which is not followed", r.URL.Host)
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
	return t.RoundTripper.RoundTrip(r)
}

// A question is a request, in its context, of whose answer more is wanted than the
// client tells of: what the server says of the storage.
type question struct {
	stages   bool // what the client would send after the answer is not sent
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
	resp.Body = io.NopCloser(bytes.NewReader(body))
	q.answered = json.Unmarshal(body, &q.answer) == nil // the client says what is wrong with it
	return resp, nil
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
