package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// blocksPerPage is how many blocks are in every page whose content is read.
const blocksPerPage = 10

// content measures two loads of pages with what is in them, comments left out: of
// everything, and the next one, when one page in a hundred has been edited.
func content(bin string, sizes []string) error {
	fmt.Println("\n| pages | blocks | load | requests | pages per CPU second | CPU s | wall s | peak memory MB |")
	fmt.Println("|---|---|---|---|---|---|---|---|")
	for _, size := range sizes {
		err := withSimulator(bin, []string{"--rows", size, "--blocks", strconv.Itoa(blocksPerPage)}, func(url string) error {
			return nights(bin, url, "off", func(night string, s nightly) error {
				if want, _ := strconv.ParseInt(size, 10, 64); s.rows["_pages"] != want || s.rows["_blocks"] != want*blocksPerPage {
					return fmt.Errorf("%d pages and %d blocks arrived, want %d and %d", s.rows["_pages"], s.rows["_blocks"], want, want*blocksPerPage)
				}
				fmt.Printf("| %d | %d | %s | %d | %.0f | %.1f | %.1f | %.0f |\n",
					s.rows["_pages"], s.rows["_blocks"], night, s.requests, float64(s.rows["_pages"])/s.cpu, s.cpu, s.wall, s.peak)
				return nil
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// pace measures how long two loads take where the number of requests is limited and
// each takes its time, beside the least that so many requests need, and a reader
// that asks for one page after the other.
func pace(bin string, pages, perMinute, burst int, latency time.Duration) error {
	fmt.Printf("\n%d pages at %d requests a minute, each %s:\n\n", pages, perMinute, latency)
	fmt.Println("| load | requests | the least s | load s | ratio | program s | ratio | one after the other s |")
	fmt.Println("|---|---|---|---|---|---|---|---|")
	args := []string{
		"--rows", strconv.Itoa(pages), "--blocks", strconv.Itoa(blocksPerPage),
		"--rate", strconv.Itoa(perMinute), "--burst", strconv.Itoa(burst), "--latency", latency.String(),
	}
	return withSimulator(bin, args, func(url string) error {
		return nights(bin, url, strconv.Itoa(perMinute), func(night string, s nightly) error {
			least := max(float64(s.requests-int64(burst))/float64(perMinute)*60, chain*latency.Seconds())
			time.Sleep(time.Minute) // the simulator's minute of the load
			began := time.Now()
			r := &reader{url: url, patient: true}
			if err := r.everything(); err != nil {
				return err
			}
			fmt.Printf("| %s | %d | %.2f | %.2f | %.2f | %.2f | %.2f | %.1f |\n",
				night, s.requests, least, s.load, s.load/least, s.wall, s.wall/least, time.Since(began).Seconds())
			time.Sleep(time.Minute)
			return nil
		})
	})
}

// chain is how many requests wait for each other at least: five hundred rows and the proof
// that they are all, five pages each; so does a search, which is read twice. What data
// sources there are is known from the last load, or by one search more.
const chain = 10

// withSimulator runs a simulator of pages while f runs.
func withSimulator(bin string, args []string, f func(url string) error) error {
	sim, url, err := startSimulator(bin, args...)
	if err != nil {
		return err
	}
	err = f(url)
	return errors.Join(err, sim.Process.Kill(), ignoreExit(sim.Wait()))
}

func ignoreExit(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil
	}
	return err
}

// A nightly is what a load took and what it brought.
type nightly struct {
	cpu, wall, peak float64
	load            float64 // seconds from its beginning to its end, as it reports them; wall is the program's
	requests        int64
	bytesRead       int64            // from Notion
	bytes           int64            // of the tables
	rows            map[string]int64 // by table
}

// nights makes a load, changes the workspace and makes another one.
func nights(bin, url, rate string, report func(night string, s nightly) error) error {
	dir, err := os.MkdirTemp("", "notionlake-bench-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	config := fmt.Sprintf("notion: {token: %s, base_url: %q, rate: %s}\ncontent: {comments: false, sample: 0%%}\n", token, url, rate)
	path := filepath.Join(dir, "notionlake.yaml")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		return err
	}
	for _, night := range []string{"first", "next"} {
		s, err := load(bin, path)
		if err != nil {
			return err
		}
		// Before the report, which may take minutes: what the simulator has to compute
		// anew after a change is not for the next load to wait for.
		answer, err := http.Post(url+"/_sim/step", "", nil)
		if err != nil {
			return err
		}
		if err := answer.Body.Close(); err != nil {
			return err
		}
		if answer.StatusCode != http.StatusOK {
			return fmt.Errorf("the workspace was not changed: %s", answer.Status)
		}
		if err := report(night, s); err != nil {
			return err
		}
	}
	return nil
}

// load makes a load. The program has been started just before, so that a machine that
// rested, and has to fetch it first, is not measured with it.
func load(bin, config string) (nightly, error) {
	program := filepath.Join(bin, "notionlake")
	if err := exec.Command(program, "--version").Run(); err != nil {
		return nightly{}, err
	}
	cmd := exec.Command(program, "run", "--config", config, "--log-level", "error", "--json")
	cmd.Stderr = os.Stderr
	start := time.Now()
	out, err := cmd.Output()
	wall := time.Since(start)
	if err != nil {
		return nightly{}, fmt.Errorf("notionlake: %w\n%s", err, out)
	}
	var report struct {
		Started, Finished time.Time
		BytesRead         int64 `json:"bytes_read"`
		Requests          int64 `json:"requests"`
		Tables            []struct {
			Name        string
			Rows, Bytes int64
		}
	}
	if err := json.Unmarshal(out, &report); err != nil {
		return nightly{}, fmt.Errorf("report: %w", err)
	}
	usage, _ := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	s := nightly{
		cpu: (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(), wall: wall.Seconds(),
		load: report.Finished.Sub(report.Started).Seconds(), peak: float64(usage.Maxrss) / 1024, requests: report.Requests, bytesRead: report.BytesRead, rows: map[string]int64{},
	}
	for _, t := range report.Tables {
		s.rows[t.Name] = t.Rows
		s.bytes += t.Bytes
	}
	return s, nil
}

// everything reads all rows and then the blocks in each, one request after the other.
func (r *reader) everything() error {
	sources, err := r.sources()
	if err != nil {
		return err
	}
	for _, s := range sources {
		var pages []string
		if err := r.rows(s, func() error {
			var list struct{ Results []struct{ ID string } }
			if err := json.Unmarshal(r.body.Bytes(), &list); err != nil {
				return err
			}
			for _, p := range list.Results {
				pages = append(pages, p.ID)
			}
			return nil
		}); err != nil {
			return err
		}
		slices.Sort(pages)
		for _, p := range slices.Compact(pages) {
			if err := r.ask(http.MethodGet, "/v1/blocks/"+p+"/children?page_size=100", ""); err != nil {
				return err
			}
		}
	}
	return nil
}

// retryAfter waits as an answer says and reports whether to ask again.
func (r *reader) retryAfter(answer *http.Response) bool {
	seconds, err := strconv.Atoi(strings.TrimSpace(answer.Header.Get("Retry-After")))
	if !r.patient || answer.StatusCode != http.StatusTooManyRequests || err != nil {
		return false
	}
	time.Sleep(time.Duration(seconds) * time.Second)
	return true
}
