package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"time"
)

// plainServer is the argument by which this program is the peer of the receiver: a
// process of its own, as that is one.
const plainServer = "plain-server"

// servePlainly answers 200 to each request once it has read its body, with the word
// that the receiver answers with.
func servePlainly(addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("the plain server: %w", err)
	}
	srv := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, "success") // the client may have left
	})}
	return srv.Serve(l)
}

// receiptsBare posts bodies to a server that only reads them.
func (b *bench) receiptsBare(ctx context.Context, bodies [][]byte) (float64, error) {
	addr, err := freeAddr()
	if err != nil {
		return 0, err
	}
	self, err := os.Executable()
	if err != nil {
		return 0, fmt.Errorf("finding this program: %w", err)
	}
	cmd := exec.CommandContext(ctx, self, plainServer, addr)
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("starting the plain server: %w", err)
	}
	defer func() {
		if cmd.Process.Kill() == nil {
			_ = cmd.Wait() // it was killed
		}
	}()
	if err := awaitListening(ctx, addr); err != nil {
		return 0, err
	}
	took, err := postAll(ctx, "http://"+addr+"/", bodies)
	return float64(len(bodies)) / took.Seconds(), err
}

// freeAddr is an address at which nobody listens.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("finding a port: %w", err)
	}
	return l.Addr().String(), l.Close()
}

// awaitListening waits until somebody takes connections.
func awaitListening(ctx context.Context, addr string) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if c, err := new(net.Dialer).DialContext(ctx, "tcp", addr); err == nil {
			return c.Close()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
