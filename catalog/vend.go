package catalog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/notionlake/notionlake/lake"
)

// Credentials that a REST server hands out are for the folder of one table. A vending
// gets them for every folder of the warehouse that the namespace uses: by loading the
// table that lies there, or, where there is none, by staging one, which makes none. What
// lies beside the tables has a table of its own for that (see stateNamespace).
//
// What a run writes for a table that is new lies in a folder that no table tells of,
// should the run die. So before the first object of a folder there is a mark of it beside
// the tables, which stays: all folders that may hold anything are those of tables and
// those that have a mark.
type vending struct {
	catalog *restCatalog
	hide    func(secret string)

	mu       sync.Mutex
	names    map[string]string // of the tables, by folder, as they were listed last
	expected map[string]string // names that tables are to have that are made in a folder
	staged   map[string]string // UUIDs of the tables that were staged there
	folders  map[string]*vendedFolder
}

// A vendedFolder has the credentials of one folder. Who asks for them has its turn, so
// that all others wait and ask for none themselves.
type vendedFolder struct {
	turn   chan struct{}
	now    atomic.Pointer[grant]
	marked atomic.Bool // that it is used will be known whatever happens
}

// A grant is what the server has handed out for a folder.
type grant struct {
	parts   []grantPart // the longest prefixes first
	issued  time.Time
	renew   time.Time // from when on others are asked for; zero: when they are refused
	refusal bool      // those before were refused
}

// A grantPart is for the objects whose URIs begin with a prefix.
type grantPart struct {
	prefix string
	lake.Credentials
}

const (
	// renewBefore is how long before their end credentials are renewed, if they do not
	// last for less than twice as long.
	renewBefore = 5 * time.Minute
	// renewPause is how long those that are left are used where the server hands out no
	// others, and how long refused ones are not taken back to it again.
	renewPause = 10 * time.Second
	// earlyShare is the part of a lock's time that is given to a renewal before the end.
	earlyShare = 4
)

func newVending(c *restCatalog, hide func(string)) *vending {
	if hide == nil {
		hide = func(string) {}
	}
	return &vending{catalog: c, hide: hide, names: map[string]string{}, expected: map[string]string{}, staged: map[string]string{}, folders: map[string]*vendedFolder{}}
}

// state is the folder of what lies beside the tables.
func (v *vending) state() string { return "_notionlake/" + v.catalog.folder }

// expect says which name a table will have that is made in a folder.
func (v *vending) expect(folder, name string) {
	if v == nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.expected[folder] = name
}

