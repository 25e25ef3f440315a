package worker

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"
	"pgregory.net/rapid"

	"sluice/internal/batch"
	"sluice/internal/campaign"
	"sluice/internal/jobs"
	"sluice/internal/keys"
	"sluice/internal/ledger"
	"sluice/internal/sender"
)

// lifeStart is when everything happens in these tests.
var lifeStart = time.UnixMilli(1_790_000_000_000)

// An importRun is one run of the campaign's import: its list is named by a letter, and the
// first batch of all lists is the same.
type importRun struct {
	list       string
	generation int
	next       int
	counted    bool // what is staged is its list, as far as it has looked
}

// A hand is a batch in the hands of a worker, with its task if it came by one.
type hand struct {
	worker string
	task   string
	claim  *ledger.Claim
	flying []int
}

// A life is one campaign from its creation to the end of its rows, with everything
// that meets at its edges, step by step in one process.
type life struct {
	w        *Worker
	rdb      *redis.Client
	id       string
	runs     []*importRun
	newest   int    // the generation of the run that has the import
	launched string // the list that was
	alive    map[string]bool
	hands    []*hand
	taken    map[string]bool // who was submitted to
	// may are the submissions by which somebody may have been taken, by whose hand,
	// as far as nobody has said otherwise.
	may     map[string]map[*hand]bool
	foreign bool
	meddled bool // people have deleted or archived tasks
}

const lifeBatches, lifeSize = 2, 3

// lifeLists are what runs of the import are drawn from: most are of one list.
var lifeLists = []string{"a", "a", "b", "short"}

func newLife(t *rapid.T, rdb *redis.Client, id string) *life {
	now := func() time.Time { return lifeStart }
	l := ledger.New(rdb, now)
	w := New(Options{
		ID: "supervisor", Redis: rdb, Ledger: l, Campaigns: campaign.NewStore(rdb, now), Now: now, Log: zerolog.Nop(), Keep: time.Hour,
	})
	raw := []byte("id: " + id + "\nsender: s\nmessage: {type: template, template: {name: n, language: en}}\nrecipients: {file: l.csv}\n")
	f, err := campaign.Parse(raw, id+".yaml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Campaigns.Create(t.Context(), raw, f); err != nil {
		t.Fatal(err)
	}
	return &life{w: w, rdb: rdb, id: id, alive: map[string]bool{}, taken: map[string]bool{}, may: map[string]map[*hand]bool{}}
}

func (l *life) must(t *rapid.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (l *life) record(t *rapid.T) *campaign.Record {
	t.Helper()
	rec, err := l.w.Campaigns.Get(t.Context(), l.id)
	l.must(t, err)
	return rec
}

func phoneOf(list string, n, i int) string {
	if n == 0 {
		list = "x" // the lists begin alike
	}
	return fmt.Sprintf("%s-%d-%d", list, n, i)
}

// batchesOf is the length of a list.
func batchesOf(list string) int {
	if list == "short" {
		return 1
	}
	return lifeBatches
}

func lifeBatch(list string, n int) *batch.Batch {
	b := &batch.Batch{N: n, Digest: [16]byte{phoneOf(list, n, 0)[0], byte(n)}}
	for i := range lifeSize {
		b.Recipients = append(b.Recipients, batch.Recipient{Row: n*lifeSize + i + 1, Phone: phoneOf(list, n, i)})
	}
	return b
}

// beginImport has a run take the import.
func (l *life) beginImport(t *rapid.T) {
	generation, err := l.w.Campaigns.BeginImport(t.Context(), l.id)
	if errors.Is(err, ledger.ErrNotImporting) {
		t.Skip("imported")
	}
	l.must(t, err)
	l.newest = generation
	l.runs = append(l.runs, &importRun{list: rapid.SampledFrom(lifeLists).Draw(t, "list"), generation: generation})
}

// goOn has a run stage its next batch, or launch.
func (l *life) goOn(t *rapid.T) {
	if len(l.runs) == 0 {
		t.Skip("no import")
	}
	k := rapid.IntRange(0, len(l.runs)-1).Draw(t, "run")
	r := l.runs[k]
	var err error
	if r.next < batchesOf(r.list) {
		if _, err = l.w.Ledger.Stage(t.Context(), l.id, r.generation, lifeBatch(r.list, r.next)); err == nil {
			if r.generation != l.newest {
				t.Fatalf("run %d staged, and run %d has the import", r.generation, l.newest)
			}
			r.next++
			return
		}
	} else {
		n := batchesOf(r.list)
		if !r.counted {
			staged, err := l.w.Ledger.Staged(t.Context(), l.id)
			l.must(t, err)
			if len(staged) != n { // another list
				l.runs = slices.Delete(l.runs, k, k+1)
				return
			}
			r.counted = true // others go on before it launches
			return
		}
		plan := campaign.Plan{Rows: n * lifeSize, Recipients: n * lifeSize, Batches: n, Tasks: n, Fingerprint: r.list}
		importing := l.record(t).State == campaign.Importing
		if err = l.w.Campaigns.Launch(t.Context(), l.id, r.generation, plan); err == nil {
			if importing {
				if r.generation != l.newest {
					t.Fatalf("run %d launched, and run %d has the import", r.generation, l.newest)
				}
				l.launched = r.list
				l.must(t, l.w.queue.EnqueueAll(t.Context(), l.id, slices.Repeat([]int{lifeSize}, n)))
				l.must(t, l.w.Campaigns.StartIfDue(t.Context(), l.id))
			} else if r.list != l.launched {
				t.Fatal("another list than the launched one counts as launched")
			}
		}
	}
	if err != nil && !errors.Is(err, ledger.ErrSuperseded) && !errors.Is(err, ledger.ErrNotImporting) && !errors.Is(err, ledger.ErrDiffers) && !errors.Is(err, campaign.ErrNotAllowed) {
		t.Fatal(err)
	}
	l.runs = slices.Delete(l.runs, k, k+1)
}

// batchOf is the batch of a task, unless it is a foreign one.
func batchOf(task string) (n int, ours bool) {
	number, ours := strings.CutPrefix(task, "batch-")
	if !ours {
		return 0, false
	}
	n, err := strconv.Atoi(number[:6])
	return n, err == nil
}

func (l *life) key(what string) string { return keys.Queue(l.w.queue.Name(l.id), what) }

// take has a worker get a task as asynq hands it out, and claim its batch.
func (l *life) take(t *rapid.T) {
	worker := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "worker")
	if l.record(t).State != campaign.Running || l.rdb.Exists(t.Context(), l.key("paused")).Val() > 0 {
		t.Skip("no server takes from this queue")
	}
	if l.w.queue.CheckForeign(t.Context(), l.id) != nil {
		t.Skip("no server works on a queue that holds foreign tasks")
	}
	task := l.rdb.LMove(t.Context(), l.key("pending"), l.key("active"), "RIGHT", "LEFT").Val()
	if task == "" {
		t.Skip("nothing pending")
	}
	n, _ := batchOf(task)
	l.claim(t, worker, n, task)
}

