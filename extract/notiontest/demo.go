package notiontest

import (
	"fmt"
	"time"
)

// Demo returns the workspace of a small design studio: its projects, their
// tasks and the clients, about 120 rows; and changes as people make them from
// one day to the next.
func Demo(seed uint64) (*Workspace, []Step) {
	w := NewWorkspace(seed)
	w.Update(func(t *Tx) {
		t.m.Name = "Harbor Studio"
		d := &demo{builder{t: t, seed: seed, rand: newRand(seed, "demo")}}
		d.team()
		d.schema()
		d.clients()
		d.projects()
		d.tasks()
		d.content()
	})
	return w, demoSteps(w)
}

type demo struct{ builder }

func (d *demo) team() {
	for _, name := range [][2]string{
		{"Ada Moreau", "ada"}, {"Jonas Lindqvist", "jonas"}, {"Priya Raman", "priya"}, {"Tomás Ibarra", "tomas"}, {"Mei Tanaka", "mei"},
	} {
		u := User{ID: d.id("user/" + name[1]), Type: "person", Name: name[0], Email: name[1] + "@harbor.example"}
		d.t.AddUser(u)
		d.people = append(d.people, u.ID)
	}
}

// options makes options of names; every name's group is a third of the list.
func (d *demo) options(key string, names ...string) []Option {
	colors := []string{"gray", "blue", "green", "yellow", "red", "purple"}
	var list []Option
	for i, name := range names {
		list = append(list, Option{ID: d.id("option/" + key + "/" + name), Name: name, Color: colors[i%len(colors)], Group: i * 3 / len(names)})
	}
	return list
}

func (d *demo) choice(key, name string) Choice { return Choice(d.id("option/" + key + "/" + name)) }

func (d *demo) add(key, title, emoji string, properties ...Property) {
	d.database(key, Database{Title: Plain(title), Icon: &Icon{"emoji", emoji}})
	s := d.source(key, key, Plain(title), properties...)
	d.t.Source(s).Icon = &Icon{"emoji", emoji}
}

func (d *demo) schema() {
	projects, tasks, clients := SourceID(d.seed, "projects"), SourceID(d.seed, "tasks"), SourceID(d.seed, "clients")
	d.add("clients", "Clients", "🤝",
		Property{ID: "title", Name: "Company", Type: "title"},
		Property{ID: "cont", Name: "Contact", Type: "rich_text"},
		Property{ID: "mail", Name: "Email", Type: "email"},
		Property{ID: "phon", Name: "Phone", Type: "phone_number"},
		Property{ID: "site", Name: "Website", Type: "url"},
		Property{ID: "stag", Name: "Stage", Type: "status", Options: d.options("stage", "Lead", "Talking", "Won", "Lost")},
		Property{ID: "deal", Name: "Deal value", Type: "number", Format: "euro"},
		Property{ID: "ownr", Name: "Owner", Type: "people"},
		Property{ID: "proj", Name: "Projects", Type: "relation", Relation: &Relation{Source: projects, SyncedID: "clnt", SyncedName: "Client"}},
	)
	d.add("projects", "Projects", "🚀",
		Property{ID: "title", Name: "Project", Type: "title"},
		Property{ID: "stat", Name: "Status", Type: "status", Options: d.options("status", "Planned", "Active", "Done")},
		Property{ID: "lead", Name: "Lead", Type: "people"},
		Property{ID: "when", Name: "Timeline", Type: "date"},
		Property{ID: "budg", Name: "Budget", Type: "number", Format: "euro"},
		Property{ID: "clnt", Name: "Client", Type: "relation", Relation: &Relation{Source: clients, SyncedID: "proj", SyncedName: "Projects"}},
		Property{ID: "task", Name: "Tasks", Type: "relation", Relation: &Relation{Source: tasks, SyncedID: "proj", SyncedName: "Project"}},
		Property{ID: "hour", Name: "Hours planned", Type: "rollup", Rollup: &Rollup{"task", "hour", "sum"}},
		Property{ID: "prog", Name: "Progress", Type: "rollup", Rollup: &Rollup{"task", "done", "percent_checked"}},
		Property{ID: "next", Name: "Last deadline", Type: "rollup", Rollup: &Rollup{"task", "due1", "latest_date"}},
	)
	d.add("tasks", "Tasks", "✅",
		Property{ID: "title", Name: "Task", Type: "title"},
		Property{ID: "t%id", Name: "ID", Type: "unique_id", Prefix: "TASK"},
		Property{ID: "done", Name: "Done", Type: "checkbox"},
		Property{ID: "due1", Name: "Due", Type: "date"},
		Property{ID: "prio", Name: "Priority", Type: "select", Options: d.options("priority", "Low", "Medium", "High")},
		Property{ID: "tags", Name: "Tags", Type: "multi_select", Options: d.options("tags", "design", "research", "copy", "build", "review")},
		Property{ID: "assi", Name: "Assignee", Type: "people"},
		Property{ID: "hour", Name: "Hours", Type: "number"},
		Property{ID: "cost", Name: "Cost", Type: "formula", Expression: `prop("Hours") * 95`},
		Property{ID: "note", Name: "Notes", Type: "rich_text"},
		Property{ID: "proj", Name: "Project", Type: "relation", Relation: &Relation{Source: projects, SyncedID: "task", SyncedName: "Tasks"}},
		Property{ID: "edit", Name: "Edited", Type: "last_edited_time"},
	)
}

// row adds a row on the next working hours, by a random person.
func (d *demo) row(key string, icon *Icon, values map[string]Value) string {
	d.t.Tick(time.Duration(5+d.rand.IntN(90)) * time.Minute)
	by := d.person(d.rand.IntN(len(d.people)))
	return d.t.AddRow(SourceID(d.seed, key), Page{Values: values, CreatedBy: by, EditedBy: by, Icon: icon})
}

