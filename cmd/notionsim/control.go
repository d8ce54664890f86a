package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"

	"github.com/notionlake/notionlake/extract/notiontest"
	"github.com/notionlake/notionlake/extract/notiontest/truth"
)

// A control answers /_sim/ and hands everything else to the simulator.
type control struct {
	mux *http.ServeMux
	sim *notiontest.Server

	mu    sync.Mutex
	steps []step
	taken int
	state *truth.State // after the loads whose truth was asked for
}

func newControl(sim *notiontest.Server, steps []step) *control {
	c := &control{mux: http.NewServeMux(), sim: sim, steps: steps}
	c.mux.HandleFunc("POST /_sim/step", c.step)
	c.mux.HandleFunc("GET /_sim/stats", c.stats)
	c.mux.HandleFunc("POST /_sim/truth", c.truth)
	c.mux.HandleFunc("POST /_sim/inject", c.inject)
	for _, m := range marks {
		c.mux.HandleFunc("POST /_sim/"+m.name, func(w http.ResponseWriter, r *http.Request) { c.mark(w, r, m) })
	}
	return c
}

// ServeHTTP keeps Notion's paths as they are on the wire from the mux, which cleans paths.
func (c *control) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/_sim/") {
		c.mux.ServeHTTP(w, r)
		return
	}
	c.sim.ServeHTTP(w, r)
}

// taken is the answer to a step.
type taken struct {
	Step  int    `json:"step"`
	Of    int    `json:"of"`
	Title string `json:"title"`
}

func (c *control) step(w http.ResponseWriter, _ *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.taken == len(c.steps) {
		refuse(w, http.StatusConflict, fmt.Errorf("all %d steps are taken", len(c.steps)))
		return
	}
	next := c.steps[c.taken]
	next.apply()
	c.taken++
	reply(w, taken{c.taken, len(c.steps), next.title})
}

func (c *control) stats(w http.ResponseWriter, _ *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	reply(w, struct {
		notiontest.Stats
		Steps int `json:"steps"`
		Of    int `json:"of"`
	}{c.sim.Stats(), c.taken, len(c.steps)})
}

// truth writes what a load that ran just now must have made of the workspace, a
// file per table, into the folder dir. Loads are told of in their order.
func (c *control) truth(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	load, dir := r.FormValue("load"), r.FormValue("dir")
	if load == "" || !filepath.IsAbs(dir) {
		refuse(w, http.StatusBadRequest, errors.New("load and dir, an absolute path, are needed"))
		return
	}
	o := truth.Options{Load: load, Content: true, NoBlockComments: true, FileBase: c.sim.FileBase()}
	if r.FormValue("files") == "true" {
		o.Files = &truth.Files{}
	}
	tables, state, err := truth.Tables(c.sim.Workspace().Model(), c.state, o)
	if err == nil {
		err = truth.Write(dir, tables)
	}
	if err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	c.state = state
	reply(w, map[string]int{"tables": len(tables)})
}

// An injection asks for a fault on the next requests that match.
type injection struct {
	Kind   string `json:"kind"`
	Times  int    `json:"times"`
	Method string `json:"method"` // any if empty
	Path   string `json:"path"`   // the beginning of it
}

func (c *control) inject(w http.ResponseWriter, r *http.Request) {
	in := injection{Times: 1}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	err := d.Decode(&in)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("more than one object")
		}
	}
	if err == nil {
		err = notiontest.CheckFault(in.Kind)
	}
	if err == nil && in.Times < 1 {
		err = fmt.Errorf("times is %d", in.Times)
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	c.sim.Inject(func(r *http.Request) bool {
		return (in.Method == "" || strings.EqualFold(in.Method, r.Method)) && strings.HasPrefix(r.URL.Path, in.Path)
	}, in.Kind, in.Times)
	reply(w, in)
}

func refuse(w http.ResponseWriter, status int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	send(w, map[string]string{"error": err.Error()})
}

func reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	send(w, v)
}

// send writes JSON; a client that has gone need not be told.
func send(w io.Writer, v any) {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(v)
}
