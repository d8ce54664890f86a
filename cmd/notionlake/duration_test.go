package main

import (
	"strings"
	"testing"
	"time"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// All times of flags and the configuration are written alike.
func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"90s": 90 * time.Second, "36h": 36 * time.Hour, "1h30m": 90 * time.Minute, "2d": 48 * time.Hour, "12w": 12 * 7 * 24 * time.Hour, "0s": 0, "-1d": -24 * time.Hour,
		"": -1, "d": -1, "1.5d": -1, "5": -1, "1d12h": -1, "99999d": -1, "99999999999h": -1, "two days": -1,
	} {
		got, err := parseDuration(text)
		if (err != nil) != (want == -1) || err == nil && got != want {
			t.Errorf("%q: %s, %v", text, got, err)
		}
	}
	for text, want := range map[string]time.Duration{"2d": 48 * time.Hour, "1w": 7 * 24 * time.Hour, "90m": 90 * time.Minute, "off": 0, "0h": -1, "-2d": -1, "12": -1, "never": -1} {
		c, err := newTestProgram(nil).readConfig(writeConfig(t, "resume: "+text+"\n"))
		if (err != nil) != (want == -1) || err == nil && c.resume != want {
			t.Errorf("resume: %s: %v", text, err)
		}
		if err != nil && !strings.Contains(err.Error(), "a time like 12h or 2d") {
			t.Errorf("resume: %s: %v", text, err)
		}
	}
	b := newBench(t, notiontest.Options{})
	for value, says := range map[string]string{"5": "use 5s", "1x": "90s, 15m, 2h or 1d", "-1d": "more than 0s is expected"} {
		b.call("run", "--deadline="+value).wants(t, exitUsage, "--deadline", says)
	}
	b.call("run", "--deadline", "1d", "--lock-timeout", "1w").wants(t, exitDone)
}
