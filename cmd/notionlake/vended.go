package main

import (
	"context"
	"strings"
	"time"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
)

// fromCatalog is the value of storage.credentials of a warehouse that is reached with what
// the catalog hands out for each table.
const fromCatalog = "catalog"

func (c *storageConfig) vended() bool { return c.Credentials == fromCatalog }

// checkVended looks at what belongs to credentials of the catalog.
func (c *config) checkVended() error {
	const key = "storage.credentials"
	if c.Storage.Credentials == "" {
		return nil
	}
	s := &c.Storage
	switch {
	case !s.vended():
		return badKey(key, "storage.credentials %s: use catalog, or leave it out", s.Credentials)
	case c.Catalog.Type != "rest":
		return badKey(key, "storage.credentials: only a catalog of type rest hands out credentials, and catalog.type is %s", c.Catalog.Type)
	case !strings.HasPrefix(c.Warehouse, "s3:"):
		return badKey(key, "storage.credentials: those of a catalog are used for a warehouse in s3 only")
	case s.Profile != "" || !s.AccessKeyID.isEmpty() || !s.SecretAccessKey.isEmpty() || !s.SessionToken.isEmpty() || s.Anonymous:
		return badKey(key, "storage.credentials: where the catalog hands them out, profile, access_key_id, secret_access_key, session_token and anonymous have no place beside it")
	}
	return nil
}

// checkVended looks at what the catalog hands out, and whether it reaches what is needed.
func checkVended(ctx context.Context, storage *lake.Storage, c *catalog.Catalog, list *checkList, late func(error) error) bool {
	for _, v := range c.CheckVended(ctx) {
		if v.Err != nil {
			list.fail("credentials", late(storageError(v.Err)))
			continue
		}
		until := "for no time that it says"
		if !v.Expires.IsZero() {
			until = "for " + time.Until(v.Expires).Round(time.Second).String()
		}
		list.ok("credentials", "the catalog hands some out for %s, %s", v.What, until)
	}
	if list.err == nil || exitCode(list.err) != exitStorage {
		checkStorage(ctx, storage, c.StateFolder()+"probe-", list, late)
	}
	return list.err == nil || exitCode(list.err) != exitStorage
}
