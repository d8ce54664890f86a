package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/notionlake/notionlake/lake"
)

// landed finds out what became of a commit that was answered with an error, once
// it cannot be under way any more. The load is published if every table points to what this
// attempt wrote or, where other programs have written since, did before or has the load's tag;
// it is not if none does. Anything else is an error: it cannot be known.
func (a *attempt) landed(ctx context.Context, answer error) (bool, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	if err := a.point.Hit("catalog.outcome", a.backend.place()); err != nil {
		return false, err
	}
	rows, err := a.backend.settled(ctx, a, answer)
	if err != nil {
		return false, err
	}
	l, err := a.listRows(ctx, rows)
	if err != nil {
		return false, err
	}
	targets := slices.Concat(a.targets, a.tagged)
	if a.hold {
		targets = slices.DeleteFunc(targets, func(t *target) bool { return t.base == nil })
		if len(targets) == 0 {
			return !errors.Is(answer, lake.ErrConflict), nil // nothing of it is in the catalog
		}
	}
	done, parts := 0, 0
	for _, t := range targets {
		e := l.byKey(t.key)
		if e == nil {
			continue
		}
		switch a.backend.traces(t, e) {
		case made:
			done++
		case partly:
			parts++
		case untouched:
		}
	}
	switch {
	case done == len(targets):
		return true, nil
	case done == 0 && parts == 0 && !a.accepted:
		return false, nil
	default:
		return false, fmt.Errorf("of %d tables %d are changed as they should be, and %d in part", len(targets), done, parts)
	}
}
