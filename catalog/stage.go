package catalog

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/notionlake/notionlake/lake"
)

// A staged is a planned change of one table.
type staged struct {
	catalog  *Catalog
	name     string // that the table will have
	key      string
	base     *entry // as the plan found the table; nil: it is new
	appends  bool
	evolved  evolution
	location string // storage key of the table's folder
	restores *restored
}

// restored is where the files of a change come from when a load did not write them.
type restored struct {
	snapshot *table.Snapshot // nil: the table loses its rows
	// anew says that the snapshot leaves with this change: its entries are written
	// into manifests of the new one.
	anew bool
}

// Layout is where the data files go and the field IDs they carry.
func (s *staged) Layout() lake.Layout {
	return lake.Layout{Prefix: s.location + "/data/", FieldIDs: fieldIDs(s.evolved.schema)}
}

// Changes are the differences between the current schema and the staged one;
// none for a new table.
func (s *staged) Changes() []lake.SchemaChange { return s.evolved.changes }

func (s *staged) Restored(ctx context.Context) ([]lake.File, error) {
	if s.restores == nil || s.restores.snapshot == nil {
		return nil, nil
	}
	files, err := s.catalog.filesOf(ctx, s.restores.snapshot, s.evolved.schema)
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", s.name, err)
	}
	return files, nil
}

// Stage plans a change of one table. Nothing is written. ErrForeign: the table's
// name is taken by what another program made.
func (c *Catalog) Stage(ctx context.Context, s lake.Schema, d lake.WriteDisposition) (lake.Staged, error) {
	if err := checkSchema(s); err != nil {
		return nil, err
	}
	l, err := c.listRecent(ctx)
	if err != nil {
		return nil, err
	}
	st := &staged{catalog: c, name: s.Table, key: s.Key, base: l.byKey(s.Key), appends: d == lake.Append}
	if why, ok := l.foreign[s.Table]; ok {
		return nil, c.taken(s.Table, why)
	}
	if st.base == nil {
		if st.location, err = c.newLocation(ctx, s.Key, s.Table); err != nil {
			return nil, err
		}
		st.evolved = evolve(nil, columns{}, 0, s, c.retire)
		return st, nil
	}
	if err := c.writable(ctx, st.base, st.appends); err != nil {
		return nil, err
	}
	meta := st.base.meta
	if st.location, err = c.tableFolder(st.base); err != nil {
		return nil, err
	}
	st.evolved = evolve(meta.CurrentSchema(), st.base.columns, meta.LastColumnID(), s, c.retire)
	return st, nil
}

// checkSchema refuses what no table can have.
func checkSchema(s lake.Schema) error {
	if s.Table == "" || s.Key == "" {
		return fmt.Errorf("a table needs a name and a key: %q, %q", s.Table, s.Key)
	}
	for i := range s.Columns {
		if s.Columns[i].Late != nil && s.Columns[i].Type.Kind == lake.Invalid {
			return fmt.Errorf("table %s, column %s: its type is not known yet", s.Table, s.Columns[i].Name)
		}
	}
	return s.Check()
}

// writable refuses tables of ours that another program turned into what this
// one does not write. Row-level deletes leave with the rows that a load replaces;
// a table that is appended to must have none.
func (c *Catalog) writable(ctx context.Context, e *entry, appends bool) error {
	err := writable(e)
	if err == nil && appends {
		err = c.plain(ctx, e.meta.CurrentSnapshot())
		if err != nil {
			err = fmt.Errorf("table %s: %w", e.name, err)
		}
	}
	return err
}

func writable(e *entry) error {
	meta := e.meta
	spec := meta.PartitionSpec()
	switch {
	case meta.Version() != 2:
		return fmt.Errorf("table %s has Iceberg format version %d; notionlake writes version 2: %w", e.name, meta.Version(), ErrForeign)
	case !spec.IsUnpartitioned():
		return fmt.Errorf("table %s has been partitioned; drop its partition fields (ALTER TABLE … DROP PARTITION FIELD): %w", e.name, lake.ErrAltered)
	case !meta.SortOrder().IsUnsorted():
		return fmt.Errorf("table %s has been given a sort order; remove it (ALTER TABLE … WRITE UNORDERED): %w", e.name, lake.ErrAltered)
	}
	if name, ok := unsafeProperty(meta.Properties()); ok {
		return fmt.Errorf("table %s has the property %s, which could send credentials elsewhere or hold one; remove it from the table: %w", e.name, name, ErrUnsafe)
	}
	return nil
}

// CheckWritable fails where another program has turned a table into what the next
// load would refuse to write, or could not read: of the fixed tables rows are
// carried over.
func (c *Catalog) CheckWritable(ctx context.Context) error {
	l, err := c.list(ctx)
	for _, e := range l.entries {
		err = errors.Join(err, c.writable(ctx, e, fixedKey.MatchString(e.key)))
	}
	return err
}

var (
	plainKey  = regexp.MustCompile(`^[0-9a-z][0-9a-z-]{0,63}$`)
	fixedKey  = regexp.MustCompile(`^_[0-9a-z_]{1,63}$`)
	plainName = regexp.MustCompile(`[^0-9A-Za-z_-]+`)
)

