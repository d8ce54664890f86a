package extract

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/notionlake/notionlake/extract/notion"
)

// A piece is a part of rich text in one style.
type piece struct {
	text  string // as it is shown
	md    string // of what is no plain text: as it is written
	url   string
	code  bool
	style style
}

// A style is how a piece looks; a sign is one part of it.
type style struct {
	bold, italic, strike, underline bool
	color                           string // "": none
}

type sign int

const (
	signColor sign = iota
	signUnderline
	signStrike
	signItalic
	signBold
	signs
)

// open is how a sign is written before what has it, "" where the style lacks it.
func (s style) open(n sign) string {
	switch {
	case n == signBold && s.bold:
		return "**"
	case n == signItalic && s.italic:
		return "*"
	case n == signStrike && s.strike:
		return "~~"
	case n == signUnderline && s.underline:
		return `<span underline="true">`
	case n == signColor && s.color != "":
		return tag("span", "color", s.color)
	}
	return ""
}

// without is the style without a sign.
func (s style) without(n sign) style {
	switch n {
	case signBold:
		s.bold = false
	case signItalic:
		s.italic = false
	case signStrike:
		s.strike = false
	case signUnderline:
		s.underline = false
	case signColor:
		s.color = ""
	case signs:
	}
	return s
}

// inline writes runs of rich text.
func inline(runs notion.JSON) string {
	w, list := inlineWriter{}, pieces(runs)
	for i := range list {
		w.struck = w.struck || list[i].style.strike
	}
	w.write(list, 0)
	return string(w.out)
}

// pieces are the pieces of runs. Notion cuts long text into several runs.
func pieces(runs notion.JSON) (all []piece) {
	for run := range runs.Elems() {
		p := pieceOf(run)
		if n := len(all) - 1; n >= 0 && all[n].md == "" && p.md == "" && all[n].url == p.url && all[n].code == p.code && (all[n].style == p.style || p.code) {
			all[n].text += p.text // of code beside code the style is the first's: it could not be told apart
			continue
		}
		if p.text != "" || p.md != "" {
			all = append(all, p)
		}
	}
	for i := range all {
		p := &all[i]
		switch {
		case p.md != "":
			continue
		case p.code:
			p.md = codeSpan(p.text)
		case p.url != "":
			p.md = escape(p.text)
		}
		if p.url != "" {
			p.md = link(p.md, p.url)
		}
	}
	return all
}

func pieceOf(run notion.JSON) piece {
	plain := run.Get("plain_text").Text()
	a := run.Get("annotations")
	p := piece{style: style{
		bold: a.Get("bold").Bool(), italic: a.Get("italic").Bool(), strike: a.Get("strikethrough").Bool(),
		underline: a.Get("underline").Bool(), color: a.Get("color").Text(),
	}}
	if p.style.color == "default" {
		p.style.color = ""
	}
	switch run.Get("type").Text() {
	case "equation":
		if expression := run.Get("equation").Get("expression").Text(); expression != "" {
			p.md = "$" + codeSpan(expression) + "$"
		}
	case "mention":
		p.md = mentionText(run.Get("mention"), plain)
	default:
		p.text, p.code, p.url = newlines.Replace(plain), a.Get("code").Bool(), run.Get("href").Text()
	}
	return p
}

// first and last are the characters at the ends of a piece as it is written.
func (p *piece) first() rune {
	r, _ := utf8.DecodeRuneInString(p.shown())
	return r
}

func (p *piece) last() rune {
	r, _ := utf8.DecodeLastRuneInString(p.shown())
	return r
}

func (p *piece) shown() string {
	if p.md != "" {
		return p.md
	}
	return p.text
}

// An inlineWriter writes pieces so that CommonMark takes every sign for what it is.
type inlineWriter struct {
	out  []byte
	prev rune // what was written last; asterisks of signs are not counted
	// starred: asterisks that end something were written last. Where others would begin
	// something at once they would be taken together: a tag stands there.
	starred bool
	opened  bool // asterisks that begin something were written last
	depth   int  // what is open with asterisks
	struck  bool // there is text that is struck out
}

