package truth

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"unicode"

	"github.com/mozillazg/go-unidecode"
	"golang.org/x/text/unicode/norm"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// maxName is the length of a name in bytes, suffix included.
const maxName = 127

// Snake is a name in snake_case; "" if nothing of it is usable. A leading digit
// gets the prefix. It is not cut.
func Snake(name, prefix string) string {
	var plain strings.Builder
	for _, r := range norm.NFKD.String(valid(name)) {
		if !unicode.Is(unicode.M, r) {
			plain.WriteRune(r)
		}
	}
	in := unidecode.Unidecode(plain.String())
	upper := func(i int) bool { return i < len(in) && in[i] >= 'A' && in[i] <= 'Z' }
	lower := func(i int) bool { return i < len(in) && in[i] >= 'a' && in[i] <= 'z' }
	var words []string
	var word []byte
	end := func() {
		if len(word) > 0 {
			words = append(words, string(word))
		}
		word = nil
	}
	for i := range len(in) {
		c := in[i]
		switch {
		case upper(i):
			if i > 0 && (lower(i-1) || upper(i-1) && lower(i+1)) {
				end()
			}
			word = append(word, c+'a'-'A')
		case lower(i) || c >= '0' && c <= '9':
			word = append(word, c)
		default:
			end()
		}
	}
	end()
	out := strings.Join(words, "_")
	if out != "" && out[0] >= '0' && out[0] <= '9' {
		out = prefix + out
	}
	return out
}

// cut shortens a name so that the suffix still fits, and appends the suffix.
func cut(name, suffix string) string {
	if len(name)+len(suffix) > maxName {
		name = strings.TrimRight(name[:maxName-len(suffix)], "_")
	}
	return name + suffix
}

// propertySuffix tells properties of one name apart.
func propertySuffix(id string) string {
	if len(id) > 16 {
		sum := sha256.Sum256([]byte(id))
		return "_" + hex.EncodeToString(sum[:8])
	}
	return "_" + hex.EncodeToString([]byte(id))
}

// nameTables gives every data source that is new a table name, and those whose
// name in the configuration has changed another.
func (l *load) nameTables(sources []*notiontest.DataSource) {
	taken := map[string]bool{}
	for _, t := range l.state.Tables {
		taken[t.Name] = true
	}
	byID := slices.Clone(sources)
	slices.SortFunc(byID, func(a, b *notiontest.DataSource) int { return strings.Compare(a.ID, b.ID) })
	for _, s := range byID {
		base, configured := l.tableBase(s)
		t := l.state.Tables[s.ID]
		switch {
		case t == nil:
			t = &TableState{}
			l.state.Tables[s.ID] = t
		case t.Configured == configured && (!configured || t.Base == base):
			continue
		default:
			delete(taken, t.Name)
		}
		suffix := "_" + s.ID[len(s.ID)-12:]
		t.Base, t.Configured, t.Name = base, configured, cut(base, "")
		if base == "" {
			t.Name = "data_source" + suffix
		} else if taken[t.Name] {
			t.Name = cut(base, suffix)
		}
		taken[t.Name] = true
	}
}

// tableBase is the name of a data source's table before any suffix.
func (l *load) tableBase(s *notiontest.DataSource) (base string, configured bool) {
	title := s.Title.String()
	name, ok := l.o.Names[s.Database]
	if !ok {
		return Snake(title, "t_"), false
	}
	if len(l.m.VisibleSources(l.m.Database(s.Database))) > 1 {
		return Snake(name+"_"+title, "t_"), true
	}
	return Snake(name, "t_"), true
}

// nameColumns brings the columns of a table to the properties of this load.
func (l *load) nameColumns(ts *TableState, properties []*notiontest.Property) {
	var live []*notiontest.Property
	for _, p := range properties {
		switch p.Type {
		case "button":
		case "title":
			live = slices.Insert(live, 0, p)
		default:
			live = append(live, p)
		}
	}
	column := func(id string) *ColumnState {
		for _, c := range ts.Columns {
			if c.Property == id {
				return c
			}
		}
		return nil
	}
	taken, kept := map[string]bool{}, map[*ColumnState]bool{}
	for _, c := range ts.Columns {
		c.Gone = true
	}
	// Who has the name it had keeps its column's name.
	for _, p := range live {
		c := column(p.ID)
		if c == nil {
			continue
		}
		c.Gone = false
		if c.Base == cut(Snake(p.Name, "c_"), "") {
			taken[c.Name], kept[c] = true, true
		}
	}
	for _, p := range live {
		c := column(p.ID)
		if kept[c] && c != nil {
			continue
		}
		if c == nil {
			c = &ColumnState{Property: p.ID}
			ts.Columns = append(ts.Columns, c)
		}
		base := Snake(p.Name, "c_")
		suffix := propertySuffix(p.ID)
		c.Base, c.Name = cut(base, ""), cut(base, "")
		if base == "" {
			c.Name = "property" + suffix
		} else if taken[c.Name] {
			c.Name = cut(base, suffix)
		}
		taken[c.Name] = true
	}
	ts.Columns = slices.DeleteFunc(ts.Columns, func(c *ColumnState) bool {
		return c.Gone && (l.o.Retire || taken[c.Name])
	})
}
