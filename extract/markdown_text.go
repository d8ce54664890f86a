package extract

import (
	"strings"
	"unicode/utf8"

	"github.com/notionlake/notionlake/extract/notion"
)

// specials are the characters that mean something in Notion's Markdown.
const specials = "\\*~`$[]<>{}|^"

// newlines are the ends of lines in a text.
var newlines = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// escape writes text as itself.
func escape(s string) string {
	if !strings.ContainsAny(s, specials+"_&\n\r") {
		return s
	}
	s = newlines.Replace(s)
	var b strings.Builder
	var before rune
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		after, _ := utf8.DecodeRuneInString(s[i+size:])
		rest := s[i:]
		i += size
		switch {
		case r == '\n':
			b.WriteString("<br>")
			before = r
			continue
		case strings.ContainsRune(specials, r),
			r == '_' && !(isWord(before) && isWord(after)), // of CommonMark only: in a word it means nothing
			r == '&' && beginsEntity(rest):
			b.WriteByte('\\')
		}
		b.WriteRune(r)
		before = r
	}
	return b.String()
}

// beginsEntity reports whether s begins with what HTML takes for one character.
func beginsEntity(s string) bool {
	end := strings.IndexByte(s[:min(len(s), 40)], ';')
	return end > 1 && strings.Trim(s[1:end], "#0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// lineStart escapes what at the beginning of a line would make it another block.
func lineStart(s string) string {
	trimmed := strings.TrimLeft(s, "0123456789")
	switch {
	case s == "":
		return s
	case s[0] == ' ':
		return "&#32;" + s[1:] // it would be cut off, or be code
	case s[0] == '\t':
		return "&#9;" + s[1:]
	case s != trimmed && (begins(trimmed, ".") || begins(trimmed, ")")):
		return s[:len(s)-len(trimmed)] + "\\" + trimmed
	case s[0] == '#', begins(s, "-"), begins(s, "+"), strings.HasPrefix(s, "---"),
		strings.Trim(s, "- \t") == "", strings.Trim(s, "= \t") == "":
		return "\\" + s
	}
	return s
}

// begins reports whether s begins with the sign of a list, and a blank after it.
func begins(s, sign string) bool {
	rest, ok := strings.CutPrefix(s, sign)
	return ok && (rest == "" || rest[0] == ' ' || rest[0] == '\t')
}

// headingText is the text of a heading, at whose end CommonMark takes # for a sign.
func headingText(s string) string {
	rest := strings.TrimRight(s, " \t")
	if start := strings.TrimRight(rest, "#"); start != rest && (start == "" || strings.HasSuffix(start, " ") || strings.HasSuffix(start, "\t")) {
		s = start + "\\" + s[len(start):]
	}
	return lineStart(s)
}

// codeSpan is code in a line, in more backticks than it holds.
func codeSpan(s string) string {
	s = strings.ReplaceAll(newlines.Replace(s), "\n", " ")
	fence := "`"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	blank := strings.Trim(s, " ") == ""
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") || !blank && s[0] == ' ' && s[len(s)-1] == ' ' {
		s = " " + s + " "
	}
	return fence + s + fence
}

func mentionText(mention notion.JSON, plain string) string {
	typ := mention.Get("type").Text()
	of := mention.Get(typ)
	switch typ {
	case "user":
		return tag("mention-user", "url", "user://"+of.Get("id").Text()) + escape(plain) + "</mention-user>"
	case "page", "database", "data_source":
		id, _ := notion.ParseUUID([]byte(of.Get("id").Text()))
		name := "mention-" + strings.ReplaceAll(typ, "_", "-")
		return tag(name, "url", address(id)) + escape(plain) + "</" + name + ">"
	case "date":
		return emptyTag("mention-date", "start", of.Get("start").Text(), "end", of.Get("end").Text(), "timeZone", of.Get("time_zone").Text())
	case "link_mention":
		return link(escape(plain), of.Get("href").Text())
	case "link_preview":
		return link(escape(plain), of.Get("url").Text())
	case "custom_emoji":
		return ":" + escape(of.Get("name").Text()) + ":"
	}
	return escape(plain)
}

// link is a link; the text is Markdown already.
func link(text, url string) string { return "[" + text + "](" + destination(url) + ")" }

// destination is a URL as a link has it. Parentheses stand as they are where they are
// balanced.
func destination(url string) string {
	depth, balanced := 0, true
	for i := range len(url) {
		switch url[i] {
		case '(':
			depth++
		case ')':
			depth--
		}
		balanced = balanced && depth >= 0 && depth < 32 // CommonMark's least
	}
	balanced = balanced && depth == 0
	const upperHex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(url) {
		switch c := url[i]; {
		case c == '\n', c == '\r':
		case c <= ' ', c == 0x7f, c == '<', c == '>', c == '`', c == '\\':
			b.WriteString("%" + string(upperHex[c>>4]) + string(upperHex[c&15]))
		case (c == '(' || c == ')') && !balanced, c == '&' && beginsEntity(url[i:]):
			b.WriteByte('\\')
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// tag is a tag with the attributes that are not empty.
func tag(name string, attributes ...string) string { return "<" + name + pairs(attributes) + ">" }

func emptyTag(name string, attributes ...string) string {
	return "<" + name + pairs(attributes) + "/>"
}

func pairs(attributes []string) string {
	var b strings.Builder
	for i := 0; i < len(attributes); i += 2 {
		if attributes[i+1] != "" {
			b.WriteString(" " + attributes[i] + `="` + quoteAttribute.Replace(attributes[i+1]) + `"`)
		}
	}
	return b.String()
}

var quoteAttribute = strings.NewReplacer("&", "&amp;", `"`, "&quot;", "<", "&lt;", ">", "&gt;", "\n", " ")

// attributes are the attributes of a block that is no tag.
func attributes(list ...string) string {
	if s := pairs(list); s != "" {
		return " {" + s[1:] + "}"
	}
	return ""
}

// iconText is an icon as an attribute: an emoji, a name or a URL.
func iconText(icon notion.JSON) string { return valueOf(icon, iconValue).Text() }

// address is where Notion shows a page or database.
func address(id notion.UUID) string { return "https://app.notion.com/p/" + plainID(id) }

func plainID(id notion.UUID) string { return strings.ReplaceAll(id.String(), "-", "") }
