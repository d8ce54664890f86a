package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/notionlake/notionlake/lake"
)

// maxReportTables keeps the report on one screen.
const maxReportTables = 25

// printReport prints the report of a load that ended with err. Where it cannot
// be written the error says what became of the load: nothing else does then.
func (p *program) printReport(r lake.Report, err error, asJSON bool) error {
	var unwritten error
	if asJSON {
		unwritten = p.printJSON(r)
	} else {
		unwritten = p.printText(reportText(r))
	}
	if err == nil && unwritten != nil {
		return fmt.Errorf("load %s is published and verified (%s), do not run it again for this: only its report is lost: %w", r.LoadID, r.Status, unwritten)
	}
	published := r.Status == lake.StatusComplete || r.Status == lake.StatusPartial
	if err != nil && !published && !errors.Is(err, lake.ErrUnknown) && !errors.Is(err, lake.ErrNotVerified) {
		err = &loadError{err}
	}
	return errors.Join(err, unwritten)
}

// onlyLost is the error of a command that was done and whose result could not be
// written: nothing else says that it was done.
func onlyLost(done string, unwritten error) error {
	if unwritten == nil {
		return nil
	}
	return fmt.Errorf("%s, only the message that says so is lost: %w", done, unwritten)
}

// normalized is the report with lists that are never null.
func normalized(r lake.Report) lake.Report {
	if r.Reasons == nil {
		r.Reasons = []string{}
	}
	if r.Tables == nil {
		r.Tables = []lake.TableReport{}
	}
	for i, t := range r.Tables {
		if t.SchemaChanges == nil {
			r.Tables[i].SchemaChanges = []lake.SchemaChange{}
		}
		if t.Omitted == nil {
			r.Tables[i].Omitted = []lake.Omission{}
		}
		if t.Gone == nil {
			r.Tables[i].Gone = []lake.Gone{}
		}
	}
	return r
}

// firstTables are the tables that the report shows: by name, and where there are more
// than it shows, first those of which there is more to say.
func firstTables(tables []lake.TableReport) []lake.TableReport {
	if len(tables) <= maxReportTables {
		return tables
	}
	rank := func(t lake.TableReport) int {
		switch {
		case !t.Complete:
			return 0
		case len(t.SchemaChanges) > 0:
			return 1
		default:
			return 2
		}
	}
	return slices.SortedStableFunc(slices.Values(tables), func(a, b lake.TableReport) int { return rank(a) - rank(b) })[:maxReportTables]
}

// reportText is the report for people, a screen or less.
func reportText(r lake.Report) string {
	cost := ", " + plural(r.Requests, "request")
	if r.Retries > 0 {
		cost += fmt.Sprintf(" (%s tried again, %s limited)", thousands(r.Retries), thousands(r.RateLimited))
	}
	took := r.Finished.Sub(r.Started).Round(100 * time.Millisecond)
	return reportWith(r, fmt.Sprintf("%s, %s read, %s", cost, size(r.BytesRead), took))
}

// decidedText is the report of a load that was held: another run has read it, perhaps
// the night before, and how much that was and how long it took is not known any more.
func decidedText(r lake.Report) string {
	read := fmt.Sprintf("; read at %s with %s", when(r.Started), plural(r.Requests, "request"))
	if r.Status != lake.StatusFailed {
		read += ", published now"
	}
	return reportWith(r, read)
}

// reportWith is the report, with what the reading of the load took.
func reportWith(r lake.Report, reading string) string {
	if r.RollbackTo != "" && r.Status == lake.StatusFailed {
		return fmt.Sprintf("load %s: failed: rollback to load %s\n", cmp.Or(string(r.LoadID), "without an id"), r.RollbackTo) // it read nothing, and the error says why
	}
	var b strings.Builder
	var rows, read, kept int64 // as the ledger counts: tables that were read, with their rows
	for _, t := range r.Tables {
		if !t.Complete {
			kept++
			continue
		}
		read++
		rows += t.Rows
	}
	if len(r.Tables) > 0 {
		g := &grid{header: []string{"table", "rows", "files", "size", "changes"}, numbers: []int{1, 2, 3}}
		for _, t := range firstTables(r.Tables) {
			note := changesText(t.SchemaChanges)
			switch {
			case t.Complete:
			case t.SnapshotID == 0:
				note = "not read: " + t.Reason
			default:
				note = "keeps its last load: " + t.Reason
			}
			g.add(t.Name, thousands(t.Rows), thousands(int64(t.Files)), size(t.Bytes), note)
		}
		if r.Status == lake.StatusFailed {
			b.WriteString("what was read:\n")
		}
		b.WriteString(g.String())
		if more := len(r.Tables) - maxReportTables; more > 0 {
			fmt.Fprintf(&b, "… and %d more: --json shows them all\n", more)
		}
		b.WriteString("\n")
	}
	shown := writeGone(&b, r.Tables)
	writeOmitted(&b, r.Tables, maxNotes-shown)
	fmt.Fprintf(&b, "load %s: %s: %s, %s%s\n", cmp.Or(string(r.LoadID), "without an id"), r.Status, plural(read, "table"), plural(rows, "row"), reading)
	if r.RollbackTo != "" && r.Status == lake.StatusComplete {
		fmt.Fprintf(&b, "  the tables are as load %s left them; the next `notionlake run` publishes again what Notion has then\n", r.RollbackTo)
	}
	if r.Files != nil {
		fmt.Fprintf(&b, "files: %s\n", filesText(*r.Files))
	}
	if len(r.Problems) > 0 && r.Status != lake.StatusFailed {
		see := "see _problems"
		if r.Status == lake.StatusHeld {
			see = "`notionlake head --at " + string(r.LoadID) + " _problems` shows them"
		}
		fmt.Fprintf(&b, "problems: %s (%s)\n", countsText(r.Problems), see)
	}
	if c := r.Continues; c != nil {
		fmt.Fprintf(&b, "  continues the load begun at %s: %s and %s were not read again; requests and time are those of this run\n",
			when(c.Began), plural(c.Pages, "page"), plural(c.Files, "file"))
	}
	for _, held := range r.Overtaken {
		fmt.Fprintf(&b, "  load %s is held and can now only be discarded: `notionlake discard %[1]s`\n", held)
	}
	if kept > 0 {
		fmt.Fprintf(&b, "  not counted: %s not read in this load\n", plural(kept, "table"))
		writeUnread(&b, r.Tables)
	}
	if r.Status == lake.StatusFailed {
		return b.String() // the error says why
	}
	for _, reason := range r.Reasons {
		fmt.Fprintf(&b, "  %s\n", oneLine(reason))
	}
	return b.String()
}

