package catalog

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/apache/iceberg-go/catalog/rest"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// A restTokens fetches tokens for an OAuth2 client: a new one shortly before the end of
// the one before, and where the catalog does not take that any more, whatever it was said
// to last. It is safe for concurrent use.
type restTokens struct {
	config clientcredentials.Config
	client any    // as oauth2.HTTPClient wants it
	idle   func() // closes connections that nobody uses
	hide   func(secret string)

	turn  chan struct{} // who has it may use token
	token *oauth2.Token
}

func newRESTTokens(u *url.URL, o RESTOptions) *restTokens {
	id, secret, ok := strings.Cut(o.Credential, ":")
	if !ok {
		id, secret = "", o.Credential
	}
	client, idle := tokenClient()
	t := &restTokens{
		config: clientcredentials.Config{
			ClientID: id, ClientSecret: secret, AuthStyle: oauth2.AuthStyleInParams, EndpointParams: url.Values{},
			TokenURL: u.JoinPath("v1", "oauth", "tokens").String(), Scopes: []string{"catalog"},
		},
		client: client, idle: idle, hide: o.Hide, turn: make(chan struct{}, 1),
	}
	if o.AuthURL != "" {
		t.config.TokenURL = o.AuthURL
	}
	if o.Scope != "" {
		t.config.Scopes = []string{o.Scope}
	}
	for name, value := range map[string]string{"audience": o.Audience, "resource": o.Resource} {
		if value != "" {
			t.config.EndpointParams.Set(name, value)
		}
	}
	return t
}

// AuthHeader is for iceberg-go, which calls AuthHeaderWithContext.
func (t *restTokens) AuthHeader() (key, value string, err error) {
	return t.AuthHeaderWithContext(context.Background())
}

// AuthHeaderWithContext is the header of a request.
func (t *restTokens) AuthHeaderWithContext(ctx context.Context) (key, value string, err error) {
	value, err = t.header(ctx, "")
	return "Authorization", value, err
}

// header is the value of the header, another one than was refused.
func (t *restTokens) header(ctx context.Context, refused string) (string, error) {
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case t.turn <- struct{}{}:
	}
	defer func() { <-t.turn }()
	if !t.token.Valid() || headerOf(t.token) == refused {
		token, err := t.config.Token(context.WithValue(ctx, oauth2.HTTPClient, t.client))
		if err != nil {
			return "", t.fault(ctx, err)
		}
		if t.hide != nil {
			t.hide(token.AccessToken)
		}
		t.token = token
	}
	return headerOf(t.token), nil
}

func headerOf(t *oauth2.Token) string { return t.Type() + " " + t.AccessToken }

// A tokenError is the answer of an OAuth2 server that is no token.
type tokenError struct {
	status int // of HTTP; 0: there was no answer
	text   string
	err    error
}

func (e *tokenError) Error() string   { return e.text }
func (e *tokenError) Unwrap() []error { return []error{rest.ErrOAuthError, e.err} }

// isRefusal reports whether the server does not take the credential.
func (e *tokenError) isRefusal() bool {
	return slices.Contains([]int{400, 401, 403}, e.status)
}

func (t *restTokens) fault(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	e := &tokenError{text: fmt.Sprintf("OAuth2 server %s: %v", t.config.TokenURL, err), err: err}
	if answer := new(oauth2.RetrieveError); errors.As(err, &answer) && answer.Response != nil {
		e.status = answer.Response.StatusCode
		e.text = strings.TrimSpace(fmt.Sprintf("OAuth2 server %s: %s %s %s", t.config.TokenURL, answer.Response.Status, answer.ErrorCode, answer.ErrorDescription))
	}
	return e
}
