package catalog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apache/iceberg-go"
	icebergcatalog "github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/catalog/rest"
	"github.com/apache/iceberg-go/table"
	"github.com/google/uuid"

	"github.com/notionlake/notionlake/lake"
)

// stateNamespace has, for each namespace of a warehouse, a table without rows in whose
// folder lies what is kept beside the others: a server hands out credentials for tables
// only. It is a namespace of its own, so that nobody finds it among tables that can be
// read, and since servers like to have tables below the folder of their namespace.
const stateNamespace = "_notionlake"

// What the properties of storages are called.
const (
	accessKey     = "s3.access-key-id"
	secretKey     = "s3.secret-access-key"
	sessionToken  = "s3.session-token"
	tokenEnds     = "s3.session-token-expires-at-ms"
	expires       = "expiration-time"
	remoteSigning = "s3.remote-signing-enabled"
	pathStyle     = "s3.path-style-access"
	endpointOf    = "s3.endpoint"
	regionOf      = "client.region"
	otherRegionOf = "s3.region"
)

// vendCure is what to do where a server hands out nothing that is of use.
const vendCure = "let the catalog hand out credentials to this principal (vended credentials, with the right to read and write the table's data), or give notionlake keys of its own and leave storage.credentials out"

// A restAnswer is what answers of a server say of the storage.
type restAnswer struct {
	Config   map[string]string `json:"config"`
	Parts    []restPart        `json:"storage-credentials"`
	Metadata struct {
		UUID     string `json:"table-uuid"`
		Location string `json:"location"`
	} `json:"metadata"`
	// Of /v1/config:
	Defaults  map[string]string `json:"defaults"`
	Overrides map[string]string `json:"overrides"`
}

type restPart struct {
	Prefix string            `json:"prefix"`
	Config map[string]string `json:"config"`
}

// vend lets the storage use what the server hands out. Where the catalog may be changed,
// the table is made that has what lies beside the others.
func (c *restCatalog) vend(ctx context.Context, o Options) error {
	v := newVending(c, o.REST.Hide)
	c.vending = v
	if !o.ReadOnly {
		if err := v.makeState(ctx); err != nil {
			return err
		}
	}
	return o.Storage.UseVendor(ctx, v, v.state()+"/")
}

// makeState makes the table of what lies beside the others, if there is none.
func (v *vending) makeState(ctx context.Context) error {
	c, ident := v.catalog, v.stateIdent()
	location := c.store.URI(v.state())
	name := strings.Join(ident, ".")
	t, err := c.server.LoadTable(ctx, ident)
	if errors.Is(err, icebergcatalog.ErrNoSuchTable) {
		if err := c.point.Hit("catalog.create", name); err != nil {
			return err
		}
		if err = c.makeNamespace(ctx, stateNamespace); err == nil {
			t, err = c.server.CreateTable(ctx, ident, placeholder, icebergcatalog.WithLocation(location), icebergcatalog.WithProperties(iceberg.Properties{
				"gc.enabled": "false", // its files are named by no metadata: an engine that removes orphans would take all of them
				"comment":    "What notionlake needs beside its tables lies in this table's folder: the journal, the lock, copies of files. It has no rows. Do not drop it.",
			}))
		}
		if errors.Is(err, icebergcatalog.ErrTableAlreadyExists) { // another process has made it since
			t, err = c.server.LoadTable(ctx, ident)
		}
		if err == nil {
			err = c.point.Hit("catalog.create.done", name)
		}
	}
	if err != nil {
		return fmt.Errorf("table %s: %w", name, c.fault("write", err))
	}
	if at := t.Metadata().Location(); !sameLocation(at, location) {
		return fmt.Errorf("table %s of the catalog %s lies at %s, and not where it is to lie, %s: let the server's warehouse have the location %s; where the table is another warehouse's, use another namespace",
			name, c.place(), at, location, c.store.Root())
	}
	return nil
}

func (v *vending) stateIdent() table.Identifier {
	return table.Identifier{stateNamespace, v.catalog.folder}
}

// placeholder is the schema of tables that are never read.
var placeholder = iceberg.NewSchema(0, iceberg.NestedField{ID: 1, Name: "nothing", Type: iceberg.PrimitiveTypes.String})

