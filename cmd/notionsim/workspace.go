package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// A step is a change that the control surface makes.
type step struct {
	title string
	apply func()
}

var workspaceNames = []string{"demo", "everything", "files", "big", "recorded", "empty"}

// bigSteps is how often the workspace big can be edited.
const bigSteps = 100

// openWorkspace makes the workspace and the changes that belong to it.
func openWorkspace(cfg config) (*notiontest.Workspace, []step, error) {
	seed := cfg.options.Seed
	if cfg.recorded != "" && cfg.workspace != "recorded" {
		return nil, nil, errors.New("--recorded is for --workspace recorded only")
	}
	var steps []step
	switch cfg.workspace {
	case "demo":
		w, changes := notiontest.Demo(seed)
		for _, c := range changes {
			steps = append(steps, step{c.Title, c.Apply})
		}
		return w, steps, nil
	case "everything":
		w := notiontest.Everything(seed)
		for i, apply := range notiontest.Generations(w) {
			steps = append(steps, step{fmt.Sprintf("generation %d", i+1), apply})
		}
		return w, steps, nil
	case "files":
		w, changes := notiontest.Filed(seed)
		for _, c := range changes {
			steps = append(steps, step{c.Title, c.Apply})
		}
		return w, steps, nil
	case "big":
		w, edit := notiontest.BigPages(cfg.rows, cfg.blocks, seed)
		for i := range bigSteps {
			steps = append(steps, step{fmt.Sprintf("one row in a hundred is edited, time %d", i+1), edit})
		}
		return w, steps, nil
	case "recorded":
		if cfg.recorded == "" {
			return nil, nil, errors.New("--workspace recorded needs --recorded DIR")
		}
		w, _, err := notiontest.Recorded(cfg.recorded)
		if err != nil {
			return nil, nil, fmt.Errorf("--recorded: %w", err)
		}
		return w, nil, nil
	case "empty":
		return notiontest.NewWorkspace(seed), nil, nil
	}
	return nil, nil, fmt.Errorf("--workspace %q: none of %s", cfg.workspace, strings.Join(workspaceNames, ", "))
}