// pick is one of the names.
func (d *demo) pick(names ...string) string { return names[d.rand.IntN(len(names))] }

// link joins two rows on both sides of a relation.
func (d *demo) link(a, propertyA, b, propertyB string) {
	for _, end := range [][3]string{{a, propertyA, b}, {b, propertyB, a}} {
		refs, _ := d.t.m.Pages[end[0]].Values[end[1]].(Refs)
		d.t.Set(end[0], end[1], append(refs[:len(refs):len(refs)], end[2]))
	}
}

func (d *demo) day(days int) string {
	return time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC).AddDate(0, 0, days).Format(time.DateOnly)
}

func (d *demo) clients() {
	for i, c := range [][2]string{
		{"Lumen Bikes", "Sofia Keller"},
		{"Oakline Furniture", "Marcus Webb"},
		{"Café Mirador", "Lucía Ortega"},
		{"Northsea Ferries", "Elin Dahl"},
		{"Papertrail Books", "Owen Price"},
		{"Größer & Söhne", "Anna Größer"},
		{"Kite Insurance", "Ravi Menon"},
		{"Blue Heron Hotel", "Claire Dubois"},
		{"Sunday Ceramics", "Yuki Mori"},
		{"Trellis Gardens", "Hannah Cole"},
		{"Fjord Analytics", "Nils Berg"},
		{"Meadow Dairy", "Ines Roth"},
		{"Atlas Climbing", "Joe Tran"},
		{"Pixel Orchard", "Amara Obi"},
		{"Quill Legal", "Peter Novak"},
		{"Saffron Kitchen", "Leila Haddad"},
		{"Copper Kettle", "Tom Birch"},
		{"Velo Courier", "Emma Jansen"},
		{"Harvest Box", "Noah Lind"},
		{"Sable Optics", "Greta Moss"},
		{"Riverbank School", "Dana Fox"},
		{"Tidepool Aquarium", "Kai Nakamura"},
		{"Marble Run Toys", "Ivy Stone"},
		{"Polar Outdoor", "Lars Holm"},
	} {
		slug := slug(c[0])
		values := map[string]Value{
			"title": Plain(c[0]), "cont": Plain(c[1]), "mail": Str("hello@" + slug[:len(slug)-1] + ".example"),
			"stag": d.choice("stage", d.pick("Lead", "Talking", "Won", "Won", "Lost")), "ownr": People{d.person(i)},
		}
		if i%3 != 1 {
			values["phon"] = Str(fmt.Sprintf("+49 30 555 01%02d", i))
			values["site"] = Str("https://" + slug[:len(slug)-1] + ".example/")
		}
		if i%4 != 2 {
			values["deal"] = Number(fmt.Sprint(2000 + 500*d.rand.IntN(60)))
		}
		d.row("clients", nil, values)
	}
}

func (d *demo) projects() {
	clients := d.t.m.Source(SourceID(d.seed, "clients")).Rows
	for i, p := range [][2]string{
		{"Spring campaign", "🌷"},
		{"Website relaunch", "🖥️"},
		{"Brand guide", "🎨"},
		{"Menu redesign", "🍽️"},
		{"Annual report", "📘"},
		{"Trade fair booth", "🏗️"},
		{"Packaging refresh", "📦"},
		{"Onboarding emails", "✉️"},
		{"Photo library", "📷"},
		{"Signage", "🪧"},
		{"Loyalty app", "📱"},
		{"Podcast series", "🎙️"},
	} {
		start := d.rand.IntN(60)
		values := map[string]Value{
			"title": Plain(p[0]), "stat": d.choice("status", []string{"Done", "Active", "Active", "Planned"}[i%4]),
			"lead": People{d.person(i)}, "when": Date{Start: d.day(start), End: d.day(start + 14 + d.rand.IntN(60))},
			"budg": Number(fmt.Sprintf("%d", 3000+250*d.rand.IntN(80))),
		}
		id := d.row("projects", &Icon{"emoji", p[1]}, values)
		d.link(id, "clnt", clients[i*2], "proj")
	}
}

func (d *demo) tasks() {
	projects := d.t.m.Source(SourceID(d.seed, "projects")).Rows
	for i := range 84 {
		hours := 1 + d.rand.IntN(16)
		verb := []string{"Draft", "Review", "Sketch", "Write", "Test", "Present", "Collect"}[i%7]
		values := map[string]Value{
			"title": Plain(verb + " " + d.pick("moodboard", "headlines", "prototype", "color palette", "interviews", "price list", "storyboard", "icons")),
			"t%id":  Unique(i + 1), "done": Check(i%3 == 0), "hour": Number(fmt.Sprint(hours)), "cost": Result{"number", Number(fmt.Sprint(hours * 95))},
			"prio": d.choice("priority", d.pick("Low", "Medium", "Medium", "High")), "assi": People{d.person(d.rand.IntN(5))},
			"tags": Choices{string(d.choice("tags", d.pick("design", "research"))), string(d.choice("tags", d.pick("copy", "build", "review")))},
		}
		switch i % 6 {
		case 0:
			values["due1"] = Date{Start: d.day(i) + "T10:00:00.000+01:00", End: d.day(i) + "T11:00:00.000+01:00"}
		case 5:
			values["note"] = Text{{Text: "See "}, {Text: "the brief", Bold: true, Link: "https://docs.harbor.example/brief"}, {Text: " first."}}
		default:
			values["due1"] = Date{Start: d.day(i)}
		}
		id := d.row("tasks", nil, values)
		d.link(id, "proj", projects[i%len(projects)], "task")
	}
}
