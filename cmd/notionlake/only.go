package main

import (
	"fmt"
	"strings"

	"github.com/notionlake/notionlake/extract"
)

// maxOnlyListed is how many tables are named to who asked for one that is not there.
const maxOnlyListed = 12

// onlyAdvice is what to do about a --only that names nothing, or too much.
func onlyAdvice(e *extract.NoMatchError) string {
	switch {
	case len(e.Several) > 0:
		return "" // it says so itself
	case strings.HasPrefix(e.Text, "_"):
		return "--only takes data sources; tables that begin with _ are made of all that is read"
	}
	var known []string
	for _, t := range e.Titles {
		if strings.TrimSpace(t) != "" {
			known = append(known, fmt.Sprintf("%q", t))
		}
	}
	// The name of a table first: it needs no quotes in a shell.
	for _, s := range []string{suggest(e.Text, e.Tables, ""), suggest(fmt.Sprintf("%q", e.Text), known, "")} {
		if s != "" {
			return strings.TrimPrefix(s, ": ")
		}
	}
	if n := len(e.Tables); n > 0 && n <= maxOnlyListed {
		return "there are " + strings.Join(e.Tables, ", ")
	}
	return "`notionlake plan` lists what there is"
}
