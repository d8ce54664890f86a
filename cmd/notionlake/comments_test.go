package main

import (
	"strings"
	"testing"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// A connection that may not read comments is told of wherever somebody looks.
func TestCommentsRefused(t *testing.T) {
	b := newBench(t, notiontest.Options{NoComments: true})
	for command, want := range map[string]string{
		"check": "warn  comments",
		"plan":  "note: comments_not_readable: the connection may not read comments: give it the capability “Read comments”",
		"run":   "not read: the connection may not read comments",
	} {
		r := b.call(command)
		if r.code != exitDone || !strings.Contains(r.stdout, want) {
			t.Errorf("%s ends with %d and lacks %q:\n%s", command, r.code, want, r.stdout)
		}
		if command == "plan" && strings.Contains(r.stdout, "gone") {
			t.Errorf("plan takes _comments for one that was there: %s", r.stdout)
		}
		if command == "run" && !strings.Contains(r.stderr, "the connection may not read comments") {
			t.Errorf("no warning: %s", r.stderr)
		}
	}
	b.configure("content: {comments: false}\n")
	if r := b.call("check"); r.code != exitDone || strings.Contains(r.stdout, "comments") {
		t.Errorf("check without comments: %s", r.stdout)
	}
}
