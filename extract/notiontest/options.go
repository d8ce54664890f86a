package notiontest

import (
	"net/http"
	"time"
)

// Options say how a Server behaves. The zero Options are Notion's own limits,
// without a rate limit, latency or faults.
type Options struct {
	Token string // DefaultToken if empty
	Seed  uint64 // of faults, short pages and orders that Notion does not promise

	// RatePerMinute is how many requests a window of 60 seconds holds (Notion:
	// 180 or 600); 0 is no limit. With Burst they also may not come faster than
	// evenly but for Burst of them.
	RatePerMinute, Burst int
	Latency              time.Duration // from a request to its answer

	Cap   int // results of one query or search; 0 is 10,000
	Limit int // references of a relation or people in a page object; 0 is 25

	// MarkdownLimit is how many blocks one answer has as Markdown; 0 is 20,000.
	MarkdownLimit int

	// ShortPages answers listings with fewer results than asked for, even none,
	// while there are more.
	ShortPages bool
	// PageSize is the most results that an answer has; 0: as many as asked for.
	PageSize int
	// Shuffle shows the properties of pages in another order than the schema's,
	// and rows whose sort keys are equal in another order than they were made.
	Shuffle bool
	// CursorTTL is how long a cursor is good; 0 is for ever.
	CursorTTL time.Duration
	// SearchGap is what search does not find.
	SearchGap SearchGap

	// What the connection may not do.
	NoContent, NoComments, NoUsers, NoEmail bool

	// FileBase is the URL at which clients find the server's own files: its own where
	// it is served over a socket. "": FileHost, where only FileTransport finds them.
	FileBase string
	// FileTTL is how long the URL of a hosted file is good; 0 is an hour.
	FileTTL time.Duration
	// FileFaults is the share of requests for files that fail, none more than twice.
	FileFaults float64

	Faults Faults
	NoGzip bool             // never compress, also when asked for
	Now    func() time.Time // time.Now if nil

	// OnRequest sees every request first.
	OnRequest func(*http.Request)
	// BetweenPages is called before the second and every later page of a listing
	// is answered, n counts them all: a place to change the workspace.
	BetweenPages func(n int)
}

// DefaultToken is the token of a Server that was given none.
const DefaultToken = "ntn_simulator"

// A SearchGap is what search does not find.
type SearchGap string

// The gaps of search.
const (
	SearchAll       SearchGap = ""
	SearchShared    SearchGap = "inherited" // only what is shared itself: no data source that is Inherited, nor its rows
	SearchHalf      SearchGap = "half"      // half of everything, by the seed
	SearchNoSources SearchGap = "sources"   // no data source at all
)

func (o Options) withDefaults() Options {
	setText(&o.Token, DefaultToken)
	setText(&o.FileBase, FileHost)
	if o.FileTTL <= 0 {
		o.FileTTL = time.Hour
	}
	if o.Cap <= 0 {
		o.Cap = 10_000
	}
	if o.MarkdownLimit <= 0 {
		o.MarkdownLimit = 20_000
	}
	if o.Limit <= 0 {
		o.Limit = 25
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}
