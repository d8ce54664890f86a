package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/extract"
	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/lake"
)

// Exit codes, as every command's help prints them.
const (
	exitDone     = 0
	exitInternal = 1
	exitUsage    = 2
	exitRefused  = 3
	exitSource   = 4
	exitStorage  = 5
	exitConflict = 6
	exitUnknown  = 7
	exitHeld     = 8
	exitSignal   = 128 // plus the signal's number
)

const exitCodesHelp = `
EXIT CODES:
   0        done: for run, published and verified
   1        internal error
   2        usage or configuration
   3        Notion refused: authentication or permission
   4        the source (Notion) failed
   5        storage or catalog failed, or the result could not be written to stdout
   6        conflict: another load was first
   7        the outcome of the commit is unknown
   8        held: an audit or the schema contract stopped the publication
   130/143  interrupted
`

// A usageError is a mistake in the command line or the configuration.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

// usagef returns a *usageError.
func usagef(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// A loadError is the error of a load that changed nothing that readers see.
type loadError struct{ err error }

func (e *loadError) Error() string { return e.err.Error() }
func (e *loadError) Unwrap() error { return e.err }

// A checkError is the first failure that `check` found and has told about.
type checkError struct{ err error }

func (e *checkError) Error() string { return e.err.Error() }
func (e *checkError) Unwrap() error { return e.err }

// errDeadline is the cause of the context when --deadline has passed.
var errDeadline = errors.New("deadline passed")

// exitCode is what the program exits with after err.
func exitCode(err error) int {
	var (
		usage    *usageError
		bySignal *signalError
		panicked *panicError
		inLoad   *lake.PanicError
		badURL   *lake.URLError
		held     *lake.HeldError
		storage  *lake.StorageError
		source   *lake.SourceError
		answer   *notion.Error
		ofCLI    cli.ExitCoder

		unwritten *outputError
	)
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &bySignal):
		return exitSignal + int(bySignal.signal)
	case errors.As(err, &panicked), errors.As(err, &inLoad):
		return exitInternal
	case errors.As(err, &usage), errors.As(err, &badURL), errors.As(err, &ofCLI),
		errors.Is(err, catalog.ErrForeign), errors.Is(err, lake.ErrAltered), errors.Is(err, catalog.ErrMoved), errors.Is(err, catalog.ErrCatalogType), errors.Is(err, catalog.ErrOptions), errors.Is(err, catalog.ErrNoCatalog), errors.Is(err, extract.ErrNotDatabase), errors.Is(err, extract.ErrAllExcluded), errors.Is(err, extract.ErrNoMatch):
		return exitUsage
	case errors.As(err, &held):
		return exitHeld
	case errors.Is(err, lake.ErrUnknown):
		return exitUnknown
	case errors.Is(err, lake.ErrConflict), errors.Is(err, lake.ErrLocked):
		return exitConflict
	case errors.As(err, &storage):
		return exitStorage
	case errors.Is(err, notion.ErrUnauthorized), errors.Is(err, notion.ErrRestricted), errors.Is(err, notion.ErrBlocked):
		return exitRefused
	case errors.As(err, &source), errors.As(err, &answer), errors.Is(err, errDeadline), errors.Is(err, context.DeadlineExceeded):
		return exitSource
	case errors.As(err, &unwritten): // last: what became of a load counts more
		return exitStorage
	default:
		return exitInternal
	}
}

const bugAdvice = "please report it with the output of --log-level debug"

// describe is the text of err, with what kind of error it is where Notion's own
// words do not say it.
func describe(err error) string {
	text := err.Error()
	var unmatched *extract.NoMatchError
	if errors.As(err, &unmatched) { // it begins with the name of the option, which has dashes as a flag
		text = strings.Replace(text, unmatched.Error(), "--"+unmatched.Error(), 1)
	}
	for _, kind := range []error{notion.ErrUnauthorized, notion.ErrBlocked, notion.ErrRestricted, notion.ErrNotFound, notion.ErrUnreachable} {
		if errors.Is(err, kind) && !strings.Contains(text, kind.Error()) {
			return kind.Error() + ": " + text
		}
	}
	return text
}

// adviceFor is what the user can do about err, "" where nothing is known that
// the error does not say itself.
func adviceFor(err error) string {
	var (
		unmatched *extract.NoMatchError
		held      *lake.HeldError
	)
	switch {
	case errors.As(err, &unmatched):
		return onlyAdvice(unmatched)
	case errors.As(err, &held):
		return fmt.Sprintf("`notionlake diff --to %s` shows what it would change; then `notionlake publish %[1]s` or `notionlake discard %[1]s`", held.Load)
	}
	for _, a := range advice {
		if !a.when(err) || strings.Contains(err.Error(), a.do) {
			continue
		}
		switch {
		case as[*checkError](err) && strings.Contains(a.do, "notionlake check"):
			return "" // that was it
		case as[*loadError](err) && (as[*lake.StorageError](err) || as[*lake.SourceError](err)) && (strings.Contains(a.do, "notionlake check") || a.do == permissionAdvice):
			return "the tables stay at their last load; " + a.do
		}
		return a.do
	}
	return ""
}

