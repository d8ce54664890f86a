package notiontest

import (
	"fmt"
	"net/http"
	"strconv"
	"unicode/utf8"
)

// A refusal is an error of Notion's.
type refusal struct {
	status  int
	code    string
	message string
	data    string // JSON of additional_data; "" is none
	retry   string // the header Retry-After; "" is none
}

func (e *refusal) Error() string { return e.message }

func (e *refusal) body(requestID string) []byte {
	dst := append([]byte(`{"object":"error","status":`), strconv.Itoa(e.status)...)
	dst = append(dst, `,"code":`...)
	dst = appendString(dst, e.code)
	dst = append(dst, `,"message":`...)
	dst = appendString(dst, e.message)
	if e.data != "" {
		dst = append(append(dst, `,"additional_data":`...), e.data...)
	}
	dst = append(dst, `,"request_id":`...)
	return append(appendString(dst, requestID), '}')
}

func invalid(format string, args ...any) *refusal {
	return &refusal{status: http.StatusBadRequest, code: "validation_error", message: fmt.Sprintf(format, args...)}
}

// should refuses a value in a place: "body", "query" or "path".
func should(place, name, want, value string) *refusal {
	return invalid("%s failed validation: %s.%s should be %s, instead was `%s`.", place, place, name, want, quote(value))
}

// quote cuts the JSON of a value as Notion does in messages.
func quote(json string) string {
	const most = 55
	if utf8.RuneCountInString(json) <= most {
		return json
	}
	return string([]rune(json)[:most]) + "..."
}

func jsonString(s string) string { return string(appendString(nil, s)) }

var (
	errRoute      = &refusal{status: http.StatusBadRequest, code: "invalid_request_url", message: "Invalid request URL."}
	errToken      = &refusal{status: http.StatusUnauthorized, code: "unauthorized", message: "API token is invalid."}
	errJSON       = &refusal{status: http.StatusBadRequest, code: "invalid_json", message: "Error parsing JSON body."}
	errRestricted = &refusal{status: http.StatusForbidden, code: "restricted_resource", message: "Insufficient permissions for this endpoint."}
	errConflict   = &refusal{status: http.StatusConflict, code: "conflict_error", message: "Conflict occurred while saving. Please try again."}
	errInternal   = &refusal{status: http.StatusInternalServerError, code: "internal_server_error", message: "Unexpected error occurred."}
	errTimeout    = &refusal{status: http.StatusGatewayTimeout, code: "gateway_timeout", message: "Gateway Timeout"}
	errVersion    = &refusal{
		status: http.StatusBadRequest, code: "missing_version",
		message: "Notion-Version header failed validation: Notion-Version header should be defined, instead was `undefined`.",
	}
	errUnavailable = &refusal{
		status: http.StatusServiceUnavailable, code: "service_unavailable",
		message: "Notion is unavailable, please try again later.",
	}
	errSlowQuery = &refusal{
		status: http.StatusServiceUnavailable, code: "service_unavailable",
		message: "Public API data source query is temporarily unavailable due to backend datastore timeouts. " +
			"Retry with exponential backoff; if retries continue to fail, reduce page_size or narrow filters/sorts.",
		data: `{"endpoint_name":"public_queryDataSource","notion_error_name":"PgPoolWaitConnectionTimeout",` +
			`"retry_guidance":["Use exponential backoff with jitter","Reduce page_size","Narrow query filters/sorts"]}`,
	}
)

func rateLimited(reason, retryAfter string) *refusal {
	e := &refusal{
		status: http.StatusTooManyRequests, code: "rate_limited", retry: retryAfter,
		message: "You have been rate limited. Please try again in a few minutes.",
	}
	e.data = `{"rate_limit_reason":` + jsonString(reason)
	if retryAfter != "" {
		e.data += `,"retry_after":` + jsonString(retryAfter)
	}
	e.data += "}"
	return e
}

// notFound: what is not shared and what is not there look the same.
func (x *exchange) notFound(kind, id string) *refusal {
	bot := x.m.User(x.m.Bot)
	name := ""
	if bot != nil && bot.Name != "" {
		name = " " + jsonString(bot.Name)
	}
	return &refusal{
		status: http.StatusNotFound, code: "object_not_found",
		message: fmt.Sprintf("Could not find %s with ID: %s. Make sure the relevant pages and databases are shared with your integration%s.", kind, id, name),
		data:    `{"integration_id":` + jsonString(x.m.Bot) + `}`,
	}
}
