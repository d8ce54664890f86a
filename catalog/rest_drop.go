package catalog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/apache/iceberg-go"
	icebergcatalog "github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/catalog/rest"
	"github.com/apache/iceberg-go/table"
	"github.com/google/uuid"
)

// condemnedPrefix begins the name of the column, with its ID behind, that says that a
// table is about to be dropped.
const condemnedPrefix = "dropped_"

// isCondemned reports whether a table is about to be dropped.
func isCondemned(meta table.Metadata) bool {
	last := meta.LastColumnID()
	field, ok := meta.CurrentSchema().FindFieldByID(last)
	return ok && field.Name == condemnedPrefix+strconv.Itoa(last)
}

// discard drops a table without a snapshot, with its metadata files. Before that
// it is changed so that nobody publishes into it who has read it already; and if
// somebody has published, it stays.
func (c *restCatalog) discard(ctx context.Context, e *entry) error {
	schema := e.meta.CurrentSchema()
	last := e.meta.LastColumnID() + 1
	fields := append(schema.Fields(), iceberg.NestedField{ID: last, Name: condemnedPrefix + strconv.Itoa(last), Type: iceberg.PrimitiveTypes.Bool})
	condemned := iceberg.NewSchemaWithIdentifiers(schema.ID+1, schema.IdentifierFieldIDs, fields...)
	_, location, err := c.server.CommitTable(ctx, c.ident(e.name), holds(e.meta), []table.Update{newAddSchema(condemned, last), table.NewSetCurrentSchemaUpdate(-1)})
	switch {
	case errors.Is(err, icebergcatalog.ErrNoSuchTable), errors.Is(err, table.ErrCommitFailed):
		return nil // it is somebody else's now
	case err != nil:
		return c.fault("write", err)
	}
	if dropped, err := c.drop(ctx, e.name, e.meta.TableUUID()); err != nil || !dropped {
		return err
	}
	c.order.forget(e.meta)
	files := []string{e.location, location}
	for entry := range e.meta.PreviousFiles() {
		files = append(files, entry.MetadataFile)
	}
	for _, file := range files {
		folder, err := c.tableFolder(e)
		if err != nil {
			return err
		}
		if key, ok := c.store.Key(file); ok && path.Dir(key) == folder+"/metadata" && strings.HasSuffix(key, metadataSuffix) {
			checksum := path.Dir(key) + "/." + path.Base(key) + ".crc" // where Hadoop wrote it
			if err := c.store.Delete(ctx, key, checksum); err != nil {
				return err
			}
		}
	}
	return nil
}

// drop drops the table that has the UUID. The server drops whatever has the name when
// the request arrives, which may be after this process has died and another table was
// made of that name; so the table gets a name first that no other one ever has.
func (c *restCatalog) drop(ctx context.Context, name string, id uuid.UUID) (bool, error) {
	aside, err := c.setAside(ctx, name, id)
	if err != nil || aside == "" {
		return false, err
	}
	if err := c.point.Hit("catalog.drop", aside); err != nil {
		return false, err
	}
	if err := c.server.DropTable(ctx, c.ident(aside)); err != nil && !errors.Is(err, icebergcatalog.ErrNoSuchTable) {
		return false, c.fault("write", err)
	}
	return true, c.point.Hit("catalog.drop.done", aside)
}

// setAside gives a table the name under which it is dropped. "": another table had the
// name, which it has again.
func (c *restCatalog) setAside(ctx context.Context, name string, id uuid.UUID) (string, error) {
	for _, prefix := range []string{newPrefix, betweenPrefix, droppedPrefix} {
		if strings.HasPrefix(name, prefix) {
			return name, nil // no other one ever has this one
		}
	}
	if err := c.point.Hit("catalog.rename", name); err != nil {
		return "", err
	}
	aside := droppedPrefix + uuid.NewString()
	_, answer := c.server.RenameTable(ctx, c.ident(name), c.ident(aside)) // once: a second request could come late too
	for n := range checkTries {
		if n > 0 {
			if err := c.pause(ctx, n); err != nil {
				return "", err
			}
		}
		t, err := c.server.LoadTable(ctx, c.ident(aside))
		switch {
		case err == nil && t.Metadata().TableUUID() == id:
			return aside, c.point.Hit("catalog.rename.done", name)
		case err == nil:
			if err := c.tryRename(ctx, aside, name); err != nil {
				return "", c.fault("write", fmt.Errorf("table %s is called %s now, since it was made while another one of that name was dropped: %w", name, aside, err))
			}
			return "", nil
		case !errors.Is(err, icebergcatalog.ErrNoSuchTable):
			return "", c.fault("read", err)
		}
		t, err = c.server.LoadTable(ctx, c.ident(name))
		switch is := err == nil && t.Metadata().TableUUID() == id; {
		case errors.Is(err, icebergcatalog.ErrNoSuchTable) && errors.Is(answer, icebergcatalog.ErrNoSuchTable), err == nil && !is:
			return "", nil // another process has dropped it
		case is && cannotRename(answer), is && errors.Is(answer, icebergcatalog.ErrNoSuchTable) && n == checkTries-1: // one that lags says so too
			return name, nil
		}
	}
	return "", c.fault("write", fmt.Errorf("table %s cannot be dropped, for it could not be renamed first: %w", name, cmp.Or(answer, errNotSeen)))
}

// errNotSeen is the error of a server that does not show what it says it has done.
var errNotSeen = errors.New("the server does not show what it says that it has done")

// cannotRename reports whether an answer says that a table will never get another name.
// Then it is dropped under the one that it has.
func cannotRename(answer error) bool {
	for _, err := range []error{rest.ErrEndpointNotSupported, iceberg.ErrNotImplemented, rest.ErrBadRequest, rest.ErrForbidden} {
		if errors.Is(answer, err) {
			return true
		}
	}
	return false
}
