package catalog

import (
	"strings"
	"testing"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/notionlake/notionlake/lake"
)

// A manifest list that does not name as many files as its snapshot says, or names what
// is no file of the warehouse, is damaged.
func TestCheckList(t *testing.T) {
	t.Parallel()
	storage, err := lake.OpenStorage(t.Context(), lake.StorageOptions{URL: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	c := &Catalog{store: storage}
	manifest := func(path string, files int32) iceberg.ManifestFile {
		return iceberg.NewManifestFile(2, path, 1, 0, 1).AddedFiles(files).Build()
	}
	in := func(key string) string { return storage.URI(key) }
	for _, test := range []struct {
		name string
		list []iceberg.ManifestFile
		want string // of the error; empty: it is whole
	}{
		{"whole", []iceberg.ManifestFile{manifest(in("t/metadata/a-m0.avro"), 2), manifest(in("t/metadata/b-m0.avro"), 1)}, ""},
		{"cut", []iceberg.ManifestFile{manifest(in("t/metadata/a-m0.avro"), 2)}, "it names 2 data files where there are 3"},
		{"elsewhere", []iceberg.ManifestFile{manifest("s3://other/t/metadata/a-m0.avro", 3)}, `it names "s3://other/t/metadata/a-m0.avro"`},
		{"above", []iceberg.ManifestFile{manifest(in("t")+"/../../a-m0.avro", 3)}, "it names"},
		{"nothing", []iceberg.ManifestFile{manifest("", 3)}, `it names ""`},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &table.Snapshot{SnapshotID: 7, ManifestList: "list.avro", Summary: &table.Summary{
				Operation: table.OpOverwrite, Properties: iceberg.Properties{loadEntry: "20260101T000000Z", "total-data-files": "3"},
			}}
			switch err := c.checkList(s, test.list); {
			case test.want == "":
				if err != nil {
					t.Error(err)
				}
			case err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "list.avro") || !lake.IsLost(err):
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}

// Damage that has a decoder panic is told as damage.
func TestDecoderThatPanics(t *testing.T) {
	_, err := decoded(func() (int, error) { return []int{1}[len(t.Name()):][0], nil })
	if err == nil || !strings.Contains(err.Error(), "out of range") {
		t.Error(err)
	}
}
