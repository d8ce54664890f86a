package lake

import "time"

// The states of a load.
const (
	StatusComplete = "complete" // everything that the source has was read
	StatusPartial  = "partial"  // published, with reasons why something is missing
	StatusHeld     = "held"     // read, but not published
	StatusFailed   = "failed"
)

// A Report says what became of a load. Its JSON is a documented contract.
type Report struct {
	LoadID      LoadID        `json:"load_id"`
	Tag         string        `json:"tag"`
	Status      string        `json:"status"`
	Reasons     []string      `json:"reasons"`
	Started     time.Time     `json:"started"`
	Finished    time.Time     `json:"finished"`
	Requests    int64         `json:"requests"`
	Retries     int64         `json:"retries"`
	RateLimited int64         `json:"rate_limited"`
	BytesRead   int64         `json:"bytes_read"`
	Tables      []TableReport `json:"tables"`
	// RollbackTo is the load that a rollback made current again.
	RollbackTo LoadID `json:"rollback_to,omitempty"`
	// Files is what became of the files that are copied; nil: none are.
	Files *FilesReport `json:"files,omitempty"`
	// Problems is how much was not read of each kind, in the words of _problems.kind.
	Problems map[string]int64 `json:"problems,omitempty"`
	// Overtaken are held loads that could be published until this one was.
	Overtaken []LoadID `json:"overtaken,omitempty"`
	// Continues is set where an earlier run began the load. All else is of this run.
	Continues *Continuation `json:"continues,omitempty"`
}

// A FilesReport counts the files that a load met, each once from however many
// places it is referred to.
type FilesReport struct {
	Copied      int64 `json:"copied"`       // fetched by this load
	Bytes       int64 `json:"bytes"`        // of those
	CarriedOver int64 `json:"carried_over"` // with a copy that was there
	Skipped     int64 `json:"skipped"`      // without a copy
	// SkippedBy has Skipped by reason, in the words of _files.reason.
	SkippedBy map[string]int64 `json:"skipped_by,omitempty"`
}

// A Continuation says what a run has from those that it continues.
type Continuation struct {
	Began time.Time `json:"began"` // the load, by its first run
	// Pages and Files are those that were not read again.
	Pages int64 `json:"pages"`
	Files int64 `json:"files"`
}

// A TableReport says what became of one table in a load.
type TableReport struct {
	Name  string `json:"name"`
	Key   string `json:"key"`
	Rows  int64  `json:"rows"`
	Files int    `json:"files"`
	Bytes int64  `json:"bytes"`
	// ReusedFiles and ReusedBytes are those of Files and Bytes that the table had
	// before: they were not written.
	ReusedFiles   int            `json:"reused_files"`
	ReusedBytes   int64          `json:"reused_bytes"`
	SnapshotID    int64          `json:"snapshot_id"`
	SchemaChanges []SchemaChange `json:"schema_changes"`
	Complete      bool           `json:"complete"`
	// Reason says why the table is not complete.
	Reason  string     `json:"reason,omitempty"`
	Omitted []Omission `json:"omitted"`
	// Gone are the rows of the last load that this one does not have.
	Gone []Gone `json:"gone"`
	// unread says that the source did not read it.
	unread bool
}

// newTableReport is that of a table which is complete, with lists that are never null.
func newTableReport(s Schema) TableReport {
	return TableReport{Name: s.Table, Key: s.Key, Complete: true, SchemaChanges: []SchemaChange{}, Omitted: []Omission{}, Gone: []Gone{}}
}

// stays notes that the table is as it was at a snapshot.
func (t *TableReport) stays(s Snapshot) {
	t.Rows, t.Files, t.Bytes, t.SnapshotID = s.Rows, int(s.Files), s.Bytes, s.ID
	t.ReusedFiles, t.ReusedBytes = t.Files, t.Bytes
}

// SourceStats is what a source counts while it is read.
type SourceStats struct {
	Requests, Retries, RateLimited, BytesRead int64
	// Files is nil where none are copied.
	Files *FilesReport
	// Problems counts what was not read, by kind. Lost says what of the last load could not be.
	Problems map[string]int64
	Lost     []string
	// ResumedPages and ResumedFiles were taken over from the runs that this one continues.
	ResumedPages, ResumedFiles int64
}

// count takes the source's counters in.
func (r *Report) count(stats func() SourceStats) {
	if stats == nil {
		return
	}
	s := stats()
	r.Requests, r.Retries, r.RateLimited, r.BytesRead = s.Requests, s.Retries, s.RateLimited, s.BytesRead
	r.Files, r.Problems = s.Files, s.Problems
	if r.Continues != nil {
		r.Continues.Pages, r.Continues.Files = s.ResumedPages, s.ResumedFiles
	}
}
