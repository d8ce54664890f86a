package main

import (
	"regexp"
	"strings"

	"github.com/urfave/cli/v2"
)

var (
	undefinedFlag = regexp.MustCompile(`^flag provided but not defined: -+(.+)$`)
	invalidValue  = regexp.MustCompile(`(?s)^invalid (?:boolean )?value "?(.*?)"? for (?:flag )?-+([\w-]+): (.*)$`)
	missingValue  = regexp.MustCompile(`^flag needs an argument: -+(.+)$`)
	bareNumber    = regexp.MustCompile(`^[0-9]+$`)
)

// onUsageError says in the words of this program what the flag package found.
// That package has no types for its errors, only texts.
func onUsageError(c *cli.Context, err error, _ bool) error {
	text := err.Error()
	if m := undefinedFlag.FindStringSubmatch(text); m != nil {
		name, _, _ := strings.Cut(m[1], "=")
		var known []string
		for _, f := range c.Command.Flags {
			known = append(known, f.Names()...)
		}
		return usagef("unknown flag %s%s", dashed(name), suggest(name, known, "--"))
	}
	if m := missingValue.FindStringSubmatch(text); m != nil {
		return usagef("%s needs a value", dashed(m[1]))
	}
	if m := invalidValue.FindStringSubmatch(text); m != nil {
		value, name := m[1], m[2]
		flag := dashed(name)
		for _, f := range c.Command.Flags {
			if isDuration(f) && hasName(f, name) {
				if bareNumber.MatchString(value) {
					return usagef("%s %s: a time needs its unit: use %ss", flag, value, value)
				}
				return usagef("%s %s: not a time: write it as 90s, 15m, 2h or 1d", flag, value)
			}
			if _, ok := f.(*cli.IntFlag); ok && hasName(f, name) {
				return usagef("%s %s: not a number", flag, value)
			}
		}
		return usagef("%s %s: not a value of this flag", flag, value)
	}
	return usagef("%s", text)
}

// dashed is a flag as it is written.
func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

func hasName(f cli.Flag, name string) bool {
	for _, n := range f.Names() {
		if n == name {
			return true
		}
	}
	return false
}

// arguments returns the arguments of a command that takes the named ones; those
// in brackets may be left out, and of the last there may be more where its name ends
// in dots.
func arguments(c *cli.Context, names ...string) ([]string, error) {
	given := c.Args().Slice()
	many := len(names) > 0 && strings.HasSuffix(names[len(names)-1], "...")
	if len(given) > len(names) && !many {
		return nil, usagef("%s: unexpected argument %q", c.Command.Name, given[len(names)])
	}
	for i, name := range names {
		if i >= len(given) && !strings.HasPrefix(name, "[") {
			return nil, usagef("%s: %s is missing: notionlake %s [flags] %s", c.Command.Name, name, c.Command.Name, strings.Join(names, " "))
		}
	}
	for len(given) < len(names) {
		given = append(given, "")
	}
	return given, nil
}

// permute puts flags before arguments, where the flag package wants them, and
// flags before the command behind it: `notionlake --json head tasks -n 5`.
func permute(app *cli.App, args []string) []string {
	if len(args) == 0 {
		return []string{app.Name}
	}
	takesValue := map[string]bool{}
	for _, c := range app.Commands {
		for _, f := range c.Flags {
			_, isBool := f.(*cli.BoolFlag)
			for _, name := range f.Names() {
				takesValue[name] = !isBool
			}
		}
	}
	var command string
	var flags, rest []string
	for i := 1; i < len(args); i++ {
		a := args[i]
		switch {
		case a == "--":
			rest = append(rest, args[i:]...)
			i = len(args)
		case len(a) > 1 && a[0] == '-':
			flags = append(flags, a)
			if takesValue[strings.TrimLeft(a, "-")] && i+1 < len(args) {
				i++
				flags = append(flags, args[i])
			}
		case command == "":
			command = a
		default:
			rest = append(rest, a)
		}
	}
	if command == "" || app.Command(command) == nil {
		return args
	}
	return append(append([]string{args[0], command}, flags...), rest...)
}

// suggest returns `: did you mean "x"?` with the known name nearest to name, or
// "" if none is near.
func suggest(name string, known []string, prefix string) string {
	best, distance := "", len(name)/3+2
	for _, k := range known {
		if d := editDistance(name, k); d < distance && d < len(k) {
			best, distance = k, d
		}
	}
	if best == "" {
		return ""
	}
	return ": did you mean " + prefix + best + "?"
}

// editDistance is the Levenshtein distance, two letters in each other's place
// counting as one change.
func editDistance(a, b string) int {
	rows := [3][]int{make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)}
	before, last, now := rows[0], rows[1], rows[2]
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		now[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			now[j] = min(last[j]+1, now[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				now[j] = min(now[j], before[j-2]+1)
			}
		}
		before, last, now = last, now, before
	}
	return last[len(b)]
}
