package main

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
)

// guard lets through to next what a page of next's own asks, or a program on
// this machine. There is no login, and a browser here opens foreign pages too:
//   - a name that is not this machine's may be a foreign page's own, turned to
//     this address (DNS rebinding), which could then read all: it is refused,
//     but for those in names;
//   - a change that a foreign page asks for is refused by what the browser says
//     of its origin;
//   - no page may frame this one and have its buttons pressed unseen.
func guard(next http.Handler, names []string) http.Handler {
	changes := http.NewCrossOriginProtection()
	checked := changes.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if host := hostname(r.Host); !isThisMachine(host) && !slices.ContainsFunc(names, func(n string) bool { return hostname(n) == host }) {
			http.Error(w, fmt.Sprintf("%q is not a name of this machine; where a proxy asks by it, start with --host %s", host, host), http.StatusMisdirectedRequest)
			return
		}
		w.Header().Set("Content-Security-Policy", "frame-ancestors 'none'")
		w.Header().Set("X-Frame-Options", "DENY")
		checked.ServeHTTP(w, r)
	})
}

// hostname is the name in a Host header, without port and in one spelling.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}

// isThisMachine says that a name is this machine's to everyone: nobody else can
// have it turned to another address.
func isThisMachine(name string) bool {
	ip := net.ParseIP(name)
	return name == "localhost" || ip != nil && ip.IsLoopback()
}