func (l *life) claim(t *rapid.T, worker string, n int, task string) {
	l.alive[worker] = true
	_, err := l.w.Ledger.Beat(t.Context(), ledger.Heartbeat{Worker: l.id + worker}, time.Hour)
	l.must(t, err)
	c, err := l.w.Ledger.Claim(t.Context(), l.id, n, l.id+worker, false)
	switch {
	case errors.Is(err, ledger.ErrDone):
		l.ack(t, task)
	case errors.Is(err, ledger.ErrHeld):
		l.back(t, task)
	default:
		l.must(t, err)
		l.hands = append(l.hands, &hand{worker: worker, task: task, claim: c})
	}
}

func (l *life) ack(t *rapid.T, task string) {
	if task != "" && l.rdb.LRem(t.Context(), l.key("active"), 1, task).Val() > 0 {
		l.rdb.ZAdd(t.Context(), l.key("completed"), redis.Z{Score: 1, Member: task})
	}
}

// back puts a task back that only has to wait.
func (l *life) back(t *rapid.T, task string) {
	if task != "" && l.rdb.LRem(t.Context(), l.key("active"), 1, task).Val() > 0 {
		l.rdb.LPush(t.Context(), l.key("pending"), task)
	}
}

func (l *life) hand(t *rapid.T) *hand {
	if len(l.hands) == 0 {
		t.Skip("nobody has a batch")
	}
	return l.hands[rapid.IntRange(0, len(l.hands)-1).Draw(t, "hand")]
}

// submit begins a batch's next recipients, and the provider takes them.
func (l *life) submit(t *rapid.T) {
	l.submitAll(t, l.hand(t), rapid.IntRange(1, lifeSize).Draw(t, "recipients"))
}

func (l *life) submitAll(t *rapid.T, h *hand, most int) {
	var indexes []int
	for i := range h.claim.Pending() {
		if len(indexes) < most {
			indexes = append(indexes, i)
		}
	}
	err := h.claim.Begin(t.Context(), indexes)
	if errors.Is(err, ledger.ErrStale) || errors.Is(err, ledger.ErrNotRunning) || errors.Is(err, ledger.ErrNotPending) {
		return
	}
	l.must(t, err)
	for _, i := range indexes {
		l.taken[h.claim.Recipients[i].Phone] = true
		l.maybe(h, i)
	}
	h.flying = append(h.flying, indexes...)
}

// maybe notes that a hand's submission to a recipient may have been taken.
func (l *life) maybe(h *hand, i int) {
	phone := h.claim.Recipients[i].Phone
	if l.may[phone] == nil {
		l.may[phone] = map[*hand]bool{}
	}
	l.may[phone][h] = true
}

