package notion

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Property reads one property of a page whole, beyond what fits into the page.
// The id is as in the page or the schema, percent-encoded. item is called with
// every element of the results when all have been read. last is the
// property_item of the last page, where a rollup has its value; for a type that
// is no list it is the whole answer, and there are no items.
func (c *Client) Property(ctx context.Context, pageID, propertyID string, item func(JSON) error) (last JSON, err error) {
	op := fmt.Sprintf("retrieve property %q of page %s", propertyID, pageID)
	if _, ok := ParseUUID([]byte(pageID)); !ok {
		return nil, fmt.Errorf("%s: %w", op, errNotID)
	}
	segment, err := pathSegment(propertyID)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	l := listing{
		op:     op,
		method: http.MethodGet,
		path:   "/v1/pages/" + dashed(pageID) + "/properties/" + segment,
		size:   newPageSize(maxPageSize),
		single: true,
		check:  func(a *answer) error { return checkProperty(a, propertyID) },
	}
	// Elements have no id: those of a pass that failed must not count.
	items, err := alike(op, sameItem, func() (items []JSON, pages int, err error) {
		items, pages, last, err = c.propertyPass(ctx, l)
		return items, pages, err
	})
	if err != nil {
		return nil, err
	}
	for _, it := range items {
		if err := item(it); err != nil {
			return nil, err
		}
	}
	return last, nil
}

// propertyPass reads the property once.
func (c *Client) propertyPass(ctx context.Context, l listing) (items []JSON, pages int, last JSON, err error) {
	incomplete := false
	for p, err := range c.pages(ctx, &l) {
		if err != nil {
			return nil, 0, nil, err
		}
		pages++
		if p.member("object").Text() != "list" {
			last = bytes.Clone(p.JSON)
			continue
		}
		incomplete = incomplete || p.incomplete
		last = bytes.Clone(p.member("property_item"))
		for it := range p.all() {
			items = append(items, bytes.Clone(it))
		}
	}
	if incomplete {
		return nil, 0, nil, &Error{Op: l.op, Err: ErrIncomplete}
	}
	return items, pages, last, nil
}

// sameItem reports whether two elements are the same page, user or text. URLs in
// them may differ from answer to answer.
func sameItem(a, b JSON) bool {
	for _, name := range []string{"id", "plain_text"} {
		va, vb := a.Get(a.Get("type").Text()).Get(name), b.Get(b.Get("type").Text()).Get(name)
		if va != nil || vb != nil {
			return bytes.Equal(va, vb)
		}
	}
	return bytes.Equal(a, b)
}

// checkProperty refuses the answer for another property.
func checkProperty(a *answer, id string) error {
	got := a.member("id")
	switch object := a.member("object").Text(); object {
	case "list":
		item := a.member("property_item")
		if item.Kind() != '{' {
			return errors.New("the list is not one of property items")
		}
		got = item.Get("id")
	case "property_item":
	default:
		return fmt.Errorf("the answer is a %q, not a property item", object)
	}
	if text := got.Text(); text != id && unescaped(text) != unescaped(id) {
		return fmt.Errorf("the answer is property %q, asked for was %q", text, id)
	}
	return nil
}

func unescaped(id string) string {
	if s, err := url.PathUnescape(id); err == nil {
		return s
	}
	return id
}

// pathSegment makes an id that is percent-encoded already fit for a path: what
// is encoded stays as it is, and what a path segment cannot hold is encoded.
func pathSegment(id string) (string, error) {
	switch id {
	case "":
		return "", errors.New("no property id")
	case ".", "..":
		return strings.ReplaceAll(id, ".", "%2E"), nil // a proxy may take it for a step up
	}
	const (
		unreserved = "-._~!$&'()*+,;=:@"
		upperHex   = "0123456789ABCDEF"
	)
	var b strings.Builder
	for i := range len(id) {
		switch c := id[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte(unreserved, c) >= 0:
			b.WriteByte(c)
		case c == '%' && i+2 < len(id) && hexDigit(id[i+1]) && hexDigit(id[i+2]):
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(upperHex[c>>4])
			b.WriteByte(upperHex[c&15])
		}
	}
	return b.String(), nil
}
