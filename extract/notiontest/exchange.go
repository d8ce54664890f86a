package notiontest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// An exchange is one request and what is written in answer to it.
type exchange struct {
	s      *Server
	m      *Model
	r      renderer
	now    time.Time
	number int64 // of the request
	id     string

	route  *route
	path   map[string]string
	params url.Values
	body   map[string]json.RawMessage
	fault  fault // one that changes a listing
	timely bool  // the results depend on the time of the request
	out    []byte
}

// serve runs the checks in Notion's order and then the route.
func (x *exchange) serve(ctx context.Context, r *http.Request, body []byte, to match) error {
	if to.route == nil && to.write == "" {
		return errRoute
	}
	if !authorized(r, x.s.o.Token) {
		return errToken
	}
	if retry, ok := x.s.admit(x.now); !ok {
		return rateLimited("public_api_request_rate_limit", retry)
	}
	v, err := version(r)
	if err != nil {
		return err
	}
	if to.write != "" {
		return errRestricted
	}
	x.route, x.path = to.route, to.path
	if x.params, err = parseQuery(r); err != nil {
		return err
	}
	if err := x.readBody(r, body); err != nil {
		return err
	}
	x.s.betweenPages(x)
	if err := ctx.Err(); err != nil {
		return err
	}
	x.m = x.s.w.Model()
	x.r = renderer{
		m: x.m, v: v, now: x.now, sign: hash(x.s.o.Seed, "sign", x.id), limit: x.s.o.Limit,
		shuffle: x.s.o.Shuffle, noUsers: x.s.o.NoUsers, noEmail: x.s.o.NoEmail,
		files: x.s.o.FileBase, ttl: x.s.o.FileTTL,
	}
	if err := x.checkParams(); err != nil {
		return err
	}
	if err := x.route.serve(x); err != nil {
		return err
	}
	x.out = append(x.out[:len(x.out)-1], `,"request_id":"`...)
	x.out = append(append(x.out, x.id...), `"}`...)
	return nil
}

func authorized(r *http.Request, token string) bool {
	kind, got, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.EqualFold(kind, "Bearer") && got == token
}

func version(r *http.Request) (Version, error) {
	switch v := Version(r.Header.Get("Notion-Version")); v {
	case "":
		return "", errVersion
	case V20250903, V20260311:
		return v, nil
	default:
		return "", invalid("Notion-Version header failed validation: Notion-Version header should be `%s` or `%s`, instead was `%s`.",
			jsonString(string(V20250903)), jsonString(string(V20260311)), quote(jsonString(string(v))))
	}
}

// clock is the time of the request, for filters such as past_week.
func (x *exchange) clock() time.Time {
	x.timely = true
	return x.now
}

// continues reports whether the request asks for a second or later page.
func (x *exchange) continues() bool {
	return x.params.Has("start_cursor") || x.body["start_cursor"] != nil
}

// asRefusal: an error that is no answer of Notion's is the end of the request's context.
func asRefusal(err error) (*refusal, bool) {
	var e *refusal
	ok := errors.As(err, &e)
	return e, ok
}
