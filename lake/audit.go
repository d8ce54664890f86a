package lake

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// An Audit says what a load must be like to be published. What fails it is held
// back. The zero Audit lets everything pass but a load of which nothing was read
// whole.
type Audit struct {
	// HoldPartial holds a load back when a table could not be read whole.
	HoldPartial bool
	// Shrink holds a load back when tables lost rows. nil: they may.
	Shrink *Shrink
	// Freeze holds a load back when the columns of a table that exists change.
	Freeze bool
}

// A Shrink is how many rows a table may lose from one load to the next.
type Shrink struct {
	// Max is the share of its rows, 0 to 1, that a table of at least shrinkRows
	// rows may lose. The table of a data source that had rows must have one.
	Max float64
}

// shrinkRows is how many rows a table must have had for a share to mean anything.
const shrinkRows = 100

// shrinkTables are the fixed tables whose rows are watched, besides those of all
// data sources.
var shrinkTables = []string{"_blocks", "_pages", "_users"}

// An unreadError is a load of which no table was read whole. It is what all of its
// causes are: refused, for one, if Notion refused every table.
type unreadError struct {
	reasons string
	causes  []error
}

func (e *unreadError) Error() string { return "no table was read whole: " + e.reasons }

func (e *unreadError) Is(target error) bool {
	return !slices.ContainsFunc(e.causes, func(err error) bool { return !errors.Is(err, target) })
}

// A tally counts the tables that a load has read.
type tally struct {
	sources int // of data sources, in part or whole
	whole   int // of these
	fixed   int // others that are whole and not empty
}

func (n *tally) add(t TableReport) {
	switch source := !strings.HasPrefix(t.Key, "_"); {
	case source && t.Complete:
		n.sources, n.whole = n.sources+1, n.whole+1
	case source:
		n.sources++
	case t.Complete && t.Rows > 0 && t.Key != "_problems": // that tells of what was not read
		n.fixed++
	}
}

// anything reports whether something was read whole: a data source or, where there
// is none, something else.
func (n *tally) anything() bool { return n.whole > 0 || n.sources == 0 && n.fixed > 0 }

// audit decides whether what was read may be published. A *HeldError says why not.
func (r *run) audit() error {
	slices.SortFunc(r.tables, func(a, b TableReport) int { return strings.Compare(a.Name, b.Name) })
	partial := partialReasons(r.partial)
	if len(partial) > 0 && !r.whole.anything() {
		return &SourceError{&unreadError{strings.Join(partial, "; "), r.partial}}
	}
	r.load.Status = StatusComplete
	if len(partial) > 0 {
		r.load.Status = StatusPartial
	}
	r.report.Reasons = append(r.report.Reasons, partial...)
	var reasons []string
	if r.Audit.HoldPartial {
		reasons = append(reasons, partial...)
	}
	if r.Audit.Shrink != nil {
		reasons = append(append(reasons, r.shrunk(*r.Audit.Shrink)...), r.strange()...)
	}
	if r.Audit.Freeze {
		reasons = append(reasons, r.changedSchemas()...)
	}
	if len(reasons) > 0 {
		return &HeldError{Load: r.load.ID, Reasons: reasons}
	}
	r.report.Status = r.load.Status
	return nil
}

// partialReasons say why tables were not read whole, each reason once: where it is that
// another table was not, with that one.
func partialReasons(causes []error) []string {
	with := map[string][]string{} // tables, by the reason
	for _, err := range causes {
		reason, tables := rootOf(err)
		with[reason] = append(with[reason], tables...)
	}
	var reasons []string
	for _, reason := range slices.Sorted(maps.Keys(with)) {
		if tables := with[reason]; len(tables) > 0 {
			slices.Sort(tables)
			reason += "; so neither were " + strings.Join(slices.Compact(tables), ", ")
		}
		reasons = append(reasons, reason)
	}
	return reasons
}

// rootOf says what was not read whole in the first place, and the table that err is of
// where that is another.
func rootOf(err error) (reason string, tables []string) {
	var outer, inner *PartialError
	if !errors.As(err, &outer) {
		return err.Error(), nil
	}
	root := outer
	for ; errors.As(root.Err, &inner); root = inner {
		tables = []string{outer.Table}
	}
	return root.Error(), tables
}

// shrunk names the tables that lost more rows than they may.
func (r *run) shrunk(s Shrink) []string {
	var reasons []string
	for _, t := range r.tables {
		before, ok := r.view.before[t.Key]
		if !ok || !t.Complete {
			continue
		}
		source := !strings.HasPrefix(t.Key, "_")
		was := before.Snapshot.Rows - r.lost[t.Key]
		switch {
		case source && was > 0 && t.Rows == 0:
			reasons = append(reasons, fmt.Sprintf("table %s had %d rows and now has none", t.Name, was))
		case (source || slices.Contains(shrinkTables, t.Key)) && was >= shrinkRows && float64(was-t.Rows) > s.Max*float64(was):
			reasons = append(reasons, fmt.Sprintf("table %s had %d rows and now has %d: more than the %s that guard.max_shrink allows are gone",
				t.Name, was, t.Rows, percent(s.Max)))
		}
	}
	return reasons
}

// strange says that all data sources that were read are new, while others are there no
// more: so it looks where the source has become another one. A part does not see all of
// them: its source tells.
func (r *run) strange() []string {
	if len(r.Parts) > 0 {
		return nil
	}
	fresh, gone := 0, 0
	for _, t := range r.tables {
		switch _, known := r.view.before[t.Key]; {
		case strings.HasPrefix(t.Key, "_"):
		case t.unread:
			gone++
		case known:
			return nil
		default:
			fresh++
		}
	}
	if gone == 0 || fresh == 0 {
		return nil
	}
	return []string{fmt.Sprintf("none of the data sources that have a table can be read any more (%d), while new ones can (%d): is the connection one of another workspace?", gone, fresh)}
}

func percent(share float64) string { return fmt.Sprintf("%.4g%%", share*100) }

// changedSchemas names the columns that a frozen schema does not allow to change.
func (r *run) changedSchemas() []string {
	var reasons []string
	for _, t := range r.tables {
		if _, ok := r.view.before[t.Key]; !ok {
			continue // a new table changes no columns
		}
		for _, c := range t.SchemaChanges {
			reasons = append(reasons, fmt.Sprintf("table %s: %s, which schema.contract: freeze does not allow", t.Name, c))
		}
	}
	return reasons
}
