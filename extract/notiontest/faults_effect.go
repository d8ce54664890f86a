package notiontest

import (
	"bytes"
	"net/http"
	"strings"
	"time"
)

// instead makes the reply of a fault that comes instead of an answer.
func (f fault) instead(p *reply, to match) bool {
	switch f.name {
	case FaultRateLimited:
		p.refuse(rateLimited("public_api_request_rate_limit", f.retryAfter(p.x.now)))
	case FaultBlocked:
		p.refuse(rateLimited("public_api_request_blocked", ""))
	case FaultOverload:
		p.refuse(&refusal{status: 529, code: "service_overload", message: "Notion is overloaded, please try again later.", retry: f.retryAfter(p.x.now)})
	case FaultConflict:
		p.refuse(errConflict)
	case FaultInternal:
		p.refuse(errInternal)
	case FaultUnavailable:
		if to.route != nil && to.route.path == queryPath {
			p.refuse(errSlowQuery)
		} else {
			p.refuse(errUnavailable)
		}
	case FaultTimeout:
		p.refuse(errTimeout)
	case FaultUnauthorized:
		p.refuse(errToken)
	case FaultRestricted:
		p.refuse(errRestricted)
	case FaultNotFound:
		p.refuse(&refusal{
			status: http.StatusNotFound, code: "object_not_found",
			message: "Could not find object. Make sure the relevant pages and databases are shared with your integration.",
		})
	case FaultGateway:
		p.edge(http.StatusBadGateway, "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"+
			"<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>cloudflare</center>\r\n</body>\r\n</html>\r\n")
	case FaultReset:
		p.ending = endReset
	case FaultEmpty:
		p.body = p.body[:0]
	case FaultErrorOK:
		p.refuse(errInternal)
		p.status = http.StatusOK
	case FaultBomb:
		p.bomb()
	case FaultOversized:
		p.body = append(p.body[:0], bytes.Repeat([]byte{' '}, 1<<20)...)
		p.repeat = 80
	default:
		return false
	}
	return true
}

func (f fault) retryAfter(now time.Time) string {
	if f.arg == faultRetryAfterDate {
		return now.Add(2 * time.Second).UTC().Format(http.TimeFormat)
	}
	return f.arg
}

// spoil changes an answer that was made.
func (f fault) spoil(p *reply) {
	switch f.name {
	case FaultCut:
		p.ending = endCut
	case FaultShort:
		p.ending = endShort
	case FaultTruncated:
		p.body = p.body[:len(p.body)*2/3]
	case FaultGarbage:
		p.body = append(p.body, `{"object":"list"`...)
	case FaultStall:
		p.stall = time.Minute
		if f.arg != "" {
			p.stall, _ = time.ParseDuration(f.arg)
		}
	case FaultWrongID:
		other(p.body)
	case FaultNotUTF8:
		p.body = breakUTF8(p.body)
	}
}

// other changes the first ID in a body.
func other(body []byte) {
	const key, length = `"id":"`, 36
	if i := bytes.Index(body, []byte(key)); i >= 0 && i+len(key)+length <= len(body) {
		last := &body[i+len(key)+length-1]
		if *last == '0' {
			*last = '1'
		} else {
			*last = '0'
		}
	}
}

// breakUTF8 puts bytes that are no UTF-8 into the first text.
func breakUTF8(body []byte) []byte {
	for _, key := range []string{`"plain_text":"`, `"name":"`, `"request_id":"`} {
		if before, after, ok := strings.Cut(string(body), key); ok {
			return append(body[:0], before+key+"\xff\xfe"+after...)
		}
	}
	return body
}