// write writes pieces; after is the character that follows, 0 for none. Signs are
// put around as many pieces as have them: between two that have the same it would
// be closed and opened again, which CommonMark cannot tell from other signs.
func (w *inlineWriter) write(pieces []piece, after rune) {
	for i := 0; i < len(pieces); {
		p := &pieces[i]
		best, end := signs, i
		for n := range signs {
			open := p.style.open(n)
			if open == "" {
				continue
			}
			j := i + 1
			for j < len(pieces) && pieces[j].style.open(n) == open {
				j++
			}
			if j > end {
				best, end = n, j
			}
		}
		if best == signs {
			next := after
			if i+1 < len(pieces) {
				next = pieces[i+1].first()
			}
			w.piece(p, next)
			i++
			continue
		}
		next := after
		if end < len(pieces) {
			next = pieces[end].first()
		}
		w.group(pieces[i:end], best, next)
		i = end
	}
}

// group writes pieces that have a sign in common. The sign does not go around blanks
// at the ends, and asterisks not around punctuation beside a letter: there CommonMark
// does not take them. Where it would not take them for what they are anyway, a tag of
// HTML stands for them.
func (w *inlineWriter) group(list []piece, n sign, after rune) {
	open := list[0].style.open(n)
	core := make([]piece, len(list))
	for i, p := range list {
		p.style = p.style.without(n)
		core[i] = p
	}
	flanked := n == signBold || n == signItalic || n == signStrike
	prev := w.prev
	if n == signStrike && (w.opened || w.starred) {
		prev = '*'
	}
	head, core, prev := trimFirst(core, prev, flanked)
	tail, core, next := trimLast(core, after, flanked)
	if len(core) == 0 {
		w.write(append(head, tail...), after)
		return
	}
	w.write(head, core[0].first())
	first, last := edge(core[0].style, n, core[0].first()), edge(core[len(core)-1].style, n, core[len(core)-1].last())
	s := span{n: n, open: open, core: core, next: next}
	s.tagged = flanked && (isPunct(first) && isWord(prev) || isPunct(last) && isWord(next)) ||
		s.starred() && (w.starred || w.depth > 0 && !w.opened && closes(prev, first))
	if before := *w; !w.span(s) && !s.tagged { // what is in it ends as nobody could know
		*w = before
		s.tagged = true
		w.span(s)
	}
	w.write(tail, after)
}

// A span is pieces with a sign around them.
type span struct {
	n      sign
	open   string
	core   []piece
	next   rune // the character that follows
	tagged bool // the sign is a tag of HTML
}

// starred reports whether the sign is asterisks.
func (s *span) starred() bool { return (s.n == signBold || s.n == signItalic) && !s.tagged }

// tag is the tag that says the same as a sign.
func (n sign) tag() string {
	switch n {
	case signBold:
		return "strong>"
	case signItalic:
		return "em>"
	case signStrike:
		return "del>"
	case signColor, signUnderline, signs:
	}
	return "span>"
}

// span writes a span; false: its end would not be taken for one.
func (w *inlineWriter) span(s span) (ok bool) {
	open, end, before, behind := s.open, s.open, '~', '~'
	if s.tagged {
		open = "<" + s.n.tag()
	}
	stars := s.starred()
	switch {
	case stars:
		before, behind = w.prev, s.next
		w.depth++
	case open[0] == '<':
		end, before, behind = "</"+s.n.tag(), '>', '<'
	}
	w.out = append(w.out, open...)
	w.prev, w.starred, w.opened = before, false, stars
	core := make([]piece, len(s.core)) // it is cut, and may be written once more
	copy(core, s.core)
	w.write(core, behind)
	last := w.prev
	if w.starred && !stars {
		last = '*'
	}
	w.out = append(w.out, end...)
	if w.starred, w.opened = stars, false; stars {
		w.depth--
	} else {
		w.prev = rune(end[len(end)-1])
	}
	return s.n == signColor || s.n == signUnderline || !isPunct(last) || !isWord(s.next)
}

