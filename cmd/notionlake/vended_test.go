package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// vendingCatalog is a REST catalog with any namespace and no tables, which says of the
// storage what it is told to.
func vendingCatalog(t *testing.T, config map[string]string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked struct {
			Location string `json:"location"`
		}
		switch {
		case strings.HasSuffix(r.URL.Path, "/config"):
			_, _ = io.WriteString(w, `{"defaults":{},"overrides":{}}`)
		case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/tables"):
			_ = json.NewDecoder(r.Body).Decode(&asked)
			said, _ := json.Marshal(config)
			_, _ = fmt.Fprintf(w, `{"metadata-location": %q, "config": %s, "metadata": {"format-version": 2, "table-uuid": "9c12d441-03fe-4693-9a96-a0705ddf69c1",
				"location": %q, "last-sequence-number": 0, "last-updated-ms": 1, "last-column-id": 1, "current-schema-id": 0,
				"schemas": [{"type": "struct", "schema-id": 0, "fields": [{"id": 1, "name": "nothing", "required": false, "type": "string"}]}],
				"default-spec-id": 0, "partition-specs": [{"spec-id": 0, "fields": []}], "last-partition-id": 999,
				"default-sort-order-id": 0, "sort-orders": [{"order-id": 0, "fields": []}]}}`, asked.Location+"/metadata/0.metadata.json", said, asked.Location)
		case strings.Contains(r.URL.Path, "/tables/"):
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"error": {"message": "none", "type": "NoSuchTableException", "code": 404}}`)
		default:
			_, _ = io.WriteString(w, `{"namespace": ["x"], "properties": {}, "identifiers": []}`)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// A catalog that hands out nothing, or what the storage does not take, ends with exit code
// 5, which table it is, what to do, and no secret.
func TestVendedRefused(t *testing.T) {
	t.Parallel()
	storage := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = fmt.Fprintf(w, "<Error><Code>Odd</Code><Message>%s, %s</Message></Error>", r.Header.Get("X-Amz-Security-Token"), r.Header.Get("Authorization"))
	}))
	t.Cleanup(storage.Close)
	for _, row := range []struct {
		config map[string]string
		says   []string
	}{
		{nil, []string{"hands out no credentials for table _notionlake", "leave storage.credentials out"}},
		{map[string]string{"s3.access-key-id": "AK", "s3.secret-access-key": "thesecretaccesskey", "s3.session-token": "thesessiontoken", "s3.endpoint": storage.URL}, []string{"Odd", hidden}},
	} {
		b := newBench(t, notiontest.Options{})
		b.configure(fmt.Sprintf("warehouse: s3://bucket/lake\nstorage: {credentials: catalog}\ncatalog: {type: rest, uri: %q}\n", vendingCatalog(t, row.config)))
		for _, command := range []string{"run", "check"} {
			r := b.call(command, "--log-level", "debug")
			r.wants(t, exitStorage, row.says...)
			if said := r.stdout + r.stderr; strings.Contains(said, "thesecret") || strings.Contains(said, "thesession") {
				t.Errorf("%s shows a secret:\n%s%s", command, r.stdout, r.stderr)
			}
		}
	}
}
