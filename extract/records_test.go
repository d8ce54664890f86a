package extract

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// What a record file is given it gives back, also where it is more than stays in memory,
// and whatever happens to what it was given.
func TestRecordFile(t *testing.T) {
	for _, most := range []int{0, 64 << 10, fewBytes} {
		f, err := newRecordFile(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		random := rand.New(rand.NewPCG(1, uint64(most)))
		want, total := map[place][]byte{}, 0
		buffer := make([]byte, most/3+guessBytes)
		for total <= most {
			record := buffer[:random.IntN(len(buffer))]
			for i := range record {
				record[i] = byte(random.Uint32())
			}
			at, err := f.addCopy(record)
			if err != nil {
				t.Fatal(err)
			}
			want[at], total = bytes.Clone(record), total+len(record)
		}
		if f.isSmall() != (total <= fewBytes) {
			t.Errorf("of %d bytes all are in memory: %v", total, f.isSmall())
		}
		clear(buffer)
		for at, record := range want {
			if got, err := f.get(at); err != nil || !bytes.Equal(got, record) {
				t.Fatalf("%d bytes, record at %d: %d bytes of %d, %v", total, at, len(got), len(record), err)
			}
		}
		if _, err := f.get(0); err == nil {
			t.Error("there is a record at the zero place")
		}
		if err := f.close(); err != nil {
			t.Error(err)
		}
	}
}
