package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/notionlake/notionlake/lake"
)

// parseShare reads the percentage of a key, 0% to 100%.
func parseShare(key, text string) (float64, error) {
	number, ok := strings.CutSuffix(strings.TrimSpace(text), "%")
	share, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if !ok || err != nil || !(share >= 0 && share <= 100) {
		return 0, usagef("%s %s: a percentage from 0%% to 100%% is expected", key, cut(text, 60))
	}
	return share / 100, nil
}

// parseResume reads how old an interrupted load may be to be continued.
func parseResume(text string) (time.Duration, error) {
	if text == "off" {
		return 0, nil
	}
	d, err := parseDuration(text)
	if err != nil || d <= 0 {
		return 0, usagef("resume %s: off, or a time like 12h or 2d, is expected", cut(text, 60))
	}
	return d, nil
}

// audit is what a load must be like to be published.
func (c *config) audit(allowShrink bool) lake.Audit {
	a := lake.Audit{HoldPartial: c.Guard.Partial == "hold", Freeze: c.Schema.Contract == "freeze"}
	if !allowShrink {
		a.Shrink = &lake.Shrink{Max: c.maxShrink}
	}
	return a
}

// resumeFor is how old an interrupted load may be for a run to continue it.
func (c *config) resumeFor(full bool) time.Duration {
	if full {
		return 0
	}
	return c.resume
}

// fingerprint tells whether two runs load the same from the same place to the
// same place. No secret goes into it.
func (c *config) fingerprint(parts []string) string {
	var databases []string
	for _, d := range c.Databases {
		databases = append(databases, d.id+" "+d.name)
	}
	text, err := json.Marshal([]any{
		c.Notion.BaseURL, c.Notion.Version, databases, c.Exclude, c.Content.Archived, c.Content.Users, c.Content.Raw, c.Content.options(),
		c.Content.Files.on, c.Content.Files.maxBytes, c.Content.Files.types,
		c.Warehouse, c.Namespace, c.Schema, parts,
	})
	if err != nil {
		return "" // there is nothing in it that JSON has no place for
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}
