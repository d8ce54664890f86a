package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/notionlake/notionlake/extract/notiontest"
	"github.com/notionlake/notionlake/lake"
)

const (
	demoDir    = "lake-demo"
	demoMarker = ".notionlake-demo" // in a folder that the demo made, and may make again
	demoSeed   = 1
)

const demoConfig = `# Made by notionlake demo. Its workspace lived in a simulator, which has ended:
# the lake can be looked at, not loaded again.
notion:
  token: %s
  base_url: %s
  rate: off
content:
  files: true
warehouse: ./lake
catalog:
  uri: ./lake/catalog.db
`

func (p *program) demoCommand() *cli.Command {
	return &cli.Command{
		Name:      "demo",
		Usage:     "show the main job on a simulated workspace",
		ArgsUsage: "[DIR]",
		Description: "Starts a Notion simulator on this machine, loads its workspace into DIR (default: " + demoDir + "), changes\n" +
			"the workspace, loads again, and shows tables, schema changes, time travel and how to query.\n" +
			"It needs no token and no network. DIR is made anew each time; a folder that the demo did not make is left alone.",
		Flags: []cli.Flag{jsonFlag()},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, "[DIR]")
			if err != nil {
				return err
			}
			dir := args[0]
			if dir == "" {
				dir = demoDir
			}
			if dir, err = p.argument(dir); err != nil {
				return err
			}
			if !c.IsSet("log-level") {
				p.setLogger(slog.LevelWarn) // the tour is what is to be read
			}
			return p.demo(c.Context, dir, c.Bool("json"))
		},
	}
}

// prepareDemo makes the folder of the demo, or empties it of what an earlier demo made.
func prepareDemo(dir string) error {
	marker := filepath.Join(dir, demoMarker)
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return &lake.StorageError{Err: fmt.Errorf("make the folder %s: %w", dir, reason(err))}
		}
	case err != nil:
		return usagef("demo: %s: %v", dir, reason(err))
	case len(entries) > 0:
		if _, err := os.Lstat(marker); err != nil {
			return usagef("demo: %s is not empty and the demo did not make it: name another folder", dir)
		}
		for _, name := range []string{"lake", defaultConfig} {
			if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
				return &lake.StorageError{Err: fmt.Errorf("remove the last demo: %w", err)}
			}
		}
	}
	if err := os.WriteFile(marker, []byte("notionlake demo made this folder and may make it again\n"), 0o644); err != nil {
		return &lake.StorageError{Err: fmt.Errorf("write %s: %w", marker, reason(err))}
	}
	return nil
}

// simulate serves a workspace on loopback until stop is called.
func simulate(w *notiontest.Workspace) (url string, stop func() error, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("start the simulator: %w", err)
	}
	url = "http://" + listener.Addr().String()
	server := &http.Server{Handler: notiontest.NewServer(w, notiontest.Options{FileBase: url}), ReadHeaderTimeout: time.Minute}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(listener) // its error says that it was closed
	}()
	return url, func() error {
		err := server.Close()
		<-ended
		return err
	}, nil
}

func (p *program) demo(ctx context.Context, dir string, asJSON bool) (err error) {
	if err := prepareDemo(dir); err != nil {
		return err
	}
	workspace, steps := notiontest.Demo(demoSeed)
	url, stop, err := simulate(workspace)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	file := filepath.Join(dir, defaultConfig)
	if err := os.WriteFile(file, fmt.Appendf(nil, demoConfig, notiontest.DefaultToken, url), 0o600); err != nil {
		return &lake.StorageError{Err: fmt.Errorf("write %s: %w", file, reason(err))}
	}
	cfg, err := p.readConfig(file)
	if err != nil {
		return err
	}
	say := func(format string, args ...any) error {
		if asJSON {
			return nil
		}
		return p.printText(fmt.Sprintf(format, args...))
	}
	if err := say("A Notion workspace, simulated at %s, goes into %s.\n\n1. The first load\n\n", url, dir); err != nil {
		return err
	}
	first, err := p.run(ctx, cfg, runOptions{})
	if err != nil {
		return err
	}
	var changes []string
	for _, s := range steps {
		s.Apply()
		changes = append(changes, s.Title)
	}
	err = say("%s\n2. Somebody works in Notion\n\n   - %s\n\n3. The second load\n\n", reportText(first), strings.Join(changes, "\n   - "))
	if err != nil {
		return err
	}
	second, err := p.run(ctx, cfg, runOptions{})
	if err != nil {
		return err
	}
	if asJSON {
		return p.printJSON(struct {
			Dir     string        `json:"dir"`
			Config  string        `json:"config"`
			Changes []string      `json:"changes"`
			Loads   []lake.Report `json:"loads"`
		}{dir, file, changes, []lake.Report{normalized(first), normalized(second)}})
	}
	if err := say("%s\n", reportText(second)); err != nil {
		return err
	}
	return p.demoTour(ctx, cfg, file, first, second)
}

// demoTour shows how to look at what the two loads made.
func (p *program) demoTour(ctx context.Context, cfg *config, file string, first, second lake.Report) (err error) {
	l, err := p.openLake(ctx, cfg, readOnly)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	table := mostChanged(second)
	flag := " --config " + shellQuote(file) + " "
	show := func(title, command string, do func() error) error {
		if err := p.printText(title + "\n\n   $ " + command + "\n\n"); err != nil {
			return err
		}
		return errors.Join(do(), p.printText("\n"))
	}
	before := string(first.LoadID)
	return errors.Join(
		show("4. Tables", p.name+" tables"+strings.TrimSuffix(flag, " "), func() error { return p.tables(ctx, l, "", false) }),
		show("5. Time travel: the table as it is now", p.name+" head"+flag+"-n 5 "+table, func() error { return p.head(ctx, l, table, "", 5, nil, false) }),
		show("   and as the first load left it, with the columns that it had", p.name+" head"+flag+"-n 5 --at "+before+" "+table,
			func() error { return p.head(ctx, l, table, before, 5, nil, false) }),
		show("6. Query it: in DuckDB", p.name+" connect"+flag+"duckdb "+table, func() error { return p.connect(ctx, l, "duckdb", table, "", false) }),
		show("   or in Python", p.name+" connect"+flag+"--at "+before+" polars "+table, func() error { return p.connect(ctx, l, "polars", table, before, false) }),
		p.printText("Your own workspace: `"+p.name+" init`.\n"),
	)
}

// mostChanged is the data source's table with most schema changes.
func mostChanged(r lake.Report) string {
	best, most := "", -1
	for _, t := range r.Tables {
		if !strings.HasPrefix(t.Name, "_") && len(t.SchemaChanges) > most {
			best, most = t.Name, len(t.SchemaChanges)
		}
	}
	return best
}
