package extract

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"syscall"
)

// errBlocked is an address that a file is not fetched from: anybody who can write
// in the workspace names the URLs, and the load may stand where they do not.
var errBlocked = errors.New("files are fetched by http and https from public addresses only")

// special are the blocks of addresses that netip does not know to be other than
// public: shared, documentation, benchmarking, reserved, and those that hold an
// address of version 4 that some gateway would go on to.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("168.63.129.16/32"), // the host, inside a machine of Azure's
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("192.88.99.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("2001::/23"),
	netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("2002::/16"),
	netip.MustParsePrefix("3fff::/20"),
}

var (
	global6 = netip.MustParsePrefix("2000::/3")
	nat64   = netip.MustParsePrefix("64:ff9b::/96")
)

// isPublic reports whether an address is one of the internet.
func isPublic(a netip.Addr) bool {
	a = a.WithZone("").Unmap()
	if nat64.Contains(a) {
		b := a.As16()
		a = netip.AddrFrom4([4]byte(b[12:]))
	}
	if !a.IsValid() || !a.IsGlobalUnicast() || a.IsPrivate() || a.Is6() && !global6.Contains(a) {
		return false
	}
	return !slices.ContainsFunc(special, func(p netip.Prefix) bool { return p.Contains(a) })
}

// A guard says which addresses may be asked for files.
type guard struct{ allow []netip.AddrPort }

func (g guard) permits(to netip.AddrPort) bool {
	return isPublic(to.Addr()) || slices.Contains(g.allow, netip.AddrPortFrom(to.Addr().Unmap(), to.Port()))
}

// control is called with the address that a name was resolved to, just before it
// is connected to: whatever the name meant when it was looked at first, and
// wherever a redirect led.
func (g guard) control(network, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil || !strings.HasPrefix(network, "tcp") || !g.permits(to) {
		return fmt.Errorf("%s: %w", address, errBlocked)
	}
	return nil
}
