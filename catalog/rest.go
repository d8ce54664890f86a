package catalog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	icebergcatalog "github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/catalog/rest"
	"github.com/apache/iceberg-go/table"
	"github.com/google/uuid"

	"github.com/notionlake/notionlake/lake"
)

// RESTOptions say how to be let in by a REST catalog, and what of it is meant.
type RESTOptions struct {
	Warehouse string // name of a warehouse of the server, where it has several
	Prefix    string // of the paths; "": what the server says
	// Token is a bearer token. Credential is "id:secret" of an OAuth2 client, for
	// which a token is fetched from AuthURL; "": /v1/oauth/tokens of the catalog.
	Token, Credential, AuthURL string
	Scope, Audience, Resource  string
	// SigV4 signs requests with the machine's credentials of AWS, for Region and
	// Service.
	SigV4           bool
	Region, Service string
	// Hide is told each secret that the server hands out; nil: nobody is.
	Hide func(secret string)
}

// restPage is how many tables are listed at a time.
const restPage = 500

// A restCatalog is a server that keeps the tables. It writes their metadata
// files itself: what it is sent are changes, and what must hold for them.
type restCatalog struct {
	*Catalog
	url    *url.URL
	part   string // of the server: prefix and warehouse
	server *rest.Catalog
	// readOnly: whether it is stepwise has not been found out.
	readOnly bool

	runs *admissions
	rowCache
	order restOrder

	settings restAnswer  // what the server says at first
	tokens   *restTokens // nil: it has one that was given, or none
}

func openREST(ctx context.Context, base *Catalog, o Options) (backend, error) {
	u, err := restURL(o.URI)
	if err != nil {
		return nil, err
	}
	c := &restCatalog{Catalog: base, url: u, readOnly: o.ReadOnly, runs: newAdmissions()}
	r := o.REST
	c.part = r.Prefix + " " + r.Warehouse
	options := []rest.Option{rest.WithWarehouseLocation(r.Warehouse), rest.WithPrefix(r.Prefix), rest.WithOAuthToken(r.Token)}
	if r.AuthURL != "" {
		if _, err := restURL(r.AuthURL); err != nil {
			return nil, fmt.Errorf("OAuth2 server: %w", err)
		}
	}
	if r.Credential != "" && r.Token == "" && !r.SigV4 { // a signature takes the place of a token
		c.tokens = newRESTTokens(u, r)
		options = append(options, rest.WithAuthManager(c.tokens))
	}
	options = append(options, rest.WithTransportFactory(restTransport(!r.SigV4, c.tokens)))
	if r.SigV4 {
		options = append(options, rest.WithSigV4RegionSvc(r.Region, r.Service))
	}
	about := &question{settings: true}
	if c.server, err = rest.NewCatalog(context.WithValue(ctx, questionKey{}, about), c.name, o.URI, options...); err != nil {
		return nil, c.fault("open", err)
	}
	c.settings = about.answer
	if to := c.settings.Overrides["uri"]; u.Scheme == "https" && strings.HasPrefix(to, "http:") {
		return nil, errors.Join(fmt.Errorf("open catalog %s: its settings send to %s, which is not encrypted: correct them, or name that address as catalog.uri", c.place(), to), c.server.Close())
	}
	if auth := cmp.Or(c.settings.Overrides["oauth2-server-uri"], c.settings.Defaults["oauth2-server-uri"]); c.tokens != nil && r.AuthURL == "" && auth != "" {
		if _, err := restURL(auth); err == nil {
			c.tokens.config.TokenURL = auth
		}
	}
	if err := c.prepare(ctx, o.ReadOnly); err != nil {
		return nil, errors.Join(c.fault("open", err), c.server.Close())
	}
	if o.Storage.NeedsVendor() {
		if err := c.vend(ctx, o); err != nil {
			return nil, errors.Join(err, c.server.Close())
		}
	}
	if o.ReadOnly {
		return c, nil
	}
	stepwise, err := c.isStepwise(ctx)
	switch {
	case err != nil:
		return nil, errors.Join(c.fault("open", err), c.server.Close())
	case stepwise:
		return newRESTSteps(c), nil
	default:
		return c, nil
	}
}

// isStepwise reports whether tables have to be published one after the other.
func (c *restCatalog) isStepwise(ctx context.Context) (bool, error) {
	if planned, err := newRESTSteps(c).isPlanned(ctx); err != nil || planned {
		return planned, err
	}
	return c.lacksTransactions(ctx)
}

