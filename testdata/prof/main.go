package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"runtime/pprof"
	"syscall"
	"time"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/extract"
	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/lake"
)

func main() {
	ctx := context.Background()
	url, raw, out := os.Args[1], os.Args[2] == "true", os.Args[3]
	dir, _ := os.MkdirTemp("", "prof")
	defer os.RemoveAll(dir)
	_ = debug.SetGCPercent
	s, err := lake.OpenStorage(ctx, lake.StorageOptions{URL: dir + "/lake"})
	check(err)
	c, err := catalog.Open(ctx, catalog.Options{Type: "sqlite", Name: "n", URI: dir + "/lake/catalog.db", Namespace: "notion", Removed: "keep", Storage: s, Logger: slog.New(slog.DiscardHandler)})
	check(err)
	client, err := notion.NewClient(notion.Options{Token: "ntn_bench", BaseURL: url, Rate: notion.Rate{Off: true}, Logger: slog.New(slog.DiscardHandler)})
	check(err)
	src := extract.NewSource(extract.Options{Client: client, Archived: true, Users: true, Raw: raw, Logger: slog.New(slog.DiscardHandler)})
	l := &lake.Loader{Source: src, Storage: s, Catalog: c, Logger: slog.New(slog.DiscardHandler)}
	f, _ := os.Create(out)
	pprof.StartCPUProfile(f)
	t := time.Now()
	r, err := l.Run(ctx)
	pprof.StopCPUProfile()
	check(err)
	var n int64
	for _, t := range r.Tables {
		if t.Key[0] != '_' {
			n += t.Rows
		}
	}
	var u syscall.Rusage
	syscall.Getrusage(0, &u)
	cpu := float64(u.Utime.Sec) + float64(u.Utime.Usec)/1e6 + float64(u.Stime.Sec) + float64(u.Stime.Usec)/1e6
	fmt.Printf("rows %d wall %.2f cpu %.2f rows/cpu %.0f rss %d MB\n", n, time.Since(t).Seconds(), cpu, float64(n)/cpu, u.Maxrss/1024)
}

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
