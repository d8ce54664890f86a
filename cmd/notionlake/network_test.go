package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// `check` does not wait long for a server that is not there, and says where to look.
func TestCheckUnreachable(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := "http://" + listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"NOTION_TOKEN": notiontest.DefaultToken}
	r := call(t, env, "check", "--config", writeConfig(t, "notion: {base_url: "+dead+"}"))
	r.wants(t, 4, "no connection to Notion", "after 3 attempts", "HTTPS_PROXY", "notion.base_url")
	if !strings.Contains(r.stdout, "fail  network") || strings.Contains(r.stderr, "notionlake check") {
		t.Errorf("stdout:\n%s\nstderr:\n%s", r.stdout, r.stderr)
	}
}

// The proxy of the environment is asked, but not for this machine.
func TestProxy(t *testing.T) {
	workspace, _ := notiontest.Demo(1)
	notion := notiontest.NewServer(workspace, notiontest.Options{})
	asked := 0
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		if r.URL.Host != "notion.invalid" || r.Header.Get("Proxy-Authorization") == "" {
			http.Error(w, fmt.Sprint("asked for ", r.URL), http.StatusBadGateway)
			return
		}
		notion.ServeHTTP(w, r)
	}))
	defer proxy.Close()
	env := map[string]string{
		"NOTION_TOKEN": notiontest.DefaultToken,
		"http_proxy":   strings.Replace(proxy.URL, "http://", "http://user:p%40ssword-of-proxy@", 1),
	}
	config := writeConfig(t, "notion: {base_url: 'http://notion.invalid', rate: off}")
	r := call(t, env, "check", "--config", config)
	if r.wants(t, 0); asked == 0 || strings.Contains(r.stdout+r.stderr, "ssword-of-proxy") {
		t.Errorf("the proxy was asked %d times\n%s%s", asked, r.stdout, r.stderr)
	}
	asked = 0
	server := httptest.NewServer(notion)
	defer server.Close()
	call(t, env, "check", "--config", writeConfig(t, "notion: {base_url: '"+server.URL+"', rate: off}")).wants(t, 0)
	if asked > 0 {
		t.Errorf("the proxy was asked %d times for a server on this machine", asked)
	}
}
