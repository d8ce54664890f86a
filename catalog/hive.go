package catalog

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"os/user"
	"time"

	"github.com/apache/iceberg-go/table"
	"github.com/apache/thrift/lib/go/thrift"
	hms "github.com/beltran/gohive/hive_metastore"

	"github.com/notionlake/notionlake/lake"
)

const (
	hivePort = "9083"
	// hiveTimeout is how long a connection, and then each answer, may take.
	hiveTimeout = time.Minute
	// hiveLockTime is how long another program's lock on a table is waited for.
	hiveLockTime = time.Minute
)

// hiveCatalog is a metastore of Hive. A database of it is the namespace.
type hiveCatalog struct {
	*Catalog
	address string // host and port
	user    string
}

func openHive(_ context.Context, base *Catalog, o Options) (pointers, error) {
	u, err := url.Parse(o.URI)
	if err != nil || u.Scheme != "thrift" || u.Hostname() == "" {
		return nil, fmt.Errorf("%w: catalog %s: of a Hive metastore a URI like thrift://host:%s is expected", ErrOptions, o.URI, hivePort)
	}
	c := &hiveCatalog{Catalog: base, address: u.Host, user: o.User}
	if u.Port() == "" {
		c.address = net.JoinHostPort(u.Hostname(), hivePort)
	}
	if c.user == "" {
		if me, err := user.Current(); err == nil {
			c.user = me.Username
		}
	}
	return c, nil
}

func (c *hiveCatalog) place() string   { return "thrift://" + c.address }
func (c *hiveCatalog) account() string { return "" }
func (c *hiveCatalog) close() error    { return nil }

// with connects for a few requests: a connection that has been idle may be broken.
func (c *hiveCatalog) with(ctx context.Context, do func(*hms.ThriftHiveMetastoreClient) error) (err error) {
	conf := &thrift.TConfiguration{ConnectTimeout: hiveTimeout, SocketTimeout: hiveTimeout}
	transport := thrift.NewTBufferedTransport(thrift.NewTSocketConf(c.address, conf), 1<<16)
	if err := transport.Open(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, transport.Close()) }()
	client := hms.NewThriftHiveMetastoreClientFactory(transport, thrift.NewTBinaryProtocolFactoryConf(conf))
	if c.user != "" {
		if _, err := client.SetUgi(ctx, c.user, nil); err != nil {
			return err
		}
	}
	return do(client)
}

func (c *hiveCatalog) prepare(ctx context.Context, readOnly bool) error {
	return c.with(ctx, func(client *hms.ThriftHiveMetastoreClient) error {
		_, err := client.GetDatabase(ctx, c.namespace)
		var none *hms.NoSuchObjectException
		if !errors.As(err, &none) {
			return err
		}
		if readOnly {
			return ErrNoCatalog
		}
		owner, kind := c.user, hms.PrincipalType_USER
		err = client.CreateDatabase(ctx, &hms.Database{
			Name: c.namespace, Description: "Tables of a Notion workspace, made by notionlake", LocationUri: c.store.URI(c.folder),
			Parameters: map[string]string{}, OwnerName: &owner, OwnerType: &kind,
		})
		var exists *hms.AlreadyExistsException
		if errors.As(err, &exists) {
			return nil // another program made it since
		}
		return err
	})
}

// hiveCapabilities let tables be listed that this program leaves alone.
var hiveCapabilities = &hms.ClientCapabilities{Values: []hms.ClientCapability{hms.ClientCapability_INSERT_ONLY_TABLES}}

// hiveBatch is how many tables are asked for at a time.
const hiveBatch = 100

func (c *hiveCatalog) list(ctx context.Context) (list []pointer, err error) {
	err = c.with(ctx, func(client *hms.ThriftHiveMetastoreClient) error {
		names, err := client.GetAllTables(ctx, c.namespace)
		for len(names) > 0 && err == nil {
			n := min(len(names), hiveBatch)
			var out *hms.GetTablesResult_
			out, err = client.GetTableObjectsByNameReq(ctx, &hms.GetTablesRequest{DbName: c.namespace, TblNames: names[:n], Capabilities: hiveCapabilities})
			if err != nil {
				return err
			}
			for _, t := range out.Tables {
				list = append(list, hivePointer(t))
			}
			names = names[n:]
		}
		return err
	})
	return list, err
}