func (c *restCatalog) place() string { return c.url.String() }

func (c *restCatalog) id(context.Context) (string, error) {
	return placeID(c.url.String(), c.part, c.namespace), nil
}

func (c *restCatalog) close() error {
	if c.tokens != nil {
		c.tokens.idle()
	}
	return c.server.Close()
}

// writesMetadata says that the server writes the metadata files.
func (c *restCatalog) writesMetadata() bool { return false }

func (c *restCatalog) ident(name string) table.Identifier { return table.Identifier{c.namespace, name} }

// prepare makes the namespace.
func (c *restCatalog) prepare(ctx context.Context, readOnly bool) error {
	exists, err := c.server.CheckNamespaceExists(ctx, table.Identifier{c.namespace})
	switch {
	case err != nil || exists:
		return err
	case readOnly:
		return ErrNoCatalog
	}
	return c.makeNamespace(ctx, c.namespace)
}

// makeNamespace makes a namespace, unless another program has done so.
func (c *restCatalog) makeNamespace(ctx context.Context, name string) error {
	err := c.server.CreateNamespace(ctx, table.Identifier{name}, nil)
	if errors.Is(err, icebergcatalog.ErrNamespaceAlreadyExists) {
		err = nil
	}
	return err
}

// lacksTries is how often a server is asked that does not say whether it has
// transactions: what stands before it may not reach it for a moment.
const lacksTries = 3

// lacksTransactions finds out whether the server can publish several tables at once:
// a transaction of a table that does not exist is refused then, and not unknown.
func (c *restCatalog) lacksTransactions(ctx context.Context) (lacks bool, err error) {
	for n := range lacksTries {
		if n > 0 {
			if err := c.pause(ctx, n-1); err != nil {
				return false, err
			}
		}
		err := c.server.CommitTransaction(ctx, []table.TableCommit{{Identifier: c.ident("notionlake-" + uuid.NewString())}})
		nowhere := errors.Is(err, icebergcatalog.ErrNoSuchTable) && !strings.Contains(err.Error(), "Exception") // a 404 that does not come from a catalog
		switch {
		case ctx.Err() != nil:
			return false, err
		case errors.Is(err, rest.ErrEndpointNotSupported):
			return true, nil
		case !nowhere && !errors.Is(err, rest.ErrCommitStateUnknown):
			return false, nil // what is wrong else shows when there is something to be published
		}
		lacks = nowhere
	}
	return lacks, nil
}

// rowsTries is how often tables are listed again that get other names meanwhile.
const rowsTries = 5

// rows asks the server for every table. A table that gets another name between
// the list and its turn would be missed, and what it names taken for nobody's: so
// the list must be the same afterwards.
func (c *restCatalog) rows(ctx context.Context) ([]row, error) {
	ctx = c.server.SetPageSize(ctx, restPage)
	names, err := c.names(ctx)
	var lost error // of a table that is listed and cannot be loaded
	for n := range rowsTries {
		if err == nil && n > 0 {
			err = c.pause(ctx, n)
		}
		if err != nil {
			return nil, err
		}
		list, e := c.load(ctx, names)
		if e != nil && !errors.Is(e, icebergcatalog.ErrNoSuchTable) {
			return nil, e
		}
		if e != nil {
			e = fmt.Errorf("%w (the server lists the table and does not find it: try again if it has just been dropped; where its .metadata.json is gone from the warehouse, restore it)", e)
		}
		before := names
		lost = nil
		if names, err = c.names(ctx); err != nil || !slices.Equal(before, names) {
			continue
		}
		if lost = e; lost == nil {
			lost = c.order.check(list)
		}
		if lost != nil {
			continue
		}
		if list, err = c.views(ctx, list); err != nil {
			return nil, err
		}
		c.keep(list)
		c.vending.saw(list)
		return list, nil
	}
	if lost != nil {
		return nil, lost
	}
	return nil, errors.Join(err, fmt.Errorf("read catalog %s: tables come, go or get other names all the time: try again: %w", c.place(), lake.ErrConflict))
}

// pause waits before the n-th repetition.
func (c *restCatalog) pause(ctx context.Context, n int) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(lockPoll << n):
		return nil
	}
}

