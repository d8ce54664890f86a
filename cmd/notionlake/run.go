package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/extract"
	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/lake"
)

// A runOptions is what the flags of `run` say.
type runOptions struct {
	only        []string
	shard       extract.Shard
	full        bool
	allowEmpty  bool
	allowShrink bool
	asLoad      lake.LoadID
	deadline    time.Duration // 0: none
	lockTimeout time.Duration
	files       extract.Files    // set by run
	keepEvery   time.Duration    // set by run
	now         func() time.Time // set by run
}

const defaultLockTimeout = 30 * time.Second

func (p *program) runCommand() *cli.Command {
	return &cli.Command{
		Name:  "run",
		Usage: "load Notion into the lake, once",
		Description: "Reads the workspace and publishes all tables at once, or, if something fails, none.\n" +
			"With --json the report is one JSON document on stdout, also when the load failed.",
		Flags: append(selectionFlags(),
			&cli.BoolFlag{Name: "allow-shrink", Usage: "publish also where tables lost more rows than guard.max_shrink allows", DisableDefaultText: true},
			&cli.BoolFlag{Name: "allow-empty", Usage: "publish also when nothing is shared with the connection", DisableDefaultText: true},
			deadlineFlag(),
			lockTimeoutFlag(),
			&cli.StringFlag{Name: "as-load", Usage: "give the load the `ID` (for tests)"},
			jsonFlag(),
		),
		Action: func(c *cli.Context) error {
			asJSON := c.Bool("json")
			report, err := p.runFlags(c)
			err = interrupted(c.Context, err)
			printed := err == nil || report.LoadID != "" || asJSON
			if !printed {
				return err
			}
			report = failedReport(report, err, p.now())
			return p.printReport(report, err, asJSON)
		},
	}
}

func deadlineFlag() cli.Flag {
	f := durationFlag("deadline", "end after `TIME` (90s, 15m, 2h, 1d), with exit code 4; the next run goes on from there", 0)
	f.DefaultText = "none"
	return f
}

// selectionFlags say what of the workspace is loaded.
func selectionFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "only", Usage: "load only the data source `NAME`: its table, title, id or URL; may be repeated"},
		&cli.StringFlag{Name: "shard", Usage: "load part `I/N` of the data sources (1/4, 2/4, ...); the parts may run at the same time"},
		&cli.BoolFlag{Name: "full", Usage: "read everything, also pages that have not been edited; no interrupted load is continued, nor this one", DisableDefaultText: true},
	}
}

// selection reads the selectionFlags.
func selection(c *cli.Context) (o runOptions, err error) {
	o.only, o.full = c.StringSlice("only"), c.Bool("full")
	for _, name := range o.only {
		if name == "" {
			return o, usagef("--only: a table, title, id or URL is expected")
		}
	}
	if o.shard, err = parseShard(c.String("shard")); err != nil {
		return o, err
	}
	if o.shard.Of > 0 && len(o.only) > 0 {
		return o, usagef("--shard and --only: one of them says which part is loaded")
	}
	return o, nil
}

// failedReport completes the report of a load that failed, also of one that
// failed before it began.
func failedReport(r lake.Report, err error, now time.Time) lake.Report {
	if err != nil && r.Status == "" {
		r.Status = lake.StatusFailed
		r.Reasons = append(r.Reasons, err.Error())
	}
	var bySignal *signalError
	if errors.As(err, &bySignal) {
		r.Reasons = []string{bySignal.Error()}
	}
	if r.Started.IsZero() {
		r.Started, r.Finished = now.UTC(), now.UTC()
	}
	return normalized(r)
}

func (p *program) runFlags(c *cli.Context) (lake.Report, error) {
	if _, err := arguments(c); err != nil {
		return lake.Report{}, err
	}
	o, err := selection(c)
	if err != nil {
		return lake.Report{}, err
	}
	o.allowShrink, o.allowEmpty, o.asLoad = c.Bool("allow-shrink"), c.Bool("allow-empty"), lake.LoadID(c.String("as-load"))
	o.deadline, o.lockTimeout = c.Duration("deadline"), c.Duration("lock-timeout")
	switch {
	case o.asLoad != "" && !o.asLoad.Valid():
		return lake.Report{}, usagef("--as-load %s: a load id is a time in UTC like 20261121T030000Z", cut(string(o.asLoad), 60))
	case c.IsSet("deadline") && o.deadline <= 0:
		return lake.Report{}, usagef("--deadline %s: more than 0s is expected", o.deadline)
	case o.lockTimeout < 0:
		return lake.Report{}, usagef("--lock-timeout %s: 0s or more is expected", o.lockTimeout)
	}
	cfg, err := p.configurationToLoad(c)
	if err != nil {
		return lake.Report{}, err
	}
	report, err := p.run(c.Context, cfg, o)
	switch err = interrupted(c.Context, err); {
	case err == nil:
	case o.full:
		err = &endedError{err, byFull}
	case cfg.resume == 0:
		err = &endedError{err, byResume}
	}
	return report, err
}

