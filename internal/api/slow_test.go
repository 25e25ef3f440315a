package api

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// Whoever sends slowly, a header or a body that is refused, does not keep a connection
// for long.
func TestSlowRequestsEnd(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	at := httptest.NewUnstartedServer(b.server)
	at.Config.ReadHeaderTimeout, at.Config.MaxHeaderBytes = time.Second, MaxHeaderBytes
	at.Start()
	t.Cleanup(at.Close)
	for name, c := range map[string]struct{ begin, answer string }{
		"header":             {"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ", ""},
		"body of no token":   {"POST /v1/campaigns HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{", "401"},
		"body of no route":   {"POST /v1/none HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", "404"},
		"header of a stream": {"GET /v1/events HTTP/1.1\r\nHost: x\r\nX-Long: " + strings.Repeat("x", 3*MaxHeaderBytes), "431"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := net.Dial("tcp", at.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := conn.Write([]byte(c.begin)); err != nil && c.answer != "431" {
				t.Fatal(err)
			}
			if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
				t.Fatal(err)
			}
			in := bufio.NewReader(conn)
			resp, err := http.ReadResponse(in, nil)
			if c.answer != "" && err != nil {
				t.Fatal(err)
			}
			if err == nil {
				if !strings.HasPrefix(resp.Status, c.answer) {
					t.Errorf("%s", resp.Status)
				}
				_, _ = io.Copy(io.Discard, resp.Body) // and then the connection ends
				resp.Body.Close()
			}
			if _, err := in.ReadByte(); errors.Is(err, errTimeout(err)) {
				t.Errorf("the connection is still there: %v", err)
			}
		})
	}
}

// errTimeout is err where it says that a deadline passed.
func errTimeout(err error) error {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return err
	}
	return errors.New("in time")
}
