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

// The age of loads that expire has no unit that could be minutes or months.
func TestLoadAges(t *testing.T) {
	for text, want := range map[string]time.Duration{"36h": 36 * time.Hour, "90d": 90 * 24 * time.Hour, "12w": 12 * 7 * 24 * time.Hour} {
		if got, err := parseLoadAge("--older-than", text); err != nil || got != want {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
	b := newBench(t, notiontest.Options{})
	for _, id := range []string{"20260101T000000Z", "20260102T000000Z"} {
		b.call("run", "--as-load", id, "--log-level", "error").wants(t, exitDone)
	}
	for text, says := range map[string]string{
		"6m": "write 180d for 6 months", "1M": "write 30d for 1 month", "2y": "write 730d for 2 years", "6 months": "write 180d for 6 months",
		"90s": "", "10ms": "", "1h30m": "", "5": "", "1.5h": "", "99999d": "", "0d": "more than 0", "-1d": "",
	} {
		b.call("expire", "--older-than="+text).wants(t, exitUsage, "--older-than "+text+": a time like 90d, 12w or 36h is expected", says)
	}
	b.call("head", "--at", "20260101T000000Z", "tasks").wants(t, exitDone) // nothing has expired
	b.call("maintain", "--orphan-age", "1ns", "--dry-run").wants(t, exitDone)
	b.call("expire", "--older-than", "1h").wants(t, exitDone)
}
