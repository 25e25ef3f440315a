// Package redistest starts real redis-servers for tests: each has its own port,
// given by the system, and its own directory, and ends with the test that
// started it.
package redistest

import (
	"context"
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
}

// New starts a server that ends with the test. Args are further redis-server
// options, such as "--maxmemory", "5mb".
func New(t testing.TB, args ...string) *Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Addr: l.Addr().String(), dir: t.TempDir(), args: args}
	l.Close()
	s.Start(t)
	t.Cleanup(func() { s.Kill(t) })
	return s
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
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal("redis-server is not installed: run `make deps`, or on Debian `apt-get install redis-server`")
	}
	host, port, _ := net.SplitHostPort(s.Addr)
	args := append([]string{
		"--bind", host, "--port", port, "--dir", s.dir, "--save", "",
		"--appendonly", "yes", "--maxmemory-policy", "noeviction",
	}, s.args...)
	s.cmd = exec.Command(path, args...)
	s.cmd.SysProcAttr = dieWithParent()
	log, err := os.OpenFile(s.dir+"/log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := s.wait(); err != nil {
		text, _ := os.ReadFile(s.dir + "/log")
		t.Fatalf("redis-server did not answer: %v\n%s", err, text)
	}
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
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for redis-server: %w", err)
		case <-tick.C:
		}
	}
}

// Kill ends the server with SIGKILL, as a machine that loses its power would.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	if s.cmd == nil {
		return
	}
	s.cmd.Process.Kill()
	s.cmd.Wait()
	s.cmd = nil
}
