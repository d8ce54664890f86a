package notiontest

import "fmt"

// crowd is how many ordinary persons there are: more than fit on a page.
const crowd = 120

func (b *builder) users() {
	for i := range crowd {
		u := User{
			ID: b.id(fmt.Sprintf("user/%d", i)), Type: "person", Name: fmt.Sprintf("Person %d", i),
			Email: fmt.Sprintf("person.%d@example.com", i),
		}
		if i%3 == 0 {
			u.AvatarURL = fmt.Sprintf("https://avatars.example.com/%d.png", i)
		}
		b.t.AddUser(u)
		b.people = append(b.people, u.ID)
	}
	add := func(key string, u User) {
		u.ID = b.id("user/" + key)
		b.t.AddUser(u)
		b.odd = append(b.odd, u.ID)
	}
	add("partial", User{Type: "person", Name: "Partial Person", Email: "partial@example.com", Partial: true})
	add("guest", User{Type: "person", Name: "Guest", Email: "guest@example.org", Guest: true})
	add("guest partial", User{Type: "person", Name: "Guest, partial", Email: "g2@example.org", Guest: true, Partial: true})
	add("removed", User{Type: "person", Name: "Gone", Email: "gone@example.com", Removed: true})
	add("no email", User{Type: "person", Name: "No Email"})
	add("no name", User{Type: "person", Email: "noname@example.com"})
	add("hostile", User{Type: "person", Name: "Zoë 👩‍🚀 \"O'Brien\" \u202eabc\x00", Email: "zoë+tag@exämple.com"})
	add("bot", User{Type: "bot", Name: "Other bot"})
	add("bot owned", User{Type: "bot", Name: "Owned bot", Owner: b.person(3), AvatarURL: "https://avatars.example.com/bot.png"})
	add("group", User{Type: "group", Name: "Platform"})
	add("group without name", User{Type: "group"})
	// Known to no one: not even the workspace has it.
	b.odd = append(b.odd, b.id("user/unknown"))
}
