package extract

import (
	"strings"
	"unicode"

	"github.com/notionlake/notionlake/extract/notion"
)

// specials are the characters that mean something in Notion's Markdown.
const specials = "\\*~`$[]<>{}|^"

// escape writes text as itself.
func escape(s string) string {
	if !strings.ContainsAny(s, specials+"\n") {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n':
			b.WriteString("<br>")
			continue
		case strings.ContainsRune(specials, r):
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// lineStart escapes what at the beginning of a line would make it another block.
func lineStart(s string) string {
	trimmed := strings.TrimLeft(s, "0123456789")
	switch {
	case s != trimmed && (strings.HasPrefix(trimmed, ". ") || strings.HasPrefix(trimmed, ") ")):
		return s[:len(s)-len(trimmed)] + "\\" + trimmed
	case strings.HasPrefix(s, "#"), strings.HasPrefix(s, "- "), strings.HasPrefix(s, "+ "), strings.HasPrefix(s, "---"):
		return "\\" + s
	}
	return s
}

// inline writes runs of rich text.
func inline(runs notion.JSON) string {
	var b strings.Builder
	for run := range runs.Elems() {
		b.WriteString(inlineRun(run))
	}
	return b.String()
}

func inlineRun(run notion.JSON) string {
	plain := run.Get("plain_text").Text()
	style := run.Get("annotations")
	text := ""
	switch run.Get("type").Text() {
	case "equation":
		text = "$`" + run.Get("equation").Get("expression").Text() + "`$"
	case "mention":
		text = mentionText(run.Get("mention"), plain)
	default:
		if style.Get("code").Bool() && plain != "" {
			text = codeSpan(plain)
		} else {
			text = escape(plain)
		}
		if url := run.Get("href"); url.Kind() == '"' && text != "" {
			text = link(text, url.Text())
		}
	}
	return styled(text, style)
}

// styled puts the signs of a style around text, but not around blanks at its
// ends: there CommonMark does not take them.
func styled(text string, style notion.JSON) string {
	core := strings.TrimFunc(text, unicode.IsSpace)
	if core == "" || style == nil {
		return text
	}
	at := strings.Index(text, core)
	before, after := text[:at], text[at+len(core):]
	for _, s := range []struct{ name, open, end string }{
		{"bold", "**", "**"},
		{"italic", "*", "*"},
		{"strikethrough", "~~", "~~"},
		{"underline", `<span underline="true">`, "</span>"},
	} {
		if style.Get(s.name).Bool() {
			core = s.open + core + s.end
		}
	}
	if color := style.Get("color").Text(); color != "" && color != "default" {
		core = tag("span", "color", color) + core + "</span>"
	}
	return before + core + after
}

// codeSpan is code in a line, in more backticks than it holds.
func codeSpan(s string) string {
	s = strings.ReplaceAll(s, "\n", " ")
	fence := "`"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") {
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
		return ":" + of.Get("name").Text() + ":"
	}
	return escape(plain)
}

// link is a link; the text is Markdown already.
func link(text, url string) string {
	url = strings.NewReplacer(" ", "%20", "(", "%28", ")", "%29", "\n", "").Replace(url)
	return "[" + text + "](" + url + ")"
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
