package notion

import (
	"errors"
	"net"
	"net/http"
	"time"
)

// NewTransport returns the transport that a Client uses when it is given none:
// HTTP/1.1 and at most parallel connections to a host. A connection each, since
// one connection for everything, as HTTP/2 has, fails as a whole.
func NewTransport(parallel int) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		DialContext:            (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:    30 * time.Second,
		MaxIdleConnsPerHost:    parallel,
		MaxConnsPerHost:        parallel,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 256 << 10,
		ReadBufferSize:         64 << 10,
		DisableCompression:     true, // answers are unpacked by the Client
		Protocols:              protocols,
	}
}

var errRedirect = errors.New("redirect refused")

// checkRedirect follows a redirect only where neither the token nor the request
// goes anywhere else: the API has none, but what stands in front of it may.
func checkRedirect(req *http.Request, via []*http.Request) error {
	first := via[0]
	switch {
	case len(via) > 3:
		return errors.Join(errRedirect, errors.New("more than 3 in a row"))
	case req.URL.Scheme != first.URL.Scheme || req.URL.Host != first.URL.Host:
		return errors.Join(errRedirect, errors.New("it leads to "+req.URL.Scheme+"://"+req.URL.Host))
	case req.Method != first.Method:
		return errors.Join(errRedirect, errors.New("it makes "+first.Method+" a "+req.Method))
	}
	return nil
}