func hivePointer(t *hms.Table) pointer { return pointerOf(t.TableName, t.TableType, t.Parameters, t) }

func (c *hiveCatalog) get(ctx context.Context, name string) (p pointer, err error) {
	err = c.with(ctx, func(client *hms.ThriftHiveMetastoreClient) error {
		out, err := client.GetTableReq(ctx, &hms.GetTableRequest{DbName: c.namespace, TblName: name, Capabilities: hiveCapabilities})
		if err == nil {
			p = hivePointer(out.Table)
		}
		return err
	})
	return p, hiveError(err)
}

func (c *hiveCatalog) create(ctx context.Context, name, location string, meta table.Metadata) error {
	now := int32(c.now().Unix())
	t := &hms.Table{
		DbName: c.namespace, TableName: name, Owner: c.user, CreateTime: now, LastAccessTime: now,
		TableType: externalTableType, PartitionKeys: []*hms.FieldSchema{}, Parameters: map[string]string{"EXTERNAL": "TRUE"},
	}
	fillHive(t, location, "", meta)
	return c.with(ctx, func(client *hms.ThriftHiveMetastoreClient) error { return hiveError(client.CreateTable(ctx, t)) })
}

// fillHive gives a table what comes from its metadata.
func fillHive(t *hms.Table, location, previous string, meta table.Metadata) {
	t.Parameters[tableTypeParameter], t.Parameters[locationParameter] = icebergTableType, location
	delete(t.Parameters, previousParameter)
	if previous != "" {
		t.Parameters[previousParameter] = previous
	}
	t.Sd = &hms.StorageDescriptor{
		Location:    meta.Location(),
		InputFormat: "org.apache.hadoop.mapred.FileInputFormat", OutputFormat: "org.apache.hadoop.mapred.FileOutputFormat",
		SerdeInfo:  &hms.SerDeInfo{SerializationLib: "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe", Parameters: map[string]string{}},
		BucketCols: []string{}, SortCols: []*hms.Order{}, Parameters: map[string]string{},
	}
	for _, col := range hiveColumns(meta.CurrentSchema()) {
		t.Sd.Cols = append(t.Sd.Cols, &hms.FieldSchema{Name: col.name, Type: col.kind, Comment: col.comment})
	}
}

// move lets the metastore show the columns as they were where it refuses to show
// them as they are: it compares types by position, unless its
// metastore.disallow.incompatible.col.type.changes is off.
func (c *hiveCatalog) move(ctx context.Context, from pointer, location string, meta table.Metadata) error {
	err := c.alter(ctx, from, func(t *hms.Table) { fillHive(t, location, from.location, meta) })
	var refused *hms.InvalidOperationException
	if !errors.As(err, &refused) {
		return err
	}
	c.logger.DebugContext(ctx, "the metastore goes on showing the columns as they were", "table", from.name, "why", err)
	return c.alter(ctx, from, func(t *hms.Table) {
		shown := t.Sd.Cols
		fillHive(t, location, from.location, meta)
		t.Sd.Cols = shown
	})
}

func (c *hiveCatalog) rename(ctx context.Context, from pointer, to string, _ table.Metadata) error {
	return c.alter(ctx, from, func(t *hms.Table) { t.TableName = to })
}

