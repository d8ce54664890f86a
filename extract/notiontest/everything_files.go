package notiontest

import (
	"bytes"
	"fmt"
	"strconv"
	"time"
)

// Filed returns a workspace with files in every place where files can be, all of
// them the server's own, and changes of them.
func Filed(seed uint64) (*Workspace, []Step) {
	w := NewWorkspace(seed)
	b := &builder{seed: seed, rand: newRand(seed, "files")}
	w.Update(func(t *Tx) {
		b.t = t
		b.users()
		b.files(t.AddPage(Page{ID: b.id("page/home"), Values: map[string]Value{"title": Plain("Home")}}))
	})
	step := func(title string, change func(*Tx)) Step {
		return Step{title, func() {
			w.Update(func(t *Tx) {
				t.Tick(2 * time.Hour)
				change(t)
			})
		}}
	}
	return w, []Step{
		step("an external file changes", func(t *Tx) {
			t.AddFile("/public/logo.png", Served{Type: "image/png", Data: []byte("\x89PNG\r\n\x1a\nanother picture")})
		}),
		step("files are taken out of a row, and put into another", func(t *Tx) {
			rows := t.m.Source(SourceID(seed, "files")).Rows
			files, _ := t.m.Pages[rows[0]].Values["f%le"].(Files)
			t.Set(rows[0], "f%le", Files{})
			t.Set(rows[1], "f%le", files)
		}),
	}
}

// files adds a page and a data source whose files are there, in every place where
// files can be, with what goes wrong with them.
func (b *builder) files(home string) {
	hosted := func(key, name, typ, data string) File {
		path := HostedPath(b.seed, key, name)
		b.t.AddFile(path, Served{Type: typ, Data: []byte(data), ETag: strconv.Quote(key), Modified: b.t.m.Clock})
		return File{Name: name, URL: path, Hosted: true}
	}
	external := func(name string, f Served) File {
		b.t.AddFile("/public/"+name, f)
		return File{Name: name, URL: "/public/" + name}
	}
	png := "\x89PNG\r\n\x1a\n" + "not much of a picture"
	pdf := hosted("brief", "brief é.pdf", "application/pdf", "%PDF-1.7 the brief")
	same := hosted("again", "the same.pdf", "application/pdf", "%PDF-1.7 the brief")
	empty := hosted("empty", "empty.txt", "", "")
	logo := external("logo.png", Served{Type: "image/png", Data: []byte(png)})
	big := external("big.bin", Served{Type: "application/octet-stream", Data: bytes.Repeat([]byte("big"), 50_000)})
	tagged := external("tagged", Served{Type: "text/plain; charset=utf-8", Data: []byte("with a tag"), ETag: `W/"1"`})
	dated := external("dated.csv", Served{Type: "text/csv", Data: []byte("a,b\n"), Modified: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)})
	player := external("watch", Served{Type: "text/html; charset=utf-8", Data: []byte("<!doctype html><title>A video</title>")})
	moved := external("moved", Served{Redirect: "/public/logo.png"})
	bad := []File{
		external("gone", Served{Status: 410}), external("secret", Served{Status: 403}), external("broken", Served{Status: 500}),
		external("inside", Served{Redirect: "http://127.0.0.1:9/"}),
		{Name: "metadata", URL: "http://169.254.169.254/latest/meta-data/"},
		{Name: "disk", URL: "file:///etc/passwd"},
		{Name: "lost", URL: HostedPath(b.seed, "lost", "lost.pdf"), Hosted: true},
	}

	page := b.t.AddPage(Page{
		ID: b.id("page/files"), Parent: Parent{"page_id", home}, Values: map[string]Value{"title": Plain("Files")},
		Icon: &Icon{"file", hosted("icon", "icon.png", "image/png", png+" of an icon").URL}, Cover: &Icon{"external", "/public/logo.png"},
	})
	in := Parent{"page_id", page}
	for i, f := range append([]File{pdf, same, empty, logo, big, tagged, dated, player}, bad...) {
		kind := []string{"pdf", "file", "file", "image", "file", "file", "file", "video"}[i%8]
		b.t.AddBlock(Block{ID: b.id("block/file/" + strconv.Itoa(i)), Parent: in, Type: kind, File: &f, By: b.person(i)})
	}
	b.t.AddComment(Comment{
		ID: b.id("comment/files"), Discussion: b.id("discussion/files"), Parent: in, Text: Plain("As attached"), By: b.person(1),
		Attachments: []File{hosted("attached", "attached.mp3", "audio/mpeg", "ID3 of a sort"), pdf},
	})

	title := column{Property{ID: "title", Name: "Name", Type: "title"}, []Value{Plain("a row with files")}}
	list := column{Property{ID: "f%le", Name: "Files", Type: "files"}, []Value{Files{pdf, logo}, Files{}, Files(bad), Files{big, player, moved, same}}}
	of := column{Property{ID: "of", Name: "Of", Type: "relation", Relation: &Relation{Source: SourceID(b.seed, "files")}}, nil}
	names := column{Property{ID: "nams", Name: "Names", Type: "rollup", Rollup: &Rollup{"of", "title", "show_original"}}, nil}
	source := b.single("files", Plain("With files"), properties([]column{title, list, of, names})...)
	b.fill(source, []column{title, list}, 0)
	for _, id := range b.t.m.sources[source].Rows { // nothing of Filed is elsewhere
		p := b.t.Page(id)
		p.Icon, p.Cover = &Icon{"external", "/public/logo.png"}, nil
	}
	many := Files{}
	for i := range 30 {
		many = append(many, hosted(fmt.Sprint("many", i), fmt.Sprintf("%d.txt", i), "text/plain", fmt.Sprintf("the file %d", i)))
	}
	var refs Refs // more than Notion shows, so that the row waits for the others
	for i := range 27 {
		refs = append(refs, b.t.AddRow(source, Page{Values: map[string]Value{"title": Plain(strconv.Itoa(i))}}))
	}
	b.t.AddRow(source, Page{Values: map[string]Value{"title": Plain("many"), "f%le": many, "of": refs}, Cover: &Icon{"file", pdf.URL}})
}