// parseShard reads I/N; "" is everything.
func parseShard(s string) (shard extract.Shard, err error) {
	if s == "" {
		return shard, nil
	}
	number, of, ok := strings.Cut(s, "/")
	if shard.Number, err = strconv.Atoi(number); ok && err == nil {
		shard.Of, err = strconv.Atoi(of)
	}
	if !ok || err != nil || shard.Number < 1 || shard.Number > shard.Of || shard.Of > maxShards {
		return shard, usagef("--shard %s: I/N is expected, such as 2/8, with I from 1 to N and N up to %d", cut(s, 60), maxShards)
	}
	return shard, nil
}

// maxShards is far more than the requests that one connection may make are good for.
const maxShards = 1000

// parts name what the run loads, where that is not everything.
func (o runOptions) parts() []string {
	if o.shard.Of > 0 {
		return []string{fmt.Sprintf("shard %d/%d", o.shard.Number, o.shard.Of)}
	}
	var parts []string
	for _, name := range o.only {
		if id, err := notion.ParseID(name); err == nil {
			name = id
		}
		if part := "only " + name; !contains(parts, part) {
			parts = append(parts, part)
		}
	}
	return parts
}

// run runs one load.
func (p *program) run(ctx context.Context, cfg *config, o runOptions) (report lake.Report, err error) {
	if o.deadline > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, o.deadline, errDeadline)
		defer cancel()
		defer func() { report, err = overDeadline(ctx, report, err, o.deadline) }()
	}
	client, err := p.client(ctx, cfg)
	if err != nil {
		return lake.Report{}, err
	}
	l, err := p.openLake(ctx, cfg, catalog.Options{LockTimeout: max(o.lockTimeout, time.Millisecond)})
	if err != nil {
		return lake.Report{}, err
	}
	defer func() { err = errors.Join(err, storageError(l.close())) }()
	p.warnOfDropped(ctx, l)
	if o.files, err = p.fileOptions(cfg, l); err != nil {
		return lake.Report{}, err
	}
	// That the warehouse can be written shows before Notion is asked anything: the
	// load's first act is its entry in the journal.
	progress := &lake.Progress{}
	o.keepEvery, o.now = p.keepEvery, p.now
	source := cfg.source(client, p.log, o)
	defer func() { err = errors.Join(err, source.Close()) }()
	loader := &lake.Loader{
		Source: source, Storage: l.storage, Catalog: l.catalog,
		Logger: p.log, Now: p.now, Version: version, AsLoad: o.asLoad, Parts: o.parts(), LockTimeout: o.lockTimeout,
		Audit: cfg.audit(o.allowShrink), Config: cfg.fingerprint(o.parts()), Resume: cfg.resumeFor(o.full), Full: o.full, Progress: progress, Stats: sourceStats(client, source), Point: p.point,
	}
	defer context.AfterFunc(ctx, func() {
		if cause := context.Cause(ctx); as[*signalError](cause) {
			if progress.TablesSeen.Load() == 0 {
				p.log.Info("the load is being ended before any table was read; another signal ends the program at once", "cause", cause)
				return
			}
			p.log.Info("the load is being ended, and what was read of pages put aside; another signal ends the program at once", "cause", cause)
		}
	})()
	stop := p.watch(ctx, watched{progress, client.Stats, source.Pages, o.parts() == nil})
	report, err = loader.Run(ctx)
	stop()
	p.warnOfSkew(client.Stats().Skew)
	var panicked *lake.PanicError
	if errors.As(err, &panicked) {
		p.log.Debug("panic", "table", panicked.Table, "stack", string(panicked.Stack))
	}
	return report, err
}

// overDeadline says in error and report that it was the deadline that ended the load.
func overDeadline(ctx context.Context, report lake.Report, err error, deadline time.Duration) (lake.Report, error) {
	if err == nil || !errors.Is(context.Cause(ctx), errDeadline) || !isCancellation(err) {
		return report, err
	}
	if report.Status != "" && report.Status != lake.StatusFailed {
		return report, err // it is published or held all the same
	}
	report.Status = lake.StatusFailed
	report.Reasons = []string{"deadline"}
	return report, fmt.Errorf("load not finished within %s: %w", deadline, errDeadline)
}

func isCancellation(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || errors.Is(err, errDeadline)
}

func sourceStats(client *notion.Client, source *extract.Source) func() lake.SourceStats {
	return func() lake.SourceStats {
		s, resumed := client.Stats(), source.Resumed()
		return lake.SourceStats{
			Requests: s.Requests, Retries: s.Retries, RateLimited: s.RateLimited, BytesRead: s.BytesRead,
			ResumedPages: resumed.Pages, ResumedFiles: resumed.Files, Files: source.Files(),
			Problems: source.Problems(), Lost: source.Lost(),
		}
	}
}

// maxSkew is how far the clock may be off before it is said.
const maxSkew = 5 * time.Minute

func (p *program) warnOfSkew(skew time.Duration) {
	if skew.Abs() > maxSkew {
		p.log.Warn("the clock of this machine differs from Notion's: load ids and times of loads are wrong by that much", "by", skew.Round(time.Second))
	}
}
