package e2e

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// A host name that has an address, and none, and one again, costs nobody an
// attempt and leaves nobody in doubt: without an address nothing is written.
func TestProviderNameFlaps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	connections := w.named("provider.test")
	w.sendersWith("in_flight: 64", "in_flight: 4, messages_per_second: 20")
	there, gone := "127.0.0.1 localhost provider.test\n", "127.0.0.1 localhost\n"
	hosts := w.file("hosts", gone)
	w.startWithNames(hosts, "worker", "--retry-base", "50ms", "--retry-max", "100ms")
	if _, code := w.run("producer", "send", w.nxCampaign("flaps", w.list("f.csv", 400), "max_attempts: 1"), "--no-preflight"); code != 0 {
		t.Fatal("send failed")
	}
	const opened = `"open":true,"code":"dns"`
	before := 0
	for flap := range 3 {
		w.awaitLogs(opened, before+1, time.Minute)
		if a := w.status("flaps"); a.State != "running" || a.Rejected+a.InDoubt != 0 {
			t.Errorf("%+v", a)
		}
		had := w.status("flaps").Accepted
		w.file("hosts", there)
		w.awaitAccount("flaps", "going on", time.Minute, func(a account) bool { return a.Accepted > had+20 })
		before = strings.Count(w.logs.String(), opened)
		if flap < 2 {
			w.file("hosts", gone)
		}
	}
	w.awaitState("flaps", "finished", time.Minute)
	for _, row := range w.export("flaps") {
		if row.State != "accepted" || row.Attempts != 1 {
			t.Fatalf("row %d is %s after %d attempts", row.Row, row.State, row.Attempts)
		}
	}
	if n := connections.Load(); n != 400 {
		t.Errorf("%d connections for 400 submissions: the name was not asked for each", n)
	}
	w.judge("flaps")
}

// named has the senders reach the sandbox by a name, over a connection of its own
// for each submission, and counts the connections.
func (w *world) named(name string) *atomic.Int64 {
	w.t.Helper()
	var connections atomic.Int64
	srv, l := w.proxy(), w.listen("127.0.0.1:0")
	srv.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	go srv.Serve(l)
	_, port, _ := net.SplitHostPort(l.Addr().String())
	w.sendersWith(w.sandbox, "http://"+net.JoinHostPort(name, port))
	return &connections
}

// startWithNames starts a program for which hosts is /etc/hosts, and which has no
// name server.
func (w *world) startWithNames(hosts, name string, args ...string) {
	w.t.Helper()
	const script = `mount --bind "$1" /etc/hosts && { [ ! -e /etc/resolv.conf ] || mount --bind "$2" /etc/resolv.conf; } || exit 77
shift 2; exec "$@"`
	resolv := w.file("resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
	own := &syscall.SysProcAttr{Setpgid: true, Unshareflags: syscall.CLONE_NEWNS}
	if os.Getuid() != 0 {
		own.Cloneflags = syscall.CLONE_NEWUSER
		own.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
	}
	try := exec.Command("sh", "-c", script, "sh", hosts, resolv, "true")
	try.SysProcAttr = own
	if out, err := try.CombinedOutput(); err != nil {
		w.t.Skipf("no process may have names of its own here: %v %s", err, out)
	}
	cmd := exec.Command("sh", append([]string{"-c", script, "sh", hosts, resolv, filepath.Join(w.bin, name)}, args...)...)
	cmd.SysProcAttr = own
	w.env = append(w.env, "GODEBUG=netdns=go")
	w.launch(name, cmd)
}
