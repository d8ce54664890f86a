package extract

import (
	"context"
	"errors"
	"iter"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/lake"
)

// A Client is what this package wants of a notion.Client, whose documentation
// says what the methods promise. It is used from several goroutines at a time.
type Client interface {
	Database(ctx context.Context, id string) (notion.JSON, error)
	DataSource(ctx context.Context, id string) (notion.JSON, error)
	Page(ctx context.Context, id string) (notion.JSON, error)
	User(ctx context.Context, id string) (notion.JSON, error)
	Users(ctx context.Context) iter.Seq2[notion.JSON, error]
	Search(ctx context.Context, object string) iter.Seq2[notion.JSON, error]
	QueryDataSource(ctx context.Context, id string, q notion.Query) iter.Seq2[notion.Result, error]
	ChildSources(ctx context.Context, dataSource string) iter.Seq2[notion.JSON, error]
	Block(ctx context.Context, id string) (notion.JSON, error)
	Children(ctx context.Context, id string) ([]notion.JSON, error)
	Comments(ctx context.Context, id string) iter.Seq2[notion.JSON, error]
	Markdown(ctx context.Context, id string) (notion.Markdown, error)
	Views(ctx context.Context, dataSource string) iter.Seq2[notion.JSON, error]
	View(ctx context.Context, id string) (notion.JSON, error)
	Property(ctx context.Context, pageID, propertyID string, item func(notion.JSON) error) (notion.JSON, error)
}

// inFlight is how many requests one step has under way at most; the client's own
// limits hold for all of them together.
const inFlight = 8

// fatal reports whether an error ends the whole load, as against the reading of
// one object: the token is refused, requests are blocked, the disk or the warehouse
// fails, the load was cancelled, or the program made a mistake.
func fatal(err error) bool {
	var storage *lake.StorageError
	var panicked *lake.PanicError
	return errors.As(err, &storage) || errors.As(err, &panicked) || errors.Is(err, notion.ErrUnauthorized) || errors.Is(err, notion.ErrBlocked) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
