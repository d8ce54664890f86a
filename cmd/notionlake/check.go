package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

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

func (l *checkList) fail(name string, err error) { l.failWith(name, err, adviceFor(&checkError{err})) }

func (l *checkList) failWith(name string, err error, cure string) {
	err = &checkError{err}
	l.results = append(l.results, checkResult{Name: name, Status: checkFail, Message: describe(err), Cure: cure})
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
	checkComments(ctx, cfg, client, list)
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

// checkComments looks at the capability to read comments, on the first page that there is.
func checkComments(ctx context.Context, cfg *config, client *notion.Client, list *checkList) {
	if cfg.Content.Comments == "false" {
		return
	}
	for page, err := range client.Search(ctx, "page") {
		id := page.Get("id").Text()
		if err == nil {
			for _, err = range client.Comments(ctx, id) {
				break
			}
		}
		switch {
		case errors.Is(err, notion.ErrNotFound): // it has gone since it was found
			continue
		case errors.Is(err, notion.ErrRestricted):
			list.warn("comments", "the connection may not read comments: there is no _comments, or it stays as it was",
				"give it “Read comments” at notion.so/profile/integrations, or set content.comments: false")
		case err != nil:
			list.fail("comments", err)
		default:
			list.ok("comments", "can be read")
		}
		return
	}
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
