package lake_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/notionlake/notionlake/lake"
)

func TestZZMem(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("WRITERS"))
	if n == 0 {
		t.Skip()
	}
	rg, _ := strconv.ParseInt(os.Getenv("RG"), 10, 64)
	schema := wideSchema(os.Getenv("RAW") != "")
	rows := wideRows(schema, 500)
	s := tempStorage(t, nil)
	hwm := func() string {
		b, _ := os.ReadFile("/proc/self/status")
		for _, l := range strings.Split(string(b), "\n") {
			if strings.HasPrefix(l, "VmHWM") {
				return l
			}
		}
		return ""
	}
	fmt.Println("before", hwm())
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			sc := schema
			sc.Key = fmt.Sprint("t", i)
			w, err := lake.NewWriter(s, sc, layoutOf(sc), lake.WriterOptions{Name: "m", RowGroupBytes: rg << 20})
			must(t, err)
			for j := range 60000 {
				r := rows[j%len(rows)]
				r2 := append([]lake.Value(nil), r...)
				r2[0] = lake.TextValue(fmt.Sprintf("%036d", j))
				r2[1] = lake.TextValue(fmt.Sprintf("%080d", j*7919))
				if n == 1 && j == 57000 {
					runtime.GC()
					var m runtime.MemStats
					runtime.ReadMemStats(&m)
					fmt.Println("live", m.HeapAlloc>>10, "sys", m.Sys>>10)
					f, _ := os.Create("/tmp/lakeio/heap.out")
					pprof.WriteHeapProfile(f)
					f.Close()
				}
				must(t, w.Write(context.Background(), r2))
			}
			f, err := w.Close(context.Background())
			must(t, err)
			if i == 0 {
				fmt.Println(len(f), f[0].Bytes, len(f[0].SplitOffsets))
			}
		})
	}
	wg.Wait()
	fmt.Println("after", hwm())
}
