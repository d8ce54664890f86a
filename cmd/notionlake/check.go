package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/extract"
	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/lake"
)

// A checkResult is one line of `check`.
type checkResult struct {
	Name    string `json:"name"`
	Status  string `json:"status"` // ok, warn or fail
	Message string `json:"message"`
	Cure    string `json:"cure,omitempty"`
}

const (
	checkOK   = "ok"
	checkWarn = "warn"
	checkFail = "fail"
)

// A checkList gathers results. The first failure decides the exit code.
type checkList struct {
	results []checkResult
	err     error
}

func (l *checkList) ok(name, format string, args ...any) {
	l.results = append(l.results, checkResult{Name: name, Status: checkOK, Message: fmt.Sprintf(format, args...)})
}

func (l *checkList) warn(name, message, cure string) {
	l.results = append(l.results, checkResult{Name: name, Status: checkWarn, Message: message, Cure: cure})
}

func (l *checkList) fail(name string, err error) {
	err = &checkError{err}
	l.results = append(l.results, checkResult{Name: name, Status: checkFail, Message: describe(err), Cure: adviceFor(err)})
	if l.err == nil {
		l.err = err
	}
}

func (p *program) checkCommand() *cli.Command {
	return &cli.Command{
		Name:        "check",
		Usage:       "look whether everything that a load needs is there",
		Description: "Looks at the token, what the connection may see, the storage, the catalog and the clock, and says\nwhat to do where something is missing. It loads nothing.",
		Flags:       []cli.Flag{jsonFlag()},
		Action: func(c *cli.Context) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			cfg, err := p.configuration(c, func(*config) bool { return true })
			if err != nil {
				return err
			}
			var list checkList
			if cfg.path == "" {
				list.warn("configuration", "there is no "+defaultConfig+" here: the defaults hold", "`notionlake init` writes one")
			} else {
				list.ok("configuration", "%s", cfg.path)
			}
			p.checkNotion(c.Context, cfg, &list)
			p.checkLake(c.Context, cfg, &list)
			if err := context.Cause(c.Context); err != nil {
				return err
			}
			return errors.Join(list.err, p.printChecks(list, c.Bool("json")))
		},
	}
}

func (p *program) printChecks(list checkList, asJSON bool) error {
	if asJSON {
		return p.printJSON(struct {
			OK     bool          `json:"ok"`
			Checks []checkResult `json:"checks"`
		}{list.err == nil, list.results})
	}
	var b strings.Builder
	for _, r := range list.results {
		fmt.Fprintf(&b, "%-5s %-14s %s", r.Status, r.Name, oneLine(r.Message))
		if r.Cure != "" {
			fmt.Fprintf(&b, " → %s", oneLine(r.Cure))
		}
		b.WriteString("\n")
	}
	return p.printText(b.String())
}

// checkAttempts are few: somebody waits for the answer.
const checkAttempts = 3

// checkNotion looks at the token and at what the connection may see.
func (p *program) checkNotion(ctx context.Context, cfg *config, list *checkList) {
	cfg.attempts = checkAttempts
	client, err := p.client(ctx, cfg)
	if err != nil {
		list.fail("token", err)
		return
	}
	asking, answer, stop := p.impatient(ctx, cfg, client)
	me, err := client.Me(asking)
	err = answer(err)
	stop()
	if err != nil {
		name := "token"
		if errors.Is(err, notion.ErrUnreachable) {
			name = "network"
		}
		list.fail(name, err)
		return
	}
	bot := me.Get("bot")
	list.ok("token", "connection %q of workspace %q", me.Get("name").Text(), bot.Get("workspace_name").Text())
	p.checkShared(ctx, cfg, client, list)
	checkUsers(ctx, cfg, client, list)
	switch skew := client.Stats().Skew; {
	case skew.Abs() > maxSkew:
		list.warn("clock", fmt.Sprintf("this machine's clock is %s off Notion's", skew.Abs().Round(time.Second)), "set the clock (NTP): load ids and --at TIME depend on it")
	default:
		list.ok("clock", "within %s of Notion's", max(skew.Abs(), time.Second).Round(time.Second))
	}
}

// maxListed is how many names of shared databases are shown.
const maxListed = 5

// checkShared looks at what is shared with the connection and at the databases
// that the configuration names.
func (p *program) checkShared(ctx context.Context, cfg *config, client *notion.Client, list *checkList) {
	var titles []string
	n := 0
	for source, err := range client.Search(ctx, "data_source") {
		if errors.Is(err, notion.ErrIncomplete) {
			break // there are more than Notion lists, so there are enough
		}
		if err != nil {
			list.fail("content", err)
			return
		}
		if n++; len(titles) < maxListed {
			titles = append(titles, fmt.Sprintf("%q", plainTitle(source.Get("title"))))
		}
	}
	switch {
	case n > 0:
		what := strings.Join(titles, ", ")
		if n > len(titles) {
			what += fmt.Sprintf(" and %d more", n-len(titles))
		}
		list.ok("content", "%s shared: %s", plural(int64(n), "data source"), what)
	case len(cfg.Databases) == 0:
		list.fail("content", &lake.SourceError{Err: extract.ErrNothingShared})
	default:
		list.ok("content", "search finds nothing; only what the configuration names is looked at")
	}
	for _, d := range cfg.Databases {
		name := d.id
		if d.name != "" {
			name = d.name + " (" + d.id + ")"
		}
		title, err := databaseTitle(ctx, client, d.id)
		if err != nil {
			if d.name != "" { // the error has the id
				err = fmt.Errorf("%s: %w", d.name, err)
			}
			list.fail("database", err)
			continue
		}
		list.ok("database", "%s: %q", name, title)
	}
}

