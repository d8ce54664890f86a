package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// A held load has nothing of a table that it did not read whole: it is not in the list of
// its tables, and who asks for it is told so.
func TestHeldPartial(t *testing.T) {
	t.Parallel()
	b := newBench(t, notiontest.Options{})
	b.call("run", "--as-load", "20260101T000000Z").wants(t, exitDone)
	b.configure("guard: {partial: hold}\n")
	tasks := notiontest.SourceID(1, "tasks")
	b.server.Inject(func(r *http.Request) bool { return strings.Contains(r.URL.Path, tasks+"/query") }, notiontest.FaultRestricted, 1000)
	r := b.call("run", "--as-load", "20260102T000000Z")
	r.wants(t, exitHeld, "tasks")
	if !strings.Contains(r.stdout, "`notionlake head --at 20260102T000000Z _problems` shows them") {
		t.Errorf("the report does not say where its problems are:\n%s", r.stdout)
	}
	b.call("head", "--at", "20260102T000000Z", "_problems").wants(t, exitDone)
	r = b.call("tables", "--at", "20260102T000000Z")
	r.wants(t, exitDone)
	if strings.Contains(r.stdout, "tasks") || !strings.Contains(r.stdout, "projects") {
		t.Errorf("tables --at says\n%s", r.stdout)
	}
	b.call("head", "--at", "20260102T000000Z", "projects").wants(t, exitDone)
	b.call("head", "--at", "20260102T000000Z", "tasks").wants(t, exitUsage, `which is held, did not read a table "tasks"`)
	b.call("head", "tasks").wants(t, exitDone)
}
