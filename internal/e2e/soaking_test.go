package e2e

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A short soak, for every run of the tests.
func TestSoakBriefly(t *testing.T) {
	t.Parallel()
	soak(t, 10*time.Second)
}

const (
	soakNX, soakInno = 400, 300 // messages a second
	soakWorkers      = 4
	// soakDoubt is the most that one death may leave in doubt on the average: what
	// is begun in a quarter of a second, at both providers.
	soakDoubt = (soakNX + soakInno) / 4
)

// A soaking is a world in which campaigns follow one another while everything
// around them is struck.
type soaking struct {
	t       *testing.T
	w       *world
	r       *rand.Rand
	workers []*process
	stopped *process  // the one that stands still, if any
	until   time.Time // when it goes on
	leaving []*process
	running []string // campaigns that are not over
	over    []string
	rows    int // numbers used so far
	looked  time.Time

	awaited    []lost
	recoveries []time.Duration // of batches, after a kill
	worst      time.Duration

	kills, stops, terms, outages, imports int
}

// A lost is a batch in a dead worker's hands.
type lost struct {
	batch string // with its owner
	died  time.Time
}

// soak strikes for d, has all campaigns end, and judges.
func soak(t *testing.T, d time.Duration) {
	t.Helper()
	s := &soaking{t: t, r: dice(t)}
	s.w = newWorldWith(t, []string{"--appendfsync", "always"}, "--latency", "20ms")
	s.w.writeSenders(fmt.Sprintf(", messages_per_second: %d", soakNX), fmt.Sprintf(", messages_per_second: %d", soakInno))
	for range soakWorkers {
		s.workers = append(s.workers, s.worker())
	}
	began := time.Now()
	s.strike(began.Add(d), min(3+int(d/time.Minute), 8))
	s.calm()
	s.judge(time.Since(began))
}

// A blow is something that happens again and again, on the average every so
// often.
type blow struct {
	every time.Duration
	do    func()
	at    time.Time
}

// strike has so many campaigns run at once until the end, and everything struck.
func (s *soaking) strike(end time.Time, campaigns int) {
	blows := []*blow{
		{every: 2 * time.Second, do: s.kill},
		{every: 3 * time.Second, do: s.spoil},
		{every: 5 * time.Second, do: s.term},
		{every: 6 * time.Second, do: s.stop},
		{every: 8 * time.Second, do: s.outage},
	}
	for _, b := range blows {
		b.at = time.Now().Add(time.Second + time.Duration(s.r.Float64()*float64(b.every)))
	}
	for time.Now().Before(end) {
		s.tick()
		if len(s.running) < campaigns {
			s.send()
		}
		for _, b := range blows {
			if !time.Now().Before(b.at) {
				b.do()
				b.at = time.Now().Add(time.Duration((0.5 + s.r.Float64()) * float64(b.every)))
			}
		}
	}
}

// tick lets some time pass and looks after what was struck.
func (s *soaking) tick() {
	s.t.Helper()
	pause := time.NewTimer(50 * time.Millisecond)
	<-pause.C
	if s.stopped != nil && time.Now().After(s.until) {
		s.stopped.cmd.Process.Signal(syscall.SIGCONT)
		s.stopped = nil
	}
	for _, p := range s.workers {
		select {
		case <-p.done:
			s.t.Fatalf("a worker ended by itself: %v\n%s", p.err, p.out.tail(4000))
		default:
		}
	}
	if len(s.awaited) > 0 {
		owners := s.w.owned()
		s.awaited = slices.DeleteFunc(s.awaited, func(l lost) bool {
			if slices.Contains(owners, l.batch) {
				return false
			}
			after := time.Since(l.died)
			s.recoveries, s.worst = append(s.recoveries, after), max(s.worst, after)
			return true
		})
	}
	if time.Since(s.looked) > time.Second {
		s.looked = time.Now()
		s.running = slices.DeleteFunc(s.running, func(id string) bool {
			a := s.w.status(id)
			if a.Rows != a.sum() {
				s.t.Errorf("%s: %+v", id, a)
			}
			if a.State == "halted" {
				s.t.Fatalf("%s halted: %s", id, a.Reason)
			}
			if a.State == "finished" {
				s.over = append(s.over, id)
			}
			return a.State == "finished"
		})
	}
}

func (s *soaking) worker() *process {
	return s.w.start("worker", "--retry-base", "200ms", "--retry-max", "1s")
}

// anyone is a worker that runs, by its place.
func (s *soaking) anyone() int {
	for {
		if i := s.r.IntN(len(s.workers)); s.workers[i] != s.stopped {
			return i
		}
	}
}

// send starts another campaign. Its import may be killed, and is repeated.
func (s *soaking) send() {
	s.t.Helper()
	number := len(s.running) + len(s.over)
	id := fmt.Sprintf("soak-%d", number)
	n := 1000 + s.r.IntN(2000)
	list := s.w.listFrom(id+".csv", s.rows, n)
	s.rows += n
	file := s.w.nxCampaign(id, list, "")
	if number%3 == 1 {
		file = s.w.innoCampaign(id, list, "")
	}
	for s.r.IntN(2) == 0 {
		p := s.w.start("producer", "send", file)
		pause := time.NewTimer(time.Duration(s.r.IntN(120)) * time.Millisecond)
		<-pause.C
		p.kill()
		s.imports++
	}
	if _, code := s.w.run("producer", "send", file); code != 0 {
		s.t.Fatalf("exit code %d\n%s", code, s.w.logs.tail(4000))
	}
	s.running = append(s.running, id)
}

