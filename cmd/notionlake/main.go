// Command notionlake loads a Notion workspace into Iceberg tables. It is the
// only package that reads the environment, writes to the terminal and exits.
//
// Every command is one function that returns its *cli.Command; its action fills
// an options struct and calls the function that does the work. Results go to
// stdout, logs and progress to stderr, and exitCode is the one place where an
// error becomes an exit code.
package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	stdlog "log"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
	_ "time/tzdata" // dates carry IANA zone names; containers often have no zone files

	"github.com/notionlake/notionlake/cmd/notionlake/quiet"
	"github.com/notionlake/notionlake/lake"
)

// The packages that this one needs are set up now, in a test as well.
func init() { quiet.End() }

func main() {
	tuneCollector(os.LookupEnv)
	stdlog.SetOutput(io.Discard) // libraries print what comes back as an error as well
	ctx, stop := withSignals(context.Background())
	dir, _ := os.Getwd() // without one, relative paths stay what they are
	code := run(ctx, os.Args, outside{dir: dir, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, env: os.LookupEnv})
	stop()
	os.Exit(code)
}

// An outside is what a call of the program has of the world.
type outside struct {
	dir            string // the working directory
	stdin          io.Reader
	stdout, stderr io.Writer
	env            func(name string) (string, bool)
	point          lake.Point       // where tests stop the program; nil otherwise
	keepEvery      time.Duration    // of extract.Options; tests shorten it
	patience       time.Duration    // defaultPatience; tests shorten it
	now            func() time.Time // nil: time.Now; tests set it wrong
}

// A program is one call of notionlake.
type program struct {
	name    string // as it was called
	dir     string // relative paths of the command line start here
	stdin   io.Reader
	stdout  io.Writer // of results; redacted
	console *console  // of logs, progress and errors; redacted
	env     func(name string) (string, bool)
	secrets *redactor
	log     *slog.Logger
	format  string // text or json, of logs and errors
	now     func() time.Time
	point   lake.Point

	keepEvery time.Duration
	patience  time.Duration // how long commands wait that somebody looks at
}

// run is the whole program but for signals and exiting: it does what args say
// and returns the exit code.
func run(ctx context.Context, args []string, o outside) (code int) {
	secrets := &redactor{}
	p := &program{
		name:    nameOf(args),
		dir:     o.dir,
		stdin:   o.stdin,
		stdout:  &redactingWriter{w: o.stdout, secrets: secrets},
		console: newConsole(o.stderr, secrets),
		env:     o.env,
		secrets: secrets,
		now:     time.Now,
		point:   o.point,

		keepEvery: o.keepEvery,
		patience:  cmp.Or(o.patience, defaultPatience),
	}
	if o.now != nil {
		p.now = o.now
	}
	token, _ := o.env(tokenVariable)
	secrets.hide(strings.TrimSpace(token))
	p.format = earlyLogFormat(args)
	p.setLogger(slog.LevelInfo)
	defer func() {
		if v := recover(); v != nil {
			code = p.fail(ctx, p.panicked(v))
		}
	}()
	app := p.app()
	err := app.RunContext(ctx, permute(app, args))
	if err == nil {
		return exitDone
	}
	return p.fail(ctx, err)
}

// fail prints the error in one line and returns its exit code.
func (p *program) fail(ctx context.Context, err error) int {
	err = interrupted(ctx, err)
	code := exitCode(err)
	text := p.secrets.redact(oneLine(describe(err)))
	advice := oneLine(p.secrets.redact(adviceFor(err)))
	p.console.endProgress()
	if p.format == formatJSON {
		line := slog.NewRecord(p.now(), slog.LevelError, text, 0)
		line.AddAttrs(slog.Int("code", code))
		if advice != "" {
			line.AddAttrs(slog.String("advice", advice))
		}
		_ = p.log.Handler().Handle(ctx, line) // where it cannot be written, the code is left
		return code
	}
	if advice != "" {
		text += ": " + advice
	}
	fmt.Fprintf(p.console, "notionlake: %s\n", text)
	return code
}

// nameOf is how the program was called, where the demo shows commands to repeat.
func nameOf(args []string) string {
	if len(args) > 0 && strings.ContainsRune(args[0], filepath.Separator) {
		return shellQuote(args[0])
	}
	return "notionlake"
}

// panicError is a bug of this program. It does not carry the value that was
// panicked with, which may hold the content of a cell.
type panicError struct{ what string }

func (e *panicError) Error() string { return "internal error: " + e.what }

// panicked makes an error of a recovered panic and logs its stack, in which
// values are addresses only.
func (p *program) panicked(v any) error {
	what := fmt.Sprintf("panic with a %T", v)
	if e, ok := v.(runtime.Error); ok {
		what = e.Error()
	}
	var stack []string
	for line := range strings.Lines(string(debug.Stack())) {
		stack = append(stack, strings.TrimSpace(line))
	}
	p.log.Debug("panic", "stack", stack)
	return &panicError{what}
}

// oneLine puts a text on one line, safe for terminals. What a library says line by
// line, for each address that it tried, is said once.
func oneLine(s string) string {
	var b strings.Builder
	seen := map[string]bool{}
	for line := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == '\n' || r == '\r' }) {
		if line = strings.TrimSpace(line); line == "" || seen[line] {
			continue
		}
		switch {
		case len(seen) == 0:
		case strings.HasSuffix(b.String(), ":"):
			b.WriteByte(' ')
		default:
			b.WriteString("; ")
		}
		seen[line] = true
		b.WriteString(line)
	}
	return safeText(b.String())
}