// newLocation is the folder of a new table: one in which no table has been
// published, for the files of one that someone dropped are left alone.
func (c *Catalog) newLocation(ctx context.Context, key, name string) (string, error) {
	c.vending.expect(c.folderOf(key), name)
	folder := c.folderOf(key)
	for n := 2; ; n++ {
		used, err := c.isUsed(ctx, folder)
		if err != nil || !used {
			return folder, err
		}
		folder = fmt.Sprintf("%s-%d", c.folderOf(key), n)
		c.vending.expect(folder, name)
	}
}

// isUsed reports whether the metadata of a table is in a folder.
func (c *Catalog) isUsed(ctx context.Context, folder string) (bool, error) {
	for o, err := range c.store.List(ctx, folder+"/metadata/") {
		if err != nil || strings.HasSuffix(o.Key, metadataSuffix) {
			return err == nil, err
		}
	}
	return false, nil
}

// folderOf makes a folder from a table's key, which never changes. No part of it
// begins with "_": such folders are hidden from some engines.
func (c *Catalog) folderOf(key string) string {
	dir := key
	switch {
	case plainKey.MatchString(key):
	case fixedKey.MatchString(key):
		dir = "fixed-" + strings.TrimLeft(key, "_")
	default:
		sum := sha256.Sum256([]byte(key))
		dir = "key-" + hex.EncodeToString(sum[:16])
	}
	return c.folder + "/" + dir
}

// FolderOf is where the tables of a namespace lie in the warehouse, as a prefix of
// storage keys.
func FolderOf(catalog, namespace string) string {
	return namespaceFolder(cmp.Or(catalog, defaultName), cmp.Or(namespace, defaultNamespace)) + "/"
}

// namespaceFolder is the folder of a namespace's tables. Namespaces, and
// catalogs of other names over the same warehouse, never share one.
func namespaceFolder(catalog, namespace string) string {
	plain := strings.TrimLeft(plainName.ReplaceAllString(namespace, "-"), "_")
	if plain == namespace && catalog == defaultName {
		return plain
	}
	sum := sha256.Sum256([]byte(catalog + "\x00" + namespace))
	return strings.TrimLeft(plain+"-"+hex.EncodeToString(sum[:4]), "-")
}

// properties are the table properties that the change sets.
func (s *staged) properties() (iceberg.Properties, error) {
	props, err := s.evolved.columns.format()
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", s.name, err)
	}
	props[keyProperty] = s.key
	for name, value := range defaults() {
		props[name] = value
	}
	if s.base != nil {
		had := s.base.meta.Properties()
		for name := range defaults() {
			if value, ok := had[name]; ok {
				props[name] = value // someone's choice
			}
		}
		for name, value := range props {
			if had[name] == value {
				delete(props, name)
			}
		}
	}
	return props, nil
}

// errStaged is a Staged that is not this catalog's.
var errStaged = errors.New("staged by another catalog")

func (c *Catalog) own(s lake.Staged) (*staged, error) {
	st, ok := s.(*staged)
	if !ok || st.catalog != c {
		return nil, errStaged
	}
	return st, nil
}

// StageLoad plans that a table becomes what it was after a load.
func (c *Catalog) StageLoad(ctx context.Context, key string, load lake.LoadID) (lake.Staged, error) {
	l, err := c.listRecent(ctx)
	if err != nil {
		return nil, err
	}
	st := &staged{catalog: c, key: key, base: l.byKey(key), restores: &restored{}}
	if st.base == nil {
		return nil, fmt.Errorf("table with the key %s: %w", key, ErrNotFound)
	}
	if err := writable(st.base); err != nil {
		return nil, err
	}
	if st.location, err = c.tableFolder(st.base); err != nil {
		return nil, err
	}
	meta := st.base.meta
	st.name, st.evolved.schema, st.evolved.columns = st.base.name, meta.CurrentSchema(), st.base.columns
	if s := meta.SnapshotByName(load.Tag()); s != nil {
		st.restores.snapshot, st.evolved.schema = s, schemaOf(meta, s)
		removed, err := removedAt(meta, s, st.base.columns.removed)
		if err != nil {
			return nil, fmt.Errorf("table %s: %w", st.name, err)
		}
		st.evolved.columns = st.base.columns.of(st.evolved.schema, removed)
		st.evolved.changed = st.evolved.schema.ID != meta.CurrentSchema().ID
		st.evolved.changes = lake.DiffSchemas(
			alive(st.name, st.key, meta.CurrentSchema(), st.base.columns), alive(st.name, st.key, st.evolved.schema, st.evolved.columns))
	}
	return st, nil
}

// planned is a table with that schema, without its rows.
func planned(name, key string, schema *iceberg.Schema, cols columns) lake.TableState {
	return lake.TableState{
		Schema: lake.Schema{Table: name, Key: key, Columns: lakeColumns(schema, cols)},
		Layout: lake.Layout{FieldIDs: fieldIDs(schema)},
	}
}

// alive is planned without the columns that the source has no more: what is said of
// such a column is that it is removed, and that it is added where it comes back.
func alive(name, key string, schema *iceberg.Schema, cols columns) lake.TableState {
	t := planned(name, key, schema, cols)
	t.Schema.Columns = slices.DeleteFunc(t.Schema.Columns, func(c lake.Column) bool { return cols.removed[t.Layout.FieldIDs[c.Name]] })
	return t
}
