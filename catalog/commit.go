package catalog

import (
	"context"
	"errors"
	"fmt"

	"github.com/notionlake/notionlake/lake"
)

// errCommit marks an error of the COMMIT itself: only then it is not known what
// became of the transaction.
var errCommit = errors.New("commit")

// commit makes what has been prepared visible.
func (a *attempt) commit(ctx context.Context) error {
	err := a.backend.commit(ctx, a)
	if !errors.Is(err, errCommit) {
		return err
	}
	done, unknown := a.landed(ctx, err)
	switch {
	case unknown != nil:
		return fmt.Errorf("%w; whether %s could not be found out: %w: %w", err, a.effect(), unknown, lake.ErrUnknown)
	case done:
		a.logger.WarnContext(ctx, "the commit is done although it was answered with an error", "load", a.load.ID, "error", err)
		return nil
	}
	return err
}

// effect is what the attempt is for, done.
func (a *attempt) effect() string {
	switch {
	case a.load.ID == "":
		return "the loads have expired"
	case a.compact:
		return "the tables are compacted"
	default:
		return "load " + string(a.load.ID) + " is published"
	}
}
