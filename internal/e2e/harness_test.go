package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/redistest"
	"sluice/internal/sandbox"
)

// binaries builds the programs once for all tests of the package.
var binaries = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "sluice-e2e-*")
	if err != nil {
		return "", err
	}
	if err := touchSources(); err != nil {
		return "", err
	}
	args := []string{"build", "-o", dir + "/"}
	if os.Getenv("SLUICE_E2E_RACE") != "" {
		args = append(args, "-race")
	}
	args = append(args, "sluice/cmd/producer", "sluice/cmd/worker", "sluice/cmd/sandbox", "sluice/cmd/receiver")
	out, err := exec.Command("go", args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building the programs: %w\n%s", err, out)
	}
	return dir, nil
})

// touchSources looks at every source file, so that the go command knows that a
// result of these tests is of no use once one of them has changed: it cannot see
// what a program depends on that a test only runs.
func touchSources() error {
	for _, root := range []string{"../../cmd", "../../internal"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				_, err = os.Stat(path)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func TestMain(m *testing.M) {
	if err := choose(); err != nil {
		panic(err)
	}
	code := m.Run()
	if dir, err := binaries(); err == nil {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

// A world is one test's own Redis, sandbox and files.
type world struct {
	t       testing.TB
	dir     string
	bin     string
	redis   *redistest.Server
	rdb     *redis.Client
	sandbox string // its URL
	env     []string
	logs    *lockedBuffer // all that any process of this world wrote to standard error
}

// newWorld starts a Redis and a sandbox with the given arguments.
func newWorld(t testing.TB, sandboxArgs ...string) *world {
	t.Helper()
	return newWorldWith(t, nil, sandboxArgs...)
}

// newWorldWith is newWorld with further options for redis-server.
func newWorldWith(t testing.TB, redisArgs []string, sandboxArgs ...string) *world {
	t.Helper()
	bin, err := binaries()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, dir: t.TempDir(), bin: bin, redis: redistest.New(t, redisArgs...), logs: &lockedBuffer{}}
	w.rdb = w.redis.Client(t)
	w.startSandbox(sandboxArgs...)
	w.writeSenders("", "")
	return w
}

func (w *world) startSandbox(args ...string) {
	w.t.Helper()
	p := w.start("sandbox", append([]string{"--addr", "127.0.0.1:0"}, args...)...)
	line := p.awaitLine(regexp.MustCompile(`http://127\.0\.0\.1:\d+`))
	w.sandbox = regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(line)
}

// writeSenders writes the senders file, with further lines for the limits.
func (w *world) writeSenders(nxLimits, innoLimits string) {
	w.file("senders.yaml", sandbox.SendersFile(w.sandbox,
		[]string{"timeout: 5s", "limits: {in_flight: 64" + nxLimits + "}"},
		[]string{"timeout: 5s", "limits: {in_flight: 64" + innoLimits + "}"}))
}

func itoa(n int) string { return strconv.Itoa(n) }

func (w *world) file(name, text string) string {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}

// nxCampaign writes a campaign file for nxcloud with one body variable.
func (w *world) nxCampaign(id, csvFile, more string) string {
	return w.file(id+".yaml", fmt.Sprintf(`id: %s
sender: promo-br
message:
  type: template
  template:
    name: order_update
    language: en_US
    body: ["{{name|friend}}"]
recipients: {file: %s}
%s
`, id, csvFile, more))
}

// innoCampaign writes a campaign file for innopaas, the same text for all.
func (w *world) innoCampaign(id, csvFile, more string) string {
	return w.file(id+".yaml", fmt.Sprintf(`id: %s
sender: promo-id
message:
  type: template
  template: {name: plain_news, language: en_US}
recipients: {file: %s}
%s
`, id, csvFile, more))
}

// list writes a CSV of n Brazilian mobile numbers and returns its name.
func (w *world) list(name string, n int) string {
	w.t.Helper()
	return w.listFrom(name, 0, n)
}

// listFrom is list with the numbers from the given one on.
func (w *world) listFrom(name string, from, n int) string {
	w.t.Helper()
	var b bytes.Buffer
	b.WriteString("phone,name\n")
	for i := from; i < from+n; i++ {
		fmt.Fprintf(&b, "%s,name%d\n", phone(i), i)
	}
	w.file(name, b.String())
	return name
}

// phone is the number of row i of a list.
func phone(i int) string { return fmt.Sprintf("55119%08d", 10000000+i) }

// A process is one of the programs, running.
type process struct {
	t     testing.TB
	name  string
	cmd   *exec.Cmd
	lines chan string
	out   *lockedBuffer
	done  chan struct{}
	err   error
}

// start starts a program. It is killed with the test.
func (w *world) start(name string, args ...string) *process {
	w.t.Helper()
	cmd := exec.Command(filepath.Join(w.bin, name), args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return w.launch(name, cmd)
}

// launch starts a program by a command of one's own.
func (w *world) launch(name string, cmd *exec.Cmd) *process {
	w.t.Helper()
	p := &process{t: w.t, name: name, cmd: cmd, lines: make(chan string, 1000), out: &lockedBuffer{}, done: make(chan struct{})}
	p.cmd.Dir = w.dir
	p.cmd.Env = append(os.Environ(), "SLUICE_REDIS_URL="+w.redis.URL(), "SLUICE_SENDERS="+filepath.Join(w.dir, "senders.yaml"))
	p.cmd.Env = append(p.cmd.Env, w.env...)
	p.cmd.Stderr = io.MultiWriter(w.logs, p.out)
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	go func() {
		s := bufio.NewScanner(stdout)
		s.Buffer(nil, 64<<20)
		for s.Scan() {
			p.out.Write(append(s.Bytes(), '\n'))
			select {
			case p.lines <- s.Text():
			default:
			}
		}
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	w.t.Cleanup(func() { p.kill() })
	return p
}

// run runs a program to its end and returns its standard output and exit code.
func (w *world) run(name string, args ...string) (stdout string, code int) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(w.bin, name), args...)
	cmd.Dir = w.dir
	cmd.Env = append(os.Environ(), "SLUICE_REDIS_URL="+w.redis.URL(), "SLUICE_SENDERS="+filepath.Join(w.dir, "senders.yaml"))
	cmd.Env = append(cmd.Env, w.env...)
	var out bytes.Buffer
	var errs lockedBuffer
	cmd.Stdout, cmd.Stderr = &out, io.MultiWriter(w.logs, &errs)
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		w.t.Fatalf("%s %v: %v", name, args, err)
	}
	if ctx.Err() != nil {
		w.t.Fatalf("%s %v did not end\n%s\n%s", name, args, out.String(), errs.String())
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

// awaitLine waits for a line of standard output.
func (p *process) awaitLine(re *regexp.Regexp) string {
	p.t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		select {
		case line := <-p.lines:
			if re.MatchString(line) {
				return line
			}
		case <-p.done:
			p.t.Fatalf("%s ended before it printed %s: %v\n%s", p.name, re, p.err, p.out.String())
		case <-deadline:
			p.t.Fatalf("%s did not print %s\n%s", p.name, re, p.out.String())
		}
	}
}

// kill ends the process with SIGKILL and waits for it.
func (p *process) kill() {
	p.cmd.Process.Kill()
	<-p.done
}

// stop sends SIGTERM and waits for the end.
func (p *process) stop(within time.Duration) {
	p.t.Helper()
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(within):
		p.t.Fatalf("%s did not stop within %s\n%s", p.name, within, p.out.String())
	}
}

// account is a campaign's account as `status --json` prints it.
type account struct {
	ID, State, Reason                         string
	Rows, Pending, Accepted, Rejected         int
	InDoubt                                   int `json:"in_doubt"`
	Invalid, Duplicate, Suppressed, Cancelled int
	Batches                                   int
	BatchesDone                               int `json:"batches_done"`
	Codes                                     map[string]int
	Pace                                      struct{ Limit, Factor float64 }
	GoesOnAt                                  time.Time `json:"goes_on_at"`
	HaltedRow                                 int       `json:"halted_row"`
	Receipts                                  *funnel
}

// A funnel is what receipts say of those who are accepted.
type funnel struct{ Awaiting, Sent, Delivered, Read, Undelivered, Early int }

func (f *funnel) sum() int { return f.Awaiting + f.Sent + f.Delivered + f.Read + f.Undelivered }

func (a account) sum() int {
	return a.Pending + a.Accepted + a.Rejected + a.InDoubt + a.Invalid + a.Duplicate + a.Suppressed + a.Cancelled
}

func (w *world) status(id string) account {
	w.t.Helper()
	a, ok := w.look(id)
	if !ok {
		w.t.Fatalf("status %s failed\n%s", id, w.logs.tail(4000))
	}
	return a
}

// look is status for a campaign that may not be there yet.
func (w *world) look(id string) (account, bool) {
	w.t.Helper()
	out, code := w.run("producer", "status", id, "--json")
	if code != 0 {
		return account{}, false
	}
	var a account
	if err := json.Unmarshal([]byte(out), &a); err != nil {
		w.t.Fatalf("status %s: %v\n%s", id, err, out)
	}
	return a, true
}

// awaitState waits until a campaign is in a state, and returns its account.
func (w *world) awaitState(id, state string, within time.Duration) account {
	w.t.Helper()
	return w.awaitAccount(id, state, within, func(a account) bool { return a.State == state })
}

// awaitAccount waits until a campaign's account is as wanted.
func (w *world) awaitAccount(id, what string, within time.Duration, ok func(account) bool) account {
	w.t.Helper()
	deadline := time.Now().Add(within)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		a, there := w.look(id)
		if a.Rows != a.sum() {
			w.t.Fatalf("%s: %d rows, but the states sum to %d: %+v", id, a.Rows, a.sum(), a)
		}
		if r := a.Receipts; r != nil && (r.sum() != a.Accepted || r.Awaiting < 0) {
			w.t.Fatalf("%s: %d accepted, but the receipts sum to %d: %+v", id, a.Accepted, r.sum(), *r)
		}
		if there && ok(a) {
			return a
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("%s is not %s after %s: %+v\n%s", id, what, within, a, w.logs.tail(4000))
		}
		<-tick.C
	}
}

// exported is one row of an export.
type exported struct {
	Row                                               int
	Phone, State, MessageID, Code, Message, Submitted string
	Attempts, Batch                                   int
}

func (w *world) export(id string) []exported {
	w.t.Helper()
	out, code := w.run("producer", "export", id)
	if code != 0 {
		w.t.Fatalf("export %s: exit code %d\n%s", id, code, w.logs.tail(4000))
	}
	records, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil {
		w.t.Fatal(err)
	}
	rows := make([]exported, 0, len(records))
	for _, r := range records[1:] {
		var e exported
		fmt.Sscan(r[0], &e.Row)
		fmt.Sscan(r[6], &e.Attempts)
		fmt.Sscan(r[8], &e.Batch)
		e.Phone, e.State, e.MessageID, e.Code, e.Message, e.Submitted = r[1], r[2], r[3], r[4], r[5], r[7]
		rows = append(rows, e)
	}
	for i, e := range rows {
		if e.Row != i+1 {
			w.t.Fatalf("export %s: row %d stands at place %d", id, e.Row, i+1)
		}
	}
	return rows
}

// getJSON asks the sandbox.
func (w *world) getJSON(path string, v any) {
	w.t.Helper()
	resp, err := http.Get(w.sandbox + path)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(v); err != nil {
		w.t.Fatalf("%s: %v", path, err)
	}
}

// A lockedBuffer is a buffer that processes may write to at once.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// tail is the end of what was written.
func (l *lockedBuffer) tail(n int) string {
	s := l.String()
	return s[max(0, len(s)-n):]
}
