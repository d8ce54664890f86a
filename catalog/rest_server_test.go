package catalog_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/apache/iceberg-go/table"
	"github.com/google/uuid"
)

// A restServer is a REST catalog in memory, over local files, whose transactions
// are all or nothing whoever writes at the same time.
type restServer struct {
	endpoints []string // that it says it has; nil: it says nothing
	forgets   bool     // it keeps the current snapshot only, and no tags
	refuses   string   // a tag that it leaves out without a word
	lag       int      // how many readings after a transaction still see what was before it
	renames   int      // how many renames it fails

	// meanwhile is done once, after the tables have been listed.
	meanwhile func()
	// write writes metadata files; nil: to the local disk.
	write func(uri string, data []byte) error

	stale map[string]*served
	left  int // of lag

	mu     sync.Mutex
	tables map[string]*served // by namespace and name
	spaces map[string]bool
}

type served struct {
	meta     table.Metadata
	location string
	number   int
}

func newRESTServer(t *testing.T, endpoints ...string) string {
	t.Helper()
	return (&restServer{endpoints: endpoints}).start(t)
}

func (s *restServer) start(t *testing.T) string {
	t.Helper()
	s.tables, s.spaces = map[string]*served{}, map[string]bool{}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return server.URL
}

// A refusal is an answer that is an error.
type refusal struct {
	code       int
	kind, text string
}

func (r *refusal) Error() string { return r.kind + ": " + r.text }

var noTable = &refusal{http.StatusNotFound, "NoSuchTableException", "there is no such table"}

type restIdentifier struct {
	Namespace []string `json:"namespace"`
	Name      string   `json:"name"`
}

func (i restIdentifier) key() string { return i.Namespace[0] + "\x00" + i.Name }

type restChange struct {
	Identifier   restIdentifier     `json:"identifier"`
	Requirements table.Requirements `json:"requirements"`
	Updates      table.Updates      `json:"updates"`
}

func (s *restServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer, err := s.answer(r)
	tell(w, answer, err)
}

// tell sends an answer, or an error.
func tell(w http.ResponseWriter, answer any, err error) {
	var refused *refusal
	switch {
	case errors.As(err, &refused):
		w.WriteHeader(refused.code)
		answer = map[string]any{"error": map[string]any{"message": refused.text, "type": refused.kind, "code": refused.code}}
	case err != nil:
		w.WriteHeader(http.StatusBadRequest)
		answer = map[string]any{"error": map[string]any{"message": err.Error(), "type": "BadRequestException", "code": 400}}
	case answer == nil:
		w.WriteHeader(http.StatusNoContent)
		return
	}
	_ = json.NewEncoder(w).Encode(answer) // the client finds out
}

func (s *restServer) answer(r *http.Request) (any, error) {
	path := strings.Split(strings.Trim(strings.TrimPrefix(r.URL.Path, "/v1"), "/"), "/")
	switch call := r.Method + " " + path[0] + fmt.Sprint(len(path)); call {
	case "GET config1":
		return map[string]any{"defaults": map[string]string{}, "overrides": map[string]string{}, "endpoints": s.endpoints}, nil
	case "GET namespaces2", "POST namespaces1":
		return s.namespace(r, path)
	case "GET namespaces3":
		list := []restIdentifier{}
		for _, key := range slices.Sorted(maps.Keys(s.tables)) {
			if space, name, _ := strings.Cut(key, "\x00"); space == path[1] {
				list = append(list, restIdentifier{[]string{space}, name})
			}
		}
		if s.meanwhile != nil {
			s.meanwhile()
			s.meanwhile = nil
		}
		return map[string]any{"identifiers": list}, nil
	case "GET namespaces4":
		t := s.tables[path[1]+"\x00"+path[3]]
		if old := s.stale[path[1]+"\x00"+path[3]]; s.left > 0 && old != nil {
			s.left--
			t = old
		}
		if t == nil {
			return nil, noTable
		}
		return map[string]any{"metadata-location": t.location, "metadata": t.meta, "config": map[string]string{}}, nil
	case "DELETE namespaces4":
		delete(s.tables, path[1]+"\x00"+path[3])
		return nil, nil
	case "POST namespaces4":
		change := restChange{}
		if err := json.NewDecoder(r.Body).Decode(&change); err != nil {
			return nil, err
		}
		change.Identifier = restIdentifier{[]string{path[1]}, path[3]}
		if err := s.commit([]restChange{change}); err != nil {
			return nil, err
		}
		t := s.tables[change.Identifier.key()]
		return map[string]any{"metadata-location": t.location, "metadata": t.meta}, nil
	case "POST transactions2":
		var all struct {
			Changes []restChange `json:"table-changes"`
		}
		if err := json.NewDecoder(r.Body).Decode(&all); err != nil {
			return nil, err
		}
		s.stale, s.left = maps.Clone(s.tables), s.lag
		return nil, s.commit(all.Changes)
	case "POST tables2":
		var names struct{ Source, Destination restIdentifier }
		if err := json.NewDecoder(r.Body).Decode(&names); err != nil {
			return nil, err
		}
		from, to := names.Source.key(), names.Destination.key()
		if s.renames > 0 {
			s.renames--
			return nil, &refusal{http.StatusServiceUnavailable, "ServiceUnavailableException", "not now"}
		}
		if s.tables[from] == nil {
			return nil, noTable
		}
		if s.tables[to] != nil {
			return nil, &refusal{http.StatusConflict, "AlreadyExistsException", "there is a table of that name"}
		}
		s.tables[to] = s.tables[from]
		delete(s.tables, from)
		return nil, nil
	default:
		return nil, &refusal{http.StatusNotFound, "NotFoundException", call}
	}
}