// permissionAdvice is for a folder or a catalog file on a disk; what a cloud refuses it
// says in its own words. `notionlake check` may well find nothing: it looks at the top of
// the warehouse, and not at each folder and file there.
const permissionAdvice = "let the user that runs notionlake read and write there"

// advice is looked through from the top; the first that matches is given.
var advice = []struct {
	when func(error) bool
	do   string
}{
	{as[*lake.PanicError], bugAdvice}, // first: what it came through says nothing of it
	{as[*panicError], bugAdvice},
	{is(notion.ErrUnauthorized), "copy the token of the connection again from notion.so/profile/integrations and set NOTION_TOKEN (or what the configuration names)"},
	{is(notion.ErrBlocked), "Notion blocks this connection; write to Notion's support with the request id, and do not run again before"},
	{is(notion.ErrRestricted), "give the connection the capability “Read content” at notion.so/profile/integrations"},
	{is(catalog.ErrForeign), "choose another namespace in the configuration, or move that table away"},
	{func(err error) bool { return errors.Is(err, lake.ErrAltered) && as[*loadError](err) }, "the tables stay at their last load until then"},
	{is(catalog.ErrMoved), "Iceberg keeps absolute paths: move the folder back; if you changed warehouse in the configuration, undo it or name another catalog.uri too"},
	{is(lake.ErrUnknown), "nothing was deleted; the next run finds out what became of the commit"},
	{is(lake.ErrHeldLate), "`notionlake discard` deletes it; `notionlake run` reads anew"},
	{is(lake.ErrConflict), "nothing of this load was published; run again"},
	{is(extract.ErrNotDatabase), "in Notion, open the database as a full page and copy its link"},
	{is(extract.ErrNothingShared), "open a page or database in Notion, ••• → Connections → add the connection; --allow-empty publishes a load without any"},
	{is(extract.ErrOtherWorkspace), "use the token of the workspace whose tables these are; where all its data sources were made anew, load one of them with --only first"},
	{is(notion.ErrNotFound), "open it in Notion, ••• → Connections → add the connection, and run again"},
	{is(notion.ErrUnreachable), "look at the network, at the proxy (HTTPS_PROXY) and at notion.base_url in the configuration"},
	{func(err error) bool { return isEnded(err) && notContinued(err) == byFull }, "the tables stay as they were; run again: what --full has read is not taken over"},
	{func(err error) bool { return isEnded(err) && notContinued(err) == byResume }, "the tables stay as they were; run again: everything is read again, since resume is off in the configuration"},
	{isEnded, "run again: the load is continued with what was read of pages; the tables stay as they are until then"},
	{is(catalog.ErrNoCatalog), "`notionlake run` makes it"},
	{is(lake.ErrNotVerified), "its tables are what readers see now; `notionlake check` looks at storage and catalog, and the next load replaces them"},
	{is(lake.ErrLocked), "--lock-timeout waits longer"},
	{isLost, "put it back from a backup; otherwise the next `notionlake run` writes anew what the last load has lost of a data source, and with --full of the other tables; `notionlake expire --load` gives an earlier load up"},
	{func(err error) bool { return as[*lake.StorageError](err) && errors.Is(err, fs.ErrPermission) }, permissionAdvice},
	{func(err error) bool { return as[*lake.StorageError](err) && !errors.Is(err, lake.ErrAltered) }, "`notionlake check` looks at storage and catalog"},
	{as[*lake.SourceError], "run again later, `notionlake check` looks at the connection"},
}

// isEnded reports whether a load was ended from outside.
func isEnded(err error) bool {
	return as[*signalError](err) && as[*loadError](err) || errors.Is(err, errDeadline)
}

// An endedError is the error of a load that is not continued if it was ended.
type endedError struct {
	err error
	why string
}

// Why a load is not continued.
const (
	byFull   = "--full"
	byResume = "resume is off"
)

func (e *endedError) Error() string { return e.err.Error() }
func (e *endedError) Unwrap() error { return e.err }

// notContinued is why the load of err is not continued, "" where it is.
func notContinued(err error) string {
	var ended *endedError
	if errors.As(err, &ended) {
		return ended.why
	}
	return ""
}

// isLost reports whether an error is of what is lost in the warehouse and does not say
// itself what can be done. A folder that cannot be made was not there before.
func isLost(err error) bool {
	if !as[*lake.StorageError](err) || !lake.IsLost(err) {
		return false
	}
	said := []string{"(put ", "(restore it", "put the file back", "`notionlake run --full`", "folder cannot be made"}
	return !slices.ContainsFunc(said, func(s string) bool { return strings.Contains(err.Error(), s) })
}

func is(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

func as[T error](err error) bool {
	var target T
	return errors.As(err, &target)
}
