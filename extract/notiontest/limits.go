package notiontest

import (
	"math"
	"strconv"
	"time"
)

// A limiter is the rate limit of one connection: a window of 60 seconds, which
// begins with its first request, and a bucket for bursts.
type limiter struct {
	perMinute, burst int

	opened time.Time // the window
	used   int
	tokens float64 // the bucket
	filled time.Time
}

const rateWindow = time.Minute

// take spends one request; else it says how long to wait, in whole seconds.
func (l *limiter) take(now time.Time) (retryAfter string, ok bool) {
	if l.perMinute <= 0 {
		return "", true
	}
	if l.opened.IsZero() || now.Sub(l.opened) >= rateWindow {
		l.opened, l.used = now, 0
	}
	if l.used >= l.perMinute {
		return seconds(l.opened.Add(rateWindow).Sub(now)), false
	}
	if l.burst > 0 {
		perSecond := float64(l.perMinute) / rateWindow.Seconds()
		if l.filled.IsZero() {
			l.tokens = float64(l.burst)
		} else {
			l.tokens = min(float64(l.burst), l.tokens+now.Sub(l.filled).Seconds()*perSecond)
		}
		l.filled = now
		if l.tokens < 1 {
			return seconds(time.Duration((1 - l.tokens) / perSecond * float64(time.Second))), false
		}
		l.tokens--
	}
	l.used++
	return "", true
}

// seconds rounds up: who waits that long is let in.
func seconds(d time.Duration) string {
	return strconv.Itoa(max(1, int(math.Ceil(d.Seconds()))))
}
