package extract

import (
	"slices"
	"strings"
)

// sayGone tells of the tables that are not read any more: whoever looks at nothing but the
// log learns that their rows are of an earlier load.
func (w *workspace) sayGone() {
	tables := map[string][]string{} // by the reason
	for id, why := range w.gone {
		tables[why] = append(tables[why], w.before[id].Table)
	}
	for _, why := range sortedKeys(tables) {
		slices.Sort(tables[why])
		w.source.log.Warn("tables are not read any more, and keep the rows that they had", "tables", strings.Join(tables[why], ", "), "reason", why, "cure", goneCure)
	}
}

// goneCure is what can be done about tables that are not read any more.
const goneCure = "let the connection read it again, or, where that is not to be, drop the table with an engine: its past goes with it"
