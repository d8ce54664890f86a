package main

import (
	"cmp"
	"io"
	"log/slog"
	"strings"

	"github.com/urfave/cli/v2"
)

const (
	formatText = "text"
	formatJSON = "json"
)

var logLevels = map[string]slog.Level{
	"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
}

// app is the command line of the program.
func (p *program) app() *cli.App {
	app := &cli.App{
		Name:                      "notionlake",
		Usage:                     "Notion workspaces as Iceberg tables",
		Version:                   version,
		UsageText:                 "notionlake COMMAND [flags] [arguments]",
		Description:               "Begin with `notionlake demo`, which needs nothing, or with `notionlake init`.\n`notionlake COMMAND --help` tells about a command.",
		Flags:                     []cli.Flag{cli.HelpFlag}, // left out by the library where there is a command help
		Writer:                    p.stdout,
		ErrWriter:                 p.console,
		DisableSliceFlagSeparator: true,
		ExitErrHandler:            func(*cli.Context, error) {}, // the default exits the process
		OnUsageError:              onUsageError,
		CustomAppHelpTemplate:     appHelp,
		Action: func(c *cli.Context) error {
			if name := c.Args().First(); name != "" {
				return unknownCommand(c.App, name)
			}
			return cli.ShowAppHelp(c)
		},
	}
	app.Commands = []*cli.Command{
		p.initCommand(), p.checkCommand(), p.planCommand(), p.runCommand(), p.demoCommand(),
		p.tablesCommand(), p.schemaCommand(), p.headCommand(), p.diffCommand(), p.loadsCommand(), p.snapshotsCommand(),
		p.publishCommand(), p.discardCommand(), p.rollbackCommand(), p.expireCommand(), p.maintainCommand(),
		p.connectCommand(), p.versionCommand(), p.completionCommand(), helpCommand(),
	}
	for _, c := range app.Commands {
		c.Flags = append(c.Flags, p.commonFlags()...)
		c.HideHelpCommand = true // `head help` is the table "help"
		c.OnUsageError = onUsageError
		c.CustomHelpTemplate = commandHelp
		c.Before = p.before
	}
	return app
}

// helpCommand stands in the place of the library's, which exits with a code of its own.
func helpCommand() *cli.Command {
	return &cli.Command{
		Name:      "help",
		Usage:     "tell about a command",
		ArgsUsage: "[COMMAND]",
		Action: func(c *cli.Context) error {
			args, err := arguments(c, "[COMMAND]")
			if err != nil {
				return err
			}
			if args[0] == "" {
				return cli.ShowAppHelp(c)
			}
			if c.App.Command(args[0]) == nil {
				return unknownCommand(c.App, args[0])
			}
			return cli.ShowCommandHelp(c.Lineage()[1], args[0])
		},
	}
}

func unknownCommand(app *cli.App, name string) error {
	return usagef("unknown command %q%s", name, cmp.Or(suggest(name, commandNames(app), "notionlake "), ": `notionlake --help` lists them"))
}

func commandNames(app *cli.App) (names []string) {
	for _, c := range app.Commands {
		names = append(names, c.Name)
	}
	return names
}

const appHelp = `NAME:
   {{.Name}} - {{.Usage}}

USAGE:
   {{.UsageText}}

VERSION:
   {{.Version}}

DESCRIPTION:
   {{wrap .Description 3}}

COMMANDS:{{range .VisibleCommands}}
   {{join .Names ", "}}{{"\t"}}{{.Usage}}{{end}}
` + exitCodesHelp

const commandHelp = `NAME:
   {{.HelpName}} - {{.Usage}}

USAGE:
   {{.HelpName}} [flags]{{if .ArgsUsage}} {{.ArgsUsage}}{{end}}{{if .Description}}

DESCRIPTION:
   {{wrap .Description 3}}{{end}}

FLAGS:{{range .VisibleFlags}}
   {{.}}{{end}}
` + exitCodesHelp

// commonFlags are the flags that every command takes.
func (p *program) commonFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "config", Usage: "read the configuration from `FILE` (default: notionlake.yaml; env NOTIONLAKE_CONFIG)"},
		&cli.StringFlag{Name: "log-level", Usage: "`LEVEL` of what is logged: debug, info, warn or error", Value: "info"},
		&cli.StringFlag{Name: "log-format", Usage: "`FORMAT` of logs and errors: text or json", Value: formatText},
	}
}

// jsonFlag is the flag of every command that prints a result.
func jsonFlag() cli.Flag {
	return &cli.BoolFlag{Name: "json", Usage: "print the result as one JSON document (docs/json.md)", DisableDefaultText: true}
}

// atFlag is the flag of every command that can read the past.
func atFlag() cli.Flag {
	return &cli.StringFlag{
		Name: "at", Usage: "as it was at `LOAD`: a load id, a tag, a snapshot id, an RFC 3339 time or a day",
		Action: func(_ *cli.Context, at string) error {
			if at == "" {
				return usagef("--at needs a load: without the flag the newest one is read")
			}
			return nil
		},
	}
}

// before sets up what all commands share.
func (p *program) before(c *cli.Context) error {
	name := strings.ToLower(c.String("log-level"))
	level, ok := logLevels[name]
	if !ok {
		return usagef("--log-level %s: use debug, info, warn or error", name)
	}
	if p.format = c.String("log-format"); p.format != formatText && p.format != formatJSON {
		format := p.format
		p.format = formatText
		return usagef("--log-format %s: use text or json", format)
	}
	p.setLogger(level)
	return nil
}

// earlyLogFormat finds the log format before the flags are parsed, so that a
// mistake in the flags is reported in it.
func earlyLogFormat(args []string) string {
	for i, a := range args {
		if a = strings.TrimLeft(a, "-"); a == "log-format="+formatJSON || a == "log-format" && i+1 < len(args) && args[i+1] == formatJSON {
			return formatJSON
		}
	}
	return formatText
}

// setLogger makes the logger. What it writes is redacted by the console.
func (p *program) setLogger(level slog.Level) {
	p.log = slog.New(newLogHandler(p.console, p.format, level))
}

func newLogHandler(w io.Writer, format string, level slog.Level) slog.Handler {
	options := &slog.HandlerOptions{Level: level}
	if format == formatJSON {
		return slog.NewJSONHandler(w, options)
	}
	return slog.NewTextHandler(w, options)
}
