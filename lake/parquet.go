package lake

import (
	"fmt"
	"reflect"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"
)

const (
	// A data page ends at so many bytes before compression, whichever comes
	// first. Readers hold a page of every column in memory, and so does the
	// Writer. Long text is worth more: JSON repeats itself within a page.
	longPageBytes  = 512 << 10
	shortPageBytes = 128 << 10
	// pageRows ends pages of small values, so that page indexes can prune.
	pageRows = 5_000
	// dictionaryBytes is the size above which a dictionary is given up.
	dictionaryBytes = 256 << 10
	// bloomBits per value: about one false positive in a hundred.
	bloomBits = 10
)

// A parquetGroup is a group whose fields keep their order; parquet.Group sorts
// them by name.
type parquetGroup struct {
	parquet.Group
	fields []parquet.Field
}

func (g *parquetGroup) Fields() []parquet.Field { return g.fields }
func (g *parquetGroup) GoType() reflect.Type    { return reflect.TypeFor[map[string]any]() }

// A parquetField is a node with a name.
type parquetField struct {
	parquet.Node
	name string
}

func (f *parquetField) Name() string { return f.name }

// Value is for writers that take Go values; ours takes Parquet values.
func (f *parquetField) Value(reflect.Value) reflect.Value { return reflect.Value{} }

// parquetSchema is the Parquet schema of an encoder. It is made when the first
// values are there: they decide which text gets a dictionary.
func (e *encoder) parquetSchema() *parquet.Schema {
	root := &parquetGroup{}
	for _, n := range e.columns {
		root.fields = append(root.fields, n.parquetField())
	}
	return parquet.NewSchema("table", root)
}

func (n *node) parquetField() parquet.Field {
	return &parquetField{Node: n.parquetNode(), name: n.name}
}

func (n *node) parquetNode() parquet.Node {
	var p parquet.Node
	switch n.kind {
	case Struct:
		g := &parquetGroup{}
		for _, f := range n.fields {
			g.fields = append(g.fields, f.parquetField())
		}
		p = g
	case List:
		p = parquet.List(n.elem.parquetNode())
	case Bool:
		p = parquet.Leaf(parquet.BooleanType)
	case Int64:
		p = parquet.Leaf(parquet.Int64Type)
	case Float64:
		// Never with a dictionary: Spark skips row groups by it, and a dictionary
		// keeps -0.0 and 0.0 apart, which are equal in SQL.
		p = parquet.Leaf(&boundedType{Type: parquet.DoubleType, bound: boundFloats})
	case Timestamp:
		p = parquet.TimestampAdjusted(parquet.Microsecond, true)
	case String, JSON:
		p = parquet.Leaf(&boundedType{Type: parquet.String().Type(), bound: boundText})
		if n.leaf.dictionary {
			p = parquet.Encoded(p, &parquet.RLEDictionary)
		}
	case Invalid:
	}
	if !n.required {
		p = parquet.Optional(p)
	}
	return parquet.FieldID(p, n.id)
}

// parquetOptions are the options of a file. They were chosen by what Spark,
// Trino, DuckDB, PyIceberg and Polars read, also in versions some years old.
func (e *encoder) parquetOptions(c *codec, version string) []parquet.WriterOption {
	options := []parquet.WriterOption{
		e.parquetSchema(),
		parquet.CreatedBy("notionlake", version, "parquet-go"),
		parquet.Compression(c),
		parquet.DataPageVersion(1),
		// What is not asked otherwise is plain: delta encodings are new to some.
		parquet.DefaultEncoding(&parquet.Plain),
		parquet.DictionaryMaxBytes(dictionaryBytes),
		// Bounds of pages are in the column index; twice is too much.
		parquet.DataPageStatistics(false),
		// Bounds of text are characters: a cut at so many bytes goes through one.
		parquet.ColumnIndexSizeLimit(func([]string) int { return boundChars * utf8.UTFMax }),
		parquet.PageBufferSize(longPageBytes),
		parquet.WriteBufferSize(0), // the Writer has one
	}
	for _, l := range e.leaves {
		if l.bloom {
			options = append(options, parquet.BloomFilters(parquet.SplitBlockFilter(bloomBits, l.path...)))
		}
	}
	return options
}

// fieldID looks up the field ID of a column path.
func (l Layout) fieldID(table, path string) (int, error) {
	id, ok := l.FieldIDs[path]
	if !ok || id <= 0 {
		return 0, fmt.Errorf("table %s: column %s has no field ID", table, path)
	}
	return id, nil
}
