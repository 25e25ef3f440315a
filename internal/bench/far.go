package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"time"
)

// far measures the pace with Redis as far away as on another machine, or in
// another town.
func (b *bench) far(ctx context.Context, w io.Writer) error {
	fmt.Fprint(w, "Two workers, one campaign, and Redis so far away: every answer of it comes so much later.\n\n"+
		"| limit | workers | latency | campaigns | | most in a second | average | slot requests a message | shares |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, limit := range []int{80, 1000} {
		if b.limit != 0 && b.limit != limit {
			continue
		}
		for _, away := range []time.Duration{time.Millisecond, 5 * time.Millisecond, 20 * time.Millisecond} {
			row, err := b.onePace(ctx, paceCase{limit: limit, workers: 2, campaigns: 1, latency: "10ms", away: away})
			if err != nil {
				return err
			}
			fmt.Fprint(w, row)
		}
	}
	fmt.Fprintln(w)
	return nil
}

// delayed is the address of a proxy to the site's Redis whose answers come so much
// later. It ends with ctx.
func (s *site) delayed(ctx context.Context, by time.Duration) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("opening a proxy: %w", err)
	}
	context.AfterFunc(ctx, func() { l.Close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.addr)
			if err != nil {
				client.Close()
				continue
			}
			go func() {
				_, _ = io.Copy(server, client) // it ends with either
				server.Close()
			}()
			go later(client, server, by)
		}
	}()
	return l.Addr().String(), nil
}

// later copies what comes from a server, each piece so much later.
func later(client, server net.Conn, by time.Duration) {
	type piece struct {
		due  time.Time
		text []byte
	}
	pieces := make(chan piece, 1<<12)
	go func() {
		defer close(pieces)
		for {
			text := make([]byte, 32<<10)
			n, err := server.Read(text)
			if err != nil {
				return
			}
			pieces <- piece{time.Now().Add(by), text[:n]}
		}
	}()
	for p := range pieces {
		<-time.After(time.Until(p.due))
		if _, err := client.Write(p.text); err != nil {
			break
		}
	}
	client.Close()
	server.Close()
	for range pieces { // what is left is for nobody
	}
}