// names lists the tables of the namespace.
func (c *restCatalog) names(ctx context.Context) (names []string, err error) {
	for ident, err := range c.server.ListTables(ctx, table.Identifier{c.namespace}) {
		if err != nil {
			return nil, c.fault("read", err)
		}
		names = append(names, icebergcatalog.TableNameFromIdent(ident))
	}
	slices.Sort(names)
	return names, nil
}

// load reads tables by their names.
func (c *restCatalog) load(ctx context.Context, names []string) ([]row, error) {
	list := make([]row, len(names))
	g, gctx := lake.NewGroup(ctx)
	g.SetLimit(parallelReads)
	for i, name := range names {
		list[i].name = name
		g.Go(func() error {
			t, err := c.server.LoadTable(gctx, c.ident(name))
			switch {
			case err != nil && strings.Contains(err.Error(), table.ErrInvalidMetadataFormatVersion.Error()): // it is there as a text only
				list[i].unknown = "it has an Iceberg format version that this program does not know"
				return nil
			case err != nil:
				return fmt.Errorf("table %s: %w", name, c.fault("read", err))
			}
			list[i].location, list[i].meta = t.MetadataLocation(), t.Metadata()
			return nil
		})
	}
	return list, g.Wait()
}

// views adds the views of the namespace, whose names no table can have.
func (c *restCatalog) views(ctx context.Context, list []row) ([]row, error) {
	for ident, err := range c.server.ListViews(ctx, table.Identifier{c.namespace}) {
		if err != nil {
			return nil, c.fault("read", err)
		}
		list = append(list, row{name: icebergcatalog.TableNameFromIdent(ident), other: "a view"})
	}
	return list, nil
}

func (c *restCatalog) recent(ctx context.Context) ([]row, error) { return c.or(ctx, c.rows) }

// lock takes a lease in the warehouse: the server has no locks. A process that has found
// the server without transactions may have begun to publish since.
func (c *restCatalog) lock(ctx context.Context, part string, wait time.Duration) (func() error, error) {
	unlock, err := c.lease(ctx, part, wait)
	if err != nil || part != "" {
		return unlock, err
	}
	planned, err := newRESTSteps(c).isPlanned(ctx)
	if err == nil && planned {
		err = c.errPlanned()
	}
	if err != nil {
		return nil, errors.Join(err, unlock())
	}
	return unlock, nil
}

// errPlanned is the error of a process that publishes by transactions and meets one
// that publishes by plans, since the server has told them different things.
func (c *restCatalog) errPlanned() error {
	return fmt.Errorf("another process publishes tables one after the other, as the catalog %s has told it that it has no transactions: try again, then this one does so too: %w", c.place(), lake.ErrConflict)
}

func (c *restCatalog) lease(ctx context.Context, part string, wait time.Duration) (func() error, error) {
	unlock, err := newLease(c.Catalog, part).take(ctx, wait)
	c.invalidate()
	return unlock, err
}

// fault says what an error of the server means and what to do.
func (c *restCatalog) fault(action string, err error) error {
	why := ""
	var dns *net.DNSError
	var dial *net.OpError
	var token *tokenError
	switch {
	case errors.Is(err, ErrNoCatalog):
	case errors.As(err, &token) && !token.isRefusal():
		why = "no token could be had; look at catalog.oauth2_server_uri, or try again later"
	case errors.Is(err, rest.ErrOAuthError):
		why = "no token was given for the credential; look at catalog.credential and catalog.oauth2_server_uri"
	case errors.Is(err, rest.ErrUnauthorized), errors.Is(err, rest.ErrAuthorizationExpired):
		why = "the server does not let this program in; look at catalog.token or catalog.credential"
	case errors.Is(err, rest.ErrForbidden):
		why = "the server does not allow it; grant the right to make and change tables in the namespace"
	case errors.Is(err, icebergcatalog.ErrNoSuchNamespace):
		why = "the namespace is gone; the next run makes it again"
	case errors.As(err, &dns), errors.As(err, &dial):
		why = "it cannot be reached; look at catalog.uri and at the server"
	case errors.Is(err, rest.ErrServiceUnavailable), errors.Is(err, rest.ErrServerError):
		why = "the server has an error of its own; try again later"
	case action == "open" && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded):
		why = "it does not answer as an Iceberg REST catalog does; look at catalog.uri"
	}
	if why != "" {
		return fmt.Errorf("%s catalog %s: %s: %w", action, c.place(), why, err)
	}
	return fmt.Errorf("%s catalog %s: %w", action, c.place(), err)
}
