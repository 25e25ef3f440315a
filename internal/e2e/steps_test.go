package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"sluice/internal/faultpoint"
)

// armedWorker builds, beside the others, the worker that can be killed at a step.
var armedWorker = sync.OnceValues(func() (string, error) {
	dir, err := binaries()
	if err != nil {
		return "", err
	}
	const name = "worker-armed"
	out, err := exec.Command("go", "build", "-tags", "faultpoints", "-o", filepath.Join(dir, name), "sluice/cmd/worker").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building the worker with fault points: %w\n%s", err, out)
	}
	return name, nil
})

// What is released holds nothing of the fault points.
func TestReleaseHasNoFaultPoints(t *testing.T) {
	t.Parallel()
	dir, err := binaries()
	if err != nil {
		t.Fatal(err)
	}
	armed, err := armedWorker()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"producer": false, "worker": false, "sandbox": false, armed: true} {
		program, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, mark := range []string{"SLUICE_FAULT", "sluice/internal/faultpoint"} {
			if has := bytes.Contains(program, []byte(mark)); has != want {
				t.Errorf("%s holds %s: %t", name, mark, has)
			}
		}
	}
}

// requestWritten is the step that is seen from outside: the provider has read
// the whole request and has not answered.
const requestWritten faultpoint.Step = "request-written"

// A killing is one step at which a worker dies, in a world of its own.
type killing struct {
	step faultpoint.Step
	// doubt and taken say what a death leaves that meets one single recipient:
	// whether it is in doubt, and whether the provider has it.
	doubt, taken bool
	// visits are the last at which the worker dies under load.
	visits int

	w     *world
	alone account   // of the single recipient, after the death
	owned []string  // batches that the worker had when it died under load
	died  time.Time // under load
}

// A worker is killed at each step of a batch, first with a single recipient,
// where what is left is known exactly, and then under load, with two workers
// beside it that go on.
func TestWorkerKilledAtEachStep(t *testing.T) {
	t.Parallel()
	killings := []*killing{
		{step: faultpoint.BeforeAck, taken: true, visits: 1}, // the one that takes longest
		{step: faultpoint.BeforeBegin, visits: 60},
		{step: faultpoint.AfterBegin, doubt: true, visits: 60},
		{step: requestWritten, doubt: true, taken: true, visits: 200},
		{step: faultpoint.AnswerRead, doubt: true, taken: true, visits: 200},
		{step: faultpoint.BeforeSettle, doubt: true, taken: true, visits: 60},
		{step: faultpoint.AfterSettle, taken: true, visits: 60},
	}
	r := dice(t)
	for _, k := range killings { // their recoveries are waited for together
		k.kill(t, r)
	}
	for _, k := range killings {
		t.Run(string(k.step), k.judge)
	}
}

const (
	killedRows     = 2200 // three batches
	killedPace     = 300
	killedInFlight = 64
	// doubtAtDeath is the most that a killed worker leaves in doubt at that pace:
	// what was in flight, 50 ms of intents, and outcomes before their commit.
	doubtAtDeath = killedInFlight + killedPace/20 + 64
	// asynqAlone is shorter than asynq takes to bring back a dead worker's task,
	// and longer than it takes to take over a batch on a machine that is busy.
	asynqAlone = 45 * time.Second
)

// kill runs both campaigns until the armed worker has died in each.
func (k *killing) kill(t *testing.T, r *rand.Rand) {
	t.Helper()
	k.w = newWorldWith(t, nil, "--latency", "30ms")
	w := k.w
	w.writeSenders(fmt.Sprintf(", messages_per_second: %d", killedPace), "")
	w.list("one.csv", 1)
	if _, code := w.run("producer", "send", w.nxCampaign("alone", "one.csv", "")); code != 0 {
		t.Fatalf("exit code %d\n%s", code, w.logs.tail(4000))
	}
	w.awaitDeath(w.arm(k.step, 1))
	k.alone = w.status("alone")
	w.listFrom("many.csv", 1, killedRows)
	if _, code := w.run("producer", "send", w.nxCampaign("load", "many.csv", "")); code != 0 {
		t.Fatalf("exit code %d\n%s", code, w.logs.tail(4000))
	}
	var args []string
	if k.step == faultpoint.BeforeAck {
		args = append(args, "--hand-back", "400ms") // so that one ends soon
	}
	armed := w.arm(k.step, 1+r.IntN(k.visits), args...)
	w.awaitOwner(armed)
	w.start("worker")
	w.start("worker")
	w.awaitDeath(armed)
	k.died, k.owned = time.Now(), w.ownedBy(armed)
}

// arm starts a worker that dies at the given visit of a step.
func (w *world) arm(step faultpoint.Step, visit int, args ...string) *process {
	w.t.Helper()
	name, err := armedWorker()
	if err != nil {
		w.t.Fatal(err)
	}
	var link *fatalLink
	if step == requestWritten {
		link = w.fatalLink(visit)
		args = append(args, "--senders", link.senders)
	}
	w.env = append(w.env, fmt.Sprintf("SLUICE_FAULT=%s:%d", step, visit))
	p := w.start(name, args...)
	w.env = w.env[:len(w.env)-1]
	if link != nil {
		link.victim.Store(p)
	}
	return p
}

