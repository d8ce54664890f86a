// Command bench measures whole loads: notionlake in a process of its own against
// a warm simulator in another one, from the first request to the verified commit.
//
//	go run ./testdata/bench -bin bin [-rows 50000,500000] [-raw false,true] [-runs 3] [-pages 200000] [-paced 500]
//
// For each size it prints rows per CPU second (user and system time of
// notionlake alone), beside those of a process that reads and discards the same
// answers, in turns with it; the wall time, what was read and written, and the
// peak of resident memory. Then what pages cost with the blocks in them, at first
// and the night after, and how long loads take where requests are limited.
// Timings are reported, never asserted.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	bin := flag.String("bin", "bin", "folder of the programs")
	rows := flag.String("rows", "50000,500000", "sizes, rows")
	raw := flag.String("raw", "false,true", "with the JSON of every page beside its columns")
	pages := flag.String("pages", "50000,200000", "sizes, pages with blocks")
	paced := flag.Int("paced", 500, "pages that are read at a limited pace")
	runs := flag.Int("runs", 3, "runs of each; the median counts")
	flag.Parse()
	if url := os.Getenv(discardVariable); url != "" {
		if err := discard(url); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	err := all(*bin, split(*rows), split(*raw), *runs)
	if err == nil {
		err = content(*bin, split(*pages))
	}
	if err == nil && *paced > 0 {
		err = pace(*bin, *paced, 1800, 300, 250*time.Millisecond)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func split(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' })
}

func all(bin string, sizes, raws []string, runs int) error {
	fmt.Println("| rows | raw | rows per CPU second | reading and discarding alone | ratio | CPU s | wall s | read MB | written MB | peak memory MB |")
	fmt.Println("|---|---|---|---|---|---|---|---|---|---|")
	for _, size := range sizes {
		sim, url, err := startSimulator(bin, "--rows", size, "--cache")
		if err != nil {
			return err
		}
		for _, r := range raws {
			if err = measure(bin, url, size, r, runs); err != nil {
				break
			}
		}
		_ = sim.Process.Kill()
		_ = sim.Wait()
		if err != nil {
			return err
		}
	}
	return nil
}

const token = "ntn_bench"

func startSimulator(bin string, args ...string) (*exec.Cmd, string, error) {
	cmd := exec.Command(filepath.Join(bin, "notionsim"), append([]string{"--workspace", "big", "--token", token}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	if err := cmd.Start(); err != nil {
		return nil, "", err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, "", fmt.Errorf("the simulator did not start: %w", err)
	}
	return cmd, strings.TrimSpace(line), nil
}

// A sample is what one run took.
type sample struct {
	cpu, wall      float64
	read, written  float64
	peak           float64
	rows, requests int64
}

func measure(bin, url, rows, raw string, runs int) error {
	var samples []sample
	var floors []float64
	want, err := strconv.ParseInt(rows, 10, 64)
	if err != nil {
		return err
	}
	// The first run warms the simulator and is not counted.
	if _, err := once(bin, url, raw); err != nil {
		return err
	}
	for range runs {
		s, err := once(bin, url, raw)
		if err != nil {
			return err
		}
		samples = append(samples, s)
		f, err := floor(url, want)
		if err != nil {
			return err
		}
		floors = append(floors, float64(f.rows)/f.cpu)
	}
	slices.Sort(floors)
	slices.SortFunc(samples, func(a, b sample) int { return int((a.cpu - b.cpu) * 1000) })
	m := samples[len(samples)/2]
	if m.rows != want {
		return fmt.Errorf("%d rows arrived, want %d", m.rows, want)
	}
	speed, most := float64(m.rows)/m.cpu, floors[len(floors)/2]
	fmt.Printf("| %s | %s | %.0f | %.0f | %.2f | %.2f | %.2f | %.1f | %.1f | %.0f |\n",
		rows, raw, speed, most, speed/most, m.cpu, m.wall, m.read, m.written, m.peak)
	return nil
}

func once(bin, url, raw string) (sample, error) {
	dir, err := os.MkdirTemp("", "notionlake-bench-*")
	if err != nil {
		return sample{}, err
	}
	defer os.RemoveAll(dir)
	config := fmt.Sprintf("notion: {token: %s, base_url: %q, rate: off}\ncontent: {pages: false, blocks: false, comments: false, views: false, raw: %s}\n", token, url, raw)
	path := filepath.Join(dir, "notionlake.yaml")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		return sample{}, err
	}
	n, err := load(bin, path)
	if err != nil {
		return sample{}, err
	}
	s := sample{cpu: n.cpu, wall: n.wall, read: float64(n.bytesRead) / 1e6, peak: n.peak, requests: n.requests, written: float64(n.bytes) / 1e6}
	for name, rows := range n.rows {
		if !strings.HasPrefix(name, "_") {
			s.rows += rows
		}
	}
	return s, nil
}
