package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/notionlake/notionlake/extract/notiontest"
)

func badStorageURL(t *testing.T) {
	b := newBench(t, notiontest.Options{OnRequest: func(*http.Request) { t.Error("a request was sent") }})
	for _, url := range []string{"s3:/b", "s3://", "ftp://x", "gs://b?x", "s3://Bucket/prefix", "gs://bucket//x", "file://host"} {
		b.configure("warehouse: \"" + url + "\"\n")
		b.call("run").wants(t, 2, "warehouse", "s3://bucket/prefix")
	}
}

func badBucket(t *testing.T) {
	b := newBench(t, notiontest.Options{OnRequest: func(*http.Request) { t.Error("a request was sent") }})
	b.configure("warehouse: \"s3://key:password@bucket/prefix\"\n")
	r := b.call("run")
	r.wants(t, 2, "warehouse", "bucket/prefix")
	if strings.Contains(r.stderr, "password") {
		t.Errorf("stderr shows the password: %s", r.stderr)
	}
	for code, reason := range map[string]string{
		"NoSuchBucket": "the bucket does not exist", "AccessDenied": "access denied", "InvalidAccessKeyId": "the access key is not known",
		"SignatureDoesNotMatch": "the secret access key does not belong to the access key", "RequestTimeTooSkewed": "the clock of this machine is wrong: set it (it differs from the storage's by ",
	} {
		s3 := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/xml")
			w.Header().Set("Date", time.Now().UTC().Add(2*time.Hour).Format(http.TimeFormat))
			w.WriteHeader(403)
			_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message></Error>", code)
		}))
		b.configure("warehouse: s3://bucket/prefix\nstorage: {endpoint: \"" + s3.URL + "\", access_key_id: anykey, secret_access_key: thesecretkey}\n")
		r := b.call("run")
		r.wants(t, exitStorage, "list s3://bucket/prefix: "+reason)
		if strings.Contains(r.stderr, "thesecretkey") {
			t.Errorf("stderr shows the key: %s", r.stderr)
		}
		s3.Close()
	}
}

func goodPaths(t *testing.T) {
	b := newBench(t, notiontest.Options{})
	for _, path := range []string{"lake one", "~/home lake", "Größe 名前", "a%20b", "deep/er/lake"} {
		b.configure("warehouse: \"" + path + "\"\ncatalog: {uri: \"" + path + "/catalog.db\"}\n")
		b.call("run", "--log-level", "error").wants(t, 0)
		dir := filepath.Join(b.dir, strings.TrimPrefix(path, "~/"))
		if _, err := os.Stat(filepath.Join(dir, "catalog.db")); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		b.call("head", "--json", "tasks").wants(t, 0)
	}
}

func badWarehouse(t *testing.T) {
	b := newBench(t, notiontest.Options{OnRequest: func(*http.Request) { t.Error("a request was sent") }})
	file := b.write("file", "", 0o600)
	for _, c := range []struct{ more, want string }{
		{"warehouse: file\n", file},
		{"warehouse: file/below\n", file},
		{"catalog: {uri: .}\n", b.dir},
		{"catalog: {uri: file/catalog.db}\n", file},
	} {
		b.configure(c.more)
		b.call("run").wants(t, 5, c.want)
	}
	// A folder that cannot be written, also for root, who may write everywhere.
	b.configure("warehouse: /proc/lake\n")
	b.call("run").wants(t, 5, "/proc/lake")
	b.restart(notiontest.Options{}) // check looks at the rest too
	b.configure("warehouse: /proc/lake\n")
	b.call("check").wants(t, 5)
}

