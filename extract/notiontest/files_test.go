package notiontest

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Files are served for as long as their URL is good, and to nobody who sends a token.
func TestServeFiles(t *testing.T) {
	w := NewWorkspace(1)
	path := HostedPath(1, "brief", "brief é.pdf")
	page := NewID(1, "page")
	w.Update(func(tx *Tx) {
		tx.AddFile(path, Served{Data: []byte("0123456789"), Type: "application/pdf", ETag: `"1"`})
		tx.AddPage(Page{ID: page, Values: map[string]Value{"title": Plain("x")}, Icon: &Icon{"file", path}})
	})
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := NewServer(w, Options{Now: func() time.Time { return now }})
	r := renderer{m: w.Model(), now: now, files: FileHost, ttl: time.Hour, sign: 7}
	object := string(r.signed(nil, path))
	_, rest, _ := strings.Cut(object, `"url":"`)
	signed, _, _ := strings.Cut(rest, `"`)
	get := func(url string, header ...string) (int, string) {
		t.Helper()
		request, err := http.NewRequest(http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(header); i += 2 {
			request.Header.Set(header[i], header[i+1])
		}
		response, err := s.FileTransport().RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(body)
	}
	for _, c := range []struct {
		url    string
		header []string
		status int
		body   string
	}{
		{signed, nil, 200, "0123456789"},
		{signed, []string{"Range", "bytes=2-4"}, 206, "234"},
		{signed, []string{"If-None-Match", `"1"`}, 304, ""},
		{signed, []string{"Authorization", "Bearer x"}, 400, ""},
		{FileHost + path, nil, 403, ""},
		{strings.Replace(signed, "Signature=", "Signature=0", 1), nil, 403, ""},
		{FileHost + "/public/none", nil, 404, ""},
		{"https://example.com/", nil, 404, ""},
	} {
		if status, body := get(c.url, c.header...); status != c.status || c.body != "" && body != c.body {
			t.Errorf("%s %v: %d %s", c.url, c.header, status, body)
		}
	}
	now = now.Add(time.Hour + time.Second)
	if status, body := get(signed); status != 403 || !strings.Contains(body, "expired") {
		t.Errorf("an hour later: %d %s", status, body)
	}
}
