package extract

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// What a problem says is the same in every night in which it is the same problem: a
// difference between two loads is one in the workspace.
func TestProblemsStay(t *testing.T) {
	server := notiontest.NewServer(notiontest.Everything(1), notiontest.Options{})
	var nights [2][]string
	for n := range nights {
		got, err := newMemoryLake().run(t.Context(), "20260101T000000Z", NewSource(contentOptions(newClient(t, server))))
		if err != nil {
			t.Fatal(err)
		}
		nights[n] = got[keyProblems].texts("message")
	}
	if diff := cmp.Diff(nights[0], nights[1]); diff != "" || !strings.Contains(strings.Join(nights[0], "\n"), "(HTTP 404") {
		t.Errorf("-first load +the same again\n%s\n%q", diff, nights[0])
	}
}
