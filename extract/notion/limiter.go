package notion

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// The automatic pace. Notion gives a connection 180 requests in 60 seconds, or
// 600 on larger plans, and does not say which; a workspace has one more limit
// that all its connections share. So the pace is found: it rises steadily while
// no limit is met, falls by a third when one is, and rises more slowly then.
const (
	startPerSecond = 3.0
	startBurst     = 30
	leastPerSecond = 0.5
	mostPerSecond  = 30.0
	fastRise       = 0.05 // requests per second, each second
	slowRise       = 0.01
	fall           = 0.7
)

// A limiter paces all requests of a Client and pauses them when Notion says so.
type limiter struct {
	log *slog.Logger

	mu     sync.Mutex
	pace   *rate.Limiter // nil: no limit, pauses only
	auto   bool
	raised time.Time // when the pace was last looked at for a rise
	fallen time.Time // when it last fell
	until  time.Time // nothing is sent before
}

func newLimiter(r Rate, log *slog.Logger) *limiter {
	l := &limiter{log: log}
	if perMinute, burst := r.Budget(); perMinute > 0 {
		l.pace = rate.NewLimiter(rate.Limit(float64(perMinute)/60), burst)
		l.auto = r.PerMinute == 0
	}
	return l
}

// wait returns when a request may be sent.
func (l *limiter) wait(ctx context.Context) error {
	for {
		at := l.reserve(time.Now())
		if err := sleep(ctx, time.Until(at)); err != nil {
			return err
		}
		l.mu.Lock()
		paused := time.Now().Before(l.until)
		l.mu.Unlock()
		if !paused {
			return nil
		}
		// A pause began meanwhile: line up again behind it.
	}
}

// reserve returns when the next request may be sent.
func (l *limiter) reserve(now time.Time) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Before(l.until) {
		now = l.until
	}
	if l.pace == nil {
		return now
	}
	return now.Add(l.pace.ReserveN(now, 1).DelayFrom(now))
}

// limited pauses everyone for d, because a request that was sent at the given
// time was refused. Of several that were in flight together the first one slows
// the pace.
func (l *limiter) limited(sent time.Time, d time.Duration, why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	longer := now.Add(d).After(l.until)
	if longer {
		l.until = now.Add(d)
	}
	if l.pace != nil {
		if l.auto && sent.After(l.fallen) {
			l.fallen, l.raised = now, l.until
			l.pace.SetLimitAt(l.until, fallen(l.pace.Limit()))
		}
		if saved := int(l.pace.TokensAt(l.until)); saved > 0 {
			l.pace.ReserveN(l.until, saved) // no burst after the pause
		}
	}
	if longer {
		l.log.Warn("notion asks to wait", "reason", why, "wait", d.Round(time.Millisecond), "per_minute", l.perMinute())
	}
}

// answered may raise the pace.
func (l *limiter) answered() {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	elapsed := now.Sub(l.raised)
	if !l.auto || elapsed < time.Second || now.Before(l.until) {
		return
	}
	l.raised = now
	if l.pace.TokensAt(now) > startBurst/2 {
		return // the pace is not what holds us
	}
	step := fastRise
	if !l.fallen.IsZero() && l.pace.Limit() >= startPerSecond {
		step = slowRise
	}
	step *= min(elapsed, 10*time.Second).Seconds()
	l.pace.SetLimitAt(now, min(l.pace.Limit()+rate.Limit(step), mostPerSecond))
}

// fallen is the pace after one that met a limit. A pace beyond what every plan is
// promised does not fall far below that at once.
func fallen(pace rate.Limit) rate.Limit {
	if pace > startPerSecond {
		return max(pace*fall, 0.95*startPerSecond)
	}
	return max(pace*fall, leastPerSecond)
}

func (l *limiter) state() (perMinute float64, until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.perMinute(), l.until
}

func (l *limiter) perMinute() float64 {
	if l.pace == nil {
		return 0
	}
	return float64(l.pace.Limit()) * 60
}

// sleep waits for d or for the end of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
