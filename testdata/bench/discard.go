package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"

	"github.com/klauspost/compress/gzip"
)

// The floor is a process that asks for the same rows, page after page, unpacks
// the answers and throws them away. What a machine can do at all varies by a
// factor of three; the ratio to the floor varies little.

const discardVariable = "NOTIONLAKE_BENCH_DISCARD"

// floor runs discard in a process of its own and returns what it took.
func floor(url string, rows int64) (sample, error) {
	self, err := os.Executable()
	if err != nil {
		return sample{}, err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), discardVariable+"="+url)
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return sample{}, fmt.Errorf("floor: %w", err)
	}
	return sample{cpu: (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(), rows: rows}, nil
}

type reader struct {
	url     string
	patient bool // it waits where it is told to
	body    bytes.Buffer
	gzip    gzip.Reader
}

// discard reads all data sources' rows.
func discard(url string) error {
	r := &reader{url: url}
	sources, err := r.sources()
	if err != nil {
		return err
	}
	for _, s := range sources {
		if err := r.rows(s, func() error { return nil }); err != nil {
			return err
		}
	}
	return nil
}

// sources are the IDs of all data sources.
func (r *reader) sources() (ids []string, err error) {
	var found struct{ Results []struct{ ID string } }
	if err := r.ask(http.MethodPost, "/v1/search", `{"filter":{"property":"object","value":"data_source"}}`); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(r.body.Bytes(), &found); err != nil {
		return nil, err
	}
	for _, s := range found.Results {
		ids = append(ids, s.ID)
	}
	return ids, nil
}

// rows follows cursors, and windows where the result cap ends them. each is called
// for every answer.
func (r *reader) rows(id string, each func() error) error {
	cursor, filter := "", ""
	for {
		query := `{"page_size":100,"sorts":[{"timestamp":"created_time","direction":"ascending"}]` + filter + cursor + "}"
		if err := r.ask(http.MethodPost, "/v1/data_sources/"+id+"/query", query); err != nil {
			return err
		}
		if err := each(); err != nil {
			return err
		}
		next := member(r.body.Bytes(), `"next_cursor":"`)
		switch {
		case next != "":
			cursor = `,"start_cursor":"` + next + `"`
		case bytes.Contains(r.body.Bytes(), []byte("query_result_limit_reached")):
			from := member(r.body.Bytes(), `"created_time":"`)
			cursor, filter = "", `,"filter":{"timestamp":"created_time","created_time":{"on_or_after":"`+from+`"}}`
		default:
			return nil
		}
	}
}

// member is the string after the last place of the key.
func member(body []byte, key string) string {
	i := bytes.LastIndex(body, []byte(key))
	if i < 0 {
		return ""
	}
	rest := body[i+len(key):]
	return string(rest[:bytes.IndexByte(rest, '"')])
}

// ask reads an answer into body.
func (r *reader) ask(method, path, query string) error {
	req, err := http.NewRequest(method, r.url+path, bytes.NewReader([]byte(query)))
	if err != nil {
		return err
	}
	req.Header = http.Header{
		"Authorization": {"Bearer " + token}, "Notion-Version": {"2026-03-11"},
		"Content-Type": {"application/json"}, "Accept-Encoding": {"gzip"},
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if r.retryAfter(answer) {
		return r.ask(method, path, query)
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, answer.Status)
	}
	r.body.Reset()
	if err := r.gzip.Reset(answer.Body); err != nil {
		return err
	}
	_, err = io.Copy(&r.body, &r.gzip)
	return err
}
