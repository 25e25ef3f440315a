package e2e

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// An import that is killed at many random moments, each time repeated with the
// same command, ends as one that nobody disturbed: the same plan, the same rows in
// the same batches, and each recipient is sent to once.
func TestImportKilledAtRandom(t *testing.T) {
	t.Parallel()
	r := dice(t)
	const kills = 12
	w := newWorld(t)
	var b strings.Builder
	b.WriteString("phone,name\n")
	for i := range 40_000 {
		switch {
		case i%97 == 0:
			b.WriteString("123,nobody\n")
		case i%89 == 0:
			fmt.Fprintf(&b, "%s,again\n", phone(i-1))
		default:
			fmt.Fprintf(&b, "%s,name%d\n", phone(i), i)
		}
	}
	w.file("list.csv", b.String())
	start := time.Now()
	if _, code := w.run("producer", "send", w.nxCampaign("calm", "list.csv", "start_at: 2099-01-01T00:00:00Z")); code != 0 {
		t.Fatalf("exit code %d\n%s", code, w.logs.tail(4000))
	}
	took := time.Since(start)
	file := w.nxCampaign("killed", "list.csv", "")
	n, late := 0, 0
	for n < kills {
		// Half of them in the middle of the list for certain: it is a pipe that does
		// not end. The others wherever it hits.
		args := []string{"send", file}
		if n%2 == 0 {
			args = append(args, "--recipients", w.partOf("list.csv", n, r.Float64()))
		}
		p := w.start("producer", args...)
		moment := time.NewTimer(time.Duration(r.Float64() * float64(took)))
		select {
		case <-moment.C:
			if p.kill(); p.cmd.ProcessState.Exited() {
				late++
			}
		case <-p.done:
			late++
		}
		n++
		if a, there := w.look("killed"); there && a.Rows != a.sum() {
			t.Fatalf("after kill %d: %+v", n, a)
		}
	}
	t.Logf("an import of %s, killed %d times, %d times too late", took.Round(time.Millisecond), n, late)
	for range 2 { // the second is a no-op
		if _, code := w.run("producer", "send", file); code != 0 {
			t.Fatalf("exit code %d\n%s", code, w.logs.tail(4000))
		}
	}
	if late > kills/2 {
		t.Errorf("only %d of %d kills hit", kills-late, kills)
	}
	calm, killed := w.status("calm"), w.status("killed")
	if killed.Rows != calm.Rows || killed.Pending != calm.Pending || killed.Invalid != calm.Invalid ||
		killed.Duplicate != calm.Duplicate || killed.Batches != calm.Batches {
		t.Errorf("killed %+v, undisturbed %+v", killed, calm)
	}
	if !slices.Equal(w.export("killed"), w.export("calm")) {
		t.Error("the exports differ")
	}
	if out, code := w.run("producer", "verify", "killed"); code != 0 {
		t.Errorf("verify: %d\n%s", code, out)
	}
	w.start("worker")
	if a := w.awaitState("killed", "finished", time.Minute); a.Accepted != calm.Pending {
		t.Errorf("%+v", a)
	}
	w.judge("killed")
}

// partOf is a pipe that gives a part of a file, and then nothing and no end.
func (w *world) partOf(name string, n int, part float64) string {
	w.t.Helper()
	text := readFile(w.t, filepath.Join(w.dir, name))
	pipe, f := w.pipe(fmt.Sprint("part", n))
	go io.WriteString(f, text[:int(part*float64(len(text)))]) // it ends with the file
	return pipe
}

// pipe is a named pipe that is open at both ends.
func (w *world) pipe(name string) (string, *os.File) {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		w.t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0) // for both, it waits for nobody
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { f.Close() })
	return path, f
}

// A ran is a program that has run to its end.
type ran struct {
	code   int
	signal syscall.Signal
	said   string // on standard error
	peak   int    // of its memory, in MB
	took   time.Duration
}

// runTo runs a program with its standard output going to out.
func (w *world) runTo(out io.Writer, name string, args ...string) ran {
	w.t.Helper()
	cmd := exec.Command(filepath.Join(w.bin, name), args...)
	cmd.Dir = w.dir
	cmd.Env = append(os.Environ(), "SLUICE_REDIS_URL="+w.redis.URL(), "SLUICE_SENDERS="+filepath.Join(w.dir, "senders.yaml"))
	cmd.Env = append(cmd.Env, w.env...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = out, &said
	start := time.Now()
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	// The system's own word on the peak, at the end, would be this process' too.
	peak, done := make(chan int), make(chan struct{})
	go func() { peak <- peakOf(cmd.Process.Pid, done) }()
	err := cmd.Wait()
	close(done)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		w.t.Fatalf("%s %v: %v", name, args, err)
	}
	r := ran{code: cmd.ProcessState.ExitCode(), said: said.String(), peak: <-peak, took: time.Since(start)}
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		r.signal = status.Signal()
	}
	return r
}