// edge is the character beside a sign: that of the text, or of a sign in it.
func edge(in style, n sign, text rune) rune {
	if in.strike || in.underline || in.color != "" || n == signStrike && in != (style{}) {
		return '~'
	}
	return text
}

// closes reports whether asterisks between two characters could end something.
func closes(prev, next rune) bool {
	return isWord(prev) || isPunct(prev) && !isWord(next)
}

// trimFirst and trimLast take off an end what a sign does not go around; beside is
// the character beside it, and beside the rest.
func trimFirst(core []piece, beside rune, flanked bool) (head, rest []piece, besideRest rune) {
	for len(core) > 0 {
		if r := core[0].first(); !unicode.IsSpace(r) && !(flanked && isPunct(r) && isWord(beside)) {
			break
		}
		var cut piece
		cut, core = cutFirst(core)
		head = append(head, cut)
		if beside = cut.last(); beside == '\n' {
			beside = '>'
		}
	}
	return head, core, beside
}

func trimLast(core []piece, beside rune, flanked bool) (tail, rest []piece, besideRest rune) {
	for len(core) > 0 {
		if r := core[len(core)-1].last(); !unicode.IsSpace(r) && !(flanked && isPunct(r) && isWord(beside)) {
			break
		}
		var cut piece
		cut, core = cutLast(core)
		tail = append([]piece{cut}, tail...)
		beside = cut.first()
	}
	return tail, core, beside
}

// cutFirst and cutLast take a character, or a piece that is no plain text, from an end.
func cutFirst(list []piece) (cut piece, rest []piece) {
	p := list[0]
	if p.md != "" {
		return p, list[1:]
	}
	_, size := utf8.DecodeRuneInString(p.text)
	cut, rest = p, list
	cut.text, rest[0].text = p.text[:size], p.text[size:]
	if rest[0].text == "" {
		rest = rest[1:]
	}
	return cut, rest
}

func cutLast(list []piece) (cut piece, rest []piece) {
	n := len(list) - 1
	p := list[n]
	if p.md != "" {
		return p, list[:n]
	}
	_, size := utf8.DecodeLastRuneInString(p.text)
	cut, rest = p, list
	cut.text, rest[n].text = p.text[len(p.text)-size:], p.text[:len(p.text)-size]
	if rest[n].text == "" {
		rest = rest[:n]
	}
	return cut, rest
}

func (w *inlineWriter) add(s string) { w.out = append(w.out, s...) }

// piece writes a piece without style; next is the character that follows.
func (w *inlineWriter) piece(p *piece, next rune) {
	w.starred, w.opened = false, false
	switch {
	case p.md != "":
		if n := len(w.out) - 1; n >= 0 && w.out[n] == '!' && p.md[0] == '[' { // it would be an image
			w.out = append(w.out[:n], `\!`...)
		}
		w.add(p.md)
	case w.struck && (strings.HasPrefix(p.text, "~") || strings.HasSuffix(p.text, "~")): // beside a sign it could be of it
		start, end := strings.TrimLeft(p.text, "~"), ""
		w.add(strings.Repeat("&#126;", len(p.text)-len(start)))
		if rest := strings.TrimRight(start, "~"); rest != start {
			start, end = rest, strings.Repeat("&#126;", len(start)-len(rest))
		}
		w.add(escape(start) + end)
	case next == ';': // it could end what HTML takes for one character
		text := escape(p.text + ";")
		w.add(text[:len(text)-1])
	default:
		w.add(escape(p.text))
	}
	if w.prev = p.last(); w.prev == '\n' {
		w.prev = '>' // of <br>
	}
}

// isPunct is what CommonMark takes for punctuation.
func isPunct(r rune) bool { return unicode.IsPunct(r) || unicode.IsSymbol(r) }

// isWord is what is neither blank nor punctuation.
func isWord(r rune) bool { return r != 0 && r != utf8.RuneError && !unicode.IsSpace(r) && !isPunct(r) }
