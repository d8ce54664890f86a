package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

func (p *program) completionCommand() *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "print a completion script for a shell",
		ArgsUsage: "SHELL",
		Description: "SHELL is bash, zsh or fish. To use it now:\n" +
			"   bash: source <(notionlake completion bash)\n" +
			"   zsh:  source <(notionlake completion zsh)\n" +
			"   fish: notionlake completion fish | source",
		Action: func(c *cli.Context) error {
			args, err := arguments(c, "SHELL")
			if err != nil {
				return err
			}
			scripts := map[string]func(*cli.App) string{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}
			script, ok := scripts[args[0]]
			if !ok {
				return usagef("completion %s: bash, zsh and fish are there", args[0])
			}
			return p.printText(script(c.App))
		},
	}
}

// words are what may follow a command: its flags, and its arguments where they
// are a fixed choice.
func words(c *cli.Command) (flags, choices []string) {
	for _, f := range c.VisibleFlags() {
		for _, name := range f.Names() {
			if name != "help" && name != "h" { // the library adds them when a command runs
				flags = append(flags, dashed(name))
			}
		}
	}
	flags = append(flags, "--help")
	switch c.Name {
	case "connect":
		choices = engineNames()
	case "completion":
		choices = []string{"bash", "zsh", "fish"}
	}
	return flags, choices
}

func bashCompletion(app *cli.App) string {
	var b strings.Builder
	b.WriteString("# bash completion of notionlake\n_notionlake() {\n  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words\n")
	b.WriteString("  case $prev in --config) COMPREPLY=($(compgen -f -- \"$cur\")); return ;; esac\n")
	fmt.Fprintf(&b, "  if [ \"$COMP_CWORD\" -eq 1 ]; then words=%q\n  else case ${COMP_WORDS[1]} in\n", strings.Join(commandNames(app), " "))
	for _, c := range app.Commands {
		flags, choices := words(c)
		fmt.Fprintf(&b, "    %s) words=%q ;;\n", c.Name, strings.Join(append(choices, flags...), " "))
	}
	b.WriteString("  esac; fi\n  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\ncomplete -o default -F _notionlake notionlake\n")
	return b.String()
}

func zshCompletion(app *cli.App) string {
	var b strings.Builder
	b.WriteString("#compdef notionlake\n# zsh completion of notionlake\n_notionlake() {\n  local -a commands\n  commands=(\n")
	for _, c := range app.Commands {
		fmt.Fprintf(&b, "    '%s:%s'\n", c.Name, strings.ReplaceAll(strings.ReplaceAll(c.Usage, "'", "’"), ":", `\:`))
	}
	b.WriteString("  )\n  if (( CURRENT == 2 )); then _describe command commands; return; fi\n")
	b.WriteString("  if [[ ${words[CURRENT-1]} == --config ]]; then _files; return; fi\n  case ${words[2]} in\n")
	for _, c := range app.Commands {
		flags, choices := words(c)
		fmt.Fprintf(&b, "    %s) compadd -- %s ;;\n", c.Name, strings.Join(append(choices, flags...), " "))
	}
	b.WriteString("  esac\n}\ncompdef _notionlake notionlake\n")
	return b.String()
}

func fishCompletion(app *cli.App) string {
	var b strings.Builder
	b.WriteString("# fish completion of notionlake\ncomplete -c notionlake -f\n")
	quote := func(s string) string { return "'" + strings.ReplaceAll(s, "'", `\'`) + "'" }
	for _, c := range app.Commands {
		fmt.Fprintf(&b, "complete -c notionlake -n __fish_use_subcommand -a %s -d %s\n", c.Name, quote(c.Usage))
		condition := quote("__fish_seen_subcommand_from " + c.Name)
		_, choices := words(c)
		for _, choice := range choices {
			fmt.Fprintf(&b, "complete -c notionlake -n %s -a %s\n", condition, choice)
		}
		for _, f := range c.VisibleFlags() {
			fmt.Fprintf(&b, "complete -c notionlake -n %s", condition)
			for _, name := range f.Names() {
				if len(name) > 1 {
					b.WriteString(" -l " + name)
				} else {
					b.WriteString(" -s " + name)
				}
			}
			if _, isBool := f.(*cli.BoolFlag); !isBool {
				b.WriteString(" -r")
			}
			if hasName(f, "config") {
				b.WriteString(" -F")
			}
			if d, ok := f.(cli.DocGenerationFlag); ok {
				b.WriteString(" -d " + quote(strings.ReplaceAll(d.GetUsage(), "`", "")))
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}