// databaseTitle is the title of the database, or of the data source, of an id.
func databaseTitle(ctx context.Context, client *notion.Client, id string) (string, error) {
	object, err := client.Database(ctx, id)
	if errors.Is(err, notion.ErrNotFound) {
		if source, e := client.DataSource(ctx, id); e == nil {
			object, err = source, nil
		}
	}
	if err != nil {
		return "", err
	}
	return plainTitle(object.Get("title")), nil
}

// plainTitle is a rich text without its formatting.
func plainTitle(runs notion.JSON) string {
	var title []byte
	for run := range runs.Elems() {
		title, _ = run.Get("plain_text").AppendText(title)
	}
	return string(title)
}

// checkUsers looks at the capability to see who is behind an id.
func checkUsers(ctx context.Context, cfg *config, client *notion.Client, list *checkList) {
	if !cfg.Content.Users {
		return
	}
	people, emails := 0, 0
	for user, err := range client.Users(ctx) {
		if errors.Is(err, notion.ErrRestricted) {
			list.warn("users", "the connection may not list users: _users has only those met, without names",
				"give it “Read user information including email addresses” at notion.so/profile/integrations")
			return
		}
		if err != nil {
			list.fail("users", err)
			return
		}
		if user.Get("type").Text() == "person" {
			people++
			if user.Get("person").Get("email").Text() != "" {
				emails++
			}
		}
	}
	if people > 0 && emails == 0 {
		list.warn("users", plural(int64(people), "user")+" without email addresses",
			"give the connection “Read user information including email addresses” at notion.so/profile/integrations")
		return
	}
	list.ok("users", "%s, %d with an email address", plural(int64(people), "user"), emails)
}

// checkLake looks at storage and catalog.
func (p *program) checkLake(ctx context.Context, cfg *config, list *checkList) {
	ctx, cancel := context.WithTimeout(ctx, p.patience)
	defer cancel()
	what := "the warehouse " + cfg.Warehouse
	if cfg.Storage.Endpoint != "" {
		what += " at " + cfg.Storage.Endpoint
	}
	late := func(err error) error {
		if !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		return storageError(fmt.Errorf("no answer from %s within %s: look at the network and at the configuration", what, p.patience))
	}
	storage, err := p.openStorage(ctx, cfg)
	if err != nil {
		list.fail("storage", late(err))
		return
	}
	defer storage.Close()
	if err := probe(ctx, storage); err != nil {
		list.fail("storage", late(err))
	} else {
		list.ok("storage", "write, read, list and delete work in %s", storage.Root())
	}
	if err := probeConditional(ctx, storage); err != nil {
		list.fail("new objects", late(err))
	} else {
		list.ok("new objects", "an object that is there is not written over")
	}
	if list.err != nil && exitCode(list.err) == exitStorage {
		return // the catalog's folder may be the same
	}
	what = "the " + cfg.Catalog.Type + " catalog"
	c, err := p.openCatalog(ctx, cfg, storage, catalog.Options{})
	if err != nil {
		list.fail("catalog", late(err))
		return
	}
	defer c.Close()
	tables, err := c.Tables(ctx)
	if err != nil {
		list.fail("catalog", late(storageError(err)))
		return
	}
	if err := errors.Join(c.CheckNewest(ctx), c.CheckWritable(ctx)); err != nil {
		list.fail("catalog", late(storageError(err)))
		return
	}
	if names, of, err := (&lakeAt{cfg, storage, c}).dropped(ctx); err == nil && len(names) > 0 {
		list.warn("tables", droppedText+": "+strings.Join(names, ", ")+" of load "+string(of), droppedCure)
	}
	last, err := c.LastLoad(ctx)
	switch {
	case err != nil:
		list.fail("catalog", late(storageError(err)))
	case last == "":
		list.ok("catalog", "%s, no load yet", c.Place())
	default:
		list.ok("catalog", "%s, %s, last load %s", c.Place(), plural(int64(len(tables)), "table"), last)
	}
	if err == nil && c.OneByOne() {
		list.ok("publication", "%s", oneByOneText)
	}
}

// oneByOneText is what readers may see where the catalog changes one table at a time.
const oneByOneText = "the catalog changes one table at a time, _loads last: while a load is published, or until the next run where it died in that, " +
	"readers may see tables of two loads; those pinned to the tag of the newest load in _loads see one (`notionlake connect` prints how)"
