package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/lake"
)

const (
	// defaultPatience is how long somebody who looks at a terminal waits for the first
	// answer of Notion, or for all answers of storage and catalog.
	defaultPatience = 30 * time.Second
	// patienceLooks is how often in that time it is looked whether an answer has come.
	patienceLooks = 30
	// planAttempts of a request take some seconds; a load tries for a minute.
	planAttempts = 4
)

// impatient ends the context when nothing has come from Notion for as long as
// somebody waits, once it has been asked: what the lake holds may take longer to
// read. answer puts the reason in the place of an error that only says
// that the context was cancelled.
func (p *program) impatient(ctx context.Context, cfg *config, client *notion.Client) (_ context.Context, answer func(error) error, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	silent := &lake.SourceError{Err: fmt.Errorf("%w: no answer from %s within %s", notion.ErrUnreachable, cfg.Notion.BaseURL, p.patience)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		ticks := time.NewTicker(max(p.patience/patienceLooks, 1))
		defer ticks.Stop()
		for waits := 0; waits <= patienceLooks; {
			select {
			case <-ctx.Done():
				return
			case <-ticks.C:
			}
			switch now := client.Stats(); {
			case now.BytesRead > 0:
				return
			case now.Requests > 0:
				waits++
			}
		}
		cancel(silent)
	}()
	answer = func(err error) error {
		if err != nil && errors.Is(context.Cause(ctx), notion.ErrUnreachable) && errors.Is(err, context.Canceled) {
			return silent
		}
		return err
	}
	return ctx, answer, func() {
		cancel(nil)
		<-ended
	}
}

// configurationToLoad is the configuration of a command that reads Notion. That there
// is no file is said: who is in the wrong folder would fill a lake there.
func (p *program) configurationToLoad(c *cli.Context) (*config, error) {
	cfg, err := p.configuration(c, p.hasToken)
	if err == nil && cfg.path == "" {
		p.log.Info("there is no "+defaultConfig+" here: the defaults hold; `notionlake init` writes one", "dir", cfg.dir, "warehouse", cfg.Warehouse)
	}
	return cfg, err
}
