package redistest

import (
	"net"
	"testing"
)

// Nobody is an address at which no Redis listens, nor anything else, until the test
// ends: the port is in use by one end of a connection, so that the system gives it to no
// other test.
func Nobody(t testing.TB) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c.LocalAddr().String()
}
