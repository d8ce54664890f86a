package catalog

import (
	"fmt"
	"maps"
	"sync"

	"github.com/apache/iceberg-go/table"
	"github.com/google/uuid"

	"github.com/notionlake/notionlake/lake"
)

// A restOrder knows how far each table was when it was seen last. A server that
// answers from a copy may show an older state afterwards, in which files that have
// been published since seem to belong to nobody.
type restOrder struct {
	mu   sync.Mutex
	seen map[uuid.UUID]tableSeen
}

type tableSeen struct {
	name     string
	sequence int64
}

func (o *restOrder) saw(name string, meta table.Metadata) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if meta.LastSequenceNumber() == 0 {
		return // nothing has been published in it: it may go
	}
	if o.seen == nil {
		o.seen = map[uuid.UUID]tableSeen{}
	}
	o.seen[meta.TableUUID()] = tableSeen{name, max(o.seen[meta.TableUUID()].sequence, meta.LastSequenceNumber())}
}

// forget lets a table be gone.
func (o *restOrder) forget(meta table.Metadata) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.seen, meta.TableUUID())
}

// check fails where a table is gone or older than it has been.
func (o *restOrder) check(rows []row) error {
	o.mu.Lock()
	gone := maps.Clone(o.seen)
	o.mu.Unlock()
	for _, r := range rows {
		if r.meta == nil {
			continue
		}
		before := gone[r.meta.TableUUID()].sequence
		delete(gone, r.meta.TableUUID())
		if r.meta.LastSequenceNumber() < before {
			return fmt.Errorf("table %s: the server shows an older state than it has shown before (sequence number %d after %d); it must not answer from a copy that lags: %w",
				r.name, r.meta.LastSequenceNumber(), before, lake.ErrConflict)
		}
		o.saw(r.name, r.meta)
	}
	for _, table := range gone {
		return fmt.Errorf("table %s was there a moment ago and is not any more: another program has dropped it, or the server answers from a copy that lags: %w", table.name, lake.ErrConflict)
	}
	return nil
}