// answer has the outcomes of what is in flight recorded.
func (l *life) answer(t *rapid.T) {
	l.settle(t, l.hand(t), rapid.SampledFrom([]sender.Outcome{
		sender.Accepted, sender.Accepted, sender.Unknown, sender.Failed, sender.Rejected, sender.Throttled, sender.Denied,
	}).Draw(t, "outcome"))
}

// settle records an outcome for all that a hand has in flight, and does what follows.
func (l *life) settle(t *rapid.T, h *hand, o sender.Outcome) {
	var all []ledger.Settlement
	for _, i := range h.flying {
		st := ledger.Settlement{Index: i, Outcome: o, Time: lifeStart}
		switch o {
		case sender.Accepted:
			st.MessageID = fmt.Sprint("id-", h.claim.N, "-", i)
			l.maybe(h, i) // whatever a person has said meanwhile
		case sender.Unknown:
			l.maybe(h, i)
		case sender.Rejected, sender.Failed, sender.Throttled, sender.Denied:
			st.Code = "c"
			delete(l.may[h.claim.Recipients[i].Phone], h)
		}
		all = append(all, st)
	}
	flew := len(h.flying) > 0
	h.flying = nil
	reopened, err := h.claim.Settle(t.Context(), all)
	l.must(t, err)
	if reopened {
		l.must(t, campaigns{l.w}.Reopen(t.Context(), l.id, h.claim))
	}
	if o == sender.Denied && flew {
		if _, err := l.w.Campaigns.Halt(t.Context(), l.id, "c", "denied"); err != nil && !errors.Is(err, campaign.ErrNotAllowed) {
			t.Fatal(err)
		}
	}
}

// end has a worker release a batch, acknowledge or hand back its task, and ask
// whether that was the last.
func (l *life) end(t *rapid.T) { l.endOf(t, l.hand(t)) }

func (l *life) endOf(t *rapid.T, h *hand) {
	l.settle(t, h, sender.Accepted)
	l.must(t, h.claim.Release(t.Context()))
	switch {
	case h.claim.Counts().Pending == 0:
		l.ack(t, h.task)
	case h.task != "":
		l.back(t, h.task)
	default: // taken over, and the rest goes its usual way
		l.must(t, l.w.queue.EnqueueAnew(t.Context(), jobs.Reference{Campaign: l.id, Batch: h.claim.N, Recipients: lifeSize}, h.claim.Epoch))
	}
	l.hands = slices.DeleteFunc(l.hands, func(o *hand) bool { return o == h })
	_, err := l.w.Campaigns.Finish(t.Context(), l.id)
	l.must(t, err)
}

// die kills a worker: its tasks stay at work, its heartbeat is over at once or later.
func (l *life) die(t *rapid.T) {
	worker := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "worker")
	l.hands = slices.DeleteFunc(l.hands, func(h *hand) bool { return h.worker == worker })
	if rapid.Bool().Draw(t, "noticed") {
		l.silence(t, worker)
	}
}

// fallSilent has a worker that lives miss its heartbeats: others take its batches
// over, and what it learns of its submissions comes late.
func (l *life) fallSilent(t *rapid.T) {
	l.silence(t, l.hand(t).worker)
}

func (l *life) silence(t *rapid.T, worker string) {
	l.rdb.Del(t.Context(), keys.Worker(l.id+worker))
	delete(l.alive, worker)
}

// takeOver has a worker do at once what the supervisor does about the dead.
func (l *life) takeOver(t *rapid.T) {
	if l.record(t).State != campaign.Running {
		t.Skip("not running")
	}
	orphans, err := l.w.Ledger.Orphans(t.Context(), l.id)
	l.must(t, err)
	for _, o := range orphans {
		l.claim(t, "b", o.Batch, "")
	}
	l.endOrRequeue(t)
}

// stall has the queue notice tasks at work that nobody has any more.
func (l *life) stall(t *rapid.T) {
	had := map[string]bool{}
	for _, h := range l.hands {
		had[h.task] = true
	}
	for _, task := range l.rdb.LRange(t.Context(), l.key("active"), 0, -1).Val() {
		if !had[task] {
			l.back(t, task)
		}
	}
}

// endOrRequeue has the supervisor finish the campaign, or rebuild a queue that has
// been empty for long.
func (l *life) endOrRequeue(t *rapid.T) {
	empty := l.rdb.LLen(t.Context(), l.key("pending")).Val()+l.rdb.LLen(t.Context(), l.key("active")).Val() == 0
	c := &supervised{brief: campaign.Brief{ID: l.id}, emptySince: lifeStart.Add(-time.Hour)}
	l.must(t, l.w.end(t.Context(), c, empty, lifeStart))
}
