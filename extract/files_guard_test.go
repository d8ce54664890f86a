package extract

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/notionlake/notionlake/extract/notiontest"
)

func TestPublicAddresses(t *testing.T) {
	for text, want := range map[string]bool{
		"1.1.1.1": true, "93.184.216.34": true, "172.32.0.1": true, "100.128.0.1": true, "2606:4700::1111": true, "::ffff:1.1.1.1": true, "64:ff9b::101:101": true,
		"0.0.0.0": false, "0.1.2.3": false, "127.0.0.1": false, "127.255.255.254": false, "10.0.0.1": false, "172.16.0.1": false, "172.31.255.255": false,
		"192.168.1.1": false, "169.254.169.254": false, "100.64.0.1": false, "100.127.255.255": false, "192.0.0.8": false, "192.0.2.1": false,
		"198.18.0.1": false, "198.51.100.1": false, "203.0.113.1": false, "224.0.0.1": false, "240.0.0.1": false, "255.255.255.255": false,
		"::": false, "::1": false, "fe80::1": false, "fe80::1%eth0": false, "fc00::1": false, "fd00:ec2::254": false, "fec0::1": false, "ff02::1": false,
		"::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "::ffff:169.254.169.254": false, "::127.0.0.1": false, "64:ff9b::7f00:1": false,
		"64:ff9b::a9fe:a9fe": false, "64:ff9b:1::1": false, "2002:7f00:1::": false, "2001:db8::1": false, "2001::1": false, "100::1": false, "3fff::1": false,
	} {
		if got := isPublic(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s is public: %t, want %t", text, got, want)
		}
	}
	g := guard{[]netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:8080")}}
	for address, want := range map[string]bool{
		"127.0.0.1:8080": true, "[::ffff:127.0.0.1]:8080": true, "127.0.0.1:8081": false, "127.0.0.2:8080": false, "1.1.1.1:80": true, "nonsense": false,
	} {
		if err := g.control("tcp4", address, nil); (err == nil) != want {
			t.Errorf("%s: %v", address, err)
		}
	}
	if g.control("udp", "1.1.1.1:80", nil) == nil {
		t.Error("udp is not refused")
	}
}

// rebinding answers questions for addresses with the first address once, then with
// the second one.
func rebinding(t *testing.T, first, then netip.Addr) *net.Resolver {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() {
		_ = server.Close()
		<-ended
	})
	var asked atomic.Int64
	go func() {
		defer close(ended)
		buffer := make([]byte, 512)
		for {
			n, from, err := server.ReadFrom(buffer)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buffer[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
			if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
				a := first
				if asked.Add(1) > 1 {
					a = then
				}
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
					Body:   &dnsmessage.AResource{A: a.As4()},
				}}
			}
			if answer, err := m.Pack(); err == nil {
				_, _ = server.WriteTo(answer, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
}

// badFileURLs has files where URLs lead to addresses of the network here: the row
// keeps the URL, nothing is fetched, and that is said.
func badFileURLs(t *testing.T) {
	var asked atomic.Int64
	inside := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		_, _ = fmt.Fprint(w, "a secret")
	}))
	defer inside.Close()
	w := notiontest.NewWorkspace(1)
	sim := httptest.NewUnstartedServer(nil)
	base := "http://" + sim.Listener.Addr().String()
	server := notiontest.NewServer(w, notiontest.Options{FileBase: base})
	sim.Config.Handler = server
	sim.Start()
	defer sim.Close()

	port := inside.Listener.Addr().(*net.TCPAddr).Port
	bad := []string{
		"http://169.254.169.254/latest/meta-data/", "file:///etc/passwd", "ftp://example.com/x", "gopher://127.0.0.1/", "javascript:alert(1)",
		inside.URL + "/direct", fmt.Sprintf("http://localhost:%d/", port), fmt.Sprintf("http://[::ffff:127.0.0.1]:%d/", port),
		fmt.Sprintf("http://0.0.0.0:%d/", port), fmt.Sprintf("http://2130706433:%d/", port), fmt.Sprintf("http://127.1:%d/", port),
		fmt.Sprintf("http://rebind.example:%d/x?token=hush", port), "http://", "http://%zz/", "not a url",
	}
	files := notiontest.Files{}
	for _, u := range bad {
		files = append(files, notiontest.File{Name: "bad", URL: u})
	}
	source := notiontest.SourceID(1, "files")
	var row string
	w.Update(func(tx *notiontest.Tx) {
		for name, to := range map[string]string{
			"redirect": inside.URL + "/redirected", "disk": "file:///etc/passwd", "loop": "/public/loop", "rebind": fmt.Sprintf("http://rebind.example:%d/", port),
		} {
			tx.AddFile("/public/"+name, notiontest.Served{Redirect: to})
			files = append(files, notiontest.File{Name: name, URL: "/public/" + name})
		}
		tx.AddFile("/public/good", notiontest.Served{Data: []byte("good"), Type: "text/plain"})
		files = append(files, notiontest.File{Name: "good", URL: "/public/good"})
		tx.AddDatabase(notiontest.Database{ID: notiontest.NewID(1, "files"), Title: notiontest.Plain("files")})
		tx.AddSource(notiontest.DataSource{ID: source, Database: notiontest.NewID(1, "files"), Title: notiontest.Plain("files"), Properties: []*notiontest.Property{
			{ID: "title", Name: "Name", Type: "title"}, {ID: "file", Name: "Files", Type: "files"},
		}})
		row = tx.AddRow(source, notiontest.Page{Values: map[string]notiontest.Value{"title": notiontest.Plain("bad"), "file": files}})
	})
	var log strings.Builder
	o := allOptions(newClient(t, server))
	o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	o.Files = Files{
		Copies: copiesIn(t), Allow: []netip.AddrPort{netip.MustParseAddrPort(sim.Listener.Addr().String())},
		Resolver: rebinding(t, netip.MustParseAddr("198.51.100.7"), netip.MustParseAddr("127.0.0.1")),
	}
	s := NewSource(o)
	got, err := newMemoryLake().run(t.Context(), "20260101T000000Z", s)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if n := asked.Load(); n > 0 {
		t.Errorf("a server inside was asked %d times", n)
	}
	cell := got[source].cell(row, "files").Items()
	table := got["_files"]
	if len(cell) != len(files) || len(table.rows) != len(files) {
		t.Fatalf("%d files in the cell, %d in _files, want %d", len(cell), len(table.rows), len(files))
	}
	reasons := map[string]string{}
	for i, file := range files {
		url := file.URL
		if strings.HasPrefix(url, "/") {
			url = base + url
		}
		f, r := cell[i].Items(), table.rows[i]
		if f[1].Text() != url || r[table.column("url")].Text() != url {
			t.Errorf("%s became %s and %s", url, f[1], r[table.column("url")])
		}
		good := file.Name == "good"
		if f[3].IsNull() == good || r[table.column("path")].IsNull() == good {
			t.Errorf("%s: copied: %s", url, f[4])
		}
		reasons[file.URL] = r[table.column("reason")].Text()
	}
	for u, want := range map[string]string{"http://": "invalid_url", "http://%zz/": "invalid_url", "not a url": "invalid_url", "/public/loop": "unreachable", "/public/good": ""} {
		if reasons[u] != want {
			t.Errorf("%s: reason %s, want %s", u, reasons[u], want)
		}
		delete(reasons, u)
	}
	for u, reason := range reasons {
		// Names that are none, and what the resolver of the system makes of them.
		odd := strings.Contains(u, "2130706433") || strings.Contains(u, "127.1:") || strings.Contains(u, "0.0.0.0")
		if reason != "blocked" && (!odd || reason != "unreachable") {
			t.Errorf("%s: reason %s, want blocked", u, reason)
		}
	}
	words := problemWords(got, "file_")
	if words["file_blocked"] < 10 || words["file_not_copied"] < 4 {
		t.Errorf("problems: %v", words)
	}
	if text := log.String(); !strings.Contains(text, "a file is not fetched from where its URL leads") || strings.Contains(text, "hush") {
		t.Errorf("the log: %s", text)
	}
}

