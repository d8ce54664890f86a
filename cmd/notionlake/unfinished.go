package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/notionlake/notionlake/lake"
)

// statusUnfinished is that of a load, in the list of loads, that began and has not
// ended: it was interrupted, or still runs.
const statusUnfinished = "unfinished"

// unfinishedRows are the loads that can be continued as rows of the list of loads.
func (l *lakeAt) unfinishedRows(ctx context.Context, now time.Time) ([]ledgerRow, error) {
	list, err := lake.WaitingLoads(ctx, l.storage, l.catalog)
	if err != nil {
		return nil, err
	}
	var rows []ledgerRow
	for _, w := range list {
		r := ledgerRow{
			LoadID: w.Load.ID, Status: statusUnfinished, Started: w.Load.Started, Version: w.Load.Version,
			KeptBytes: w.Bytes, Parts: w.Parts, MayRun: w.Runs, Elsewhere: w.Other, TableSnapshots: map[string]ledgerTableSnapshot{},
		}
		if why := w.Refused(l.cfg.fingerprint(w.Parts), l.cfg.resume, now); why != "" {
			r.Reasons = []string{why}
		} else {
			r.Until = w.Load.Started.Add(l.cfg.resume)
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// isUnfinished is the error of a command that needs a load which has ended, where the load
// that it names, as what says, is unfinished; nil where it is not.
func (l *lakeAt) isUnfinished(ctx context.Context, what string, load lake.LoadID, now time.Time) error {
	rows, err := l.unfinishedRows(ctx, now)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if r.LoadID == load {
			return usagef("%s %s: it is unfinished: %s", what, load, oneLine(unfinishedText(r)))
		}
	}
	return nil
}

// unfinishedText says what to do about an unfinished load.
func unfinishedText(r ledgerRow) string {
	was := "was interrupted"
	if r.MayRun {
		was = "was interrupted, or is running"
	}
	run := "notionlake run"
	for _, part := range r.Parts { // as the flags that named them
		flag, value, _ := strings.Cut(part, " ")
		run += " --" + flag + " " + shellQuote(value)
	}
	aside := "nothing of what it read is put aside"
	if r.KeptBytes > 0 {
		aside = size(r.KeptBytes) + " of what it read are put aside"
	}
	text := fmt.Sprintf("load %s, begun at %s, %s; %s:\n", r.LoadID, when(r.Started), was, aside)
	switch {
	case r.Elsewhere:
		return text + fmt.Sprintf("  it was begun with another catalog: with this one `%s` does not continue it, leaves what it left as it is, and says what to do\n", safeText(run))
	case r.Until.IsZero():
		return text + fmt.Sprintf("  it cannot be continued: %s; the next `%s` deletes what it left\n", strings.Join(r.Reasons, "; "), safeText(run))
	case r.KeptBytes == 0:
		return text + fmt.Sprintf("  `%s` continues it under its id until %s; with --full it begins a new one\n", safeText(run), when(r.Until))
	}
	return text + fmt.Sprintf("  `%s` continues it until %s, and does not read that again; with --full it begins a new one\n", safeText(run), when(r.Until))
}