func badLockedCatalog(t *testing.T) {
	b := newBench(t, notiontest.Options{})
	b.call("run", "--log-level", "error").wants(t, 0)
	db, err := sql.Open("sqlite", filepath.Join(b.dir, "lake/catalog.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("BEGIN EXCLUSIVE"); err != nil {
		t.Fatal(err)
	}
	b.call("run", "--lock-timeout", "10ms", "--log-level", "error").wants(t, 6, "locked")
}

func badDamagedCatalog(t *testing.T) {
	b := newBench(t, notiontest.Options{})
	file := b.write("lake/catalog.db", strings.Repeat("this is no database\n", 100), 0o600)
	b.call("run").wants(t, 5, file, "damaged")
	b.call("tables").wants(t, 5, file, "damaged")
}

func badForeignTable(t *testing.T) {
	b := newBench(t, notiontest.Options{})
	b.call("check").wants(t, 0) // makes the catalog
	db, err := sql.Open("sqlite", filepath.Join(b.dir, "lake/catalog.db"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Exec(`INSERT INTO iceberg_tables (catalog_name, table_namespace, table_name, iceberg_type, metadata_location)
		VALUES ('notionlake', 'notion', 'tasks', 'VIEW', 'file:///elsewhere/v1.metadata.json')`)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	b.call("run", "--log-level", "error").wants(t, 2, "tasks", "namespace")
}

func goodConditionalWrites(t *testing.T) {
	b := newBench(t, notiontest.Options{})
	r := b.call("check", "--json")
	r.wants(t, 0)
	if !strings.Contains(r.stdout, `"new objects"`) {
		t.Errorf("check says nothing of conditional writes: %s", r.stdout)
	}
}

func badLoad(t *testing.T) {
	t.Run("unknown", badAt)
	t.Run("expired", badExpiredLoad)
}

func badAt(t *testing.T) {
	b := newBench(t, notiontest.Options{})
	b.call("run", "--as-load", "20260101T000000Z", "--log-level", "error").wants(t, 0)
	b.call("run", "--as-load", "20260102T000000Z", "--log-level", "error").wants(t, 0)
	for _, at := range []string{"20250101T000000Z", "load_20260101T120000Z", "42", "2001-01-01T00:00:00Z"} {
		b.call("head", "--at", at, "tasks").wants(t, 2, at, "no such load", "20260101T000000Z, 20260102T000000Z")
		b.call("tables", "--at", at).wants(t, 2, at, "no such load")
	}
	for _, at := range []string{"yesterday", "20261301T000000Z", "2026-1-1", "-1"} {
		b.call("tables", "--at", at).wants(t, 2, at, "is expected")
	}
	b.call("tables", "--at", "2026-11-21T03:00:00").wants(t, 2, "needs its zone: 2026-11-21T03:00:00Z")
	tomorrow := time.Now().UTC().AddDate(0, 0, 1).Format(time.DateOnly)
	if r := b.call("tables", "--at", tomorrow, "--json"); r.code != exitDone || !strings.Contains(r.stdout, "20260102T000000Z") {
		t.Errorf("--at %s, a day: exit code %d\n%s%s", tomorrow, r.code, r.stdout, r.stderr)
	}
	b.call("head", "taks").wants(t, 2, `no table "taks"`, "did you mean tasks?")
	for _, flag := range []string{"--from", "--to"} {
		for _, at := range []string{"20250101T000000Z", "load_20260101T120000Z", "held_20260101T120000Z", "42", "2001-01-01T00:00:00Z"} {
			b.call("diff", flag, at, "tasks").wants(t, 2, flag+" "+at, "no such load", "20260101T000000Z, 20260102T000000Z")
			b.call("diff", flag, at).wants(t, 2, flag+" "+at, "no such load")
		}
		for _, at := range []string{"yesterday", "20261301T000000Z", "2026-1-1", "-1", "held_yesterday", "held_load_20260101T000000Z"} {
			b.call("diff", flag, at).wants(t, 2, flag, at, "is expected")
		}
	}
	for _, args := range [][]string{{"schema", "--history", "--at", "42", "tasks"}, {"connect", "--at", "42", "spark"}, {"connect", "--at", "42", "trino", "tasks"}} {
		b.call(args[0], args[1:]...).wants(t, 2, "--at 42", "no such load")
	}
}

// A load whose tag is gone has expired; the ledger still knows it.
func badExpiredLoad(t *testing.T) {
	b := newBench(t, notiontest.Options{})
	for _, id := range []string{"20260101T000000Z", "20260102T000000Z", "20260103T000000Z"} {
		b.call("run", "--as-load", id, "--log-level", "error").wants(t, 0)
	}
	expireTags(t, b, "load_20260102T000000Z")
	for _, at := range []string{"20260102T000000Z", "load_20260102T000000Z"} {
		for _, args := range [][]string{{"head", "--at", at, "tasks"}, {"tables", "--at", at}, {"diff", "--from", at}, {"diff", "--to", at, "tasks"}, {"connect", "--at", at, "duckdb"}} {
			b.call(args[0], args[1:]...).wants(t, 2, at, "load 20260102T000000Z has expired", "20260101T000000Z, 20260103T000000Z")
		}
	}
	// The load before the newest is the one before it that is still there.
	r := b.call("diff")
	r.wants(t, 0)
	if !strings.Contains(r.stdout, "20260101T000000Z → 20260103T000000Z") {
		t.Errorf("diff says\n%s", r.stdout)
	}
}

// expireTags takes a tag from the metadata of every table, as expiry does.
func expireTags(t *testing.T, b *bench, tag string) {
	t.Helper()
	b.editRefs(func(refs map[string]json.RawMessage) {
		if refs[tag] == nil {
			t.Fatalf("a table has no tag %s", tag)
		}
		delete(refs, tag)
	})
}

func renameTag(t *testing.T, b *bench, from, to string) {
	t.Helper()
	b.editRefs(func(refs map[string]json.RawMessage) {
		if refs[to] = refs[from]; refs[to] == nil {
			t.Fatalf("a table has no tag %s", from)
		}
		delete(refs, from)
	})
}

// editRefs changes the refs in the metadata of every table.
func (b *bench) editRefs(edit func(refs map[string]json.RawMessage)) {
	b.t.Helper()
	must := func(err error) {
		b.t.Helper()
		if err != nil {
			b.t.Fatal(err)
		}
	}
	db, err := sql.Open("sqlite", filepath.Join(b.dir, "lake/catalog.db"))
	must(err)
	defer db.Close()
	rows, err := db.Query(`SELECT metadata_location FROM iceberg_tables`)
	must(err)
	defer rows.Close()
	n := 0
	for ; rows.Next(); n++ {
		var location string
		must(rows.Scan(&location))
		file := strings.TrimPrefix(location, "file://")
		text, err := os.ReadFile(file)
		must(err)
		var meta, refs map[string]json.RawMessage
		must(json.Unmarshal(text, &meta))
		must(json.Unmarshal(meta["refs"], &refs))
		edit(refs)
		meta["refs"], err = json.Marshal(refs)
		must(err)
		text, err = json.Marshal(meta)
		must(err)
		must(os.WriteFile(file, text, 0o600))
	}
	must(rows.Err())
	if n == 0 {
		b.t.Fatal("there is no table")
	}
}

// What names a load is read in one way by every command: a held load by its tag
// and by its ID, in one table and in all.
func TestHeldLoad(t *testing.T) {
	b := newBench(t, notiontest.Options{})
	b.call("run", "--as-load", "20260101T000000Z", "--log-level", "error").wants(t, 0)
	b.call("run", "--as-load", "20260102T000000Z", "--log-level", "error").wants(t, 0)
	renameTag(t, b, "load_20260102T000000Z", "held_20260103T000000Z")
	for _, at := range []string{"held_20260103T000000Z", "20260103T000000Z", "load_20260103T000000Z"} {
		for _, args := range [][]string{{"head", "--at", at, "tasks"}, {"tables", "--at", at}, {"schema", "--at", at, "tasks"}, {"diff", "--to", at, "tasks"}} {
			b.call(args[0], args[1:]...).wants(t, 0)
		}
		r := b.call("diff", "--to", at)
		r.wants(t, 0)
		if !strings.Contains(r.stdout, "20260101T000000Z → held_20260103T000000Z") {
			t.Errorf("diff --to %s says\n%s", at, r.stdout)
		}
		r = b.call("connect", "--at", at, "pyiceberg", "tasks")
		r.wants(t, 0)
		if !strings.Contains(r.stdout, `"held_20260103T000000Z"`) {
			t.Errorf("connect --at %s says\n%s", at, r.stdout)
		}
	}
}

func badNetwork(t *testing.T) {
	b := newBench(t, notiontest.Options{})
	b.env["HTTPS_PROXY"] = "http://user:password with space@"
	r := b.call("run")
	r.wants(t, 2, "HTTPS_PROXY")
	if strings.Contains(r.stderr, "password") {
		t.Errorf("stderr shows the password: %s", r.stderr)
	}
	delete(b.env, "HTTPS_PROXY")
	b.env["SSL_CERT_FILE"] = filepath.Join(b.dir, "nowhere.pem")
	b.call("run").wants(t, 2, "SSL_CERT_FILE", "nowhere.pem")
}

// No HOME, no TZ, stdin at its end: it works. Outputs that are closed are in
// testdata/script/closed.txtar.
func badSurroundings(t *testing.T) {
	b := newBench(t, notiontest.Options{})
	delete(b.env, "HOME")
	b.call("run", "--log-level", "error").wants(t, 0)
	b.configure("warehouse: ~/lake\n")
	b.call("run").wants(t, 2, "HOME is not set")
}
