package notiontest

import (
	"fmt"
	"strconv"
)

// content adds the studio's handbook, briefs to the projects, check lists to some
// tasks, comments and views.
func (d *demo) content() {
	handbook := d.t.AddPage(Page{ID: d.id("page/handbook"), Values: map[string]Value{"title": Plain("Studio handbook")}, Icon: &Icon{"emoji", "📖"}, CreatedBy: d.person(0)})
	in := Parent{"page_id", handbook}
	d.paragraph(in, "handbook/welcome", "Everything that a new colleague asks in the first week.")
	d.block(in, "handbook/callout", "callout", `{"rich_text":`+runs("Ask before you print.")+`,"icon":{"type":"emoji","emoji":"💡"},"color":"yellow_background"}`)
	for _, p := range [][2]string{{"Tools", "🧰"}, {"Holidays", "🌴"}, {"How we price", "🧮"}} {
		page := d.t.AddPage(Page{ID: d.id("page/" + p[0]), Parent: in, Values: map[string]Value{"title": Plain(p[0])}, Icon: &Icon{"emoji", p[1]}, CreatedBy: d.person(1)})
		at := Parent{"page_id", page}
		d.block(at, p[0]+"/heading", "heading_1", `{"rich_text":`+runs(p[0])+`,"color":"default","is_toggleable":false}`)
		for i := range 3 {
			d.block(at, p[0]+"/"+strconv.Itoa(i), "bulleted_list_item", `{"rich_text":`+runs(fmt.Sprintf("%s, point %d", p[0], i+1))+`,"color":"default"}`)
		}
	}
	table := d.block(Parent{"page_id", d.id("page/How we price")}, "rates", "table", `{"table_width":2,"has_column_header":true,"has_row_header":false}`)
	for i, row := range [][2]string{{"Work", "Rate"}, {"Design", "95 € an hour"}, {"Research", "80 € an hour"}} {
		d.block(Parent{"block_id", table}, "rates/"+strconv.Itoa(i), "table_row", `{"cells":[`+runs(row[0])+`,`+runs(row[1])+`]}`)
	}
	d.files(handbook)
	for i, project := range d.t.m.Source(SourceID(d.seed, "projects")).Rows {
		key := "brief/" + strconv.Itoa(i)
		d.paragraph(Parent{"page_id", project}, key, "The brief, as agreed with the client.")
		toggle := d.block(Parent{"page_id", project}, key+"/more", "toggle", `{"rich_text":`+runs("Open questions")+`,"color":"default"}`)
		d.paragraph(Parent{"block_id", toggle}, key+"/question", "Who signs off?")
		if i%3 == 0 {
			d.comment(Parent{"page_id", project}, key, "Looks good to me.", i)
		}
	}
	for i, task := range d.t.m.Source(SourceID(d.seed, "tasks")).Rows {
		if i%7 != 0 {
			continue
		}
		for n, text := range []string{"Read the brief", "Do it", "Show it"} {
			d.block(Parent{"page_id", task}, fmt.Sprintf("task/%d/%d", i, n), "to_do", fmt.Sprintf(`{"rich_text":%s,"checked":%t,"color":"default"}`, runs(text), n == 0))
		}
	}
	for _, key := range []string{"clients", "projects", "tasks"} {
		d.t.AddView(SourceID(d.seed, key), View{ID: d.id("view/" + key), Name: "All " + key, Type: "table"})
	}
	d.t.AddView(SourceID(d.seed, "tasks"), View{ID: d.id("view/board"), Name: "Board", Type: "board"})
}

// files adds a price list, a picture and the logo of the studio to the handbook.
func (d *demo) files(handbook string) {
	in := Parent{"page_id", handbook}
	prices := HostedPath(d.seed, "prices", "prices 2026.csv")
	d.t.AddFile(prices, Served{Type: "text/csv", Data: []byte("work,rate\ndesign,95\nresearch,80\n")})
	logo := HostedPath(d.seed, "logo", "harbor.svg")
	d.t.AddFile(logo, Served{Type: "image/svg+xml", Data: []byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><path d="M1 6h6L4 1z"/></svg>`)})
	d.t.AddFile("/public/harbor.txt", Served{Type: "text/plain", Data: []byte("The harbor, early in the morning.\n"), ETag: `"1"`})
	for _, f := range []struct {
		key, kind string
		file      File
	}{
		{"handbook/prices", "file", File{Name: "prices 2026.csv", URL: prices, Hosted: true}},
		{"handbook/harbor", "file", File{Name: "harbor.txt", URL: "/public/harbor.txt"}},
		{"handbook/logo", "image", File{URL: logo, Hosted: true}},
	} {
		d.t.AddBlock(Block{ID: d.id("block/" + f.key), Parent: in, Type: f.kind, File: &f.file, By: d.person(0)})
	}
	d.t.Page(handbook).Cover = &Icon{"file", logo}
}

func (d *demo) paragraph(in Parent, key, text string) {
	d.block(in, key, "paragraph", `{"rich_text":`+runs(text)+`,"color":"default"}`)
}

func (d *demo) block(in Parent, key, kind, payload string) string {
	id := d.id("block/" + key)
	d.t.AddBlock(Block{ID: id, Parent: in, Type: kind, Payload: payload, By: d.person(len(key))})
	return id
}

func (d *demo) comment(on Parent, key, text string, by int) {
	d.t.AddComment(Comment{ID: d.id("comment/" + key), Discussion: d.id("discussion/" + key), Parent: on, Text: Plain(text), By: d.person(by)})
}
