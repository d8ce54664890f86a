package main

import (
	"net/http"
	"net/url"
	"os"
	"strings"

	"golang.org/x/net/http/httpproxy"
)

// network looks at what the environment says of the network and returns what
// names the proxy of a request. What would fail in the middle, or be passed over
// in silence, is an error here.
func (p *program) network() (proxy func(*http.Request) (*url.URL, error), err error) {
	httpName, httpProxy := p.firstOf("HTTP_PROXY", "http_proxy")
	httpsName, httpsProxy := p.firstOf("HTTPS_PROXY", "https_proxy")
	_, noProxy := p.firstOf("NO_PROXY", "no_proxy")
	for name, value := range map[string]string{httpName: httpProxy, httpsName: httpsProxy} {
		if value == "" {
			continue
		}
		if !strings.Contains(value, "://") {
			value = "http://" + value
		}
		u, err := url.Parse(value)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "socks5" && u.Scheme != "socks5h" {
			return nil, usagef("the environment variable %s is not the URL of a proxy (http://host:port)", name) // it may hold a password
		}
		if password, ok := u.User.Password(); ok {
			p.secrets.hide(password)
		}
	}
	if file, _ := p.env("SSL_CERT_FILE"); file != "" {
		f, err := os.Open(file)
		if err != nil {
			return nil, usagef("the environment variable SSL_CERT_FILE names %s: %v", file, reason(err))
		}
		if err := f.Close(); err != nil {
			return nil, err
		}
	}
	config := httpproxy.Config{HTTPProxy: httpProxy, HTTPSProxy: httpsProxy, NoProxy: noProxy}
	of := config.ProxyFunc()
	return func(r *http.Request) (*url.URL, error) { return of(r.URL) }, nil
}

// firstOf is the first of the environment variables that has a value.
func (p *program) firstOf(names ...string) (name, value string) {
	for _, name := range names {
		if value, _ := p.env(name); value != "" {
			return name, value
		}
	}
	return "", ""
}