// awaitDeath waits until a process has died of SIGKILL.
func (w *world) awaitDeath(p *process) {
	w.t.Helper()
	select {
	case <-p.done:
	case <-time.After(time.Minute):
		w.t.Fatalf("%s did not come to the step\n%s", p.name, p.out.tail(4000))
	}
	if s, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || s.Signal() != syscall.SIGKILL {
		w.t.Fatalf("%s ended with %v\n%s", p.name, p.err, p.out.tail(4000))
	}
}

// awaitOwner waits until a process has a batch, or has died.
func (w *world) awaitOwner(p *process) {
	w.t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for len(w.ownedBy(p)) == 0 {
		select {
		case <-tick.C:
		case <-p.done:
			return
		case <-deadline:
			w.t.Fatalf("%s took no batch\n%s", p.name, p.out.tail(4000))
		}
	}
}

// judgeTakeovers sees that every batch of the dead worker went on before asynq
// would have brought it back, also one whose task alone it still had.
func (k *killing) judgeTakeovers(t *testing.T) {
	t.Helper()
	taken := map[string]bool{}
	given := 0 // back, but for their task
	for line := range strings.Lines(k.w.logs.String()) {
		var l struct {
			Message, Campaign, Gone string
			Batch                   int
			Time                    time.Time
		}
		if json.Unmarshal([]byte(line), &l) != nil || !strings.HasPrefix(l.Message, "taking over") || l.Campaign != "load" || l.Time.After(k.died.Add(asynqAlone)) {
			continue
		}
		taken[fmt.Sprintf("load %d %s", l.Batch, l.Gone)] = true
		if l.Gone == "" {
			given++
		}
	}
	for _, b := range k.owned {
		if strings.HasPrefix(b, "load ") && !taken[b] {
			t.Errorf("batch and owner %s: not taken over", b)
		}
	}
	if k.step == faultpoint.BeforeAck && given == 0 {
		t.Error("the batch that was given back was not taken over")
	}
}

// A fatalLink lies between one worker and the sandbox, and kills the worker when
// the sandbox has read a request that nobody has answered yet.
type fatalLink struct {
	senders string // a senders file that leads through it
	left    atomic.Int64
	victim  atomic.Pointer[process]
}

func (w *world) fatalLink(visit int) *fatalLink {
	w.t.Helper()
	l := &fatalLink{}
	l.left.Store(int64(visit))
	sandbox := w.sandbox
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		fatal := l.left.Add(-1) == 0
		request, err := http.NewRequest(r.Method, sandbox+r.URL.String(), r.Body)
		if err != nil {
			panic(err)
		}
		request.Header, request.ContentLength = r.Header, r.ContentLength
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		defer response.Body.Close()
		if p := l.victim.Load(); fatal && p != nil {
			p.cmd.Process.Kill()
			<-p.done
		}
		rw.WriteHeader(response.StatusCode)
		io.Copy(rw, response.Body)
	}))
	w.t.Cleanup(server.Close)
	file, err := os.ReadFile(filepath.Join(w.dir, "senders.yaml"))
	if err != nil {
		w.t.Fatal(err)
	}
	l.senders = w.file("senders-link.yaml", strings.ReplaceAll(string(file), sandbox, server.URL))
	return l
}

// judge waits for the end of both campaigns and holds what is in doubt against
// the sandbox' log and the batches that the dead worker had.
func (k *killing) judge(t *testing.T) {
	w := k.w
	w.t = t
	alone := w.awaitState("alone", "finished", time.Minute)
	load := w.awaitState("load", "finished", time.Minute)
	took := w.taken()
	if k.doubt != (alone.InDoubt == 1) || alone.Accepted+alone.InDoubt != 1 {
		t.Errorf("the single recipient: %+v", alone)
	}
	// What was settled when the worker died was not sent by another, nor what was
	// in doubt; what was not begun was.
	if died := k.alone; k.taken && !k.doubt && died.Accepted != 1 {
		t.Errorf("the single recipient, at the death: %+v", died)
	}
	if k.doubt && took[phone(0)] != k.taken {
		t.Errorf("the single recipient was taken: %t", took[phone(0)])
	}
	if load.Accepted+load.InDoubt != killedRows || load.InDoubt > doubtAtDeath {
		t.Errorf("under load, at most %d can be in doubt: %+v", doubtAtDeath, load)
	}
	k.judgeTakeovers(t)
	unsent := 0
	for _, row := range w.export("load") {
		if row.State != "in_doubt" {
			continue
		}
		if !slices.ContainsFunc(k.owned, func(b string) bool { return strings.HasPrefix(b, fmt.Sprintf("load %d ", row.Batch)) }) {
			t.Errorf("row %d is in doubt, and its batch %d was not the dead worker's", row.Row, row.Batch)
		}
		if !took[row.Phone] {
			unsent++
		}
	}
	t.Logf("%d in doubt, %d of them never arrived", load.InDoubt, unsent)
	w.judge("alone", "load")
	if out, code := w.run("producer", "verify", "load"); code != 0 {
		t.Errorf("verify: %d\n%s", code, out)
	}
}
