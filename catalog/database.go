package catalog

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
	"time"

	icebergsql "github.com/apache/iceberg-go/catalog/sql"
)

// A database is what differs between those that can hold the catalog.
type database interface {
	// place is where the database is, for messages, without secrets.
	place() string
	// open opens it; where it is only to be read, nothing is made.
	open(readOnly bool) (*sql.DB, error)
	dialect() icebergsql.SupportedDialect
	// same fails where the database is not the one any more that it was when this was
	// first asked.
	same() error
	// hasTables reports whether the catalog's tables are there.
	hasTables(ctx context.Context, db *sql.DB) (bool, error)
	// begin begins a transaction that writes, and waits for others that do.
	begin(ctx context.Context, conn *sql.Conn) (*sql.Tx, error)
	// lock takes the lock of a namespace, or of a part of it; see Catalog.Lock.
	lock(ctx context.Context, c *sqlCatalog, part string, wait time.Duration) (func() error, error)
	// fault says what an error of the database means; nil: nothing that is known.
	fault(err error) *fault
}

// A fault is what an error of a database means.
type fault struct {
	why    string // and what to do; "" is what the error says
	locked bool   // another program is in the way
	taken  bool   // what was to be written, or changed, is another's
}

// bind writes the parameters of a statement as the database has them.
func (c *sqlCatalog) bind(statement string) string {
	if c.database.dialect() != icebergsql.Postgres {
		return statement
	}
	var b strings.Builder
	n := 0
	for _, r := range statement {
		if r != '?' {
			b.WriteRune(r)
			continue
		}
		n++
		b.WriteString("$" + strconv.Itoa(n))
	}
	return b.String()
}
