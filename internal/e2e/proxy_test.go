package e2e

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"
)

// A proxy is the network between a program and Redis. It knows Redis' protocol
// as far as to tell one command from the next, so that it can lose the answer to
// a command that was executed.
type proxy struct {
	t    testing.TB
	addr string // where programs connect
	to   string // where Redis is

	mu     sync.Mutex
	open   chan struct{} // closed unless the proxy is a black hole
	links  map[*link]bool
	delay  time.Duration
	attack func(c command) fate
}

// A link is one connection through the proxy.
type link struct {
	client, server net.Conn
	deaf           bool // the next answer is lost, and the connection with it
}

// A fate is what becomes of one command.
type fate int

const (
	passes      fate = iota
	lostAnswer       // Redis executes it, then the connection is cut
	lostCommand      // the connection is cut before
)

// A command is one command's words as they went to Redis.
type command [][]byte

// newProxy starts a proxy to the server at an address; it ends with the test.
func newProxy(t testing.TB, to string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{t: t, addr: l.Addr().String(), to: to, open: make(chan struct{}), links: map[*link]bool{}}
	close(p.open)
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { p.serve(client) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		p.resume()
		p.cut()
		serving.Wait()
	})
	return p
}

func (p *proxy) url() string { return "redis://" + p.addr + "/0" }

func (p *proxy) serve(client net.Conn) {
	server, err := net.Dial("tcp", p.to)
	p.mu.Lock()
	if err != nil {
		p.mu.Unlock()
		client.Close()
		return
	}
	l := &link{client: client, server: server}
	p.links[l] = true
	p.mu.Unlock()
	var answers sync.WaitGroup
	answers.Go(func() { p.answers(l) })
	p.commands(l)
	answers.Wait()
	p.mu.Lock()
	delete(p.links, l)
	p.mu.Unlock()
}

// commands takes the client's commands to Redis, each as a whole. One that the
// black hole holds arrives when it ends, even if the client has gone by then.
func (p *proxy) commands(l *link) {
	defer l.server.Close()
	r := bufio.NewReaderSize(l.client, 64<<10)
	for {
		text, words, err := readCommand(r)
		if err != nil {
			return
		}
		<-p.gate()
		p.mu.Lock()
		becomes := passes
		if p.attack != nil {
			becomes = p.attack(words)
		}
		l.deaf = becomes == lostAnswer
		p.mu.Unlock()
		if becomes == lostCommand {
			l.client.Close()
			return
		}
		if _, err := l.server.Write(text); err != nil {
			return
		}
	}
}

// answers takes Redis' answers back.
func (p *proxy) answers(l *link) {
	defer l.client.Close()
	defer l.server.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := l.server.Read(buf)
		if err != nil {
			return
		}
		<-p.gate()
		p.mu.Lock()
		deaf, delay := l.deaf, p.delay
		p.mu.Unlock()
		if deaf {
			return
		}
		if delay > 0 {
			<-time.After(delay)
		}
		if _, err := l.client.Write(buf[:n]); err != nil {
			return
		}
	}
}

func (p *proxy) gate() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.open
}

// cut cuts every connection now.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.client.Close()
		l.server.Close()
	}
}

// stall makes a black hole of the proxy: connections stay, nothing arrives.
func (p *proxy) stall() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = make(chan struct{})
}

// resume ends the black hole; all that was on its way arrives.
func (p *proxy) resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.open:
	default:
		close(p.open)
	}
}

// slow delays every answer.
func (p *proxy) slow(delay time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = delay
}

// attacks decides each command's fate; nil lets all pass. It is called for one
// command at a time.
func (p *proxy) attacks(attack func(c command) fate) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.attack = attack
}

// readCommand reads one command: an array of bulk strings.
func readCommand(r *bufio.Reader) (text []byte, words command, err error) {
	count, text, err := readCount(r, nil, '*')
	for range count {
		if err != nil {
			break
		}
		var size int
		if size, text, err = readCount(r, text, '$'); err != nil {
			break
		}
		word := make([]byte, size+2)
		if _, err = io.ReadFull(r, word); err != nil {
			break
		}
		text, words = append(text, word...), append(words, word[:size])
	}
	return text, words, err
}

func readCount(r *bufio.Reader, text []byte, kind byte) (int, []byte, error) {
	line, err := r.ReadBytes('\n')
	if err != nil {
		return 0, nil, err
	}
	if line[0] != kind {
		return 0, nil, errors.New("not Redis' protocol")
	}
	n, err := strconv.Atoi(string(bytes.TrimSpace(line[1:])))
	return n, append(text, line...), err
}

// step names the step of the ledger, the pace, the campaign or the queue that a
// command is, or "": by the number and the names of its script's keys.
func (c command) step() string {
	if len(c) < 4 || !bytes.HasPrefix(bytes.ToLower(c[0]), []byte("eval")) {
		return ""
	}
	keys := string(c[2])
	has := func(k int, suffix string) bool { return len(c) > 2+k && bytes.HasSuffix(c[2+k], []byte(suffix)) }
	queue := bytes.HasPrefix(c[3], []byte("asynq:"))
	switch {
	case has(1, ":claims") && has(2, ":owners") && has(3, ":done"):
		return "claim"
	case keys == "7" && has(1, ":claims") && len(c) > 19 && len(c[19]) > 0: // an intent beside the record
		return "settle and begin"
	case keys == "7" && has(1, ":claims"):
		return "settle and summary"
	case keys == "3" && has(1, ":claims"):
		return "release"
	case keys == "4" && has(1, ":claims"):
		return "begin"
	case keys == "4" && has(1, ":pace"):
		return "slot"
	case queue && has(1, ":active"):
		return "acknowledgement"
	case queue && has(1, ":pending"):
		return "dequeue"
	case has(2, ":done"):
		return "finish"
	}
	return ""
}
