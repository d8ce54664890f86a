package main

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

// maxDays is less than a time.Duration can hold, in weeks too.
const maxDays = 10_000

var errNoDuration = errors.New("not a time")

// parseDuration reads a time as flags and the configuration have it: 90s, 15m, 36h,
// 90d, 12w.
func parseDuration(text string) (time.Duration, error) {
	const day = 24 * time.Hour
	for suffix, unit := range map[string]time.Duration{"d": day, "w": 7 * day} {
		number, ok := strings.CutSuffix(text, suffix)
		if !ok {
			continue
		}
		n, err := strconv.Atoi(number)
		if err != nil || n < -maxDays || n > maxDays {
			return 0, errNoDuration
		}
		return time.Duration(n) * unit, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, errNoDuration
	}
	return d, nil
}

// parseAge reads a time that is more than none.
func parseAge(what, text string) (time.Duration, error) {
	d, err := parseDuration(text)
	switch {
	case err != nil:
		return 0, usagef("%s %s: a time like 90d, 12w or 36h is expected", what, cut(text, 60))
	case d <= 0:
		return 0, usagef("%s %s: a time like 90d, 12w or 36h is expected, and more than 0", what, cut(text, 60))
	}
	return d, nil
}

// loadAge is how the age of loads is written, and otherAge what may be meant where it
// is written otherwise.
var loadAge, otherAge = regexp.MustCompile(`^[0-9]+[hdw]$`), regexp.MustCompile(`^([0-9]{1,3}) ?(m|M|mo|mon|months?|y|Y|yr|years?)$`)

// parseLoadAge reads the age of loads that expire. What takes 6m for minutes, as other
// flags do, deletes all history of somebody who means months; so there are none of
// those units.
func parseLoadAge(what, text string) (time.Duration, error) {
	if loadAge.MatchString(text) {
		return parseAge(what, text)
	}
	meant := ""
	if m := otherAge.FindStringSubmatch(text); m != nil {
		unit, days := "month", 30
		if strings.EqualFold(m[2][:1], "y") {
			unit, days = "year", 365
		}
		n, _ := strconv.Atoi(m[1]) // three digits
		meant = fmt.Sprintf(": write %dd for %s", n*days, plural(int64(n), unit))
	}
	return 0, usagef("%s %s: a time like 90d, 12w or 36h is expected, in whole hours, days or weeks%s", what, cut(text, 60), meant)
}

// A durationValue is the value of a flag that is a time. cli.Context.Duration
// returns it.
type durationValue time.Duration

// Set reads the text of the flag.
func (v *durationValue) Set(text string) error {
	d, err := parseDuration(text)
	*v = durationValue(d)
	return err
}

func (v *durationValue) String() string { return time.Duration(*v).String() }

// durationFlag is a flag that is a time.
func durationFlag(name, usage string, value time.Duration) *cli.GenericFlag {
	v := durationValue(value)
	return &cli.GenericFlag{Name: name, Usage: usage, Value: &v}
}

// isDuration reports whether a flag is a time.
func isDuration(f cli.Flag) bool {
	g, ok := f.(*cli.GenericFlag)
	if ok {
		_, ok = g.Value.(*durationValue)
	}
	return ok
}
