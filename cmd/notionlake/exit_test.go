package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/extract"
	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/lake"
)

func TestExitCode(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{errors.New("anything"), 1},
		{&panicError{"x"}, 1},
		{&lake.PanicError{Table: "t"}, 1},
		{usagef("x"), 2},
		{fmt.Errorf("open: %w", &lake.StorageError{Err: &lake.URLError{URL: "ftp://x"}}), 2},
		{&lake.StorageError{Err: fmt.Errorf("x: %w", catalog.ErrForeign)}, 2},
		{&lake.StorageError{Err: fmt.Errorf("x: %w", lake.ErrAltered)}, 2},
		{&lake.SourceError{Err: &notion.Error{Status: 401, Code: "unauthorized"}}, 3},
		{&lake.SourceError{Err: &notion.Error{Status: 403, Code: "restricted_resource"}}, 3},
		{&lake.SourceError{Err: &notion.Error{Status: 429, Code: "rate_limited", Reason: "public_api_request_blocked"}}, 3},
		{&notion.Error{Status: 404, Code: "object_not_found"}, 4},
		{&lake.SourceError{Err: errors.New("x")}, 4},
		{fmt.Errorf("x: %w", errDeadline), 4},
		{&lake.StorageError{Err: errors.New("x")}, 5},
		{&lake.StorageError{Err: fmt.Errorf("x: %w", lake.ErrConflict)}, 6},
		{&lake.StorageError{Err: fmt.Errorf("x: %w", lake.ErrLocked)}, 6},
		{&lake.StorageError{Err: fmt.Errorf("x: %w", lake.ErrUnknown)}, 7},
		{&lake.HeldError{Reasons: []string{"x"}}, 8},
		{&outputError{syscall.ENOSPC}, 5},
		{errors.Join(&lake.HeldError{Reasons: []string{"x"}}, &outputError{syscall.ENOSPC}), 8},
		{&signalError{syscall.SIGINT}, 130},
		{&signalError{syscall.SIGTERM}, 143},
	} {
		if got := exitCode(c.err); got != c.want {
			t.Errorf("%v: exit code %d, want %d", c.err, got, c.want)
		}
	}
}

// Only a load is told that the tables stay: a command that reads changes none,
// and what is published does not stay as it was.
func TestAdvice(t *testing.T) {
	const stay = "the tables stay at their last load; "
	storage, source := &lake.StorageError{Err: errors.New("x")}, &lake.SourceError{Err: errors.New("x")}
	denied := &lake.StorageError{Err: fmt.Errorf("write x: %w", &fs.PathError{Op: "open", Path: "x", Err: syscall.EACCES})}
	for _, c := range []struct {
		err  error
		want string
	}{
		{storage, "`notionlake check` looks at storage and catalog"},
		{source, "run again later, `notionlake check` looks at the connection"},
		{&loadError{storage}, stay + "`notionlake check` looks at storage and catalog"},
		{&loadError{source}, stay + "run again later, `notionlake check` looks at the connection"},
		{&loadError{denied}, stay + "let the user that runs notionlake read and write there"},
		{&checkError{denied}, "let the user that runs notionlake read and write there"},
		{&lake.StorageError{Err: lake.Damaged(errors.New("x"))}, "put it back from a backup; otherwise the next `notionlake run` writes anew what the last load has lost of a data source, and with --full of the other tables; `notionlake expire --load` gives an earlier load up"},
		{&lake.StorageError{Err: lake.Damaged(errors.New("metadata x (restore it from a backup)"))}, "`notionlake check` looks at storage and catalog"},
		{&loadError{&lake.SourceError{Err: &lake.PanicError{Table: "t"}}}, "please report it with the output of --log-level debug"},
		{&loadError{errors.New("x")}, ""},
		{&loadError{&signalError{syscall.SIGINT}}, "run again: the load is continued with what was read of pages; the tables stay as they are until then"},
		{&loadError{&endedError{&signalError{syscall.SIGINT}, byFull}}, "the tables stay as they were; run again: what --full has read is not taken over"},
		{&endedError{errDeadline, byResume}, "the tables stay as they were; run again: everything is read again, since resume is off in the configuration"},
		{&endedError{errDeadline, ""}, "run again: the load is continued with what was read of pages; the tables stay as they are until then"},
		{&signalError{syscall.SIGINT}, ""},
		{&checkError{storage}, ""},
		{&checkError{&lake.SourceError{Err: notion.ErrRestricted}}, "give the connection the capability “Read content” at notion.so/profile/integrations"},
		{&lake.StorageError{Err: fmt.Errorf("%w: x", lake.ErrNotVerified)}, "its tables are what readers see now; `notionlake check` looks at storage and catalog, and the next load replaces them"},
		{fmt.Errorf("x: %w", catalog.ErrNoCatalog), "`notionlake run` makes it"},
		{&lake.HeldError{Load: "X"}, "`notionlake diff --to X` shows what it would change; then `notionlake publish X` or `notionlake discard X`"},
		{&lake.SourceError{Err: &extract.NoMatchError{Text: "taks", Tables: []string{"clients", "tasks"}, Titles: []string{"Clients", "Tasks"}}}, "did you mean tasks?"},
		{&extract.NoMatchError{Text: "Client lists", Tables: []string{"client_list_0123456789ab"}, Titles: []string{"Client list"}}, `did you mean "Client list"?`},
		{&extract.NoMatchError{Text: "zzzzzzzz", Tables: []string{"clients", "tasks"}}, "there are clients, tasks"},
		{&extract.NoMatchError{Text: "zzzzzzzz"}, "`notionlake plan` lists what there is"},
		{&extract.NoMatchError{Text: "_pages", Tables: []string{"pages"}}, "--only takes data sources; tables that begin with _ are made of all that is read"},
		{&extract.NoMatchError{Text: "a", Several: []string{"a_1", "a_2"}}, ""},
		{&loadError{fmt.Errorf("x: %w", lake.ErrAltered)}, "the tables stay at their last load until then"},
		{fmt.Errorf("x: %w", lake.ErrAltered), ""},
	} {
		if got := adviceFor(c.err); got != c.want {
			t.Errorf("%#v: %q, want %q", c.err, got, c.want)
		}
	}
	p := &program{stdout: io.Discard}
	for err, stays := range map[error]bool{
		storage: true,
		&lake.StorageError{Err: fmt.Errorf("%w: x", lake.ErrNotVerified)}: false,
		&lake.StorageError{Err: fmt.Errorf("%w: x", lake.ErrUnknown)}:     false,
	} {
		if got := adviceFor(p.printReport(lake.Report{}, err, true)); strings.HasPrefix(got, stay) != stays {
			t.Errorf("%v: %q", err, got)
		}
	}
	if got := adviceFor(p.printReport(lake.Report{Status: lake.StatusPartial}, storage, true)); strings.HasPrefix(got, stay) {
		t.Errorf("of a load that is published: %q", got)
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	if err := interrupted(ctx, context.Canceled); exitCode(err) != exitInternal {
		t.Errorf("a cancellation without a signal is %v", err)
	}
	cancel(&signalError{syscall.SIGTERM})
	if err := interrupted(ctx, fmt.Errorf("read: %w", context.Canceled)); exitCode(err) != 143 {
		t.Errorf("a cancellation by a signal is %v", err)
	}
	if err := interrupted(ctx, nil); err != nil {
		t.Errorf("a load that was published all the same is %v", err)
	}
	if err := interrupted(ctx, &lake.StorageError{Err: errors.New("disk full")}); exitCode(err) != exitStorage {
		t.Errorf("another error is %v", err)
	}
}
