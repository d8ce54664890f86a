package catalog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/apache/iceberg-go/catalog/rest"
	"github.com/apache/iceberg-go/table"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
	"github.com/notionlake/notionlake/lake/laketest"
)

// A stepLoser is a server without transactions that does otherwise with one change of
// a table, the nth from when it is told.
type stepLoser struct {
	http.Handler

	mu    sync.Mutex
	mode  string
	n     int
	table string // that is meant; "": any
	kept  *lateRequest
	// refused is a table whose snapshots the server does not accept.
	refused string
}

func (l *stepLoser) refuse(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refused = name
}

func (l *stepLoser) refuses() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.refused
}

// A lateRequest is one that has not arrived yet.
type lateRequest struct {
	path string
	body []byte
}

func (l *stepLoser) next(mode string, n int, table string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mode, l.n, l.table, l.kept = mode, n, table, nil
}

// held is the request that is kept.
func (l *stepLoser) held() *lateRequest {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.kept
}

// arrives lets the request arrive.
func (l *stepLoser) arrives(late *lateRequest) (code int, answer string) {
	r := httptest.NewRequest(http.MethodPost, late.path, bytes.NewReader(late.body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	l.Handler.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func (l *stepLoser) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if name := l.refuses(); name != "" && r.Method == http.MethodPost && path[len(path)-1] == name {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(err)
		}
		if bytes.Contains(body, []byte("add-snapshot")) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"error": {"message": "not this one", "type": "BadRequestException", "code": 400}}`)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	mode := ""
	rename := path[len(path)-1] == "rename"
	if changes := r.Method == http.MethodPost && len(path) > 2 && path[len(path)-2] == "tables"; changes {
		l.mu.Lock()
		// Names are given whatever the table is: what is sent to that end may arrive late.
		if l.mode != "" && !(rename && l.mode == late) && (l.table == "" || l.table == path[len(path)-1]) {
			if l.n--; l.n == 0 {
				mode, l.mode = l.mode, ""
			}
		}
		if mode == late {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				panic(err)
			}
			l.kept = &lateRequest{r.URL.Path, body}
		}
		l.mu.Unlock()
	}
	switch mode {
	case lostRequest, late:
		panic(http.ErrAbortHandler)
	case lostAnswer:
		l.Handler.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	case unavailable:
		w.WriteHeader(http.StatusServiceUnavailable)
	case doneButBad:
		l.Handler.ServeHTTP(httptest.NewRecorder(), r)
		w.WriteHeader(http.StatusBadGateway)
	default:
		l.Handler.ServeHTTP(w, r)
	}
}

// newStepLoser is a warehouse whose server has no transactions and loses what it is
// told to.
func newStepLoser(t *testing.T) (*warehouse, *stepLoser) {
	t.Helper()
	w := newStepWarehouse(t, "rest")
	l := &stepLoser{Handler: alone(&restServer{tables: map[string]*served{}, spaces: map[string]bool{}})}
	server := httptest.NewServer(l)
	t.Cleanup(server.Close)
	w.options.URI = server.URL
	return w, l
}

// What became of a change whose answer is lost is found out, and the load is
// published in all tables; a table that could not be made is none.
func TestRESTStepAnswers(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{lostRequest, lostAnswer, unavailable, doneButBad} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			published := 0
			for n, lost := 1, true; lost; n++ {
				w, l := newStepLoser(t)
				w.mustPublish(w.open(), loadID(0), swapped(0)...)
				c := w.open()
				l.next(mode, n, "")
				_, err := w.publish(c, loadID(1), swapped(1)...)
				l.mu.Lock()
				lost = l.mode == ""
				l.mu.Unlock()
				l.next("", 0, "")
				id, e := c.LastLoad(t.Context())
				if e != nil || (id == loadID(1)) != (err == nil) || errors.Is(err, lake.ErrUnknown) {
					t.Fatalf("change %d: %v; the last load is %s, %v", n, err, id, e)
				}
				if err == nil {
					w.checkSwapped(w.brought(), 1)
					published++
					continue
				}
				next := w.brought()
				w.checkSwapped(next, 0)
				w.mustPublish(next, loadID(2), swapped(2)...)
				w.checkSwapped(next, 2)
			}
			if published < 4 {
				t.Errorf("only %d loads were published", published)
			}
		})
	}
}

// dies publishes a load from a process that dies with the nth change of a table,
// which has been sent and not arrived.
func (w *warehouse) dies(l *stepLoser, n int, name string, id lake.LoadID, changes ...change) *lateRequest {
	w.t.Helper()
	l.next(late, n, name)
	o := w.options
	o.Point = func(string, string) error {
		if l.held() != nil {
			return errors.New("it died")
		}
		return nil
	}
	c, err := catalog.Open(w.t.Context(), o)
	if err != nil {
		w.t.Fatal(err)
	}
	defer c.Close()
	_, err = w.publish(c, id, changes...)
	request := l.held()
	if (err == nil) != (request == nil) {
		w.t.Fatalf("change %d of load %s is lost: %t, and the load: %v", n, id, request != nil, err)
	}
	l.next("", 0, "")
	return request
}

// where are the metadata files of all tables.
func (w *warehouse) where() string {
	w.t.Helper()
	c := w.open()
	tables, err := c.Tables(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	var b strings.Builder
	for _, s := range tables {
		info, err := c.Metadata(w.t.Context(), s.Schema.Key)
		if err != nil {
			w.t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s: %s\n", info.Name, info.MetadataLocation)
	}
	return b.String()
}

// refuses fails where a request that arrives late does anything.
func (w *warehouse) refuses(l *stepLoser, late *lateRequest, what string) {
	w.t.Helper()
	before := w.where()
	code, answer := l.arrives(late)
	if code/100 != 4 {
		w.t.Errorf("%s: a request of %s that arrives late is answered with %d, %s", what, late.path, code, answer)
	}
	if after := w.where(); after != before {
		w.t.Errorf("%s: before\n%s\nafter\n%s", what, before, after)
	}
}

// A change of a dead process that arrives when another one has brought the
// publication to its end finds nothing as it expects it.
func TestRESTStepLate(t *testing.T) {
	t.Parallel()
	tried := 0
	for n := 1; ; n++ {
		w, l := newStepLoser(t)
		w.mustPublish(w.open(), loadID(0), swapped(0)...)
		request := w.dies(l, n, "", loadID(1), swapped(1)...)
		if request == nil {
			break
		}
		what := fmt.Sprintf("change %d", n)
		next := w.brought()
		loads, err := next.Loads(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		// The first changes make tables: what arrives then is one that has nothing in it.
		if len(loads) == 2 {
			w.refuses(l, request, what)
			tried++
		}
		w.mustPublish(next, loadID(2), swapped(2)...)
		if len(loads) == 2 {
			w.refuses(l, request, what+", after another load")
		} else {
			l.arrives(request)
		}
		w.checkSwapped(w.brought(), 2)
	}
	if tried < 4 {
		t.Errorf("only %d changes", tried)
	}
}

// The same where the publication is taken back, for another program has changed a
// table, even if that makes its table what it was.
func TestRESTStepLateTakenBack(t *testing.T) {
	t.Parallel()
	for n := 1; n <= 3; n++ {
		w, l := newStepLoser(t)
		w.mustPublish(w.open(), loadID(0), three()...)
		before := w.dumpTables()
		mains := w.mains()
		request := w.dies(l, n, "", loadID(1), three()[1:]...) // a gets its tag only
		if request == nil {
			t.Fatalf("change %d: there is none", n)
		}
		touched := request.path[strings.LastIndex(request.path, "/")+1:]
		w.touch(touched)
		w.brought()
		if after := w.dumpTables(); after != before {
			t.Errorf("change %d: before\n%s\nafter\n%s", n, before, after)
		}
		w.setMain(touched, mains[touched])
		w.refuses(l, request, fmt.Sprintf("change %d", n))
		w.mustPublish(w.open(), loadID(2), three()...)
		w.refuses(l, request, fmt.Sprintf("change %d, after another load", n))
		w.checkOneLoad()
	}
}

// A tag of a load that has expired does not come back, on a table that no load has
// changed since.
func TestRESTStepLateTag(t *testing.T) {
	t.Parallel()
	w, l := newStepLoser(t)
	w.mustPublish(w.open(), loadID(0), three()...)
	request := w.dies(l, 1, "b", loadID(1), three()[:1]...)
	next := w.brought()
	w.mustPublish(next, loadID(2), three()[:1]...)
	run := lake.NewRunID()
	err := next.Admit(t.Context(), run)
	if err == nil {
		err = next.Expire(t.Context(), []lake.LoadID{loadID(1)}, run, func(context.Context, lake.Prepared) error { return nil })
	}
	if err != nil {
		t.Fatal(err)
	}
	w.refuses(l, request, "tag")
	if loads, err := w.open().Loads(t.Context()); err != nil || len(loads) != 2 {
		t.Errorf("loads %v, %v", loads, err)
	}
}

// other is the server as another program has it.
func (w *warehouse) other() *rest.Catalog {
	w.t.Helper()
	cat, err := rest.NewCatalog(w.t.Context(), "other", w.options.URI)
	if err != nil {
		w.t.Fatal(err)
	}
	return cat
}

// mains are the current snapshots of the tables.
func (w *warehouse) mains() map[string]int64 {
	w.t.Helper()
	tables, err := w.open().Tables(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	mains := map[string]int64{}
	for _, s := range tables {
		mains[s.Schema.Table] = s.Snapshot.ID
	}
	return mains
}

// setMain lets another program make an earlier snapshot current.
func (w *warehouse) setMain(name string, id int64) {
	w.t.Helper()
	_, _, err := w.other().CommitTable(w.t.Context(), table.Identifier{w.options.Namespace, name}, nil,
		[]table.Update{table.NewSetSnapshotRefUpdate(table.MainBranch, id, table.BranchRef, 0, 0, 0)})
	if err != nil {
		w.t.Fatal(err)
	}
}

// A load of which the server refuses one table is taken back, and later ones go on.
func TestRESTStepRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a", "c", lake.LedgerTable} {
		w, l := newStepLoser(t)
		w.mustPublish(w.open(), loadID(0), three()...)
		before := w.dumpTables() + w.visible("")
		l.refuse(name)
		if _, err := w.publish(w.open(), loadID(1), three()...); err == nil || errors.Is(err, lake.ErrUnknown) || !strings.Contains(err.Error(), "not this one") {
			t.Errorf("table %s is refused: %v", name, err)
		}
		next := w.brought()
		if after := w.dumpTables() + w.visible(""); after != before {
			t.Errorf("table %s is refused: before\n%s\nafter\n%s", name, before, after)
		}
		l.refuse("")
		w.mustPublish(next, loadID(2), three()...)
		w.checkOneLoad()
	}
}

// A server that gets transactions while a publication is under way does not hide it;
// once nothing of it is left, it is published by them, and no mark pins a snapshot.
func TestRESTStepThenTransactions(t *testing.T) {
	t.Parallel()
	w := newStepWarehouse(t, "rest")
	s := &restServer{}
	uri := s.start(t)
	l := &stepLoser{Handler: alone(s)}
	server := httptest.NewServer(l)
	t.Cleanup(server.Close)
	w.options.URI = server.URL
	w.mustPublish(w.open(), loadID(0), three()...)
	w.dies(l, 2, "", loadID(1), three()...)
	w.options.URI = uri
	w.sameAddress()
	next := w.brought()
	w.checkOneLoad()
	if loads, err := next.Loads(t.Context()); err != nil || len(loads) != 2 {
		t.Errorf("loads %v, %v", loads, err)
	}
	w.checkThere(next)
	for o, err := range w.storage.List(t.Context(), "_notionlake/") {
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(o.Key, "/publications/") {
			if err := w.storage.Delete(t.Context(), o.Key); err != nil { // as it goes with time
				t.Fatal(err)
			}
		}
	}
	c := w.open()
	w.mustPublish(c, loadID(2), three()...)
	w.mustPublish(c, loadID(3), three()...)
	run := lake.NewRunID()
	err := c.Admit(t.Context(), run)
	if err == nil {
		err = c.Expire(t.Context(), []lake.LoadID{loadID(0), loadID(1)}, run, func(context.Context, lake.Prepared) error { return nil })
	}
	if err != nil {
		t.Fatal(err)
	}
	for name := range w.mains() {
		tab, err := w.other().LoadTable(t.Context(), table.Identifier{w.options.Namespace, name})
		if err != nil {
			t.Fatal(err)
		}
		for ref := range tab.Metadata().Refs() {
			if strings.HasPrefix(ref, "publication_") {
				t.Errorf("table %s has the tag %s", name, ref)
			}
		}
		if n := len(tab.Metadata().Snapshots()); n != 2 {
			t.Errorf("table %s has %d snapshots", name, n)
		}
	}
}

// A process that dies at points all over while it takes a publication back leaves nothing
// of it when the next one has ended that: no new table, and the others as they were.
func TestRESTStepTakingBackDies(t *testing.T) {
	t.Parallel()
	points := 0
	load := append(three("fresh"), change{schema: schema("d", "d", property("p", "p", lake.String)), rows: 2}, change{schema: schema("f", "e"), rows: 2})
	for k, died := 1, true; died; k += 3 {
		w, _ := newStepLoser(t)
		w.mustPublish(w.open(), loadID(0), append(three("d", "e"), change{schema: schema("z", "z"), rows: 1})...)
		before := w.dumpTables() + w.visible("c")
		o := w.options
		die, touched := laketest.Fail(k, true), false
		died = false
		o.Point = func(name, key string) error {
			if name == "catalog.move.done" && !touched {
				touched = true
				w.touch("c") // after the first step
			}
			if !touched {
				return nil
			}
			err := die(name, key)
			died = died || err != nil
			return err
		}
		c, err := catalog.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.publish(c, loadID(1), load...)
		if err == nil || !died && !errors.Is(err, lake.ErrConflict) {
			t.Errorf("point %d: %v", k, err)
		}
		next := w.brought()
		if after := w.dumpTables() + w.visible("c"); after != before {
			t.Fatalf("point %d: before\n%s\nafter\n%s", k, before, after)
		}
		w.checkThere(next)
		w.mustPublish(next, loadID(2), load...)
		w.checkOneLoadBut("z")
		points = k
	}
	if points < 10 {
		t.Errorf("only %d points", points)
	}
}

// visible says what other programs see of the tables but for one: columns, properties,
// refs and snapshots.
func (w *warehouse) visible(but string) string {
	w.t.Helper()
	var b strings.Builder
	for name := range w.mains() {
		tab, err := w.other().LoadTable(w.t.Context(), table.Identifier{w.options.Namespace, name})
		if err != nil {
			w.t.Fatal(err)
		}
		if name == but {
			continue
		}
		meta := tab.Metadata()
		refs := maps.Collect(meta.Refs())
		maps.DeleteFunc(refs, func(ref string, _ table.SnapshotRef) bool { return strings.HasPrefix(ref, "publication_") })
		fmt.Fprintf(&b, "%s: %v %v %v %d\n", name, meta.CurrentSchema(), meta.Properties(), refs, len(meta.Snapshots()))
	}
	lines := strings.SplitAfter(b.String(), "\n")
	slices.Sort(lines)
	return strings.Join(lines, "")
}
