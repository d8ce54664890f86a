package catalog_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/iceberg-go"
	icebergglue "github.com/apache/iceberg-go/catalog/glue"
	"github.com/apache/iceberg-go/table"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/uuid"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
	"github.com/notionlake/notionlake/lake/laketest"
)

// glueVariable names a running Glue in whose place one in memory is used otherwise,
// hiveVariable a running metastore.
const (
	glueVariable = "NOTIONLAKE_TEST_GLUE"
	hiveVariable = "NOTIONLAKE_TEST_HIVE"
)

// eachStepwise runs a test on every catalog that changes one table at a time.
func eachStepwise(t *testing.T, test func(t *testing.T, w *warehouse)) {
	t.Helper()
	for _, kind := range []string{"glue", "hive", "rest"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			test(t, newStepWarehouse(t, kind))
		})
	}
}

func newStepWarehouse(t *testing.T, kind string) *warehouse {
	t.Helper()
	w := newWarehouse(t)
	w.options.Type = kind
	switch kind {
	case "rest":
		w.options.URI = newRESTAlone(t)
	case "glue":
		w.options.Glue = catalog.GlueOptions{Region: "eu-central-1", AccessKeyID: "a", SecretAccessKey: "b"}
		if w.options.URI = os.Getenv(glueVariable); w.options.URI == "" {
			_, w.options.URI = newGlueServer(t)
		}
	default:
		if w.options.URI = os.Getenv(hiveVariable); w.options.URI == "" {
			w.options.URI = newHiveServer(t)
		}
	}
	w.options.LeaseTime = 2 * time.Second
	w.options.Namespace = "t" + strings.ReplaceAll(uuid.NewString(), "-", "")
	return w
}

func TestStepwiseConformance(t *testing.T) {
	t.Parallel()
	eachStepwise(t, func(t *testing.T, shared *warehouse) {
		laketest.TestCatalog(t, func(t *testing.T) (laketest.PastCatalog, *lake.Storage) {
			w := newStepWarehouse(t, shared.options.Type)
			w.options.URI = shared.options.URI
			return past{w.open()}, w.storage
		})
	})
}

func TestStepwiseFaultAtEveryPoint(t *testing.T) {
	t.Parallel()
	eachStepwise(t, func(t *testing.T, w *warehouse) { testFaultAtEveryPoint(t, w) })
}

// Of loads that are published at the same time without a lock one is.
func TestStepwiseRace(t *testing.T) {
	t.Parallel()
	eachStepwise(t, func(t *testing.T, w *warehouse) {
		if w.options.URI == os.Getenv(glueVariable) {
			_, w.options.URI = newGlueServer(t) // what stands in for the service may not look at versions
		}
		testRace(t, w)
	})
}

// swapped are changes of two tables, which have swapped their names where n is odd,
// and of one that is new every time.
func swapped(n int) []change {
	names := []string{"tasks", "people"}
	fresh := fmt.Sprintf("new%d", n)
	return []change{
		{schema: schema(names[n%2], "one"), rows: int64(n + 1)},
		{schema: schema(names[(n+1)%2], "two"), rows: int64(n + 2)},
		{schema: schema(fresh, fresh), rows: 1},
	}
}

// beside is an empty warehouse in the same catalog.
func (w *warehouse) beside() *warehouse {
	other := newStepWarehouse(w.t, w.options.Type)
	other.options.URI = w.options.URI
	return other
}

