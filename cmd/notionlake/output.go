package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// print writes a result. A reader that went away is no error: it has what it wanted.
func (p *program) print(result []byte) error {
	_, err := p.stdout.Write(result)
	if err == nil || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.EBADF) || errors.Is(err, os.ErrClosed) || errors.Is(err, io.ErrClosedPipe) {
		return nil
	}
	return &outputError{err}
}

// An outputError is a result that could not be written.
type outputError struct{ err error }

func (e *outputError) Error() string {
	return "the result could not be written to stdout: " + e.err.Error()
}
func (e *outputError) Unwrap() error { return e.err }

func (p *program) printText(text string) error { return p.print([]byte(text)) }

// printJSON writes a result as one indented JSON document.
func (p *program) printJSON(v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("write the result as JSON: %w", err)
	}
	return p.print(b.Bytes())
}

// A grid is a table for people: a header, rows, and which columns are numbers.
type grid struct {
	header  []string
	numbers []int // columns that stand to the right, from 0
	rows    [][]string
	// maxWidth is where cells are cut; 0 is maxCellWidth.
	maxWidth int
}

func (g *grid) cellWidth() int {
	if g.maxWidth > 0 {
		return g.maxWidth
	}
	return maxCellWidth
}

func (g *grid) add(cells ...string) { g.rows = append(g.rows, cells) }

// maxCellWidth keeps a row of long texts on the screen.
const maxCellWidth = 60

func (g *grid) String() string {
	w := table.NewWriter()
	style := table.StyleLight
	style.Options = table.Options{SeparateHeader: true}
	style.Format.Header = text.FormatDefault
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	w.SetStyle(style)
	w.SuppressTrailingSpaces()
	var columns []table.ColumnConfig
	for _, n := range g.numbers {
		columns = append(columns, table.ColumnConfig{Number: n + 1, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	w.SetColumnConfigs(columns)
	row := func(cells []string) (r table.Row) {
		for _, c := range cells {
			r = append(r, fit(safeText(c), g.cellWidth()))
		}
		return r
	}
	w.AppendHeader(row(g.header))
	for _, cells := range g.rows {
		w.AppendRow(row(cells))
	}
	return w.Render() + "\n"
}

// fit cuts a cell to the width that it may have.
func fit(s string, width int) string {
	if text.StringWidthWithoutEscSequences(s) <= width {
		return s
	}
	return text.Trim(s, width-1) + "…"
}

// cut shortens a text to at most n bytes, for messages.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// safeText makes text from elsewhere harmless for a terminal: control
// characters show as their pictures (␀ ␊ ␛), invisible and direction-changing
// ones as escapes.
func safeText(s string) string {
	if isSafe(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r < ' ':
			b.WriteRune('␀' + r)
		case r == 0x7f:
			b.WriteRune('␡')
		case unicode.IsPrint(r), r == '\u200d', r == '\ufe0f': // joiners of emoji
			b.WriteRune(r)
		case unicode.In(r, unicode.Zs):
			b.WriteRune(' ')
		default:
			fmt.Fprintf(&b, "\\u%04x", r)
		}
	}
	return b.String()
}

func isSafe(s string) bool {
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return utf8.ValidString(s)
}

// thousands writes a number with separators: 1,234,567.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	start := len(s) % 3
	var parts []string
	if start > 0 {
		parts = append(parts, s[:start])
	}
	for i := start; i < len(s); i += 3 {
		parts = append(parts, s[i:i+3])
	}
	return strings.Join(parts, ",")
}

// size writes a number of bytes for people.
func size(n int64) string {
	if n < 1000 {
		return strconv.FormatInt(n, 10) + " B"
	}
	units := []string{"B", "KB", "MB", "GB", "TB"}
	f, i := float64(n), 0
	for f >= 999.95 && i < len(units)-1 { // what is less stays below 1000.0 when it is rounded
		f /= 1000
		i++
	}
	return strconv.FormatFloat(f, 'f', 1, 64) + " " + units[i]
}

// when writes a time for people and for --at.
func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// plural writes a number with its noun.
func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if strings.HasSuffix(noun, "y") {
		return thousands(n) + " " + strings.TrimSuffix(noun, "y") + "ies"
	}
	return thousands(n) + " " + noun + "s"
}
