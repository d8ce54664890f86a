package catalog

import (
	"sync"

	"github.com/notionlake/notionlake/lake"
)

// admissions are the runs of this process that may publish, where the catalog does
// not keep them itself.
type admissions struct {
	mu   sync.Mutex
	runs map[lake.RunID]*admission
}

// An admission is that of a run of this process.
type admission struct {
	admitted bool
	// sent says that a commit is under way, or was sent and it is not known what
	// became of it.
	sent bool
	n    int // commits so far
}

func newAdmissions() *admissions { return &admissions{runs: map[lake.RunID]*admission{}} }

func (a *admissions) admit(run lake.RunID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.runs[run] = &admission{admitted: true}
}

func (a *admissions) isAdmitted(run lake.RunID) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.runs[run]
	return r != nil && r.admitted
}

// knows reports whether a run is one of this process.
func (a *admissions) knows(run lake.RunID) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.runs[run] != nil
}

// sends notes that a commit is under way, the nth of the run. It must not be sent
// where the run has been fenced meanwhile.
func (a *admissions) sends(run lake.RunID, needsAdmission bool) (n int, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.runs[run]
	if needsAdmission && (r == nil || !r.admitted) {
		return 0, false
	}
	if r == nil {
		r = &admission{}
		a.runs[run] = r
	}
	r.sent = true
	r.n++
	return r.n, true
}

// answeredTo notes that no commit of the run is under way.
func (a *admissions) answeredTo(run lake.RunID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r := a.runs[run]; r != nil {
		r.sent = false
	}
}

// leave ends the admission of a run, and reports whether it is one of this
// process that has nothing under way: then that is all that it takes.
func (a *admissions) leave(run lake.RunID) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.runs[run]
	if r == nil {
		return false
	}
	r.admitted = false
	return !r.sent
}
