package outbox

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"syscall"
	"time"
)

// errForbidden says that an endpoint is where nothing is sent to.
var errForbidden = errors.New("the endpoint's address is not allowed")

// reserved are networks that are not the public internet and that netip has no name
// for.
var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("64:ff9b::/96"),
	netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("::/96"), netip.MustParsePrefix("2001::/32"),
	netip.MustParsePrefix("168.63.129.16/32"), // a cloud's own service, which is reached from within alone
	netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("fec0::/10"),
}

// public says that an address is one of the public internet.
func public(ip netip.Addr) bool {
	ip = ip.Unmap()
	return ip.IsGlobalUnicast() && !ip.IsPrivate() && !ip.IsLoopback() && !ip.IsLinkLocalUnicast() &&
		!slices.ContainsFunc(reserved, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// NewClient makes a client that reaches the public internet, where public, and what
// is in allow: by no proxy, and following no redirect. An address is looked at once
// its name is resolved, so that no name leads elsewhere.
func NewClient(everywhere bool, allow []netip.Prefix) *http.Client {
	dialer := &net.Dialer{Timeout: 5 * time.Second, Control: func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return errForbidden
		}
		ip := at.Addr().WithZone("").Unmap()
		if everywhere && public(ip) || slices.ContainsFunc(allow, func(p netip.Prefix) bool { return p.Contains(ip) }) {
			return nil
		}
		return errForbidden
	}}
	return &http.Client{
		Timeout:       deliverWithin,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSHandshakeTimeout: 5 * time.Second, ResponseHeaderTimeout: deliverWithin,
			MaxResponseHeaderBytes: 16 << 10, MaxIdleConns: 64, MaxIdleConnsPerHost: deliveriesAtOnce, IdleConnTimeout: time.Minute,
		},
	}
}
