package notion

import (
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	maxAttempts  = 8                // of one request, unless Options say else; waiting as told is no attempt
	quietTries   = 1                // failures of a request that are not worth a word
	warnInterval = 5 * time.Second  // between two lines about requests that are tried again
	firstBackoff = time.Second      // doubles
	maxBackoff   = 60 * time.Second // each
	stallTime    = 60 * time.Second // without a byte
)

// backoff is how long to wait after the n-th failure in a row, n from 1: any
// time up to a bound that doubles, so that clients do not come back together.
func backoff(n int) time.Duration {
	bound := maxBackoff
	if n < 7 {
		bound = min(bound, firstBackoff<<(n-1))
	}
	return rand.N(bound) + 1
}

// parseRetryAfter reads a Retry-After header: seconds or an HTTP date, which
// counts from the answer's own Date, or from now if that is missing. Nothing
// that is not a time to come is ok.
func parseRetryAfter(value, date string, now time.Time) (d time.Duration, ok bool) {
	value = strings.TrimSpace(value)
	if seconds, err := strconv.ParseUint(value, 10, 64); err == nil {
		return time.Duration(min(seconds, math.MaxInt64/uint64(time.Second))) * time.Second, seconds > 0
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	if t, err := http.ParseTime(date); err == nil {
		now = t
	}
	if d = at.Sub(now); d <= 0 {
		return 0, false
	}
	return d, true
}
