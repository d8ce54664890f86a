package main

import (
	"math"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/notionlake/notionlake/extract"
	"github.com/notionlake/notionlake/lake"
)

// files says which files are copied: none, or those up to a size and of some types.
type files struct {
	on       bool
	maxBytes int64
	types    []string // nil: all
}

func (f *files) decodeYAML(d *yamlDecoder, n ast.Node, path string) error {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		f.on = true
		return d.mapping(n, path, []string{"max_size", "types"}, func(key string, value ast.Node, path string) error {
			if key == "types" {
				return f.decodeTypes(d, value, path)
			}
			text, err := d.text(value, path)
			if err != nil {
				return err
			}
			if f.maxBytes, err = parseSize(text); err != nil {
				return d.errorAt(value, path, "%q: %v", cut(text, 60), err)
			}
			return nil
		})
	}
	text, err := d.text(n, path)
	if err == nil && text != "false" && text != "true" {
		err = d.errorAt(n, path, "true, false or {max_size: 100MB, types: [..]} is expected")
	}
	f.on = text == "true"
	return err
}

func (f *files) decodeTypes(d *yamlDecoder, n ast.Node, path string) error {
	list, ok := n.(*ast.SequenceNode)
	if !ok || len(list.Values) == 0 {
		return d.errorAt(n, path, "a list of MIME types is expected, such as [image/*, application/pdf]; leave the key out for all types")
	}
	for i, value := range list.Values {
		at := path + "[" + strconv.Itoa(i) + "]"
		text, err := d.text(value, at)
		if err != nil {
			return err
		}
		typ, err := extract.ParseFileType(text)
		if err != nil {
			return d.errorAt(value, at, "%q: %v", cut(text, 60), err)
		}
		f.types = append(f.types, typ)
	}
	return nil
}

var sizeUnits = []struct {
	suffix string
	bytes  float64
}{
	{"kib", 1 << 10},
	{"mib", 1 << 20},
	{"gib", 1 << 30},
	{"tib", 1 << 40},
	{"kb", 1e3},
	{"mb", 1e6},
	{"gb", 1e9},
	{"tb", 1e12},
	{"b", 1},
}

// parseSize reads a size like 100MB or 2GiB.
func parseSize(text string) (int64, error) {
	number := strings.ToLower(strings.TrimSpace(text))
	for _, u := range sizeUnits {
		rest, ok := strings.CutSuffix(number, u.suffix)
		if !ok {
			continue
		}
		f, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
		if err != nil || f*u.bytes < 1 || f*u.bytes >= math.MaxInt64 || f != f {
			break
		}
		return int64(f * u.bytes), nil
	}
	return 0, usagef("a size like 100MB, 500KB or 2GB is expected")
}

// fileOptions says what a load copies, into the warehouse of l.
func (p *program) fileOptions(cfg *config, l *lakeAt) (extract.Files, error) {
	if !cfg.Content.Files.on {
		return extract.Files{}, nil
	}
	proxy, err := p.network()
	if err != nil {
		return extract.Files{}, err
	}
	return extract.Files{
		Copies: lake.NewCopies(l.storage, l.catalog), MaxBytes: cfg.Content.Files.maxBytes, Types: cfg.Content.Files.types,
		Allow: loopbackOf(cfg.Notion.BaseURL), Proxy: proxy, UserAgent: "notionlake/" + version,
	}, nil
}

// loopbackOf are the addresses of a server on this machine that stands in for
// Notion: it serves its files itself. Of any other server there are none.
func loopbackOf(address string) (list []netip.AddrPort) {
	u, err := url.Parse(address)
	if err != nil || !isLoopback(address) {
		return nil
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil {
		port = map[string]uint64{"http": 80, "https": 443}[u.Scheme]
	}
	hosts := []string{u.Hostname()}
	if net.ParseIP(u.Hostname()) == nil { // localhost
		hosts = []string{"127.0.0.1", "::1"}
	}
	for _, host := range hosts {
		if a, err := netip.ParseAddr(host); err == nil {
			list = append(list, netip.AddrPortFrom(a.Unmap(), uint16(port)))
		}
	}
	return list
}