// sameLocation compares URIs of folders in s3.
func sameLocation(a, b string) bool {
	return strings.TrimSuffix(plainS3(a), "/") == strings.TrimSuffix(plainS3(b), "/")
}

// plainS3 is the URI with the scheme that the storage has.
func plainS3(uri string) string {
	for _, scheme := range []string{"s3a://", "s3n://"} {
		if rest, ok := strings.CutPrefix(uri, scheme); ok {
			return "s3://" + rest
		}
	}
	return uri
}

// fetch asks the server for the credentials of a folder.
func (v *vending) fetch(ctx context.Context, folder string) (*grant, error) {
	if folder == v.state() {
		if g, err := v.load(ctx, folder, v.stateIdent()); err != nil || g != nil {
			return g, err
		}
		return v.stage(ctx, folder, stateNamespace) // in the namespace that there is
	}
	v.mu.Lock()
	name, expected := v.names[folder], v.expected[folder]
	v.mu.Unlock()
	for _, n := range slices.Compact([]string{name, expected}) {
		if n == "" {
			continue
		}
		if g, err := v.load(ctx, folder, v.catalog.ident(n)); err != nil || g != nil {
			return g, err
		}
	}
	if name != "" { // it has another name now, or is gone
		if _, err := v.catalog.rows(ctx); err != nil {
			return nil, fmt.Errorf("credentials for table %s: %w", name, err)
		}
		v.mu.Lock()
		name = v.names[folder]
		v.mu.Unlock()
		if name != "" {
			if g, err := v.load(ctx, folder, v.catalog.ident(name)); err != nil || g != nil {
				return g, err
			}
		}
	}
	return v.stage(ctx, folder, expected)
}

// load takes the credentials from the table of a name; nil where that is not the one in
// the folder.
func (v *vending) load(ctx context.Context, folder string, ident table.Identifier) (*grant, error) {
	q := &question{}
	name := nameOf(ident, v.catalog.namespace)
	_, err := v.catalog.server.LoadTable(context.WithValue(ctx, questionKey{}, q), ident)
	switch {
	case errors.Is(err, icebergcatalog.ErrNoSuchTable), errors.Is(err, icebergcatalog.ErrNoSuchNamespace):
		return nil, nil
	case !q.answered: // else what it says of the storage is all that is wanted
		return nil, v.fault(name, err)
	case !sameLocation(q.answer.Metadata.Location, v.catalog.store.URI(folder)):
		return nil, nil
	}
	return v.grant(folder, name, q)
}

// nameOf names a table for people, by its namespace too where that is another one.
func nameOf(ident table.Identifier, namespace string) string {
	if ident[0] == namespace {
		return ident[1]
	}
	return strings.Join(ident, ".")
}

// stage takes the credentials from a table that is not made, in a folder that has none.
func (v *vending) stage(ctx context.Context, folder, name string) (*grant, error) {
	c := v.catalog
	if key, ok := v.markOf(folder); ok && name == "" {
		if data, err := c.store.ReadAll(ctx, key); err == nil {
			name = string(data) // that a dead run would have given it
		}
	}
	name = cmp.Or(name, newPrefix+uuid.NewString())
	q := &question{stages: true}
	create := func() error {
		*q = question{stages: true}
		_, err := c.server.CreateTable(context.WithValue(ctx, questionKey{}, q), c.ident(name), placeholder, icebergcatalog.WithLocation(c.store.URI(folder)),
			icebergcatalog.WithStagedUpdates(table.NewSetPropertiesUpdate(iceberg.Properties{"gc.enabled": "false"}))) // which is not sent
		return err
	}
	err := create()
	for n := 1; n < restTries && !q.answered && isPassing(err); n++ { // nothing is made by it, so it can be asked again
		if e := c.pause(ctx, n); e != nil {
			return nil, e
		}
		err = create()
	}
	if errors.Is(err, icebergcatalog.ErrTableAlreadyExists) {
		name = newPrefix + uuid.NewString() // the name is another table's
		err = create()
	}
	switch {
	case !q.answered:
		return nil, v.fault(name, fmt.Errorf("it does not exist yet, and the server stages none at %s: %w", c.store.URI(folder), orNone(err)))
	case !sameLocation(q.answer.Metadata.Location, c.store.URI(folder)):
		return nil, fmt.Errorf("the catalog %s would put table %s at %s, and not where it is to lie, %s: let the server's warehouse have the location %s",
			c.place(), name, q.answer.Metadata.Location, c.store.URI(folder), c.store.Root())
	}
	v.mu.Lock()
	v.staged[folder] = q.answer.Metadata.UUID
	v.mu.Unlock()
	return v.grant(folder, name, q)
}

