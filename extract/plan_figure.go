package extract

import (
	"context"
	"iter"
	"sync"

	"github.com/notionlake/notionlake/extract/notion"
)

// A Basis says what a figure rests on.
type Basis string

const (
	// Exact: counted, and right unless the workspace changes or Notion gives a list
	// in smaller parts than it was asked for.
	Exact Basis = "exact"
	// LastLoad: it rests on what the last load had.
	LastLoad Basis = "last_load"
	// Unknown: only so much is known that it is AtLeast so high.
	Unknown Basis = "unknown"
)

// A Figure is a number that is known more or less.
type Figure struct {
	N       int64 // the best guess
	AtLeast int64
	AtMost  *int64 // nil: it may be any number
	Basis   Basis
}

func exactly(n int64) Figure { return Figure{n, n, &n, Exact} }

// about is a figure without an upper limit.
func about(n, least int64, basis Basis) Figure {
	return Figure{N: max(n, least), AtLeast: least, Basis: basis}
}

// plus is the sum: as sure as the less sure of both.
func (f Figure) plus(o Figure) Figure {
	sum := Figure{N: f.N + o.N, AtLeast: f.AtLeast + o.AtLeast, Basis: f.Basis}
	if f.AtMost != nil && o.AtMost != nil {
		most := *f.AtMost + *o.AtMost
		sum.AtMost = &most
	}
	for _, b := range []Basis{Exact, LastLoad, Unknown} {
		if f.Basis == b || o.Basis == b {
			sum.Basis = b
		}
	}
	return sum
}

// A RequestKind is a kind of requests to Notion.
type RequestKind string

// The kinds of requests.
const (
	RequestSearch      RequestKind = "search"
	RequestDatabases   RequestKind = "databases"
	RequestDataSources RequestKind = "data_sources" // their properties
	RequestQueries     RequestKind = "queries"      // of rows
	RequestProperties  RequestKind = "properties"   // values that a page shows a part of
	RequestUsers       RequestKind = "users"
	RequestViews       RequestKind = "views"
	RequestPages       RequestKind = "pages" // that are no rows, or not listed as such any more
	RequestBlocks      RequestKind = "blocks"
	RequestMarkdown    RequestKind = "markdown"
	RequestComments    RequestKind = "comments"
)

// requestKinds are all kinds, in the order in which they are told.
var requestKinds = []RequestKind{
	RequestSearch, RequestDatabases, RequestDataSources, RequestQueries, RequestProperties, RequestUsers,
	RequestViews, RequestPages, RequestBlocks, RequestMarkdown, RequestComments,
}

// PlannedRequests are how many requests of a kind a load makes, without those that
// are tried again.
type PlannedRequests struct {
	Kind RequestKind
	Figure
}

// Sum is the sum of all requests.
func Sum(list []PlannedRequests) Figure {
	sum := exactly(0)
	for _, r := range list {
		sum = sum.plus(r.Figure)
	}
	return sum
}

// listSize is how many results Notion gives at once.
const listSize = 100

// parts is how many requests a list of n results takes.
func parts(n int64) int64 { return max(1, (n+listSize-1)/listSize) }

// readings is how many requests a list takes that is read again, if it comes in
// several parts, until that finds nothing new.
func readings(n int64) int64 {
	if n > listSize {
		return 2 * parts(n)
	}
	return 1
}

// A tally is a client that counts the requests of discovery, which a plan makes as
// a load does.
type tally struct {
	Client
	mu     sync.Mutex
	counts map[RequestKind]int64
}

func (t *tally) add(kind RequestKind, n int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts[kind] += n
}

func (t *tally) of(kind RequestKind) int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.counts[kind]
}

func (t *tally) Database(ctx context.Context, id string) (notion.JSON, error) {
	t.add(RequestDatabases, 1)
	return t.Client.Database(ctx, id)
}

func (t *tally) DataSource(ctx context.Context, id string) (notion.JSON, error) {
	t.add(RequestDataSources, 1)
	return t.Client.DataSource(ctx, id)
}

func (t *tally) Page(ctx context.Context, id string) (notion.JSON, error) {
	t.add(RequestPages, 1)
	return t.Client.Page(ctx, id)
}

func (t *tally) Users(ctx context.Context) iter.Seq2[notion.JSON, error] {
	return t.list(RequestUsers, t.Client.Users(ctx))
}

func (t *tally) Search(ctx context.Context, object string) iter.Seq2[notion.JSON, error] {
	return t.list(RequestSearch, t.Client.Search(ctx, object))
}

func (t *tally) ChildSources(ctx context.Context, dataSource string) iter.Seq2[notion.JSON, error] {
	return t.list(RequestQueries, t.Client.ChildSources(ctx, dataSource))
}

func (t *tally) list(kind RequestKind, objects iter.Seq2[notion.JSON, error]) iter.Seq2[notion.JSON, error] {
	return func(yield func(notion.JSON, error) bool) {
		n := int64(0)
		defer func() { t.add(kind, readings(n)) }()
		for object, err := range objects {
			if err == nil {
				n++
			}
			if !yield(object, err) {
				return
			}
		}
	}
}