// saw keeps which table is where.
func (v *vending) saw(rows []row) {
	if v == nil {
		return
	}
	names := map[string]string{}
	for _, r := range rows {
		if r.meta == nil {
			continue
		}
		if key, ok := v.catalog.store.Key(strings.TrimSuffix(r.meta.Location(), "/")); ok {
			names[key] = r.name
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.names = names
}

// takeUUID is the UUID of the table that was staged in a folder, "" for none. One table
// that is made there gets it: a server may remember what it has staged.
func (v *vending) takeUUID(folder string) string {
	if v == nil {
		return ""
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	id := v.staged[folder]
	delete(v.staged, folder)
	return id
}

func (v *vending) folder(name string) *vendedFolder {
	v.mu.Lock()
	defer v.mu.Unlock()
	f := v.folders[name]
	if f == nil {
		f = &vendedFolder{turn: make(chan struct{}, 1)}
		v.folders[name] = f
	}
	return f
}

// folderOf is the folder with credentials that a key, or all keys of a prefix, lie in.
func (v *vending) folderOf(key string) (folder string, ok bool) {
	if strings.HasPrefix(key, v.state()+"/") {
		return v.state(), true
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for name := range v.names {
		if strings.HasPrefix(key, name+"/") && len(name) > len(folder) {
			folder = name
		}
	}
	if folder != "" {
		return folder, true
	}
	if rest, ok := strings.CutPrefix(key, v.catalog.folder+"/"); ok {
		if dir, _, ok := strings.Cut(rest, "/"); ok && dir != "" {
			return v.catalog.folder + "/" + dir, true
		}
	}
	return "", false
}

func (v *vending) Credentials(ctx context.Context, key string, writes bool, refused *lake.Credentials) (*lake.Credentials, error) {
	name, ok := v.folderOf(key)
	if !ok {
		return nil, &lake.VendorError{Err: fmt.Errorf("no table of namespace %s lies there, so the catalog %s has no credentials for it", v.catalog.namespace, v.catalog.place())}
	}
	f := v.folder(name)
	g := f.now.Load()
	if g == nil || g.isDue(v.catalog.now(), refused) || writes && !f.marked.Load() {
		var err error
		if g, err = v.turn(ctx, name, f, g, writes, refused); err != nil {
			return nil, err
		}
	}
	uri := v.catalog.store.URI(key)
	for i := range g.parts {
		if strings.HasPrefix(uri, g.parts[i].prefix) {
			return &g.parts[i].Credentials, nil
		}
	}
	return nil, &lake.VendorError{Err: fmt.Errorf("what the catalog %s hands out for %s does not reach it: %s", v.catalog.place(), v.describe(name), vendCure)}
}

// turn waits until nobody else asks for the credentials of a folder, unless those that
// there are still do, and then asks where that is still needed.
func (v *vending) turn(ctx context.Context, name string, f *vendedFolder, g *grant, writes bool, refused *lake.Credentials) (*grant, error) {
	does := g != nil && g.lasts(v.catalog.now()) && (refused == nil || !g.has(refused)) && (!writes || f.marked.Load())
	select {
	case f.turn <- struct{}{}:
	default:
		if does {
			return g, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case f.turn <- struct{}{}:
		}
	}
	defer func() { <-f.turn }()
	g, err := v.renewed(ctx, name, f, refused)
	if err == nil && writes {
		err = v.mark(ctx, name, f)
	}
	return g, err
}

// isDue reports whether others are needed.
func (g *grant) isDue(now time.Time, refused *lake.Credentials) bool {
	if refused != nil && g.has(refused) && (!g.refusal || now.Sub(g.issued) > renewPause) {
		return true
	}
	return !g.renew.IsZero() && !now.Before(g.renew)
}

func (g *grant) has(c *lake.Credentials) bool {
	return slices.ContainsFunc(g.parts, func(p grantPart) bool { return p.Credentials == *c })
}

// lasts reports whether all of it can still be used.
func (g *grant) lasts(now time.Time) bool {
	return !slices.ContainsFunc(g.parts, func(p grantPart) bool { return !p.Expires.IsZero() && !now.Before(p.Expires) })
}

// renewed asks for credentials where that is needed, by who has its turn.
func (v *vending) renewed(ctx context.Context, name string, f *vendedFolder, refused *lake.Credentials) (*grant, error) {
	now := v.catalog.now()
	old := f.now.Load()
	if old != nil && !old.isDue(now, refused) {
		return old, nil // another one has been faster
	}
	wasRefused := old != nil && refused != nil && old.has(refused)
	// Whether they are over says the storage: this clock may be ahead, and what is over of
	// them may be for elsewhere.
	stillDoes := old != nil && !wasRefused
	asks, cancel := ctx, func() {}
	if stillDoes { // who waits may be who renews the lock
		asks, cancel = context.WithTimeout(ctx, v.catalog.leaseTime/earlyShare)
	}
	g, err := v.fetch(asks, name)
	cancel()
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return nil, err
	case stillDoes:
		v.catalog.logger.WarnContext(ctx, "credentials could not be renewed yet", "of", v.describe(name), "error", err)
		g = &grant{parts: old.parts, issued: old.issued, renew: now.Add(renewPause), refusal: old.refusal}
		f.now.Store(g)
		return g, nil
	default:
		return nil, &lake.VendorError{Err: err}
	}
	g.issued, g.refusal = now, wasRefused
	for _, p := range g.parts {
		if !p.Expires.IsZero() {
			due := p.Expires.Add(-min(renewBefore, p.Expires.Sub(now)/2))
			if !p.Expires.After(now) { // by a clock that is wrong
				due = now.Add(renewPause)
			}
			if g.renew.IsZero() || due.Before(g.renew) {
				g.renew = due
			}
		}
	}
	slices.SortFunc(g.parts, func(a, b grantPart) int { return cmp.Compare(len(b.prefix), len(a.prefix)) })
	f.now.Store(g)
	return g, nil
}

// describe names a folder for people: by its table, where there is one.
func (v *vending) describe(folder string) string {
	if folder == v.state() {
		return "table " + strings.Join(v.stateIdent(), ".")
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if name := v.names[folder]; name != "" {
		return "table " + name
	}
	if name := v.expected[folder]; name != "" {
		return "table " + name
	}
	return "a table at " + v.catalog.store.URI(folder)
}

// mark makes sure that a folder which is written to is found by who looks for what has
// been written, also once its table is gone.
func (v *vending) mark(ctx context.Context, name string, f *vendedFolder) error {
	key, ok := v.markOf(name)
	if !ok || f.marked.Load() {
		f.marked.Store(true)
		return nil
	}
	_, err := v.catalog.store.ReadAll(ctx, key)
	if errors.Is(err, fs.ErrNotExist) {
		v.mu.Lock()
		table := cmp.Or(v.names[name], v.expected[name])
		v.mu.Unlock()
		err = v.catalog.store.Replace(ctx, key, []byte(table))
	}
	if err != nil {
		return &lake.VendorError{Err: fmt.Errorf("mark of the folder of %s: %w", v.describe(name), err)}
	}
	f.marked.Store(true)
	return nil
}

// markOf is the key of a folder's mark; other programs' have none.
func (v *vending) markOf(folder string) (string, bool) {
	dir, ok := strings.CutPrefix(folder, v.catalog.folder+"/")
	return v.state() + "/folders/" + dir, ok
}

// marked are the folders that have a mark.
func (v *vending) marked(ctx context.Context) (folders []string, err error) {
	prefix := v.state() + "/folders/"
	for o, err := range v.catalog.store.List(ctx, prefix) {
		if err != nil {
			return nil, fmt.Errorf("marks of folders: %w", err)
		}
		folders = append(folders, v.catalog.folder+"/"+strings.TrimPrefix(o.Key, prefix))
	}
	return folders, nil
}

// Prefixes divides a prefix by the folders below it, of tables and of those that were
// never made.
func (v *vending) Prefixes(ctx context.Context, prefix string) ([]string, error) {
	if _, ok := v.folderOf(prefix); ok {
		return []string{prefix}, nil
	}
	if _, err := v.catalog.recent(ctx); err != nil { // it says which tables there are
		return nil, &lake.VendorError{Err: err}
	}
	all, err := v.marked(ctx)
	if err != nil {
		return nil, &lake.VendorError{Err: err}
	}
	v.mu.Lock()
	for name := range v.names {
		all = append(all, name)
	}
	v.mu.Unlock()
	all = append(all, v.state())
	slices.Sort(all) // those that lie in another one come after it
	var list []string
	for _, name := range slices.Compact(all) {
		inside := slices.ContainsFunc(list, func(p string) bool { return strings.HasPrefix(name, p) })
		if strings.HasPrefix(name+"/", prefix) && !inside {
			list = append(list, name+"/")
		}
	}
	return list, nil
}

// A Vended is what the server hands out for a table.
type Vended struct {
	What    string
	Expires time.Time // zero: it does not say
	Err     error
}

// CheckVended asks for the credentials of what lies beside the tables, of a table that
// does not exist, and of one that does.
func (c *Catalog) CheckVended(ctx context.Context) (list []Vended) {
	v := c.vending
	if v == nil {
		return nil
	}
	ask := func(what, folder string) {
		is := Vended{What: what}
		var now *lake.Credentials
		if now, is.Err = v.Credentials(ctx, folder+"/", false, nil); is.Err == nil {
			is.Expires = now.Expires
		}
		list = append(list, is)
	}
	ask("what lies beside the tables", v.state())
	fresh := "check-" + uuid.NewString()
	v.expect(c.folder+"/"+fresh, fresh)
	ask("a table that is new", c.folder+"/"+fresh)
	l, err := c.list(ctx)
	if err != nil || len(l.entries) == 0 {
		return list // what is wrong with the catalog is told elsewhere
	}
	if folder, err := c.tableFolder(l.entries[0]); err == nil {
		ask("table "+l.entries[0].name, folder)
	}
	return list
}

// StateFolder is the key prefix, with a slash at its end, of what lies beside the tables.
func (c *Catalog) StateFolder() string { return "_notionlake/" + c.folder + "/" }