// peakOf watches a process' memory until done, and returns its peak in MB, as
// last seen; 0 where there is no /proc.
func peakOf(pid int, done <-chan struct{}) (peak int) {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if _, after, ok := bytes.Cut(text, []byte("VmHWM:")); ok {
			fmt.Sscan(string(after), &peak)
		}
		select {
		case <-tick.C:
		case <-done:
			return peak >> 10
		}
	}
}

// A full disk leaves an export as it was before, or none at all, and the exit
// code and a word on which file it was.
func TestExportToAFullDisk(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, code := w.run("producer", "send", w.nxCampaign("full", w.list("f.csv", 5000), "")); code != 0 {
		t.Fatal("send failed")
	}
	if full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0); err == nil {
		defer full.Close()
		for _, args := range [][]string{{"export", "full"}, {"status", "full", "--json"}, {"status"}, {"list"}} {
			if r := w.runTo(full, "producer", args...); r.code != 1 || !strings.Contains(r.said, "no space left") {
				t.Errorf("%v: %+v", args, r)
			}
		}
	}
	disk := filepath.Join(w.dir, "disk")
	if err := os.Mkdir(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk).CombinedOutput(); err != nil {
		t.Skipf("a disk that is full needs the right to mount one: %v %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", disk).CombinedOutput(); err != nil {
			t.Errorf("umount: %v %s", err, out)
		}
	})
	for _, before := range []string{"", "what was there before\n"} {
		path := filepath.Join(disk, "out.csv")
		if before != "" {
			w.file("disk/out.csv", before)
		}
		r := w.runTo(nil, "producer", "export", "full", "-o", path)
		if r.code != 1 || !strings.Contains(r.said, path+": no space left") {
			t.Errorf("%+v", r)
		}
		files, err := os.ReadDir(disk)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case before == "" && len(files) > 0:
			t.Errorf("%v is left behind", files)
		case before != "" && (len(files) != 1 || readFile(t, path) != before):
			t.Errorf("the export of before is no more what it was: %v", files)
		}
	}
}

// What an export is written to and is no file stays what it is.
func TestExportToAPipe(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, code := w.run("producer", "send", w.nxCampaign("piped", w.list("p.csv", 300), "")); code != 0 {
		t.Fatal("send failed")
	}
	path, f := w.pipe("out")
	if r := w.runTo(nil, "producer", "export", "piped", "-o", path); r.code != 0 {
		t.Fatalf("%+v", r)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().IsRegular() {
		t.Fatalf("the pipe is one no more: %v", err)
	}
	text := make([]byte, 10)
	if _, err := io.ReadFull(f, text); err != nil || string(text) != "row,phone," {
		t.Errorf("%q %v", text, err)
	}
	w.file("real.csv", "old")
	if err := os.Symlink("real.csv", filepath.Join(w.dir, "link.csv")); err != nil {
		t.Fatal(err)
	}
	if r := w.runTo(nil, "producer", "export", "piped", "-o", "link.csv"); r.code != 0 {
		t.Fatalf("%+v", r)
	}
	if info, err := os.Lstat(filepath.Join(w.dir, "link.csv")); err != nil || info.Mode()&os.ModeSymlink == 0 || len(readFile(t, w.dir+"/real.csv")) < 300 {
		t.Errorf("the link is one no more: %v", err)
	}
	if r := w.runTo(nil, "producer", "export", "piped", "-o", w.dir); r.code != 1 || !strings.Contains(r.said, "folder") {
		t.Errorf("%+v", r)
	}
}

// Whoever stops reading ends the command, at once and without noise, as it does
// with any other program.
func TestNobodyReadsOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, code := w.run("producer", "send", w.nxCampaign("unread", w.list("u.csv", 30_000), "")); code != 0 {
		t.Fatal("send failed")
	}
	for _, args := range [][]string{
		{"export", "unread"}, {"export", "unread", "--format", "ndjson"}, {"status", "unread", "--json"}, {"status"}, {"list"}, {"--help"},
	} {
		out, in, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		out.Close()
		r := w.runTo(in, "producer", args...)
		in.Close()
		if r.signal != syscall.SIGPIPE || r.said != "" || r.took > 20*time.Second {
			t.Errorf("%v: %+v", args, r)
		}
	}
}

