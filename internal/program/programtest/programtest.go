// Package programtest runs a program inside its own test, and waits for what it says.
package programtest

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"sluice/internal/program"
)

// within is how long a program may take to say something, or to stop.
const within = 30 * time.Second

// A Program is one that runs until its test ends.
type Program struct {
	said chan string
	done chan error
	stop context.CancelFunc
}

// Start starts a program without an environment. Its standard output and its log are
// what it says.
func Start(t testing.TB, run program.Run, args ...string) *Program {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	p := &Program{said: make(chan string, 1000), done: make(chan error, 1), stop: stop}
	out, in := io.Pipe()
	go func() {
		defer func() { _ = in.Close() }() // a pipe's end never fails
		p.done <- run(ctx, args, func(string) string { return "" }, strings.NewReader(""), in, in)
	}()
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			p.said <- lines.Text()
		}
		close(p.said)
	}()
	t.Cleanup(stop)
	return p
}

var local = regexp.MustCompile(`127\.0\.0\.1:\d+`)

// Await waits until the program says something, and returns the address that it says
// with it, if any.
func (p *Program) Await(t testing.TB, what string) (addr string) {
	t.Helper()
	deadline := time.After(within)
	for {
		select {
		case line, ok := <-p.said:
			if !ok {
				t.Fatalf("it ended with %v, and did not say %q", <-p.done, what)
			}
			if strings.Contains(line, what) {
				return local.FindString(line)
			}
		case <-deadline:
			t.Fatalf("it did not say %q", what)
		}
	}
}

// Stop stops the program, and returns how it ended and what it said last.
func (p *Program) Stop(t testing.TB) (last string, err error) {
	t.Helper()
	p.stop()
	deadline := time.After(within)
	var all []string
	for {
		select {
		case line, ok := <-p.said:
			if ok {
				all = append(all, line)
				continue
			}
			return strings.Join(all, "\n"), <-p.done
		case <-deadline:
			t.Fatal("it does not stop")
		}
	}
}

// Get asks for a page.
func Get(t testing.TB, url string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}
