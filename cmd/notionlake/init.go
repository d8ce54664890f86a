package main

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"
)

// initialConfig is what `init` writes: a configuration that works as it is once
// NOTION_TOKEN is set.
//
//go:embed init.yaml
var initialConfig string

const nextSteps = `wrote %s

Three steps to the first load:

1. Make a connection. Open https://www.notion.so/profile/integrations in the
   browser (Settings → Connections → Develop or manage integrations in the app)
   and choose “New integration”. Give it a name, pick your workspace, type
   “Internal”, and save. On its page, under Capabilities, “Read content” is
   enough, without comments, which “Read comments” adds; “Read user information
   including email addresses” fills in who is behind people, creators and editors.

2. Copy its token. On the same page, “Internal integration secret” → Show → Copy.
   It begins with ntn_. Give it to notionlake through the environment:

       export NOTION_TOKEN=ntn_...

3. Share pages with it. In Notion open a page or database that you want in the
   lake, click ••• at the top right → Connections → and choose your connection.
   Everything below that page is shared too. A page at the top of the workspace
   shares all that is under it.

Then:

       notionlake check%[2]s      # is everything there?
       notionlake plan%[2]s       # what would a load do?
       notionlake run%[2]s        # the first load
       notionlake tables%[2]s     # what came of it
`

func (p *program) initCommand() *cli.Command {
	return &cli.Command{
		Name:        "init",
		Usage:       "write a configuration to begin with",
		ArgsUsage:   "[DIR]",
		Description: "Writes a commented notionlake.yaml into DIR (default: the working directory) that works as it is\nonce NOTION_TOKEN is set, and prints how to get a token and share pages. It overwrites nothing.",
		Action: func(c *cli.Context) error {
			args, err := arguments(c, "[DIR]")
			if err != nil {
				return err
			}
			file := c.String("config")
			switch {
			case file != "" && args[0] != "":
				return usagef("init: use --config or DIR, not both")
			case file == "":
				file = filepath.Join(args[0], defaultConfig)
			}
			return p.initialize(file)
		},
	}
}

// initialize writes the configuration to the file of the command line.
func (p *program) initialize(name string) error {
	file, err := p.argument(name)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return usagef("init: cannot make the folder %s: %v", filepath.Dir(file), reason(err))
	}
	// Only its owner may read it: somebody may write the token into it.
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return usagef("%s is there already, and init overwrites nothing", file)
	}
	if err != nil {
		return usagef("init: cannot write %s: %v", file, reason(err))
	}
	_, err = f.WriteString(initialConfig)
	if err = errors.Join(err, f.Close()); err != nil {
		return usagef("init: cannot write %s: %v", file, reason(err))
	}
	flag := ""
	if name != defaultConfig {
		flag = " --config " + shellQuote(name)
	}
	return p.printText(fmt.Sprintf(nextSteps, name, flag))
}
