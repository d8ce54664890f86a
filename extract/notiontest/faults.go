package notiontest

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Faults fail requests at random, always the same ones for the same seed: the
// number of the request decides.
type Faults struct {
	Rate  float64  // of all requests
	Kinds []string // RetryFaults if empty
	Seed  uint64
}

// The kinds of faults. Some take a value after a colon: "429:17" sends a
// Retry-After of 17, "429:abc" one of abc, "429:date" the HTTP date in two
// seconds, "429" none; "529" likewise; "stall:90s" stalls so long.
const (
	FaultRateLimited    = "429"
	FaultOverload       = "529"
	FaultConflict       = "409"
	FaultInternal       = "500"
	FaultGateway        = "502" // an HTML page of the edge proxy
	FaultUnavailable    = "503"
	FaultTimeout        = "504"
	FaultReset          = "reset"           // the connection breaks before the answer
	FaultCut            = "cut"             // it breaks in the middle, chunked
	FaultShort          = "short"           // it ends before its Content-Length
	FaultTruncated      = "truncated"       // the JSON is cut, though HTTP is well
	FaultEmpty          = "empty"           // 200 without a body
	FaultErrorOK        = "200-error"       // 200 with an error object
	FaultGarbage        = "garbage"         // more behind the JSON
	FaultStall          = "stall"           // 60 seconds without a byte in the middle
	FaultExpired        = "expired"         // the cursor is no longer good
	FaultDuplicate      = "duplicate"       // a page of a query begins with the last row of the page before
	FaultIncomplete     = "incomplete"      // one page of a query says that the query is incomplete
	FaultRepeated       = "repeated-cursor" // next_cursor is the cursor that was sent
	FaultNoCursor       = "no-cursor"       // has_more without next_cursor
	FaultUnauthorized   = "401"
	FaultRestricted     = "403"
	FaultNotFound       = "404"
	FaultBlocked        = "blocked"   // 429 public_api_request_blocked
	FaultBomb           = "gzip-bomb" // 1 GiB that weighs 1 MB
	FaultOversized      = "oversized" // 80 MiB
	FaultWrongID        = "wrong-id"  // another object than the one asked for
	FaultNotUTF8        = "utf8"
	faultRetryAfterDate = "date"
)

// RetryFaults returns the kinds that a patient client gets over by asking again
// or, for a cursor, anew. FaultStall is not among them for it takes a minute.
func RetryFaults() []string {
	return []string{
		"429:0", "429:1", "429:2", "429", "429:abc", "429:-1", "429:date", "529:1", FaultConflict, FaultInternal,
		FaultGateway, FaultUnavailable, FaultTimeout, FaultReset, FaultCut, FaultShort, FaultTruncated, FaultEmpty,
		FaultErrorOK, FaultGarbage, FaultExpired, FaultDuplicate,
	}
}

// OtherFaults returns the kinds that only come by name.
func OtherFaults() []string {
	return []string{
		FaultStall, FaultIncomplete, FaultRepeated, FaultNoCursor, FaultUnauthorized, FaultRestricted, FaultNotFound,
		FaultBlocked, FaultBomb, FaultOversized, FaultWrongID, FaultNotUTF8,
	}
}

// A fault is one that fires; the zero fault does nothing.
type fault struct{ kind, name, arg string }

// CheckFault reports whether there is such a kind.
func CheckFault(kind string) error {
	name, arg, hasArg := strings.Cut(kind, ":")
	switch name {
	case FaultRateLimited, FaultOverload:
		return nil
	case FaultStall:
		if _, err := time.ParseDuration(arg); hasArg && err != nil {
			return fmt.Errorf("fault %q: %w", kind, err)
		}
		return nil
	}
	if hasArg || !slices.Contains(append(RetryFaults(), OtherFaults()...), name) {
		return fmt.Errorf("there is no fault %q", kind)
	}
	return nil
}

func newFault(kind string) fault {
	if err := CheckFault(kind); err != nil {
		panic("notiontest: " + err.Error())
	}
	name, arg, _ := strings.Cut(kind, ":")
	return fault{kind, name, arg}
}

func (f Faults) check() {
	for _, k := range f.Kinds {
		newFault(k)
	}
}

// A moment is what decides whether a fault can fire.
type moment struct {
	number    int64
	continues bool // a second or later page
	query     bool // of a data source
}

func (f fault) fits(at moment) bool {
	switch f.name {
	case FaultDuplicate:
		return at.continues && at.query
	case FaultExpired, FaultRepeated:
		return at.continues
	case FaultIncomplete:
		return at.query
	}
	return true
}

// draw decides by the number of the request; a kind that cannot fire there
// gives way to the next one.
func (f Faults) draw(at moment) fault {
	number := string(count(int(at.number)))
	if f.Rate <= 0 || float64(hash(f.Seed, "fault", number)) >= f.Rate*math.MaxUint64 {
		return fault{}
	}
	kinds := f.Kinds
	if len(kinds) == 0 {
		kinds = RetryFaults()
	}
	from := hash(f.Seed, "kind", number)
	for i := range kinds {
		k := newFault(kinds[(from+uint64(i))%uint64(len(kinds))])
		if k.fits(at) {
			return k
		}
	}
	return fault{}
}

// An injection is a fault that waits for its request.
type injection struct {
	match func(*http.Request) bool
	fault fault
	left  int
}

// Inject makes a fault of the kind fire on the next times requests that match
// accepts (nil: all), before any at random.
func (s *Server) Inject(match func(*http.Request) bool, kind string, times int) {
	f := newFault(kind)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.injected = append(s.injected, &injection{match, f, times})
}

// scripted takes the first injected fault that waits for this request.
func (s *Server) scripted(r *http.Request, body []byte, at moment) fault {
	s.mu.Lock()
	waiting := slices.Clone(s.injected)
	s.mu.Unlock()
	for _, in := range waiting {
		if !in.fault.fits(at) {
			continue
		}
		if in.match != nil {
			r.Body = io.NopCloser(bytes.NewReader(body))
			if !in.match(r) {
				continue
			}
		}
		if s.use(in) {
			return in.fault
		}
	}
	return fault{}
}

func (s *Server) use(in *injection) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if in.left <= 0 {
		return false
	}
	in.left--
	if in.left == 0 {
		s.injected = slices.DeleteFunc(s.injected, func(o *injection) bool { return o == in })
	}
	return true
}