// alter changes a table, if it is as it was read. Metastores compare the location
// themselves since 2.3.10, 3.1.4 and 4.0; for older ones the table is locked, as
// other programs that write Iceberg tables do.
func (c *hiveCatalog) alter(ctx context.Context, from pointer, change func(*hms.Table)) error {
	return c.locked(ctx, from.name, func(client *hms.ThriftHiveMetastoreClient) error {
		out, err := client.GetTableReq(ctx, &hms.GetTableRequest{DbName: c.namespace, TblName: from.name})
		if err != nil {
			return err
		}
		t := out.Table
		if t.Parameters[locationParameter] != from.location {
			return errMoved
		}
		t.Parameters = maps.Clone(t.Parameters)
		change(t)
		err = client.AlterTableWithEnvironmentContext(ctx, c.namespace, from.name, t, &hms.EnvironmentContext{Properties: map[string]string{
			"DO_NOT_UPDATE_STATS": "true", "expected_parameter_key": locationParameter, "expected_parameter_value": from.location,
		}})
		var other *hms.MetaException
		if errors.As(err, &other) {
			// It may be the comparison: then the table is another one.
			if now, e := client.GetTableReq(ctx, &hms.GetTableRequest{DbName: c.namespace, TblName: from.name}); e == nil && now.Table.Parameters[locationParameter] != from.location {
				return errors.Join(errMoved, err)
			}
		}
		return err
	})
}

// locked does something while it holds the metastore's lock of a table.
func (c *hiveCatalog) locked(ctx context.Context, name string, do func(*hms.ThriftHiveMetastoreClient) error) error {
	return c.with(ctx, func(client *hms.ThriftHiveMetastoreClient) (err error) {
		host, _ := os.Hostname()
		got, err := client.Lock(ctx, &hms.LockRequest{
			Component: []*hms.LockComponent{{Type: hms.LockType_EXCLUSIVE, Level: hms.LockLevel_TABLE, Dbname: c.namespace, Tablename: &name}},
			User:      c.user, Hostname: host,
		})
		if err != nil {
			return hiveError(err)
		}
		defer func() {
			err = errors.Join(err, client.Unlock(context.WithoutCancel(ctx), &hms.UnlockRequest{Lockid: got.Lockid}))
		}()
		for deadline := time.Now().Add(hiveLockTime); got.State != hms.LockState_ACQUIRED; {
			if got.State != hms.LockState_WAITING || !time.Now().Before(deadline) {
				return fmt.Errorf("table %s: another program holds its lock in the metastore (%s): %w", name, got.State, lake.ErrLocked)
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(lockPoll):
			}
			if got, err = client.CheckLock(ctx, &hms.CheckLockRequest{Lockid: got.Lockid}); err != nil {
				return err
			}
		}
		return hiveError(do(client))
	})
}

func (c *hiveCatalog) drop(ctx context.Context, from pointer) error {
	return c.locked(ctx, from.name, func(client *hms.ThriftHiveMetastoreClient) error {
		out, err := client.GetTableReq(ctx, &hms.GetTableRequest{DbName: c.namespace, TblName: from.name})
		if err != nil {
			return err
		}
		if out.Table.Parameters[locationParameter] != from.location {
			return errMoved
		}
		return client.DropTable(ctx, c.namespace, from.name, false)
	})
}

// hiveError says what an error of the metastore means here.
func hiveError(err error) error {
	var none *hms.NoSuchObjectException
	var exists *hms.AlreadyExistsException
	var invalid *hms.InvalidObjectException
	var refused *hms.InvalidOperationException
	switch {
	case errors.As(err, &none):
		return fmt.Errorf("%w: %w", errNoTable, err)
	case errors.As(err, &exists):
		return fmt.Errorf("%w: %w", errTaken, err)
	case errors.As(err, &invalid), errors.As(err, &refused):
		return fmt.Errorf("%w: %w", errRefused, err)
	default:
		return err
	}
}

// fault says what an error of the metastore means and what to do.
func (c *hiveCatalog) fault(action string, err error) error {
	var transport thrift.TTransportException
	var dns *net.DNSError
	if errors.As(err, &dns) || errors.As(err, &transport) {
		return fmt.Errorf("%s catalog %s: it cannot be reached, or speaks otherwise (Kerberos and TLS are not built in); look at catalog.uri and at the metastore: %w", action, c.place(), err)
	}
	return fmt.Errorf("%s catalog %s: %w", action, c.place(), err)
}
