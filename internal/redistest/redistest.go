// Package redistest starts real redis-servers for tests: each has its own port,
// given by the system, and its own directory, and ends with the test that
// started it.
package redistest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// A Server is one redis-server process with AOF and noeviction, as Sluice
// demands it.
type Server struct {
	Addr string
	dir  string
	args []string
	cmd  *exec.Cmd
	gone chan struct{} // closed when cmd has ended
}

// ports is how many ports a new server tries: between the system's word that one
// is free and the server's taking it, somebody else may.
const ports = 5

// New starts a server that ends with the test. Args are further redis-server
// options, such as "--maxmemory", "5mb".
func New(t testing.TB, args ...string) *Server {
	t.Helper()
	s := &Server{dir: t.TempDir(), args: args}
	t.Cleanup(func() { s.Kill(t) })
	var err error
	for range ports {
		if s.Addr, err = freePort(); err != nil {
			t.Fatal(err)
		}
		if err = s.start(t); err == nil {
			return s
		}
		s.Kill(t)
	}
	t.Fatal(err)
	return nil
}

func freePort() (addr string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// URL is the server's address as --redis-url takes it.
func (s *Server) URL() string { return "redis://" + s.Addr + "/0" }

// Client is a client of the server that is closed with the test.
func (s *Server) Client(t testing.TB) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: s.Addr})
	t.Cleanup(func() { c.Close() })
	return c
}

// Start starts the server, again after a Kill, with the data it had, and waits
// until it answers.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	if err := s.start(t); err != nil {
		t.Fatal(err)
	}
}

func (s *Server) start(t testing.TB) error {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal("redis-server is not installed: run `make deps`, or on Debian `apt-get install redis-server`")
	}
	host, port, _ := net.SplitHostPort(s.Addr)
	args := append([]string{
		"--bind", host, "--port", port, "--dir", s.dir, "--save", "",
		"--appendonly", "yes", "--maxmemory-policy", "noeviction",
	}, s.args...)
	cmd := exec.Command(path, args...)
	cmd.SysProcAttr = dieWithParent()
	log, err := os.OpenFile(s.dir+"/log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	gone := make(chan struct{})
	s.cmd, s.gone = cmd, gone
	go func() {
		_ = cmd.Wait() // it is killed
		close(gone)
	}()
	if err := s.wait(); err != nil {
		text, _ := os.ReadFile(s.dir + "/log")
		return fmt.Errorf("redis-server did not answer: %w\n%s", err, text)
	}
	return nil
}

func (s *Server) wait() error {
	c := redis.NewClient(&redis.Options{Addr: s.Addr, MaxRetries: -1})
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := c.Ping(ctx).Err()
		if err == nil && s.listens() { // and not somebody else's server
			return nil
		}
		select {
		case <-s.gone:
			return errors.New("it has ended")
		case <-ctx.Done():
			return fmt.Errorf("waiting for redis-server: %w", err)
		case <-tick.C:
		}
	}
}

// listens says whether the server that runs now has its port, by its own log.
func (s *Server) listens() bool {
	text, err := os.ReadFile(s.dir + "/log")
	at := bytes.LastIndex(text, fmt.Appendf(nil, "pid=%d, just started", s.cmd.Process.Pid))
	return err == nil && at >= 0 && bytes.Contains(text[at:], []byte("Ready to accept connections"))
}

// Kill ends the server with SIGKILL, as a machine that loses its power would.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	if s.cmd == nil {
		return
	}
	s.cmd.Process.Kill()
	<-s.gone
	s.cmd = nil
}
