package sender_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/sender"
)

// listen serves each connection of a raw TCP listener with f, and closes it
// afterwards.
func listen(t *testing.T, f func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				f(c)
			})
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return "http://" + l.Addr().String()
}

// readRequest reads a request with its body as a server does.
func readRequest(c net.Conn) (*http.Request, []byte) {
	r, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return nil, nil
	}
	body, _ := io.ReadAll(r.Body)
	return r, body
}

func newHTTP(t *testing.T, timeout time.Duration) *sender.HTTP {
	t.Helper()
	h := sender.NewHTTP(sender.HTTPOptions{Timeout: timeout, InFlight: 4})
	t.Cleanup(h.Close)
	return h
}

func reset(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) }

func TestPostFailures(t *testing.T) {
	t.Parallel()
	answer := func(s string) func(net.Conn) {
		return func(c net.Conn) {
			readRequest(c)
			_, _ = io.WriteString(c, s)
		}
	}
	tests := []struct {
		name    string
		server  func(net.Conn)
		timeout time.Duration
		want    sender.Result
	}{
		{"read, then closed", func(c net.Conn) { readRequest(c) }, 0, sender.Result{Outcome: sender.Unknown, Code: "reset"}},
		{"read, then reset", func(c net.Conn) { readRequest(c); reset(c) }, 0, sender.Result{Outcome: sender.Unknown, Code: "reset"}},
		{"half a head", answer("HTTP/1.1 200 OK\r\nContent-"), 0, sender.Result{Outcome: sender.Unknown, Code: "bad_answer"}},
		{"half an answer", answer("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"code\":0,"), 0, sender.Result{Outcome: sender.Unknown, Code: "bad_answer"}},
		{"half a chunk", answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{\"code\""), 0, sender.Result{Outcome: sender.Unknown, Code: "bad_answer"}},
		{"not HTTP", answer("SSH-2.0-OpenSSH_9.2\r\n\r\n"), 0, sender.Result{Outcome: sender.Unknown, Code: "bad_answer"}},
		{"says that it is too long", answer("HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n{"), 0, sender.Result{Outcome: sender.Unknown, Code: "bad_answer"}},
		{"silent", func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }, 100 * time.Millisecond, sender.Result{Outcome: sender.Unknown, Code: "timeout"}},
		{"stops halfway", func(c net.Conn) {
			readRequest(c)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
			_, _ = io.Copy(io.Discard, c)
		}, 100 * time.Millisecond, sender.Result{Outcome: sender.Unknown, Code: "timeout"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			timeout := test.timeout
			if timeout == 0 {
				timeout = 10 * time.Second
			}
			a, res := newHTTP(t, timeout).Post(listen(t, test.server), http.Header{}, []byte("{}"))
			if res == nil {
				t.Fatalf("an answer: %+v", a)
			}
			if diff := cmp.Diff(test.want, *res); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A connection that the server closes at once: whether the client had written
// by then is a race, and either answer is true; a success is not.
func TestPostToAServerThatHangsUp(t *testing.T) {
	t.Parallel()
	h := newHTTP(t, 10*time.Second)
	url := listen(t, reset)
	for range 50 {
		_, res := h.Post(url, http.Header{}, []byte("{}"))
		if res == nil || *res != (sender.Result{Outcome: sender.Failed, Code: "connect"}) && *res != (sender.Result{Outcome: sender.Unknown, Code: "reset"}) {
			t.Errorf("got %+v", res)
		}
	}
}

func TestPostNotWritten(t *testing.T) {
	t.Parallel()
	closed := listen(t, func(net.Conn) {})
	selfSigned := httptest.NewUnstartedServer(http.NotFoundHandler())
	selfSigned.Config.ErrorLog = quiet()
	selfSigned.StartTLS()
	t.Cleanup(selfSigned.Close)
	plain := httptest.NewUnstartedServer(http.NotFoundHandler())
	plain.Config.ErrorLog = quiet()
	plain.Start()
	t.Cleanup(plain.Close)
	tests := []struct {
		name, url string
		want      sender.Result
	}{
		{"refused", "http://" + refusing(t), sender.Result{Outcome: sender.Failed, Code: "refused"}},
		{"bad host", "http://no-such-host.invalid", sender.Result{Outcome: sender.Failed, Code: "dns"}},
		{"self-signed", selfSigned.URL, sender.Result{Outcome: sender.Failed, Code: "tls"}},
		{"plain where TLS is expected", strings.Replace(plain.URL, "http:", "https:", 1), sender.Result{Outcome: sender.Failed, Code: "tls"}},
		{"TLS handshake cut off", strings.Replace(closed, "http:", "https:", 1), sender.Result{Outcome: sender.Failed, Code: "connect"}},
		{"no scheme", "127.0.0.1:80", sender.Result{Outcome: sender.Denied, Code: "bad_url"}},
		{"no host", "http:///x", sender.Result{Outcome: sender.Denied, Code: "bad_url"}},
		{"another scheme", "ftp://127.0.0.1", sender.Result{Outcome: sender.Denied, Code: "bad_url"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a, res := newHTTP(t, 10*time.Second).Post(test.url, http.Header{}, []byte("{}"))
			if res == nil {
				t.Fatalf("an answer: %+v", a)
			}
			if diff := cmp.Diff(test.want, *res); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPostTLSHandshakeThatStalls(t *testing.T) {
	t.Parallel()
	url := listen(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	_, res := newHTTP(t, 100*time.Millisecond).Post(strings.Replace(url, "http:", "https:", 1), http.Header{}, []byte("{}"))
	if res == nil || res.Outcome != sender.Failed {
		t.Errorf("got %+v, want Failed: nothing was written", res)
	}
}

// A certificate that this machine trusts not, seen by the client alone: the
// server's end must not have read a request.
func TestPostWritesNothingBeforeTLSHolds(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	read := make(chan int64, 1)
	url := listen(t, func(c net.Conn) {
		s := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}})
		n, _ := io.Copy(io.Discard, s)
		read <- n
	})
	_, res := newHTTP(t, 10*time.Second).Post(strings.Replace(url, "http:", "https:", 1), http.Header{}, []byte("{}"))
	if res == nil || *res != (sender.Result{Outcome: sender.Failed, Code: "tls"}) {
		t.Errorf("got %+v, want Failed tls", res)
	}
	if n := <-read; n != 0 {
		t.Errorf("the server read %d bytes", n)
	}
}

func TestPostAnswers(t *testing.T) {
	t.Parallel()
	const date = "Date: Sat, 21 Nov 2026 09:00:00 GMT\r\n"
	tests := []struct {
		name, answer string
		want         sender.Answer
	}{
		{"JSON", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{\"code\":0}", sender.Answer{Status: 200, Body: []byte(`{"code":0}`)}},
		{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", sender.Answer{Status: 200, Body: []byte(`{}`)}},
		{"until closed", "HTTP/1.0 200 OK\r\n\r\n{}", sender.Answer{Status: 200, Body: []byte(`{}`)}},
		{"HTML", "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 6\r\n\r\n<html>", sender.Answer{Status: 502, Body: []byte("<html>")}},
		{"not followed", "HTTP/1.1 307 X\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n", sender.Answer{Status: 307, Body: []byte{}}},
		{"100 first", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", sender.Answer{Status: 200, Body: []byte(`{}`)}},
		{"half a refusal", "HTTP/1.1 403 X\r\nContent-Length: 100\r\n\r\n<html>", sender.Answer{Status: 403}},
		{"seconds", "HTTP/1.1 429 X\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", sender.Answer{Status: 429, Body: []byte{}, RetryAfter: 7 * time.Second}},
		{"half seconds", "HTTP/1.1 429 X\r\nRetry-After: 0.5\r\nContent-Length: 0\r\n\r\n", sender.Answer{Status: 429, Body: []byte{}, RetryAfter: 500 * time.Millisecond}},
		{"date", "HTTP/1.1 503 X\r\n" + date + "Retry-After: Sat, 21 Nov 2026 09:01:30 GMT\r\nContent-Length: 0\r\n\r\n", sender.Answer{Status: 503, Body: []byte{}, RetryAfter: 90 * time.Second}},
		{"past date", "HTTP/1.1 503 X\r\n" + date + "Retry-After: Sat, 21 Nov 2026 08:00:00 GMT\r\nContent-Length: 0\r\n\r\n", sender.Answer{Status: 503, Body: []byte{}}},
		{"far date", "HTTP/1.1 503 X\r\n" + date + "Retry-After: Sat, 21 Nov 2099 08:00:00 GMT\r\nContent-Length: 0\r\n\r\n", sender.Answer{Status: 503, Body: []byte{}, RetryAfter: 24 * time.Hour}},
		{"for ever", "HTTP/1.1 429 X\r\nRetry-After: 1e99\r\nContent-Length: 0\r\n\r\n", sender.Answer{Status: 429, Body: []byte{}, RetryAfter: 24 * time.Hour}},
		{"no number", "HTTP/1.1 429 X\r\nRetry-After: NaN\r\nContent-Length: 0\r\n\r\n", sender.Answer{Status: 429, Body: []byte{}}},
		{"less than nothing", "HTTP/1.1 429 X\r\nRetry-After: -5\r\nContent-Length: 0\r\n\r\n", sender.Answer{Status: 429, Body: []byte{}}},
		{"soon", "HTTP/1.1 429 X\r\nRetry-After: soon\r\nContent-Length: 0\r\n\r\n", sender.Answer{Status: 429, Body: []byte{}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var requests atomic.Int32
			url := listen(t, func(c net.Conn) {
				requests.Add(1)
				readRequest(c)
				_, _ = io.WriteString(c, test.answer)
			})
			a, res := newHTTP(t, 10*time.Second).Post(url, http.Header{}, []byte("{}"))
			if res != nil {
				t.Fatalf("no answer: %+v", res)
			}
			if diff := cmp.Diff(test.want, a); diff != "" {
				t.Error(diff)
			}
			if n := requests.Load(); n != 1 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

func TestPostStopsReadingAtTheBound(t *testing.T) {
	t.Parallel()
	written := make(chan int64, 1)
	url := listen(t, func(c net.Conn) {
		readRequest(c)
		n, _ := io.WriteString(c, "HTTP/1.0 200 OK\r\n\r\n")
		total := int64(n)
		chunk := make([]byte, 64<<10)
		for total < 1<<30 {
			n, err := c.Write(chunk)
			total += int64(n)
			if err != nil {
				break
			}
		}
		written <- total
	})
	_, res := newHTTP(t, 10*time.Second).Post(url, http.Header{}, []byte("{}"))
	if res == nil || *res != (sender.Result{Outcome: sender.Unknown, Code: "bad_answer"}) {
		t.Errorf("got %+v, want Unknown bad_answer", res)
	}
	if n := <-written; n > 64<<20 { // the bound and what sockets hold
		t.Errorf("%d bytes went out before the client hung up", n)
	}
}

func TestPostSendsExactlyTheBytes(t *testing.T) {
	t.Parallel()
	type received struct {
		head string
		body []byte
	}
	got := make(chan received, 1)
	url := listen(t, func(c net.Conn) {
		r := bufio.NewReader(c)
		var head strings.Builder
		length := 0
		for {
			line, err := r.ReadString('\n')
			if err != nil || line == "\r\n" {
				break
			}
			if v, found := strings.CutPrefix(line, "Content-Length: "); found {
				length, _ = strconv.Atoi(strings.TrimSpace(v))
			}
			head.WriteString(line)
		}
		body := make([]byte, length)
		_, _ = io.ReadFull(r, body)
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		got <- received{head.String(), body}
	})
	body := []byte(strings.Repeat("牛小信\n", 10_000)) // larger than any buffer
	header := http.Header{"accessKey": {"k"}, "bizType": {"2"}, "Content-Type": {"application/json"}}
	if _, res := newHTTP(t, 10*time.Second).Post(url+"/saas/wa/send", header, body); res != nil {
		t.Fatalf("%+v", res)
	}
	r := <-got
	if string(r.body) != string(body) {
		t.Error("the body differs")
	}
	for _, line := range []string{"POST /saas/wa/send HTTP/1.1\r\n", "accessKey: k\r\n", "bizType: 2\r\n", "Content-Type: application/json\r\n"} {
		if !strings.Contains(r.head, line) {
			t.Errorf("no %q in\n%s", line, r.head)
		}
	}
	if strings.Contains(r.head, "Expect:") || strings.Contains(r.head, "Transfer-Encoding") {
		t.Errorf("unasked-for headers in\n%s", r.head)
	}
}

// What was not written is known only as long as nothing is written before all
// headers are in the buffer; then headers and a small body come in one piece.
func TestPostWritesHeadersAndBodyTogether(t *testing.T) {
	t.Parallel()
	pieces := make(chan string, 1)
	url := listen(t, func(c net.Conn) {
		p := make([]byte, 64<<10)
		n, _ := c.Read(p)
		pieces <- string(p[:n])
		if !strings.HasSuffix(string(p[:n]), "x") {
			_, _ = c.Read(p)
		}
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	})
	h := newHTTP(t, 10*time.Second)
	body := strings.Repeat("x", 2000)
	for range 200 { // two pieces can be read as one, if they come close together
		if _, res := h.Post(url, http.Header{"accessKey": {"k"}}, []byte(body)); res != nil {
			t.Fatalf("%+v", res)
		}
		if got := <-pieces; !strings.HasPrefix(got, "POST ") || !strings.HasSuffix(got, "\r\n\r\n"+body) {
			t.Fatalf("the first piece has %d bytes: %.200s", len(got), got)
		}
	}
}

// Headers that do not fit the buffer are written before net/http tells.
func TestPostWithEndlessHeadersIsInDoubt(t *testing.T) {
	t.Parallel()
	url := listen(t, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 1))
		reset(c)
	})
	h := newHTTP(t, 10*time.Second)
	for range 20 {
		_, res := h.Post(url, http.Header{"authorization": {strings.Repeat("x", 900_000)}}, []byte("{}"))
		if res == nil || res.Outcome != sender.Unknown {
			t.Errorf("got %+v, want Unknown: the server has read some of it", res)
		}
	}
}

// The server hangs up on idle connections at the very moment when they are
// used again: whatever the race, no request arrives twice, and one that arrived
// is never called Failed.
func TestPostIsNotRepeatedOnAStaleConnection(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	arrived := map[string]int{}
	url := listen(t, func(c net.Conn) {
		r := bufio.NewReader(c)
		for i := range 2 {
			request, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			body, _ := io.ReadAll(request.Body)
			mu.Lock()
			arrived[string(body)]++
			mu.Unlock()
			if i == 1 {
				return // without an answer, on a connection that was used before
			}
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
		}
	})
	h := newHTTP(t, 10*time.Second)
	outcomes := map[string]*sender.Result{}
	for i := range 200 {
		body := fmt.Sprintf(`{"n":%d}`, i)
		_, outcomes[body] = h.Post(url, http.Header{}, []byte(body))
	}
	mu.Lock()
	defer mu.Unlock()
	unknown := 0
	for body, res := range outcomes {
		if arrived[body] > 1 {
			t.Errorf("%s arrived %d times", body, arrived[body])
		}
		if res != nil && res.Outcome == sender.Unknown {
			unknown++
		}
		if res != nil && res.Outcome == sender.Failed && arrived[body] > 0 {
			t.Errorf("%s arrived and is %+v", body, res)
		}
	}
	if unknown == 0 {
		t.Error("no connection was used twice: this test tests nothing")
	}
}

// An early answer leaves net/http writing; the body's bytes may then be reused.
func TestPostIsDoneWithTheBody(t *testing.T) {
	t.Parallel()
	answered := make(chan struct{}, 5)
	url := listen(t, func(c net.Conn) {
		_, _ = io.CopyN(io.Discard, c, 100)
		_, _ = io.WriteString(c, "HTTP/1.1 413 X\r\nContent-Length: 2\r\n\r\n{}")
		<-answered // until then the client's writing stands still
		_, _ = io.Copy(io.Discard, c)
	})
	body := make([]byte, 4<<20)
	for range 5 {
		a, res := newHTTP(t, 10*time.Second).Post(url, http.Header{}, body)
		if res != nil || a.Status != 413 {
			t.Errorf("got %+v, %+v", a, res)
		}
		answered <- struct{}{}
		clear(body) // under -race a reader that goes on is found
	}
}

func TestPostKeepsConnections(t *testing.T) {
	t.Parallel()
	var connections atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "{}")
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	h := newHTTP(t, 10*time.Second)
	for range 20 {
		if _, res := h.Post(server.URL, http.Header{}, []byte("{}")); res != nil {
			t.Fatalf("%+v", res)
		}
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("%d connections for 20 requests one after the other", n)
	}
}

func TestResultByStatus(t *testing.T) {
	t.Parallel()
	denied := map[int]bool{401: true, 402: true, 403: true, 407: true, 451: true, 404: true, 405: true, 406: true, 410: true, 411: true, 415: true, 426: true}
	for status := 100; status <= 699; status++ {
		code := sender.Code(fmt.Sprintf("http_%d", status))
		want := sender.Result{Outcome: sender.Unknown, Code: "bad_answer"}
		switch {
		case denied[status], status >= 300 && status <= 399:
			want = sender.Result{Outcome: sender.Denied, Code: code}
		case status == 429:
			want = sender.Result{Outcome: sender.Throttled, Code: code, RetryAfter: 3 * time.Second}
		case status == 503:
			want = sender.Result{Outcome: sender.Throttled, Code: code, RetryAfter: 3 * time.Second}
		case status == 408, status >= 500 && status <= 599:
			want = sender.Result{Outcome: sender.Unknown, Code: code}
		case status >= 400 && status <= 499:
			want = sender.Result{Outcome: sender.Failed, Code: code, Unlisted: true}
		}
		got := sender.Answer{Status: status, RetryAfter: 3 * time.Second}.ResultByStatus()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d: %s", status, diff)
		}
		m := got.Code.Meaning(func(sender.Code) string { return "" })
		if m == "" {
			t.Errorf("%s has no meaning", got.Code)
		}
		if doubt := strings.HasSuffix(m, "ask the provider, then `producer resolve`"); doubt != (got.Outcome == sender.Unknown) {
			t.Errorf("%s is %s, and says %q", got.Code, got.Outcome, m)
		}
	}
	if got := (sender.Answer{Status: 503}).ResultByStatus(); got != (sender.Result{Outcome: sender.Failed, Code: "http_503"}) {
		t.Errorf("503 without Retry-After: %+v", got)
	}
	if got := (sender.Answer{Status: 429}).ResultByStatus(); got != (sender.Result{Outcome: sender.Throttled, Code: "http_429"}) {
		t.Errorf("429 without Retry-After: %+v", got)
	}
}

func TestTransportMeaning(t *testing.T) {
	t.Parallel()
	for _, code := range []sender.Code{"refused", "dns", "tls", "connect", "bad_url", "timeout", "reset", "bad_answer"} {
		if code.Meaning(func(sender.Code) string { return "" }) == "" {
			t.Errorf("%s has no meaning", code)
		}
	}
	for _, code := range []sender.Code{"timeout", "reset", "bad_answer"} {
		if m := code.Meaning(func(sender.Code) string { return "" }); !strings.HasSuffix(m, "ask the provider, then `producer resolve`") {
			t.Errorf("%s does not say what to do: %q", code, m)
		}
	}
	for _, code := range []sender.Code{"", "22091", "http_", "http_200", "http_999", "http_x"} {
		if m := code.Meaning(func(sender.Code) string { return "" }); m != "" {
			t.Errorf("%s means %q", code, m)
		}
	}
}

func TestSecretHides(t *testing.T) {
	t.Parallel()
	type options struct {
		Secret sender.Secret
		Inner  struct{ Deep sender.Secret }
	}
	o := options{Secret: "marker-secret", Inner: struct{ Deep sender.Secret }{"marker-secret"}}
	asJSON, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	all := string(asJSON)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		all += fmt.Sprintf(verb, o) + fmt.Sprintf(verb, o.Secret) + fmt.Sprintf(verb, &o)
	}
	if strings.Contains(all, "marker") || strings.Contains(all, fmt.Sprintf("%x", "marker")) {
		t.Error(all)
	}
	if string(o.Secret) != "marker-secret" {
		t.Error("the secret is lost")
	}
}

// What the other end sends costs no more than the bounds: megabytes of headers
// are not read, and a length that is told is not believed before it comes.
func TestPostBoundsTheAnswer(t *testing.T) {
	t.Parallel()
	line := "X-Filler: " + strings.Repeat("x", 1000) + "\r\n"
	for _, test := range []struct {
		name string
		head string
		fill int // lines of a thousand bytes
	}{
		{"nine megabytes of headers", "HTTP/1.1 200 OK\r\n", 9000},
		{"headers before the answer", "HTTP/1.1 103 Early Hints\r\n", 9000},
		{"one long header", "HTTP/1.1 200 OK\r\nX-Long: " + strings.Repeat("y", 1<<20) + "\r\n", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			sent := make(chan int, 1)
			url := listen(t, func(c net.Conn) {
				readRequest(c)
				n, _ := io.WriteString(c, test.head)
				for range test.fill {
					m, err := io.WriteString(c, line)
					if n += m; err != nil {
						break
					}
				}
				_, _ = io.WriteString(c, "Content-Length: 2\r\n\r\n{}")
				sent <- n
			})
			a, res := newHTTP(t, 10*time.Second).Post(url, http.Header{}, []byte("{}"))
			if res == nil || *res != (sender.Result{Outcome: sender.Unknown, Code: "bad_answer"}) {
				t.Errorf("got %d headers' answer, %+v", a.Status, res)
			}
			// Beside what the kernel's buffers take.
			if n := <-sent; n > 8<<20 {
				t.Errorf("%d bytes were taken", n)
			}
		})
	}
}

func TestNamesMessage(t *testing.T) {
	t.Parallel()
	for _, body := range []sender.Code{
		`{"message_id":"x"}`, `{"data":{"messageId": 7}}`, `{"MessageID":["x"]}`, `{"msg_id" : { "id":"x"}}`, `{"messageIds":[{"a":"x"}]}`,
		`{"messages":[{"status":"ok","id":"wamid.1"}]}`, `{"code":-1,"data":{"message_id":"x`,
	} {
		if !sender.NamesMessage([]byte(body)) {
			t.Errorf("%s: none", body)
		}
	}
	for _, body := range []sender.Code{
		``, `{}`, `{"message_id":null}`, `{"message_id":""}`, `{"message_id":" "}`, `{"message_id":0}`, `{"message_id":[]}`, `{"message_id":false}`,
		`{"message":"x","id":"y"}`, `{"messages":[]}`, `{"message":"say \"message_id\":\"x\""}`, `<html>message_id</html>`,
	} {
		if sender.NamesMessage([]byte(body)) {
			t.Errorf("%s: one", body)
		}
	}
}
