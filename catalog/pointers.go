package catalog

import (
	"context"
	"errors"

	"github.com/apache/iceberg-go/table"
)

// A pointer is what a service says of a table.
type pointer struct {
	name     string
	location string // of the metadata file
	previous string // of the one before; "" where that is not known
	other    string // what it is, where that is no Iceberg table
	formerly string // the name that it had, where the service has both for a moment
	version  any    // of the service's own
}

// errNoTable is a table that the service does not have, or not any more.
var errNoTable = errors.New("no such table")

// errTaken is a name that another table has.
var errTaken = errors.New("the name is taken")

// pointers is a service that keeps, by the names of tables, where their metadata
// files are, and changes one at a time.
type pointers interface {
	// place is where the service is, for messages, without secrets.
	place() string
	// account is what there is several of at the place.
	account() string
	close() error
	// prepare makes the namespace, or with readOnly fails with ErrNoCatalog.
	prepare(ctx context.Context, readOnly bool) error
	list(ctx context.Context) ([]pointer, error)
	// get returns errNoTable where there is none.
	get(ctx context.Context, name string) (pointer, error)
	// create returns errTaken where there is one of the name.
	create(ctx context.Context, name, location string, meta table.Metadata) error
	// move lets a table point to another metadata file, if it is as it was read;
	// errMoved where it is not.
	move(ctx context.Context, from pointer, location string, meta table.Metadata) error
	// rename gives a table another name, if it is as it was read. Readers may see it
	// under both for a moment.
	rename(ctx context.Context, from pointer, to string, meta table.Metadata) error
	// drop takes a table out and leaves its files.
	drop(ctx context.Context, from pointer) error
	// fault says what an error means and what to do.
	fault(action string, err error) error
}

// errMoved is a table that another program has changed meanwhile.
var errMoved = errors.New("the table has been changed meanwhile")
