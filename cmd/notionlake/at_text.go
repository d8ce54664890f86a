package main

import (
	"context"
	"regexp"
	"strings"
	"time"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
)

// dayText is a day, there or not, as --at takes it; without signs it could be the id of
// a snapshot, of which none is so small.
var dayText = regexp.MustCompile(`^(?:19|20)[0-9]{2}(-?)[0-9]{2}(-?)[0-9]{2}$`)

// parseAt reads the text of a flag that names a moment. What lies ahead is the newest
// load, as it always was, and that is said.
func (l *lakeAt) parseAt(ctx context.Context, flag, text string) (catalog.Ref, error) {
	ref, err := catalog.ParseRef(text)
	signs := dayText.FindStringSubmatch(text)
	isDay := signs != nil && signs[1] == signs[2]
	switch {
	case isDay && (err != nil || ref.Time.IsZero()):
		return ref, usagef("%s %s: there is no such day", flag, text)
	case err != nil:
		return ref, notRef(flag, text)
	}
	begins := ref.Time
	if isDay {
		begins = begins.AddDate(0, 0, -1) // it is the day's end
	}
	if begins.After(time.Now()) {
		l.log.WarnContext(ctx, "that time has not come yet: it is the newest load until then", "flag", flag, "time", text)
	}
	return ref, nil
}

// notRef says what may be wrong with a text that names no moment.
func notRef(flag, text string) error {
	if _, err := time.Parse("2006-01-02T15:04:05", text); err == nil {
		return usagef("%s %q: a time needs its zone: %sZ in UTC", flag, text, text)
	}
	tag := ""
	for _, prefix := range []string{lake.LoadID("").HeldTag(), lake.LoadID("").Tag()} {
		if strings.HasPrefix(text, prefix) {
			tag = prefix
		}
	}
	for _, end := range []string{"", "Z"} {
		if meant := tag + strings.ToUpper(text[len(tag):]) + end; len(text) < 60 {
			if _, err := catalog.ParseRef(meant); err == nil {
				return usagef("%s %q: did you mean %s?", flag, text, meant)
			}
		}
	}
	return usagef("%s %q: a load id (20261121T030000Z), a tag, a snapshot id, a time (2026-11-21T03:00:00Z) or a day (2026-11-21: its end, in UTC) is expected", flag, cut(text, 60))
}

// heldSnapshot is the held load that made a snapshot of a table, where none that was
// published did.
func (l *lakeAt) heldSnapshot(ctx context.Context, ref catalog.Ref) (moment, error) {
	held, err := l.heldAt(ctx, ref)
	if err != nil || held == nil {
		return moment{ref: ref}, err
	}
	return moment{ref: catalog.Ref{Tag: held.Load.ID.HeldTag()}, held: held}, nil
}
