package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/notionlake/notionlake/extract/notiontest"
	"github.com/notionlake/notionlake/lake"
)

// What a complete load could not read is counted in its report, by kind.
func TestProblemsInReport(t *testing.T) {
	t.Parallel()
	b := newBench(t, notiontest.Options{})
	refuse := func() {
		b.server.Inject(func(r *http.Request) bool {
			return strings.HasPrefix(r.URL.Path, "/v1/blocks/") && strings.HasSuffix(r.URL.Path, "/children")
		}, notiontest.FaultNotFound, 1)
	}
	refuse()
	r := b.call("run")
	r.wants(t, exitDone)
	if !strings.Contains(r.stdout, "\nproblems: 1 blocks_not_readable (see _problems)\n") {
		t.Errorf("the report: %s", r.stdout)
	}
	refuse()
	got := b.call("run", "--full", "--json").report(t)
	if len(got.Problems) != 1 || got.Problems["blocks_not_readable"] != 1 {
		t.Errorf("problems: %v", got.Problems)
	}
	r = b.call("run", "--full")
	if strings.Contains(r.stdout, "problems:") {
		t.Errorf("nothing is wrong: %s", r.stdout)
	}
}

// That rows of the last load could not be read is a reason in the report.
func TestLostInReport(t *testing.T) {
	t.Parallel()
	b := newBench(t, notiontest.Options{})
	first := b.call("run", "--json").report(t)
	b.lose(first.table("tasks").Key + "/data/*.parquet")
	const want = "tasks: the rows of the last load cannot be read, so that it is not known which of them are gone"
	got := b.call("run", "--json").report(t)
	if got.Status != "complete" || !slices.Equal(got.Reasons, []string{want}) || got.Problems["rows_not_asked"] != 1 {
		t.Errorf("%s, reasons %q, problems %v", got.Status, got.Reasons, got.Problems)
	}
	if text := reportText(lake.Report(got)); !strings.Contains(text, "\n  "+want+"\n") {
		t.Errorf("the report: %s", text)
	}
	if got = b.call("run", "--json").report(t); len(got.Reasons)+len(got.Problems) > 0 {
		t.Errorf("the next load: reasons %q, problems %v", got.Reasons, got.Problems)
	}
}
