package notion

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strings"
)

// What an *Error is, for errors.Is.
var (
	ErrUnauthorized = errors.New("token rejected by Notion")
	ErrRestricted   = errors.New("not allowed for this connection")
	ErrNotFound     = errors.New("not found or not shared with the connection")
	ErrBlocked      = errors.New("requests of this connection are blocked by Notion")
	// ErrUnreachable is a server to which there is no connection.
	ErrUnreachable = errors.New("no connection to Notion")
	// ErrCursor is a start_cursor that Notion does not take (any more).
	ErrCursor = errors.New("cursor refused")
	// ErrTooLarge is an answer over the size cap that could not be made smaller.
	ErrTooLarge = errors.New("answer over the size limit")
	// ErrIncomplete is a listing that Notion cut off and that could not be continued.
	ErrIncomplete = errors.New("listing cut off by Notion")
	// ErrLoop is a pagination that does not end.
	ErrLoop = errors.New("pagination loop detected")
)

// An Error is a request that failed for good.
type Error struct {
	Op        string // what was asked for: "query data source 2481…"
	Status    int    // HTTP status; 0 when no answer arrived
	Code      string // Notion's error code, "" when the body was not Notion's
	Message   string // Notion's message
	RequestID string
	Attempts  int
	Reason    string // rate_limit_reason
	Err       error  // the transport's error, where there was no answer that could be read
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	b.WriteString(": ")
	switch {
	case e.Err != nil:
		b.WriteString(e.Err.Error())
	case e.Message != "":
		b.WriteString(e.Message)
	default:
		fmt.Fprintf(&b, "answer %d %s", e.Status, http.StatusText(e.Status))
	}
	sep := " ("
	add := func(format string, args ...any) {
		b.WriteString(sep)
		fmt.Fprintf(&b, format, args...)
		sep = ", "
	}
	if e.Status != 0 {
		add("HTTP %d", e.Status)
	}
	if e.Code != "" {
		add("%s", e.Code)
	}
	if e.Attempts > 1 {
		add("after %d attempts", e.Attempts)
	}
	if e.RequestID != "" {
		add("request id %s", e.RequestID)
	}
	if sep == ", " {
		b.WriteByte(')')
	}
	return b.String()
}

var requestIDs = regexp.MustCompile(`, request id [^ ,)]+`)

// Steady is the text of an error without the IDs of requests, so that the same error is
// the same text the next time.
func Steady(err error) string { return requestIDs.ReplaceAllString(err.Error(), "") }

func (e *Error) Unwrap() error { return e.Err }

// Is reports what kind of error e is.
func (e *Error) Is(target error) bool {
	if target == ErrUnreachable {
		op := new(net.OpError)
		return e.Status == 0 && errors.As(e.Err, &op) && (op.Op == "dial" || op.Op == "proxyconnect")
	}
	if e.Code == "" {
		return false // not Notion's word: a proxy may answer 401, 403 or 404 too
	}
	switch target {
	case ErrUnauthorized:
		return e.Status == http.StatusUnauthorized
	case ErrBlocked:
		return e.Reason == reasonBlocked
	case ErrRestricted:
		return e.Status == http.StatusForbidden
	case ErrNotFound:
		return e.Status == http.StatusNotFound
	case ErrCursor:
		return e.Status == http.StatusBadRequest && strings.Contains(e.Message, "start_cursor")
	}
	return false
}

// reasonBlocked is the rate_limit_reason that must not be retried.
const reasonBlocked = "public_api_request_blocked"
