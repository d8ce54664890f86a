package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path"
	"strings"
	"testing"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/extract/notiontest"
	"github.com/notionlake/notionlake/lake"
)

// TestBadLake damages a table's metadata where warehouse and catalog are: on a local
// disk, or on the servers that serverVariable names. Every command says what is
// wrong with which table, and a load changes nothing.
func TestBadLake(t *testing.T) {
	t.Parallel()
	edited := func(edit func(doc map[string]any)) func([]byte) []byte {
		return func(data []byte) []byte {
			var doc map[string]any
			d := json.NewDecoder(strings.NewReader(string(data)))
			d.UseNumber()
			if err := d.Decode(&doc); err != nil {
				t.Fatal(err)
			}
			edit(doc)
			data, err := json.Marshal(doc)
			if err != nil {
				t.Fatal(err)
			}
			return data
		}
	}
	for n, row := range []struct {
		number, what string
		damage       func(data []byte) []byte // nil: the file is gone
		code         int
		says         string
		reads        bool // the table can still be read
	}{
		{"31", "no metadata", nil, exitStorage, ".metadata.json", false},
		{"32", "truncated metadata", func(data []byte) []byte { return data[:100] }, exitStorage, ".metadata.json", false},
		{"32", "other metadata", func([]byte) []byte { return []byte("{}") }, exitStorage, ".metadata.json", false},
		{"36", "format version 3", edited(func(d map[string]any) { d["format-version"], d["next-row-id"] = 3, 0 }), exitUsage, "format version 3", true},
		{"36", "partitions", edited(func(d map[string]any) {
			field := map[string]any{"source-id": 1, "field-id": 1000, "name": "b", "transform": "bucket[4]"}
			d["partition-specs"] = append(d["partition-specs"].([]any), map[string]any{"spec-id": 1, "fields": []any{field}})
			d["default-spec-id"], d["last-partition-id"] = 1, 1000
		}), exitUsage, "DROP PARTITION FIELD", true},
		{"36", "a sort order", edited(func(d map[string]any) {
			field := map[string]any{"source-id": 1, "transform": "identity", "direction": "asc", "null-order": "nulls-first"}
			d["sort-orders"] = append(d["sort-orders"].([]any), map[string]any{"order-id": 1, "fields": []any{field}})
			d["default-sort-order-id"] = 1
		}), exitUsage, "WRITE UNORDERED", true},
		{"37", "an endpoint", edited(func(d map[string]any) {
			d["properties"].(map[string]any)["s3.endpoint"] = "https://hush.example.com"
		}), exitStorage, "s3.endpoint", true},
	} {
		t.Run(row.number+"/"+row.what, func(t *testing.T) {
			b := newBench(t, notiontest.Options{})
			b.configureOnServers(fmt.Sprintf("bad%dx%d", os.Getpid(), n))
			b.call("run").wants(t, exitDone)
			before := b.look()
			l := b.open()
			defer l.close()
			key, data := l.metadataFile(t, "tasks")
			if err := l.storage.Delete(t.Context(), key); err != nil {
				t.Fatal(err)
			}
			if row.damage != nil {
				if err := l.storage.WriteAll(t.Context(), key, row.damage(data)); err != nil {
					t.Fatal(err)
				}
			}
			head := b.call("head", "tasks")
			if row.reads {
				head.wants(t, exitDone)
			} else {
				head.wants(t, row.code, "tasks", row.says)
			}
			for _, command := range []string{"run", "check"} {
				r := b.call(command)
				r.wants(t, row.code)
				if all := r.stdout + r.stderr; !strings.Contains(all, "tasks") || !strings.Contains(all, row.says) || strings.Contains(all, "hush") {
					t.Errorf("%s says\n%s", command, all)
				}
			}
			// Nothing was lost by it: put right, the lake is as it was, and goes on.
			if row.damage != nil {
				if err := l.storage.Delete(t.Context(), key); err != nil {
					t.Fatal(err)
				}
			}
			if err := l.storage.WriteAll(t.Context(), key, data); err != nil {
				t.Fatal(err)
			}
			if now := b.look(); fmt.Sprint(now) != fmt.Sprint(before) {
				t.Errorf("the tables are\n%v\nwant\n%v", now, before)
			}
			b.call("run").wants(t, exitDone)
			b.checkFiles()
			b.checkOrphans()
		})
	}
}

// TestNoBucket has a configuration with a bucket that is not there.
func TestNoBucket(t *testing.T) {
	t.Parallel()
	text := os.Getenv(serverVariable)
	if text == "" {
		t.Skip(serverVariable + " names no server")
	}
	b := newBench(t, notiontest.Options{OnRequest: func(*http.Request) { t.Error("a request was sent") }})
	for _, scheme := range []string{"s3://", "gs://"} {
		text = strings.ReplaceAll(text, scheme+"test/", scheme+"not-there/")
	}
	b.configure(strings.ReplaceAll(text, "NAME", "bucket"))
	b.call("run").wants(t, exitStorage, "not-there")
}

// metadataFile is the newest metadata file of a table.
func (l *lakeAt) metadataFile(t *testing.T, table string) (key string, data []byte) {
	t.Helper()
	state, err := l.catalog.TableAt(t.Context(), table, catalog.Ref{})
	if err != nil {
		t.Fatal(err)
	}
	folder := path.Dir(strings.TrimSuffix(state.Layout.Prefix, "/")) + "/metadata/"
	var newest lake.ObjectInfo
	for o, err := range l.storage.List(t.Context(), folder) {
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(o.Key, ".metadata.json") && o.Key > newest.Key {
			newest = o
		}
	}
	if data, err = l.storage.ReadAll(t.Context(), newest.Key); err != nil {
		t.Fatal(err)
	}
	return newest.Key, data
}
