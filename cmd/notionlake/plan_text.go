package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/notionlake/notionlake/extract"
)

const (
	maxPlanTables = 25 // keeps the plan on a screen or two
	maxPlanNotes  = 8
	maxPlanWidth  = 110 // of the columns of a table
)

// basisText says what a figure rests on.
var basisText = map[extract.Basis]string{
	extract.Exact: "exact", extract.LastLoad: "from the last load", extract.Unknown: "more is not known before",
}

// planText is the plan for people.
func planText(doc planDocument) string {
	var b strings.Builder
	if len(doc.Parts) > 0 {
		fmt.Fprintf(&b, "Of a part of the workspace: %s\n\n", safeText(strings.Join(doc.Parts, ", ")))
	}
	g := &grid{header: []string{"table", "status", "rows", "expected", "columns", "changes"}, numbers: []int{2, 3, 4}}
	shown := doc.Tables[:min(len(doc.Tables), maxPlanTables)]
	for _, t := range shown {
		rows, expected, columns, note := "", "", "", changesText(t.Changes)
		if t.Rows != nil {
			rows = thousands(*t.Rows)
		}
		if t.Expected != nil {
			expected = figureText(*t.Expected)
		}
		if len(t.Columns) > 0 {
			columns = fmt.Sprint(len(t.Columns))
		}
		if t.From != "" {
			note = strings.TrimPrefix(note+", was "+t.From, ", ")
		}
		if t.Reason != "" {
			note = "stays at its last load: " + t.Reason
		}
		g.add(t.Name, t.Status, rows, expected, columns, note)
	}
	b.WriteString(g.String())
	if more := len(doc.Tables) - len(shown); more > 0 {
		fmt.Fprintf(&b, "… and %d more: --json shows them all\n", more)
	}
	b.WriteString("\n")
	writePlanColumns(&b, shown)

	g = &grid{header: []string{"requests", "expected", "at least", ""}, numbers: []int{1, 2}}
	for _, r := range doc.Requests {
		if r.Expected > 0 || r.AtMost == nil {
			g.add(strings.ReplaceAll(string(r.Kind), "_", " "), thousands(r.Expected), thousands(r.AtLeast), basisText[r.Basis])
		}
	}
	g.add("all", thousands(doc.Total.Expected), thousands(doc.Total.AtLeast), basisText[doc.Total.Basis])
	b.WriteString(g.String())
	b.WriteString("\n" + timeText(doc) + "\n")
	if doc.LastLoad != nil {
		fmt.Fprintf(&b, "The last load, %s, made %s.\n", doc.LastLoad.LoadID, plural(doc.LastLoad.Requests, "request"))
	}
	fmt.Fprintf(&b, "This plan made %s, and nothing was written.\n", plural(doc.Asked, "request"))
	for i, note := range doc.Notes {
		if i == maxPlanNotes {
			fmt.Fprintf(&b, "note: … and %d more: --json shows them all\n", len(doc.Notes)-i)
			break
		}
		fmt.Fprintf(&b, "note: %s\n", oneLine(note))
	}
	return b.String()
}

// writePlanColumns writes the columns of new tables of data sources, and which
// columns have a type that the values decide.
func writePlanColumns(b *strings.Builder, tables []planTable) {
	var late []string
	wrote := false
	for _, t := range tables {
		var columns []string
		for _, c := range t.Columns {
			if c.ByValues {
				late = append(late, t.Name+"."+c.Name)
			}
			if c.PropertyID != "" {
				columns = append(columns, c.Name+" "+c.Type)
			}
		}
		if t.Status == planNew && len(columns) > 0 {
			wrote = true
			b.WriteString(fit(safeText(t.Name+": "+strings.Join(columns, ", ")), maxPlanWidth) + "\n")
		}
	}
	if len(late) > 0 {
		wrote = true
		b.WriteString(fit(safeText("decided by their values: "+strings.Join(late, ", ")), maxPlanWidth) + "\n")
	}
	if wrote {
		b.WriteString("\n")
	}
}

// figureText writes a figure so that it shows how sure it is: 84, ~84, 101+.
func figureText(f planFigure) string {
	switch {
	case f.Basis == extract.Exact:
		return thousands(f.Expected)
	case f.Basis == extract.Unknown && f.Expected == f.AtLeast:
		return thousands(f.AtLeast) + "+"
	default:
		return "~" + thousands(f.Expected)
	}
}

func timeText(doc planDocument) string {
	t := doc.Time
	text := "This takes about " + durationText(t.Seconds)
	if doc.Total.Basis == extract.Unknown {
		least, expected := durationText(t.AtLeastSeconds), durationText(t.Seconds)
		if text = "This takes at least " + least; expected != least {
			text += ", by what is known about " + expected + ","
		}
	}
	switch {
	case t.LimitedBy == "rate":
		text += fmt.Sprintf(" at %d requests a minute after the first %d", t.PerMinute, t.Burst)
	default:
		text += fmt.Sprintf(" at %.0f ms a request", t.LatencyMillis)
	}
	return text + "."
}

func durationText(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d < time.Second:
		return "a second"
	case d < 2*time.Minute:
		return plural(int64(d.Round(time.Second)/time.Second), "second")
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f minutes", d.Minutes())
	default:
		return fmt.Sprintf("%.1f hours", d.Hours())
	}
}
