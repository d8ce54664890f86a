package notion

import (
	"net/http"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestPauseIsForEveryone(t *testing.T) {
	date := func(d time.Duration) string {
		return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Add(d).Format(http.TimeFormat)
	}
	inBody := `{"object":"error","code":"rate_limited","additional_data":{"retry_after":"17"}}`
	tests := []struct {
		name     string
		limited  reply
		min, max time.Duration // of the pause
	}{
		{"seconds", refusal(429, "rate_limited", "Retry-After", "61"), 61 * time.Second, 61 * time.Second},
		{"an hour", refusal(429, "rate_limited", "Retry-After", "3600"), time.Hour, time.Hour},
		{"overload", refusal(529, "service_overload", "Retry-After", "9"), 9 * time.Second, 9 * time.Second},
		{"date", refusal(429, "rate_limited", "Retry-After", date(90*time.Second)), 90 * time.Second, 90 * time.Second},
		{"date of a clock that is ahead", refusal(429, "rate_limited", "Retry-After", date(2*time.Hour+5*time.Second), "Date", date(2*time.Hour)), 5 * time.Second, 5 * time.Second},
		{"date in the past", refusal(429, "rate_limited", "Retry-After", date(-time.Hour)), 1, time.Second},
		{"missing", refusal(429, "rate_limited"), 1, time.Second},
		{"in the body", status(429, inBody), 17 * time.Second, 17 * time.Second},
		{"zero", refusal(429, "rate_limited", "Retry-After", "0"), 1, time.Second},
		{"negative", refusal(429, "rate_limited", "Retry-After", "-1"), 1, time.Second},
		{"nonsense", refusal(429, "rate_limited", "Retry-After", "abc"), 1, time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := answers(tt.limited, json200(onePage))
				c := newTestClient(t, f, unlimited)
				var wg sync.WaitGroup
				for i := range 5 {
					wg.Go(func() {
						time.Sleep(time.Duration(i) * time.Nanosecond) // one asks first, the others fall into the pause
						if _, err := c.Page(t.Context(), pageID); err != nil {
							t.Error(err)
						}
					})
				}
				wg.Wait()
				if len(f.asked) != 6 {
					t.Fatalf("%d requests, want 6", len(f.asked))
				}
				for _, a := range f.asked[1:] {
					if d := a.at.Sub(f.asked[0].at); d < tt.min || d > tt.max {
						t.Errorf("asked again after %v, want %v to %v", d, tt.min, tt.max)
					}
				}
			})
		})
	}
}

// plan is a transport that lets so many requests of every window of a minute pass.
type plan struct {
	perMinute int
	mu        sync.Mutex
	window    time.Time
	n         int
	passed    []time.Time
	refused   int
}

func (p *plan) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if now.Sub(p.window) >= time.Minute {
		p.window, p.n = now, 0
	}
	if p.n++; p.n > p.perMinute {
		p.refused++
		left := time.Minute - now.Sub(p.window)
		return refusal(429, "rate_limited", "Retry-After", strconv.Itoa(int(left.Seconds())+1))(r)
	}
	p.passed = append(p.passed, now)
	return json200(onePage)(r)
}

func ask(t *testing.T, c *Client, d time.Duration) {
	var wg sync.WaitGroup
	for end := time.Now().Add(d); len(c.slots) < cap(c.slots) && time.Now().Before(end); {
		for range cap(c.slots) {
			wg.Go(func() {
				if _, err := c.Page(t.Context(), pageID); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
}

func TestAutomaticPace(t *testing.T) {
	for _, tt := range []struct {
		name      string
		perMinute int
		reaches   float64 // of the plan, in the last 20 of 60 minutes
		refusals  int     // at most
	}{
		{"free plan", 180, 0.9, 60},
		{"business plan", 600, 0.75, 30},
		{"workspace under load", 60, 0.6, 100},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &plan{perMinute: tt.perMinute}
				c := newTestClient(t, p, Options{})
				start := time.Now()
				ask(t, c, time.Hour)
				late := 0
				for _, at := range p.passed {
					if time.Since(at) < 20*time.Minute {
						late++
					}
				}
				got := float64(late) / 20 / float64(tt.perMinute)
				t.Logf("%d passed, %d refused in %v; %.2f of the plan; %.0f a minute at the end",
					len(p.passed), p.refused, time.Since(start), got, c.Stats().PerMinute)
				if got < tt.reaches {
					t.Errorf("reached %.2f of the plan, want %.2f", got, tt.reaches)
				}
				if p.refused > tt.refusals {
					t.Errorf("%d refused, want at most %d", p.refused, tt.refusals)
				}
			})
		})
	}
}

func TestPaceBeforeAnyLimit(t *testing.T) {
	tests := []struct {
		name     string
		rate     Rate
		min, max int // requests in the first 20 seconds
	}{
		{"auto: a burst, then three a second and a little more", Rate{}, 90, 115},
		{"fixed", Rate{PerMinute: 60}, 29, 31},
		{"slow", Rate{PerMinute: 3}, 2, 2},
		{"fast", Rate{PerMinute: 6000}, 2900, 3001},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &plan{perMinute: 1 << 30}
				c := newTestClient(t, f, Options{Rate: tt.rate, Parallel: 1})
				for start := time.Now(); time.Since(start) < 20*time.Second; {
					if _, err := c.Page(t.Context(), pageID); err != nil {
						t.Fatal(err)
					}
				}
				if n := len(f.passed); n < tt.min || n > tt.max {
					t.Errorf("%d requests, want %d to %d", n, tt.min, tt.max)
				}
			})
		})
	}
}

func TestNoBurstAfterAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := answers(refusal(429, "rate_limited", "Retry-After", "60"), json200(onePage))
		c := newTestClient(t, f, Options{})
		for range 4 {
			if _, err := c.Page(t.Context(), pageID); err != nil {
				t.Fatal(err)
			}
		}
		for i := 2; i < len(f.asked); i++ {
			if d := f.asked[i].at.Sub(f.asked[i-1].at); d < 300*time.Millisecond {
				t.Errorf("request %d came %v after the one before", i, d)
			}
		}
	})
}

func TestParseRate(t *testing.T) {
	tests := []struct {
		in   string
		want Rate
		ok   bool
	}{
		{"auto", Rate{}, true},
		{"", Rate{}, true},
		{" off ", Rate{Off: true}, true},
		{"600", Rate{PerMinute: 600}, true},
		{"1000000000", Rate{PerMinute: 1_000_000_000}, true},
		{"0", Rate{}, false},
		{"-1", Rate{}, false},
		{"3/s", Rate{}, false},
		{"fast", Rate{}, false},
	}
	for _, tt := range tests {
		got, err := ParseRate(tt.in)
		if got != tt.want || (err == nil) != tt.ok {
			t.Errorf("ParseRate(%q) = %+v, %v", tt.in, got, err)
		}
		if again, err := ParseRate(got.String()); tt.ok && (err != nil || again != got) {
			t.Errorf("ParseRate(%q) = %+v, %v", got.String(), again, err)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"17", "0", "-1", "abc", "", "99999999999999999999", "9223372036854775807", "Sat, 01 Jan 2000 00:01:30 GMT", "1.5", " 3 "} {
		f.Add(s, "Sat, 01 Jan 2000 00:00:00 GMT")
	}
	f.Fuzz(func(t *testing.T, value, date string) {
		now := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
		if d, ok := parseRetryAfter(value, date, now); d < 0 || ok != (d > 0) {
			t.Errorf("parseRetryAfter(%q, %q) = %v, %v", value, date, d, ok)
		}
	})
}