// Without Redis every command says so, and where it looked.
func TestCommandsWithoutRedis(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	file := w.nxCampaign("gone", w.list("g.csv", 300), "")
	if _, code := w.run("producer", "send", file); code != 0 {
		t.Fatal("send failed")
	}
	w.redis.Kill(t)
	var all sync.WaitGroup // each waits for Redis for a while
	for _, args := range [][]string{
		{"producer", "export", "gone"},
		{"producer", "export", "gone", "-o", "gone.csv"},
		{"producer", "status", "gone", "--json"},
		{"producer", "send", file},
		{"producer", "pause", "gone"},
		{"producer", "list"},
		{"worker"},
	} {
		all.Go(func() {
			r := w.runTo(nil, args[0], args[1:]...)
			if r.code != 1 || !strings.Contains(r.said, w.redis.Addr) || !strings.Contains(r.said, "--redis-url") || r.took > 30*time.Second {
				t.Errorf("%v: %+v", args, r)
			}
		})
	}
	all.Wait()
	if left, err := filepath.Glob(filepath.Join(w.dir, "*gone.csv*")); err != nil || len(left) != 0 {
		t.Errorf("%v is left behind, %v", left, err)
	}
}

// packed is text as gzip, so many times: gzip may be put together from pieces.
func packed(t testing.TB, text string, times int) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, text)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return strings.Repeat(b.String(), times)
}

// Whatever is no list of recipients is refused before anything is written, with
// what to do about it, and without filling the memory.
func TestListsThatAreNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rows := readFile(t, filepath.Join(w.dir, w.list("good.csv", 20_000)))
	whole := packed(t, rows, 1)
	file := w.nxCampaign("none", "good.csv", "")
	if err := os.Mkdir(filepath.Join(w.dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ text, want string }{
		"nul.csv":      {strings.Repeat("\x00", 1<<20), "save it as CSV"},
		"empty.csv":    {"", "needs a header line"},
		"header.csv":   {"phone,name\n\r\n\n", "no row below it"},
		"none.csv.gz":  {packed(t, "", 1), "needs a header line"},
		"stub.csv.gz":  {whole[:6], "not the gzip"},
		"early.csv.gz": {whole[:len(whole)/2], "get it once more, whole"},
		"trail.csv.gz": {whole + "more", "get it once more, whole"},
		"endless.csv":  {strings.Repeat("a", 64<<20), "line 1, the header"},
		"bomb.csv.gz":  {packed(t, strings.Repeat("0", 1<<20), 512), "line 1, the header"},
		"folder":       {"", "is a folder"},
		"nowhere.csv":  {"", "no such file"},
	} {
		if name != "folder" && name != "nowhere.csv" {
			w.file(name, tt.text)
		}
		r := w.runTo(nil, "producer", "send", file, "--recipients", name)
		if r.code != 2 || !strings.Contains(r.said, name) || !strings.Contains(r.said, tt.want) || strings.Count(r.said, "\n") != 1 {
			t.Errorf("%s: %+v", name, r)
		}
		if r.peak > 100 {
			t.Errorf("%s: %d MB of memory", name, r.peak)
		}
	}
	if a, there := w.look("none"); there {
		t.Errorf("lists that were refused left a campaign: %+v", a)
	}
	// And once more, whole.
	w.file("early.csv.gz", whole)
	if r := w.runTo(nil, "producer", "send", file, "--recipients", "early.csv.gz"); r.code != 0 {
		t.Errorf("%+v", r)
	}
}

// A line without an end among others costs its own row, and no memory.
func TestLineWithoutEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := "phone,name\n" + phone(1) + ",a\n"
	for name, line := range map[string]string{"plain": "", "quoted": phone(2) + `,"`} {
		w.file("l.csv.gz", packed(t, good+line, 1)+packed(t, strings.Repeat("0", 1<<20), 512)+packed(t, "\n"+phone(3)+",b\n", 1))
		r := w.runTo(nil, "producer", "send", w.nxCampaign(name, "l.csv.gz", ""))
		if r.code != 0 || r.peak > 100 {
			t.Errorf("%s: %+v", name, r)
		}
		if a := w.status(name); a.Rows != 3 || a.Pending != 2 || a.Invalid != 1 {
			t.Errorf("%s: %+v", name, a)
		}
	}
}