// writeUnread says of the tables that are not read any more why, reasons that the load
// gives for others aside.
func writeUnread(b *strings.Builder, tables []lake.TableReport) {
	names := map[string][]string{}
	for _, t := range tables {
		if !t.Complete && t.SnapshotID != 0 && !strings.Contains(t.Reason, " was not read whole") {
			names[t.Reason] = append(names[t.Reason], safeText(t.Name))
		}
	}
	for _, why := range slices.Sorted(maps.Keys(names)) {
		list := names[why]
		more := ""
		if n := len(list) - maxNotes; n > 0 {
			list, more = list[:maxNotes], fmt.Sprintf(" and %d more", n)
		}
		fmt.Fprintf(b, "    as they were: %s%s: %s\n", strings.Join(list, ", "), more, oneLine(why))
	}
}

// filesText says what became of files: 12 copied (3.4 MB), 40 carried over, 2 skipped (1 not_found, 1 type).
func filesText(f lake.FilesReport) string {
	text := thousands(f.Copied) + " copied"
	if f.Copied > 0 {
		text += " (" + size(f.Bytes) + ")"
	}
	text += fmt.Sprintf(", %s carried over, %s skipped", thousands(f.CarriedOver), thousands(f.Skipped))
	if len(f.SkippedBy) > 0 {
		text += " (" + countsText(f.SkippedBy) + ")"
	}
	return text
}

// countsText writes numbers by kind, each kind once: 1 not_found, 2 type.
func countsText(counts map[string]int64) string {
	var parts []string
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, thousands(counts[kind])+" "+kind)
	}
	return strings.Join(parts, ", ")
}

func changesText(changes []lake.SchemaChange) string {
	var parts []string
	added := 0
	for _, c := range changes {
		switch c.Kind {
		case lake.AddColumn:
			added++
		case lake.RenameColumn:
			parts = append(parts, c.From+" → "+c.Column)
		case lake.RetypeColumn, lake.WidenColumn:
			parts = append(parts, c.Column+": "+c.From+" → "+c.To)
		case lake.RetireColumn:
			parts = append(parts, "−"+c.Column)
		default:
			parts = append(parts, c.Kind+" "+c.Column)
		}
	}
	if added > 3 || added > 0 && added == len(changes) && added > 2 {
		parts = append(parts, fmt.Sprintf("+%d columns", added))
	} else {
		for _, c := range changes {
			if c.Kind == lake.AddColumn {
				parts = append(parts, "+"+c.Column)
			}
		}
	}
	return strings.Join(parts, ", ")
}

// maxNotes is how many omissions and tables that lost rows the report shows, maxGone
// how many of the latter.
const (
	maxNotes = 8
	maxGone  = 4
)

// writeGone says what became of the rows that tables have not any more.
func writeGone(b *strings.Builder, tables []lake.TableReport) (shown int) {
	left := 0
	for _, t := range tables {
		var rows int64
		var parts []string
		for _, g := range t.Gone {
			rows += g.Count
			parts = append(parts, thousands(g.Count)+" "+strings.ReplaceAll(g.Reason, "_", " "))
		}
		switch {
		case rows == 0:
		case shown == maxGone:
			left++
		default:
			shown++
			fmt.Fprintf(b, "gone: %s: %s: %s\n", safeText(t.Name), plural(rows, "row"), strings.Join(parts, ", "))
		}
	}
	if left > 0 {
		fmt.Fprintf(b, "gone: … of %s more: --json shows them all\n", plural(int64(left), "table"))
	}
	if shown > 0 {
		b.WriteString("\n")
	}
	return shown
}

// writeOmitted says what was left out of cells, in so many lines.
func writeOmitted(b *strings.Builder, tables []lake.TableReport, most int) {
	shown, left := 0, 0
	for _, t := range tables {
		for _, o := range t.Omitted {
			if shown == most {
				left++
				continue
			}
			shown++
			column := t.Name
			if o.Column != "" {
				column += "." + o.Column
			}
			fmt.Fprintf(b, "left out: %s: %s: %s\n", safeText(column), plural(o.Count, "value"), oneLine(o.Reason))
		}
	}
	if left > 0 {
		fmt.Fprintf(b, "left out: … and %d more: --json shows them all\n", left)
	}
	if shown > 0 {
		b.WriteString("\n")
	}
}