func (s *restServer) namespace(r *http.Request, path []string) (any, error) {
	if r.Method == http.MethodGet {
		if !s.spaces[path[1]] {
			return nil, &refusal{http.StatusNotFound, "NoSuchNamespaceException", path[1]}
		}
		return map[string]any{"namespace": path[1:2], "properties": map[string]string{}}, nil
	}
	var made restIdentifier
	if err := json.NewDecoder(r.Body).Decode(&made); err != nil {
		return nil, err
	}
	s.spaces[made.Namespace[0]] = true
	return map[string]any{"namespace": made.Namespace, "properties": map[string]string{}}, nil
}

// commit makes all changes, or none.
func (s *restServer) commit(changes []restChange) error {
	next := map[string]*served{}
	for _, c := range changes {
		key := c.Identifier.key()
		now := s.tables[key]
		var meta table.Metadata
		if now != nil {
			meta = now.meta
		}
		creates := false
		for _, r := range c.Requirements {
			creates = creates || r.GetType() == "assert-create"
			if err := r.Validate(meta); err != nil {
				return &refusal{http.StatusConflict, "CommitFailedException", err.Error()}
			}
		}
		if now == nil && !creates {
			return noTable
		}
		made, err := apply(now, c.Updates)
		if err == nil && s.forgets {
			made.meta, err = forget(made.meta)
		}
		if err == nil && s.refuses != "" {
			made.meta, err = without(made.meta, s.refuses)
		}
		if err != nil {
			return err
		}
		next[key] = made
	}
	for _, t := range next {
		text, err := json.Marshal(t.meta)
		if err != nil {
			return err
		}
		if s.write != nil {
			err = s.write(t.location, text)
		} else {
			path := strings.TrimPrefix(t.location, "file://")
			err = errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, text, 0o644))
		}
		if err != nil {
			return err
		}
	}
	maps.Copy(s.tables, next)
	return nil
}

func apply(now *served, updates table.Updates) (*served, error) {
	if now != nil && len(updates) == 0 {
		return now, nil
	}
	var b *table.MetadataBuilder
	var err error
	number := 0
	if now == nil {
		b, err = table.NewMetadataBuilder(2)
	} else {
		number = now.number + 1
		b, err = table.MetadataBuilderFromBase(now.meta, now.location)
	}
	for _, u := range updates {
		if err == nil {
			err = u.Apply(b)
		}
		if err != nil && strings.Contains(err.Error(), "snapshot ref not found") {
			err = nil // what is gone can be removed, as Iceberg's own server has it
		}
	}
	if err != nil {
		return nil, err
	}
	meta, err := b.Build()
	if err != nil {
		return nil, err
	}
	return &served{meta, fmt.Sprintf("%s/metadata/%05d-%s.metadata.json", meta.Location(), number, uuid.NewString()), number}, nil
}

// forget leaves a table's current snapshot only.
func forget(meta table.Metadata) (table.Metadata, error) {
	text, err := json.Marshal(meta)
	var doc map[string]any
	if err == nil {
		err = json.Unmarshal(text, &doc)
	}
	if err != nil {
		return nil, err
	}
	delete(doc, "refs")
	delete(doc, "snapshot-log")
	delete(doc, "snapshots")
	if current := meta.CurrentSnapshot(); current != nil {
		doc["snapshots"] = []any{current}
		doc["current-snapshot-id"] = json.Number(strconv.FormatInt(current.SnapshotID, 10))
		doc["refs"] = map[string]any{"main": map[string]any{"type": "branch", "snapshot-id": current.SnapshotID}}
	}
	if text, err = json.Marshal(doc); err != nil {
		return nil, err
	}
	return table.ParseMetadataBytes(text)
}

// without leaves out a tag.
func without(meta table.Metadata, tag string) (table.Metadata, error) {
	text, err := json.Marshal(meta)
	var doc map[string]json.RawMessage
	if err == nil {
		err = json.Unmarshal(text, &doc)
	}
	refs := map[string]json.RawMessage{}
	if err == nil && doc["refs"] != nil {
		err = json.Unmarshal(doc["refs"], &refs)
	}
	if err != nil {
		return nil, err
	}
	delete(refs, tag)
	if doc["refs"], err = json.Marshal(refs); err != nil {
		return nil, err
	}
	if text, err = json.Marshal(doc); err != nil {
		return nil, err
	}
	return table.ParseMetadataBytes(text)
}
