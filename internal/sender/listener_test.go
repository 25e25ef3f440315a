package sender_test

import (
	"io"
	"log"
	"net"
	"testing"
)

// refusing is an address at which nothing listens any more.
func refusing(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return address
}

// quiet is a logger for servers whose complaints are part of the test.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }
