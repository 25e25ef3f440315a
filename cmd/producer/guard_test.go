package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// What a browser on this machine is made to ask by a foreign page, what its own
// page asks, and what a program asks.
func TestGuard(t *testing.T) {
	t.Parallel()
	asked := 0
	h := guard(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }), []string{"monitor.example.com", "Other.Example.com:443"})
	const own = "127.0.0.1:8980"
	for name, tt := range map[string]struct {
		method, host string
		header       map[string]string
		want         int
	}{
		"the page":                          {"GET", own, nil, 200},
		"by its name":                       {"GET", "localhost:8980", nil, 200},
		"by its name, ended":                {"GET", "LOCALHOST.:8980", nil, 200},
		"over IPv6":                         {"GET", "[::1]:8980", nil, 200},
		"without a port":                    {"GET", "127.0.0.1", nil, 200},
		"a change by its own page":          {"POST", own, map[string]string{"Origin": "http://" + own, "Sec-Fetch-Site": "same-origin"}, 200},
		"a change by an older browser":      {"DELETE", own, map[string]string{"Origin": "http://" + own}, 200},
		"a change by a program":             {"POST", own, nil, 200},
		"a change behind a proxy":           {"POST", "monitor.example.com", map[string]string{"Origin": "https://monitor.example.com", "Sec-Fetch-Site": "same-origin"}, 200},
		"a name that was given with a port": {"GET", "other.example.com", nil, 200},

		"rebinding":                       {"GET", "evil.example.com:8980", nil, 421},
		"rebinding, with a change":        {"POST", "evil.example.com:8980", map[string]string{"Origin": "http://evil.example.com:8980", "Sec-Fetch-Site": "same-origin"}, 421},
		"a name that begins like ours":    {"GET", "localhost.evil.example.com", nil, 421},
		"a name that ends like ours":      {"GET", "xmonitor.example.com", nil, 421},
		"no name":                         {"GET", "", nil, 421},
		"another machine's address":       {"GET", "192.168.1.2:8980", nil, 421},
		"a change by a foreign page":      {"POST", own, map[string]string{"Origin": "https://evil.example.com", "Sec-Fetch-Site": "cross-site"}, 403},
		"a change by one of another port": {"POST", own, map[string]string{"Origin": "http://127.0.0.1:9999", "Sec-Fetch-Site": "same-site"}, 403},
		"a change without Sec-Fetch-Site": {"DELETE", own, map[string]string{"Origin": "null"}, 403},
		"a form of a foreign page":        {"POST", "localhost:8980", map[string]string{"Origin": "http://evil.example.com"}, 403},
	} {
		before := asked
		r := httptest.NewRequest(tt.method, "/api/queues/x:pause", strings.NewReader("{}"))
		r.Host = tt.host
		for k, v := range tt.header {
			r.Header.Set(k, v)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != tt.want || (asked > before) != (tt.want == 200) {
			t.Errorf("%s: HTTP %d, handed on: %t; want %d", name, w.Code, asked > before, tt.want)
		}
		if w.Code == 200 && (w.Header().Get("X-Frame-Options") != "DENY" || !strings.Contains(w.Header().Get("Content-Security-Policy"), "frame-ancestors 'none'")) {
			t.Errorf("%s: it may be framed", name)
		}
	}
}