// brought takes the lock, which brings to an end what others left half done.
func (w *warehouse) brought() *catalog.Catalog {
	w.t.Helper()
	c := w.open()
	unlock, err := c.Lock(w.t.Context())
	if err == nil {
		err = unlock()
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// A process that dies at any point of a publication, and of what it tries then, has
// published nothing or is brought to its end by the next one that takes the lock;
// tables swap their names in it, and one is new.
func TestStepwiseDies(t *testing.T) {
	t.Parallel()
	eachStepwise(t, func(t *testing.T, shared *warehouse) {
		ended, points := 0, 0
		for k, died := 1, "?"; died != ""; k++ {
			w := shared.beside()
			w.mustPublish(w.open(), loadID(0), swapped(0)...)
			die := laketest.Fail(k, true)
			died = ""
			o := w.options
			o.Point = func(name, key string) error {
				err := die(name, key)
				if err != nil && died == "" {
					died = name
				}
				return err
			}
			c, err := catalog.Open(t.Context(), o)
			if err == nil {
				_, err = w.publish(c, loadID(1), swapped(1)...)
				err = errors.Join(err, c.Close())
			}
			next := w.brought()
			loads, e := next.Loads(t.Context())
			if e != nil {
				t.Fatal(e)
			}
			switch {
			case len(loads) == 2 && err != nil:
				ended++
			case len(loads) == 1 && err == nil:
				t.Fatalf("point %d, %s: published, and not there", k, died)
			}
			w.checkSwapped(next, len(loads)-1)
			points = k
		}
		t.Logf("%d points; %d loads were brought to their end by the next process", points-1, ended)
		if ended < 5 {
			t.Errorf("few: %d", ended)
		}
	})
}

// checkSwapped fails where a table is not as the load n of swapped left it.
func (w *warehouse) checkSwapped(c *catalog.Catalog, n int) {
	w.t.Helper()
	tables, err := c.Tables(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, ch := range swapped(n) {
		i := slices.IndexFunc(tables, func(s lake.TableState) bool { return s.Schema.Key == ch.schema.Key })
		if i < 0 {
			w.t.Fatalf("load %d: no table with the key %s", n, ch.schema.Key)
		}
		if got := tables[i]; got.Schema.Table != ch.schema.Table || got.Snapshot.Rows != ch.rows || got.Snapshot.LoadID != loadID(n) {
			w.t.Fatalf("load %d: table %s is named %s, of load %s with %d rows; want %s, %d", n, ch.schema.Key, got.Schema.Table, got.Snapshot.LoadID, got.Snapshot.Rows, ch.schema.Table, ch.rows)
		}
	}
	w.checkThere(c)
}

// Another program changes a table while a load is being published: what had been
// published is taken back, by this process or by the next, and the change stays.
func TestStepwiseTakenBack(t *testing.T) {
	t.Parallel()
	changes := []change{{schema: schema("a", "a"), rows: 1}, {schema: schema("b", "b"), rows: 1}, {schema: schema("c", "c"), rows: 1}}
	fresh := append(slices.Clone(changes), change{schema: schema("fresh", "fresh"), rows: 1})
	eachStepwise(t, func(t *testing.T, shared *warehouse) {
		back := 0
		for k := range 10 {
			w, dies := shared.beside(), k%2 == 1
			w.mustPublish(w.open(), loadID(0), changes...)
			before := w.dumpTables()
			o := w.options
			moves, dead := 0, false
			o.Point = func(name, _ string) error {
				if name == "catalog.move" {
					if moves++; moves == k/2+1 {
						w.touch("b")
						dead = dies
					}
				}
				if dead {
					return errors.New("it died")
				}
				return nil
			}
			c, err := catalog.Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			_, err = w.publish(c, loadID(1), fresh...)
			dead = false
			if tables := w.dumpTables(); errors.Is(err, lake.ErrConflict) && strings.Contains(tables, string(loadID(1))) {
				t.Errorf("%d: a conflict, and before the next run the tables are\n%s", k, tables)
			}
			next := w.brought()
			after := w.dumpTables()
			switch there := strings.Contains(after, string(loadID(1))); {
			case err == nil && !there:
				t.Errorf("%d: published, and not there:\n%s", k, after)
			case err != nil && !there && after != before:
				t.Errorf("%d: %v; before\n%s\nafter\n%s", k, err, before, after)
			case err != nil && !there:
				back++
				if !dies && !errors.Is(err, lake.ErrConflict) {
					t.Errorf("%d: %v, want a conflict", k, err)
				}
			}
			w.checkThere(next)
			w.mustPublish(next, loadID(2), fresh...)
			w.checkOneLoad()
		}
		if back < 2 {
			t.Errorf("%d publications were taken back", back)
		}
	})
}

// dumpTables says what every table is.
func (w *warehouse) dumpTables() string {
	w.t.Helper()
	tables, err := w.open().Tables(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	var b strings.Builder
	for _, s := range tables {
		fmt.Fprintf(&b, "%s: %s, load %s, %d rows\n", s.Schema.Key, s.Schema.Table, s.Snapshot.LoadID, s.Snapshot.Rows)
	}
	return b.String()
}

// touch lets another program set a property of a table: iceberg-go's own catalog,
// but for metastores, of which that knows old ones only.
func (w *warehouse) touch(name string) {
	w.t.Helper()
	ctx := w.t.Context()
	switch w.options.Type {
	case "hive":
		w.touchHive(name)
		return
	case "rest":
		w.touchREST(name)
		return
	}
	cat, err := icebergglue.NewCatalog(icebergglue.WithAwsConfig(aws.Config{
		Region: w.options.Glue.Region, BaseEndpoint: &w.options.URI, Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
	}))
	if err != nil {
		w.t.Fatal(err)
	}
	for {
		tab, err := cat.LoadTable(ctx, table.Identifier{w.options.Namespace, name})
		if err != nil {
			w.t.Fatal(err)
		}
		tx := tab.NewTransaction()
		if err := tx.SetProperties(iceberg.Properties{"touched": uuid.NewString()}); err != nil {
			w.t.Fatal(err)
		}
		// The load may be at this table too: then again.
		if _, err = tx.Commit(ctx); err == nil {
			return
		}
		if ctx.Err() != nil {
			w.t.Fatal(err)
		}
	}
}
