package main

import (
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"sluice/internal/program/programtest"
	"sluice/internal/redistest"
)

// A SIGHUP that comes while the worker looks for its Redis ends nothing: the senders
// file is read again as soon as there is a worker.
func TestHangupAtTheStart(t *testing.T) {
	t.Parallel()
	guard := make(chan os.Signal, 1) // this process is to outlive a worker that does not listen
	signal.Notify(guard, syscall.SIGHUP)
	defer signal.Stop(guard)
	rdb := redistest.New(t)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for first := true; ; first = false {
			client, err := l.Accept()
			if err != nil {
				return
			}
			if first {
				if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
					t.Error(err)
				}
				<-guard
			}
			server, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", rdb.Addr)
			if err != nil {
				client.Close()
				continue
			}
			go forward(server, client)
			go forward(client, server)
		}
	}()
	p := programtest.Start(t, run, "--senders", sendersFile(t), "--redis-url", "redis://"+l.Addr().String()+"/0")
	p.Await(t, "senders file read again")
	_, _ = p.Stop(t) // it may still be starting
}

func forward(to, from net.Conn) {
	_, _ = io.Copy(to, from) // it ends with either
	to.Close()
	from.Close()
}
