package extract

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/lake"
)

// A fileObjects keeps on disk what the rows of data sources refer to: rows come
// whether or not pages are read. It is safe for concurrent use.
type fileObjects struct {
	records *recordFile

	mu     *sync.Mutex
	rows   map[notion.UUID]int // index in places
	places []fileObject
}

// A fileObject is a row that refers to files.
type fileObject struct {
	id, source notion.UUID
	at         place // zero: the row refers to none any more
}

func newFileObjects(dir string) (o fileObjects, err error) {
	o.mu, o.rows = &sync.Mutex{}, map[notion.UUID]int{}
	o.records, err = newRecordFile(dir)
	return o, err
}

func (o *fileObjects) close() error { return o.records.close() }

// A storedRef is a fileRef of a row as it lies on disk.
type storedRef struct {
	Property string  `json:"p,omitempty"`
	Source   string  `json:"s"`
	Position int     `json:"n,omitempty"`
	Name     *string `json:"name"`
	Kind     string  `json:"k"`
	URL      string  `json:"u"`
	Medium   bool    `json:"m,omitempty"`
}

// set notes what a row refers to; the last time counts.
func (o *fileObjects) set(id, source notion.UUID, refs []fileRef) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, known := o.rows[id]
	if len(refs) == 0 {
		if known {
			o.places[n].at = 0
		}
		return nil
	}
	stored := make([]storedRef, len(refs))
	for i, ref := range refs {
		stored[i] = storedRef{Property: ref.property, Source: ref.source, Position: ref.position, Kind: ref.kind, URL: ref.url, Medium: ref.medium}
		if !ref.name.IsNull() {
			name := ref.name.Text()
			stored[i].Name = &name
		}
	}
	data, err := json.Marshal(stored)
	if err != nil {
		return fmt.Errorf("files of page %s: %w", id, err)
	}
	at, err := o.records.add(data)
	if err != nil {
		return err
	}
	if !known {
		o.rows[id] = len(o.places)
		o.places = append(o.places, fileObject{})
	}
	o.places[o.rows[id]] = fileObject{id, source, at}
	return nil
}

// all are the rows that refer to files, in an order that is the same every night.
func (o *fileObjects) all() []fileObject {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := slices.Clone(o.places)
	slices.SortFunc(all, func(a, b fileObject) int {
		return cmp.Or(bytes.Compare(a.source[:], b.source[:]), bytes.Compare(a.id[:], b.id[:]))
	})
	return all
}

// refs are what a row refers to.
func (o *fileObjects) refs(row fileObject) ([]fileRef, error) {
	if row.at == 0 {
		return nil, nil
	}
	data, err := o.records.get(row.at)
	if err != nil {
		return nil, err
	}
	var stored []storedRef
	if err := json.Unmarshal(data, &stored); err != nil {
		return nil, fmt.Errorf("files of page %s: %w", row.id, err)
	}
	refs := make([]fileRef, len(stored))
	for i, s := range stored {
		refs[i] = fileRef{filePlace: filePlace{page: row.id.String(), property: s.Property, source: s.Source, position: s.Position}, kind: s.Kind, url: s.URL, medium: s.Medium}
		if s.Name != nil {
			refs[i].name = lake.TextValue(*s.Name)
		}
	}
	return refs, nil
}
