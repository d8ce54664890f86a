package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/extract"
	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/lake"
)

// A lakeAt is the storage and the catalog of a configuration, open.
type lakeAt struct {
	cfg     *config
	storage *lake.Storage
	catalog *catalog.Catalog
	log     *slog.Logger
}

// openLake opens storage and catalog, and makes them where they are missing
// unless they are only to be read.
func (p *program) openLake(ctx context.Context, cfg *config, o catalog.Options) (*lakeAt, error) {
	storage, err := p.openStorageFor(ctx, cfg, o.ReadOnly && o.Absent)
	if err != nil {
		return nil, err
	}
	if !o.ReadOnly || o.Absent {
		if err := p.refuseLost(ctx, cfg, storage); err != nil {
			return nil, errors.Join(err, storage.Close())
		}
	}
	c, err := p.openCatalog(ctx, cfg, storage, o)
	if err != nil {
		return nil, errors.Join(err, storage.Close())
	}
	return &lakeAt{cfg, storage, c, p.log}, nil
}

func (p *program) openCatalog(ctx context.Context, cfg *config, storage *lake.Storage, o catalog.Options) (*catalog.Catalog, error) {
	o.Type, o.Name, o.URI = cfg.Catalog.Type, cfg.Catalog.Name, cfg.Catalog.URI
	o.Namespace, o.Removed = cfg.Namespace, cfg.Schema.Removed
	o.Storage, o.Logger, o.Now, o.Version, o.Point = storage, p.log, p.now, version, p.point
	var err error
	if o.REST, err = p.restOptions(cfg); err != nil {
		return nil, err
	}
	if err = p.checkPostgresPassword(cfg); err != nil {
		return nil, err
	}
	o.User, _ = p.env("HADOOP_USER_NAME") // as Hadoop's own programs
	if o.Glue, err = p.glueOptions(cfg); err != nil {
		return nil, err
	}
	defer p.waits("catalog", cfg.Catalog.Type)()
	c, err := catalog.Open(ctx, o)
	return c, storageError(err)
}

// readOnly is for commands that only look.
var readOnly = catalog.Options{ReadOnly: true}

// openExisting opens the lake of a command that only looks. It makes nothing, and says
// where what it shows is not what was published last.
func (p *program) openExisting(ctx context.Context, c *cli.Context) (*lakeAt, error) {
	cfg, err := p.configuration(c, hasLake)
	if err != nil {
		return nil, err
	}
	l, err := p.openExistingFor(ctx, cfg, readOnly)
	if err != nil {
		return nil, err
	}
	switch err := l.catalog.CheckNewest(ctx); {
	case errors.Is(err, lake.ErrCatalogOld):
		p.log.WarnContext(ctx, "what is shown is not what was published last", "error", err)
	case err != nil:
		p.log.WarnContext(ctx, "whether what is shown was published last could not be found out", "error", err)
	}
	return l, nil
}

// openExistingFor opens a lake that must be there.
func (p *program) openExistingFor(ctx context.Context, cfg *config, o catalog.Options) (*lakeAt, error) {
	if noCatalogFile(cfg) {
		if storage, err := p.openStorageFor(ctx, cfg, true); err == nil {
			if err := errors.Join(p.refuseLost(ctx, cfg, storage), storage.Close()); err != nil {
				return nil, err
			}
		}
		return nil, usagef("there is no catalog at %s: `notionlake run` makes it", cfg.Catalog.URI)
	}
	return p.openLake(ctx, cfg, o)
}

// noCatalogFile reports whether the catalog is a file that is not there, or empty.
func noCatalogFile(cfg *config) bool {
	if cfg.Catalog.Type != "sqlite" {
		return false
	}
	info, err := os.Stat(cfg.Catalog.URI)
	return errors.Is(err, fs.ErrNotExist) || err == nil && info.Mode().IsRegular() && info.Size() == 0
}

// refuseLost fails where the catalog's file is not there and the warehouse has what a catalog
// knew: none is made in its place.
func (p *program) refuseLost(ctx context.Context, cfg *config, storage *lake.Storage) error {
	if !noCatalogFile(cfg) {
		return nil
	}
	c, err := p.openCatalog(ctx, cfg, storage, catalog.Options{ReadOnly: true, Absent: true})
	if err != nil {
		return err
	}
	_, err = (&lake.Loader{Storage: storage, Catalog: c, Logger: p.log, Now: p.now, Version: version}).Look(ctx)
	err = errors.Join(err, c.Close())
	if err == nil || !noCatalogFile(cfg) { // another run may have made it meanwhile
		return nil
	}
	return storageError(fmt.Errorf("there is no catalog at %s: %w", cfg.Catalog.URI, err))
}

func (l *lakeAt) close() error { return errors.Join(l.catalog.Close(), l.storage.Close()) }

// client makes the client of the Notion API.
func (p *program) client(ctx context.Context, cfg *config) (*notion.Client, error) {
	token, err := p.token(ctx, cfg)
	if err != nil {
		return nil, err
	}
	proxy, err := p.network()
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(cfg.Notion.BaseURL, "http:") && !isLoopback(cfg.Notion.BaseURL) {
		p.log.Warn("the token travels unencrypted: notion.base_url is not https", "base_url", cfg.Notion.BaseURL)
	}
	return notion.NewClient(notion.Options{
		Token: token, BaseURL: cfg.Notion.BaseURL, Version: cfg.Notion.Version, Rate: cfg.rate,
		Logger: p.log, Now: p.now, UserAgent: "notionlake/" + version, Attempts: cfg.attempts, Proxy: proxy,
	})
}

// source makes what a load reads.
func (c *config) source(client *notion.Client, logger *slog.Logger, o runOptions) *extract.Source {
	return extract.NewSource(c.sourceOptions(client, logger, o))
}

func (c *config) sourceOptions(client *notion.Client, logger *slog.Logger, o runOptions) extract.Options {
	var databases []extract.Database
	for _, d := range c.Databases {
		databases = append(databases, extract.Database{ID: d.id, Name: d.name})
	}
	return extract.Options{
		Client: client, Databases: databases, Exclude: c.Exclude,
		Archived: c.Content.Archived, Users: c.Content.Users, Raw: c.Content.Raw, Content: c.Content.options(), Files: o.files,
		Full: o.full, Sample: c.sample, Skew: func() time.Duration { return client.Stats().Skew },
		Only: o.only, Shard: o.shard, AllowEmpty: o.allowEmpty, KeepEvery: o.keepEvery, Now: o.now, Logger: logger,
	}
}

// options says what to read of pages.
func (c contentConfig) options() extract.Content {
	return extract.Content{
		Pages: c.Pages, Blocks: c.Blocks, Markdown: c.Markdown, Views: c.Views,
		Comments: c.Comments != "false", BlockComments: c.Comments == "true",
	}
}
