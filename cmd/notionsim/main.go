// Command notionsim serves a simulated Notion workspace over HTTP: for trying
// out notionlake, and for tests of whatever reads Notion's API.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/notionlake/notionlake/extract/notiontest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args, os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "notionsim:", err)
		os.Exit(1)
	}
}

// A config is what the flags say.
type config struct {
	listen      string
	allowRemote bool
	workspace   string
	rows        int
	blocks      int
	recorded    string
	cache       bool
	options     notiontest.Options
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	app := &cli.App{
		Name: "notionsim", Usage: "serve a simulated Notion workspace", HideVersion: true, HideHelpCommand: true,
		Description: description + strings.Join(append(notiontest.RetryFaults(), notiontest.OtherFaults()...), ", "), Flags: flags(), Writer: stdout, ErrWriter: stderr,
		ExitErrHandler: func(*cli.Context, error) {},
		Action: func(c *cli.Context) error {
			if c.NArg() > 0 {
				return fmt.Errorf("unexpected argument %q", c.Args().First())
			}
			cfg, err := configOf(c)
			if err != nil {
				return err
			}
			return serve(c.Context, cfg, stdout)
		},
	}
	return app.RunContext(ctx, args)
}

const description = `The first line on stdout is the URL to use instead of https://api.notion.com.
It answers until it is interrupted. Scripts control it at the same address:

  POST /_sim/step     make the workspace's next change; there are 5 of demo, 7 of everything, 2 of files
                      and 100 of big, and then it answers 409
  POST /_sim/unshare?id=ID, share, trash, restore
                      hide a page, a database or a data source from the connection, or put it into the trash; and back
  GET  /_sim/stats    what was asked for and which faults fired
  POST /_sim/truth?load=ID&dir=PATH
                      write what the load must have made of the workspace, a JSON file per table;
                      with &files=true where content.files is true
  POST /_sim/inject   {"kind": "429:5", "times": 2, "method": "POST", "path": "/v1/data_sources/"}
                      let the next requests that match fail; method and path may be left out

Kinds of faults, the first ones being those that pass on retry:
`

func flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "listen", Value: "127.0.0.1:0", Usage: "`ADDRESS` to listen on; port 0 picks a free one"},
		&cli.BoolFlag{Name: "allow-remote", Usage: "listen on an address that other machines reach"},
		&cli.StringFlag{Name: "workspace", Value: "demo", Usage: "`NAME`: " + strings.Join(workspaceNames, ", ")},
		&cli.IntFlag{Name: "rows", Value: 100_000, Usage: "rows of the workspace big"},
		&cli.IntFlag{Name: "blocks", Usage: "blocks in each row of the workspace big"},
		&cli.BoolFlag{Name: "cache", Usage: "keep every answer and give it again, which takes little of the machine: for measuring a reader"},
		&cli.StringFlag{Name: "recorded", Usage: "`DIR` with recorded responses, for the workspace recorded"},
		&cli.Uint64Flag{Name: "seed", Value: 1, Usage: "of the workspace, the faults and all order that Notion does not promise"},
		&cli.StringFlag{Name: "token", Value: notiontest.DefaultToken, Usage: "the token that is accepted"},
		&cli.IntFlag{Name: "rate", Usage: "requests per 60 seconds; 0 is no limit (Notion: 180 or 600)"},
		&cli.IntFlag{Name: "burst", Usage: "with --rate: requests that may come at once; 0 is all of them"},
		&cli.DurationFlag{Name: "latency", Usage: "of every answer"},
		&cli.Float64Flag{Name: "fault-rate", Usage: "share of requests that fail, from 0 to 1"},
		&cli.StringSliceFlag{Name: "fault", Usage: "`KIND` of fault for --fault-rate; may be repeated (default: all that pass on retry)"},
		&cli.IntFlag{Name: "cap", Value: 10_000, Usage: "results of one query or search"},
		&cli.BoolFlag{Name: "short-pages", Usage: "answer with fewer results than asked for while there are more"},
		&cli.BoolFlag{Name: "shuffle", Usage: "show properties and rows of one minute in another order"},
		&cli.StringFlag{Name: "search-gap", Usage: "what search does not find: inherited, half or sources"},
		&cli.DurationFlag{Name: "cursor-ttl", Usage: "how long a cursor is good; 0 is for ever"},
	}
}

func configOf(c *cli.Context) (config, error) {
	cfg := config{
		listen: c.String("listen"), allowRemote: c.Bool("allow-remote"),
		workspace: c.String("workspace"), rows: c.Int("rows"), blocks: c.Int("blocks"), recorded: c.String("recorded"), cache: c.Bool("cache"),
		options: notiontest.Options{
			Token: c.String("token"), Seed: c.Uint64("seed"), RatePerMinute: c.Int("rate"), Burst: c.Int("burst"),
			Latency: c.Duration("latency"), Cap: c.Int("cap"), ShortPages: c.Bool("short-pages"), Shuffle: c.Bool("shuffle"),
			SearchGap: notiontest.SearchGap(c.String("search-gap")), CursorTTL: c.Duration("cursor-ttl"),
			Faults: notiontest.Faults{Rate: c.Float64("fault-rate"), Kinds: c.StringSlice("fault"), Seed: c.Uint64("seed")},
		},
	}
	for _, name := range []string{"rows", "blocks", "rate", "burst", "cap"} {
		if c.Int(name) < 0 {
			return cfg, fmt.Errorf("--%s %d: less than none", name, c.Int(name))
		}
	}
	if r := cfg.options.Faults.Rate; r < 0 || r > 1 {
		return cfg, fmt.Errorf("--fault-rate %v: not between 0 and 1", r)
	}
	for _, kind := range cfg.options.Faults.Kinds {
		if err := notiontest.CheckFault(kind); err != nil {
			return cfg, fmt.Errorf("--fault: %w", err)
		}
	}
	switch cfg.options.SearchGap {
	case notiontest.SearchAll, notiontest.SearchShared, notiontest.SearchHalf, notiontest.SearchNoSources:
	default:
		return cfg, fmt.Errorf("--search-gap %q: neither inherited nor half nor sources", cfg.options.SearchGap)
	}
	return cfg, nil
}

// serve answers requests until ctx ends.
func serve(ctx context.Context, cfg config, stdout io.Writer) error {
	if err := checkAddress(cfg.listen, cfg.allowRemote); err != nil {
		return err
	}
	w, steps, err := openWorkspace(cfg)
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.listen)
	if err != nil {
		return err
	}
	cfg.options.FileBase = "http://" + listener.Addr().String()
	var handler http.Handler = newControl(notiontest.NewServer(w, cfg.options), steps)
	if cfg.cache {
		handler = newCache(handler)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	fmt.Fprintf(stdout, "http://%s\n", listener.Addr())
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	// Requests that stall are not waited for.
	if err := server.Close(); err != nil {
		return err
	}
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// checkAddress refuses what other machines reach: the token is no secret.
func checkAddress(listen string, allowRemote bool) error {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	if ip := net.ParseIP(host); allowRemote || host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return fmt.Errorf("--listen %s: other machines reach this address; use 127.0.0.1 or add --allow-remote", listen)
}
