package extract

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/lake"
)

// A user is what the directory has of one.
type user struct {
	id                            string
	typ, name, email, avatar, own lake.Value
	raw                           string
	known                         bool // more than the ID
}

func parseUser(object notion.JSON) *user {
	raw, _ := appendRaw(nil, object, true)
	u := &user{id: object.Get("id").Text(), raw: string(raw)}
	u.typ, u.name = textOf(object.Get("type")), textOf(object.Get("name"))
	u.avatar = textOf(object.Get("avatar_url"))
	u.email = textOf(object.Get("person").Get("email"))
	u.own = textOf(object.Get("bot").Get("owner").Get("type"))
	if object.Get("object").Text() == "group" {
		u.typ = lake.TextValue("group")
	}
	u.known = !u.typ.IsNull()
	return u
}

// textOf is the text of a string, null for other values.
func textOf(j notion.JSON) lake.Value {
	if j.Kind() != '"' {
		return lake.Value{}
	}
	return lake.TextValue(j.Text())
}

// A directory knows the users of the workspace: those that Notion lists, and
// those asked for one by one because they were met and are not among them. It is
// safe for concurrent use.
type directory struct {
	client Client

	listing sync.Mutex // held while users are listed
	listed  bool
	failure error // of the listing

	mu      sync.Mutex
	users   map[string]*user    // that Notion told of; one that it does not tell of has an ID only
	seen    map[string]*user    // met in the load; what they were shown with
	asking  map[string]*inquiry // that are asked for right now
	refused bool                // the connection may not read users
}

// An inquiry is a request for one user that others may wait for.
type inquiry struct {
	done chan struct{}
	err  error
}

func newDirectory(client Client) *directory {
	return &directory{client: client, users: map[string]*user{}, seen: map[string]*user{}, asking: map[string]*inquiry{}}
}

// list asks Notion once for all users that it lists. That the connection may not
// list them is no error.
func (d *directory) list(ctx context.Context) error {
	d.listing.Lock()
	defer d.listing.Unlock()
	if d.listed {
		return d.failure
	}
	for object, err := range d.client.Users(ctx) {
		if errors.Is(err, notion.ErrRestricted) && !fatal(err) {
			d.refuse()
			break
		}
		if err != nil {
			if ctx.Err() == nil {
				d.listed, d.failure = true, err
			}
			return err // it says what was asked for
		}
		u := parseUser(object)
		d.mu.Lock()
		d.users[u.id] = u
		d.mu.Unlock()
	}
	d.listed = true
	return nil
}

func (d *directory) refuse() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refused = true
}

func (d *directory) isRefused() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.refused
}

// lookup returns a user; ok is false where Notion has not been asked for it.
func (d *directory) lookup(id string) (u *user, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	u, ok = d.users[id]
	return u, ok
}

// meet takes in that a user was met, shown as object; whole says that this is
// more than an ID.
func (d *directory) meet(id string, object []byte, whole bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if old := d.seen[id]; old != nil && (old.known || !whole) {
		return
	}
	u := parseUser(notion.JSON(object))
	u.id = id
	d.seen[id] = u
}

// ask asks Notion for one user, once in a load.
func (d *directory) ask(ctx context.Context, id string) error {
	d.mu.Lock()
	if _, ok := d.users[id]; ok {
		d.mu.Unlock()
		return nil
	}
	if d.refused {
		d.users[id] = &user{id: id}
		d.mu.Unlock()
		return nil
	}
	if q := d.asking[id]; q != nil {
		d.mu.Unlock()
		select {
		case <-q.done:
			return q.err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	q := &inquiry{done: make(chan struct{})}
	d.asking[id] = q
	d.mu.Unlock()

	u, err := d.fetch(ctx, id)
	d.mu.Lock()
	defer d.mu.Unlock()
	if err == nil {
		d.users[id] = u
	}
	q.err = err
	delete(d.asking, id)
	close(q.done)
	return err
}

// fetch asks for one user; of one that Notion does not tell of, only the ID is known.
func (d *directory) fetch(ctx context.Context, id string) (*user, error) {
	object, err := d.client.User(ctx, id)
	switch {
	case err == nil:
		return parseUser(object), nil
	case fatal(err):
	case errors.Is(err, notion.ErrNotFound):
		return &user{id: id}, nil
	case errors.Is(err, notion.ErrRestricted):
		d.refuse()
		return &user{id: id}, nil
	}
	return nil, fmt.Errorf("user %s: %w", id, err)
}

// complete lists the users and asks for those of whom only the ID was met.
func (d *directory) complete(ctx context.Context) error {
	if err := d.list(ctx); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(inFlight)
	for _, id := range d.unknown() {
		g.Go(safe(keyUsers, func() error { return d.ask(ctx, id) }))
	}
	return g.Wait()
}

func (d *directory) unknown() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var ids []string
	for id, u := range d.seen {
		if _, ok := d.users[id]; !ok && !u.known {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// merged are all users that are listed or were met, by ID.
func (d *directory) merged() []*user {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []*user
	for id, u := range d.users {
		if met := d.seen[id]; !u.known && met != nil {
			u = met
		}
		all = append(all, u)
	}
	for id, u := range d.seen {
		if _, ok := d.users[id]; !ok {
			all = append(all, u)
		}
	}
	slices.SortFunc(all, func(a, b *user) int { return strings.Compare(a.id, b.id) })
	return all
}

// A userView is what one table's rows see of the directory: its own memory of
// it, so that a row costs no lock for users met before. It is not safe for
// concurrent use.
type userView struct {
	d       *directory
	seen    map[string]bool  // met, and whether as a whole
	cached  map[string]*user // answers of the directory
	unasked []string         // of the row that is being read
}

func newUserView(d *directory) *userView {
	return &userView{d: d, seen: map[string]bool{}, cached: map[string]*user{}}
}

func (v *userView) met(id, object []byte, whole bool) {
	if was, ok := v.seen[string(id)]; ok && (was || !whole) {
		return
	}
	v.seen[string(id)] = whole
	v.d.meet(string(id), object, whole)
}

func (v *userView) complete(id []byte) (*user, bool) {
	if u, ok := v.cached[string(id)]; ok {
		return u, true
	}
	s := string(id)
	u, ok := v.d.lookup(s)
	if !ok {
		v.unasked = append(v.unasked, s)
		return nil, false
	}
	v.cached[s] = u
	return u, true
}

// knows reports whether the user is among those that are merged.
func (d *directory) knows(id string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.users[id] != nil || d.seen[id] != nil
}
