package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v2"

	"github.com/notionlake/notionlake/extract/notion"
)

// version is the version that is built; the linker sets it.
var version = "dev"

// A versionInfo is the document of `version --json`.
type versionInfo struct {
	Version   string `json:"version"`
	Commit    string `json:"commit"` // "" where the build does not know it
	Go        string `json:"go"`
	Platform  string `json:"platform"`
	NotionAPI string `json:"notion_api"`
}

func buildInfo() versionInfo {
	v := versionInfo{
		Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, NotionAPI: notion.Version,
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				v.Commit = s.Value
			}
		}
	}
	return v
}

func (p *program) versionCommand() *cli.Command {
	return &cli.Command{
		Name:  "version",
		Usage: "print the version",
		Flags: []cli.Flag{jsonFlag()},
		Action: func(c *cli.Context) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			v := buildInfo()
			if c.Bool("json") {
				return p.printJSON(v)
			}
			text := fmt.Sprintf("notionlake %s (Notion API %s, %s, %s", v.Version, v.NotionAPI, v.Go, v.Platform)
			if v.Commit != "" {
				text += ", commit " + v.Commit
			}
			return p.printText(text + ")\n")
		},
	}
}
