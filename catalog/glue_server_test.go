package catalog_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// A glueServer is the Data Catalog of AWS Glue in memory: it refuses changes of
// tables that have changed since they were read.
type glueServer struct {
	mu     sync.Mutex
	tables map[string]map[string]any // by database and name
	spaces map[string]bool
	loses  int // counts down to the change whose answer is an error
}

func newGlueServer(t *testing.T) (*glueServer, string) {
	t.Helper()
	s := &glueServer{tables: map[string]map[string]any{}, spaces: map[string]bool{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, server.URL
}

// lose lets the answer to the nth change from now be an error.
func (s *glueServer) lose(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loses = n
}

type glueRequest struct {
	DatabaseName, Name, VersionID, NextToken string
	TableInput                               map[string]any
	DatabaseInput                            struct{ Name string }
}

// gluePage is how many tables it lists at a time.
const gluePage = 3

func (s *glueServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var in glueRequest
	action := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "AWSGlue.")
	out, fault := any(nil), "InvalidInputException"
	if json.NewDecoder(r.Body).Decode(&in) == nil {
		out, fault = s.answer(action, &in)
	}
	if s.loses > 0 && !strings.HasPrefix(action, "Get") {
		if s.loses--; s.loses == 0 {
			fault = "InternalServiceException"
		}
	}
	code := http.StatusBadRequest
	if fault == "InternalServiceException" {
		code = http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if fault != "" {
		w.WriteHeader(code)
		out = map[string]string{"__type": fault, "Message": action}
	}
	_ = json.NewEncoder(w).Encode(out)
}

func (s *glueServer) answer(action string, in *glueRequest) (out any, fault string) {
	key := in.DatabaseName + "\x00" + in.Name
	input := in.DatabaseName + "\x00"
	if name, ok := in.TableInput["Name"].(string); ok {
		input += name
	}
	out = struct{}{}
	switch action {
	case "GetDatabase":
		if !s.spaces[in.Name] {
			return nil, "EntityNotFoundException"
		}
		return map[string]any{"Database": map[string]any{"Name": in.Name}}, ""
	case "CreateDatabase":
		if s.spaces[in.DatabaseInput.Name] {
			return nil, "AlreadyExistsException"
		}
		s.spaces[in.DatabaseInput.Name] = true
	case "GetTables":
		return s.page(in), ""
	case "GetTable":
		t, ok := s.tables[key]
		if !ok {
			return nil, "EntityNotFoundException"
		}
		return map[string]any{"Table": t}, ""
	case "CreateTable":
		if _, ok := s.tables[input]; ok {
			return nil, "AlreadyExistsException"
		}
		s.set(input, in, "0")
	case "UpdateTable":
		t, ok := s.tables[input]
		if !ok {
			return nil, "EntityNotFoundException"
		}
		version, _ := t["VersionId"].(string)
		if in.VersionID != "" && in.VersionID != version {
			return nil, "ConcurrentModificationException"
		}
		n, _ := strconv.Atoi(version)
		s.set(input, in, strconv.Itoa(n+1))
	case "DeleteTable":
		if _, ok := s.tables[key]; !ok {
			return nil, "EntityNotFoundException"
		}
		delete(s.tables, key)
	default:
		return nil, "UnknownOperationException"
	}
	return out, ""
}

func (s *glueServer) set(key string, in *glueRequest, version string) {
	t := maps.Clone(in.TableInput)
	t["DatabaseName"], t["VersionId"] = in.DatabaseName, version
	s.tables[key] = t
}

func (s *glueServer) page(in *glueRequest) any {
	var keys []string
	for key := range s.tables {
		if strings.HasPrefix(key, in.DatabaseName+"\x00") && key > in.NextToken {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	out := map[string]any{}
	if len(keys) > gluePage {
		keys = keys[:gluePage]
		out["NextToken"] = keys[gluePage-1]
	}
	list := []any{}
	for _, key := range keys {
		list = append(list, s.tables[key])
	}
	out["TableList"] = list
	return out
}