// Through a proxy go the files that Notion hosts, and nothing else.
func TestFilesProxy(t *testing.T) {
	var asked []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Host+r.URL.Path)
		if r.URL.Path == "/moved" {
			http.Redirect(w, r, "http://elsewhere.example/", http.StatusFound)
			return
		}
		_, _ = fmt.Fprint(w, "through the proxy")
	}))
	defer proxy.Close()
	at, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	f := newFetcher(Files{Proxy: http.ProxyURL(at)}, t.TempDir())
	defer f.close()
	for _, test := range []struct {
		w      wanted
		reason fileReason
	}{
		{wanted{url: "http://hosted.example/file", hosted: true}, ""},
		{wanted{url: "http://hosted.example/moved", hosted: true}, fileUnreachable},
		{wanted{url: "http://127.0.0.1:9/external"}, fileBlocked},
	} {
		d, err := f.get(t.Context(), test.w)
		if err == nil {
			err = d.close()
		}
		var told *fetchError
		if ok := errors.As(err, &told); ok != (test.reason != "") || ok && told.reason != test.reason {
			t.Errorf("%s: %v", test.w.url, err)
		}
	}
	if diff := cmp.Diff([]string{"hosted.example/file", "hosted.example/moved"}, asked); diff != "" {
		t.Errorf("the proxy was asked: %s", diff)
	}
}
