package notiontest

// ValueJSON is the value of a property of a row as it stands under its type in
// a page, where relations and people end at limit.
func (m *Model) ValueJSON(page *Page, p *Property, limit int) string {
	r := renderer{m: m, v: V20260311, limit: limit}
	value, _ := r.value(nil, page, p)
	return string(value)
}
