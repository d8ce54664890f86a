package main

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// A mark is what POST /_sim/<name>?id=ID changes about a page, a database or a data source.
type mark struct {
	name            string
	unshared, value bool // else whether it is in the trash
}

var marks = []mark{{"unshare", true, true}, {"share", true, false}, {"trash", false, true}, {"restore", false, false}}

// mark changes one object of the workspace, an hour after what was changed before.
func (c *control) mark(w http.ResponseWriter, r *http.Request, m mark) {
	c.mu.Lock()
	defer c.mu.Unlock()
	id, kind := dashed(r.FormValue("id")), ""
	c.sim.Workspace().Update(func(t *notiontest.Tx) {
		var unshared, trashed *bool
		t.Tick(time.Hour)
		switch model := t.Model(); {
		case model.Source(id) != nil:
			s := t.Source(id)
			kind, unshared, trashed = "data_source", &s.Unshared, &s.Trashed
		case model.Database(id) != nil:
			d := t.Database(id)
			kind, unshared, trashed = "database", &d.Unshared, &d.Trashed
		case model.Pages[id] != nil:
			p := t.Page(id)
			kind, unshared, trashed = "page", &p.Unshared, &p.Trashed
		default:
			return
		}
		if m.unshared {
			*unshared = m.value
		} else {
			*trashed = m.value
		}
	})
	if kind == "" {
		refuse(w, http.StatusNotFound, fmt.Errorf("id %q: no page, database or data source; rows of the workspace big are none", r.FormValue("id")))
		return
	}
	reply(w, map[string]string{"changed": kind, "id": id})
}

// dashed is an ID as the workspace has it; URLs of Notion leave the dashes out.
func dashed(id string) string {
	id = strings.ToLower(id)
	if len(id) != 32 || strings.Contains(id, "-") {
		return id
	}
	return id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:]
}