// kill kills a worker and puts another in its place.
func (s *soaking) kill() {
	i := s.anyone()
	p, died := s.workers[i], time.Now()
	for _, batch := range s.w.ownedBy(p) {
		s.awaited = append(s.awaited, lost{batch: batch, died: died})
	}
	p.kill()
	s.workers[i] = s.worker()
	s.kills++
}

// stop makes a worker stand still for longer than its lease.
func (s *soaking) stop() {
	if s.stopped != nil {
		return
	}
	s.stopped = s.workers[s.anyone()]
	s.stopped.cmd.Process.Signal(syscall.SIGSTOP)
	s.until = time.Now().Add(7*time.Second + time.Duration(s.r.IntN(3000))*time.Millisecond)
	s.stops++
}

// term has a worker leave in good order, while another takes its place.
func (s *soaking) term() {
	i := s.anyone()
	if !strings.Contains(s.workers[i].out.String(), "worker ready") {
		return
	}
	s.workers[i].cmd.Process.Signal(syscall.SIGTERM)
	s.leaving = append(s.leaving, s.workers[i])
	s.workers[i] = s.worker()
	s.terms++
}

// outage takes Redis away for a while, and now and then a worker with it.
func (s *soaking) outage() {
	s.t.Helper()
	if s.r.IntN(2) == 0 {
		defer s.kill() // Redis is back, and has much to do
	}
	s.w.redis.Kill(s.t)
	pause := time.NewTimer(time.Duration(100+s.r.IntN(900)) * time.Millisecond)
	<-pause.C
	s.w.redis.Start(s.t)
	s.outages++
}

// spoil has the providers do something else than answer well, or well again.
func (s *soaking) spoil() {
	s.t.Helper()
	faults := []string{
		"", "", "", "", "",
		"{rate: 0.3, latency: 300ms}",
		"{rate: 0.1, status: 429, retry_after: '1'}",
		"{rate: 0.3, status: 503}",
		"{rate: 1, status: 503}",
		"{rate: 0.1, status: 500}",
		"{rate: 0.05, do: cut_after}",
		"{rate: 0.05, do: reset}",
		"{rate: 0.05, do: half}",
		"{rate: 0.02, do: unanswered}",
		"{rate: 0.05, do: cut_before, provider: nxcloud}",
	}
	fault := faults[s.r.IntN(len(faults))]
	if fault != "" {
		fault = "faults: [" + fault + "]"
	}
	s.w.post("/_sandbox/faults", fault)
}

// calm ends the blows and waits until everything has recovered.
func (s *soaking) calm() {
	s.t.Helper()
	s.w.post("/_sandbox/faults", "")
	deadline := time.Now().Add(3 * time.Minute)
	for len(s.running)+len(s.awaited) > 0 || s.stopped != nil {
		s.tick()
		if time.Now().After(deadline) {
			s.t.Fatalf("not over: campaigns %v, batches %v\n%s", s.running, s.awaited, s.w.logs.tail(8000))
		}
	}
	for _, p := range s.leaving {
		select {
		case <-p.done:
			if p.err != nil {
				s.t.Errorf("a worker that was told to stop ended with %v\n%s", p.err, p.out.tail(2000))
			}
		case <-time.After(time.Until(deadline)):
			s.t.Errorf("a worker that was told to stop did not\n%s", p.out.tail(2000))
		}
	}
	for _, p := range s.workers {
		p.stop(time.Minute) // so that late outcomes are on record
	}
}

// ambiguous are answers after which the recipient is in doubt.
var ambiguous = []string{"http 500", "cut_after", "reset", "half", "unanswered"}

func (s *soaking) judge(took time.Duration) {
	s.t.Helper()
	w := s.w
	w.judge(s.over...)
	answers, taken := map[string]bool{}, w.taken()
	for _, e := range w.log() {
		answers[e.Phone] = answers[e.Phone] || slices.Contains(ambiguous, e.Code)
	}
	// In doubt are those with an ambiguous answer, those who were in flight at a
	// death, and those who were begun and never arrived.
	var rows, inDoubt, answered, never int
	for _, id := range s.over {
		for _, row := range w.export(id) {
			rows++
			switch {
			case row.State == "accepted":
				continue
			case row.State != "in_doubt":
				s.t.Errorf("%s row %d is %s", id, row.Row, row.State)
			case answers[row.Phone]:
				answered++
			case !taken[row.Phone]:
				never++
			}
			inDoubt++
		}
		if out, code := w.run("producer", "verify", id); code != 0 {
			s.t.Errorf("verify %s: %d\n%s", id, code, out)
		}
	}
	r := w.report()
	deaths := s.kills + s.stops
	left := inDoubt - answered - r.CutBefore
	if left > deaths*soakDoubt {
		s.t.Errorf("%d are in doubt without an answer, %d workers that were killed or stopped can have left %d", left, deaths, deaths*soakDoubt)
	}
	if s.worst > asynqAlone {
		s.t.Errorf("a dead worker's batch went on after %s", s.worst)
	}
	slices.Sort(s.recoveries)
	median := time.Duration(0)
	if n := len(s.recoveries); n > 0 {
		median = s.recoveries[n/2]
	}
	s.t.Logf("%s: %d campaigns, %d rows, %d submissions; %d kills, %d stops, %d SIGTERMs, %d outages of Redis, %d imports killed",
		took.Round(time.Second), len(s.over), rows, r.Requests, s.kills, s.stops, s.terms, s.outages, s.imports)
	s.t.Logf("%d batches of the dead went on after %s in the median, %s at worst",
		len(s.recoveries), median.Round(100*time.Millisecond), s.worst.Round(100*time.Millisecond))
	s.t.Logf("%d in doubt: %d by an answer, %d cut off unread, %d that never arrived; %.1f a death",
		inDoubt, answered, r.CutBefore, never, float64(max(left, 0))/float64(max(deaths, 1)))
}