// isPassing reports whether an error may be gone a little later.
func isPassing(err error) bool {
	var network net.Error
	return errors.Is(err, rest.ErrServiceUnavailable) || errors.Is(err, rest.ErrServerError) || errors.As(err, &network)
}

// orNone is the error of an answer that says nothing.
func orNone(err error) error {
	if err == nil || errors.Is(err, errStagedOnly) {
		return errors.New("its answer is none")
	}
	return err
}

// fault says whose credentials were not to be had.
func (v *vending) fault(name string, err error) error {
	err = orNone(err)
	if errors.Is(err, rest.ErrForbidden) {
		return fmt.Errorf("credentials for table %s: the catalog %s refuses them: %s: %w", name, v.catalog.place(), vendCure, err)
	}
	return fmt.Errorf("credentials for table %s: %w", name, v.catalog.fault("read", err))
}

// grant reads what an answer hands out for a folder.
func (v *vending) grant(folder, name string, q *question) (*grant, error) {
	v.hideAll(q.answer)
	common := []map[string]string{q.answer.Config, v.catalog.settings.Overrides, v.catalog.settings.Defaults}
	g := &grant{}
	signs := isTrue(q.answer.Config[remoteSigning])
	for _, part := range append(q.answer.Parts, restPart{Config: q.answer.Config}) {
		signs = signs || isTrue(part.Config[remoteSigning])
		if part.Config[accessKey] == "" || part.Config[secretKey] == "" {
			continue
		}
		from := append([]map[string]string{part.Config}, common...)
		p := grantPart{prefix: plainS3(part.Prefix), Credentials: lake.Credentials{
			AccessKeyID: part.Config[accessKey], SecretAccessKey: part.Config[secretKey], SessionToken: part.Config[sessionToken], Expires: ends(part.Config),
			Region: cmp.Or(firstOf(from, regionOf), firstOf(from, otherRegionOf)), Endpoint: firstOf(from, endpointOf),
		}}
		if text := firstOf(from, pathStyle); text != "" {
			style := isTrue(text)
			p.PathStyle = &style
		}
		g.parts = append(g.parts, p)
	}
	uri := v.catalog.store.URI(folder) + "/"
	reaches := false
	for _, p := range g.parts {
		reaches = reaches || strings.HasPrefix(uri, p.prefix)
	}
	switch {
	case reaches:
		return g, nil
	case len(g.parts) > 0:
		return nil, fmt.Errorf("what the catalog %s hands out for table %s is for %s and does not reach %s: %s", v.catalog.place(), name, g.parts[0].prefix, uri, vendCure)
	case signs:
		return nil, fmt.Errorf("the catalog %s hands out no credentials for table %s but would sign each request itself (remote signing), which this version cannot use: %s", v.catalog.place(), name, vendCure)
	default:
		return nil, fmt.Errorf("the catalog %s hands out no credentials for table %s: %s", v.catalog.place(), name, vendCure)
	}
}

// hideAll hides what is secret in an answer, used or not.
func (v *vending) hideAll(a restAnswer) {
	for _, part := range append(a.Parts, restPart{Config: a.Config}) {
		v.hide(part.Config[secretKey])
		v.hide(part.Config[sessionToken])
	}
}

func isTrue(text string) bool { return strings.EqualFold(text, "true") }

// firstOf is the value in the first that has one.
func firstOf(from []map[string]string, name string) string {
	for _, m := range from {
		if m[name] != "" {
			return m[name]
		}
	}
	return ""
}

// ends is when credentials end, as far as it is told.
func ends(config map[string]string) (at time.Time) {
	for _, name := range []string{tokenEnds, expires} {
		if ms, err := strconv.ParseInt(config[name], 10, 64); err == nil && ms > 0 {
			if t := time.UnixMilli(ms); at.IsZero() || t.Before(at) {
				at = t
			}
		}
	}
	return at
}
