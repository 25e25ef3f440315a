package ledger

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sluice/internal/batch"
	"sluice/internal/keys"
	"sluice/internal/redistest"
	"sluice/internal/sender"
)

// The model knows nothing of journals, folds and scripts: it is what sections 5
// and 6 of the design say about recipients, as plainly as it can be put.

type modelSubmission struct {
	epoch   int
	resend  bool
	never   bool // withdrawn
	outcome sender.Outcome
	code    string
	id      string
	word    Choice // a person's
	free    bool   // a Failed that costs nothing
	pair    bool   // a Throttled that is this recipient's alone
	listed  bool   // on the suppression list: it was neither begun nor made
}

type modelRecipient struct {
	subs []*modelSubmission
}

type modelBatch struct {
	epoch      int
	owner      string
	lags       bool // a record was appended by somebody who died before the summary
	recipients []modelRecipient
}

// state is the recipient's state while epoch is the newest: pending, flying,
// accepted, rejected or in_doubt; with its code and its attempts.
func (r *modelRecipient) state(epoch int) (state, code string, attempts int) {
	var accepted, rejected, suppressed, wordAccepted, wordRejected, doubt, flying bool
	var rejectedCode, doubtCode, lastCode string
	for _, s := range r.subs {
		if s.listed {
			suppressed = true
			continue
		}
		lost := s.outcome == 0 && !s.never && s.epoch < epoch
		uncertain := lost || s.outcome == sender.Unknown
		switch {
		case s.outcome == sender.Accepted:
			accepted = true
			attempts++
		case s.outcome == sender.Rejected:
			if !rejected {
				rejectedCode = s.code
			}
			rejected = true
			attempts++
		case s.outcome == sender.Failed:
			lastCode = s.code
			if !s.free {
				attempts++
			}
		case s.outcome == sender.Throttled:
			lastCode = s.code
		case uncertain:
			attempts++
			code := s.code
			if lost {
				code = string(CodeLost)
			}
			switch {
			case s.word == Accept:
				wordAccepted = true
			case s.word == Reject:
				wordRejected = true
			case s.word == Resend || s.resend:
				lastCode = code
			default:
				doubt, doubtCode = true, code
			}
		case s.outcome == 0 && !s.never:
			flying = true
		}
	}
	switch {
	case accepted:
		return "accepted", "", attempts
	case rejected:
		return "rejected", rejectedCode, attempts
	case suppressed:
		return "suppressed", "", attempts
	case wordAccepted:
		return "accepted", string(CodeResolved), attempts
	case wordRejected:
		return "rejected", string(CodeResolved), attempts
	case doubt:
		return "in_doubt", doubtCode, attempts
	case flying:
		return "flying", lastCode, attempts
	}
	return "pending", lastCode, attempts
}

func (b *modelBatch) done() bool {
	for i := range b.recipients {
		if s, _, _ := b.recipients[i].state(b.epoch); s == "pending" || s == "flying" {
			return false
		}
	}
	return true
}

// A hand is a claim and what the model knows of it. It may be stale.
type hand struct {
	*Claim
	batch  *modelBatch
	worker string
	resend bool
	flying map[int]*modelSubmission
}

type machine struct {
	*Ledger
	d       *desk
	id      string
	state   string
	alive   map[string]bool
	batches []*modelBatch
	staged  []*batch.Batch
	hands   []*hand
	ids     int
	// refused counts what the fence refused, to see that the test gets there.
	refused map[string]int
}

const modelSize = 4

func (m *machine) claim(t *rapid.T, crash bool) {
	n := rapid.IntRange(0, len(m.batches)-1).Draw(t, "batch")
	w := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "worker")
	resend := rapid.Bool().Draw(t, "resend")
	b := m.batches[n]
	if !m.alive[w] {
		m.d.rdb.Set(t.Context(), keys.Worker(m.id+w), 1, time.Hour)
		m.alive[w] = true
	}
	var want error
	switch {
	case b.done() && !b.lags && b.epoch > 0:
		want = ErrDone
	case b.owner != "" && b.owner != w && m.alive[b.owner]:
		want = ErrHeld
	}
	if crash {
		// The worker dies right after its script.
		_, err := m.Ledger.claim(t.Context(), m.id, n, m.id+w, 0)
		if !errors.Is(err, want) {
			t.Fatalf("claim: got %v, want %v", err, want)
		}
		if err == nil {
			b.epoch++
			b.owner, b.lags = w, true
		}
		m.kill(t, w)
		return
	}
	c, err := m.Claim(t.Context(), m.id, n, m.id+w, resend)
	if want == nil {
		b.epoch++
		b.owner, b.lags = w, false
		if b.done() {
			b.owner, want = "", ErrDone
		}
	}
	if !errors.Is(err, want) {
		t.Fatalf("claim: got %v, want %v", err, want)
	}
	if err == nil {
		if c.Epoch != b.epoch {
			t.Fatalf("epoch %d, want %d", c.Epoch, b.epoch)
		}
		m.hands = append(m.hands, &hand{Claim: c, batch: b, worker: w, resend: resend, flying: map[int]*modelSubmission{}})
	}
}

func (m *machine) hand(t *rapid.T) *hand {
	if len(m.hands) == 0 {
		t.Skip("no claims")
	}
	return m.hands[rapid.IntRange(0, len(m.hands)-1).Draw(t, "hand")]
}

func (m *machine) begin(t *rapid.T) {
	h := m.hand(t)
	var pending []int
	for i := range h.Pending() {
		pending = append(pending, i)
	}
	if len(pending) == 0 {
		t.Skip("nothing pending")
	}
	indexes := rapid.SliceOfNDistinct(rapid.SampledFrom(pending), 1, len(pending), rapid.ID[int]).Draw(t, "indexes")
	var want error
	switch {
	case h.Epoch != h.batch.epoch:
		want = ErrStale
	case m.state != "running":
		want = ErrNotRunning
	default:
		for _, i := range indexes {
			if s, _, _ := h.batch.recipients[i].state(h.batch.epoch); s != "pending" {
				want = ErrNotPending
			}
		}
	}
	if err := h.Begin(t.Context(), indexes); !errors.Is(err, want) {
		t.Fatalf("begin %v: got %v, want %v", indexes, err, want)
	}
	if want != nil {
		m.refused[want.Error()]++
		return
	}
	for _, i := range indexes {
		s := &modelSubmission{epoch: h.Epoch, resend: h.resend}
		r := &h.batch.recipients[i]
		r.subs = append(r.subs, s)
		h.flying[i] = s
	}
}

// suppress suppresses some that a claim knows to be pending.
func (m *machine) suppress(t *rapid.T) {
	h := m.hand(t)
	var pending []int
	for i := range h.Pending() {
		pending = append(pending, i)
	}
	if len(pending) == 0 || rapid.Bool().Draw(t, "nobody") {
		t.Skip("nobody to suppress")
	}
	i := rapid.SampledFrom(pending).Draw(t, "index")
	var want error
	switch {
	case h.Epoch != h.batch.epoch:
		want = ErrStale
	case m.state != "running":
		want = ErrNotRunning
	}
	if err := h.Suppress(t.Context(), []int{i}); !errors.Is(err, want) {
		t.Fatalf("suppress %d: got %v, want %v", i, err, want)
	}
	if want != nil {
		return
	}
	r := &h.batch.recipients[i]
	r.subs = append(r.subs, &modelSubmission{epoch: h.Epoch, listed: true})
	h.batch.lags = false
	if h.batch.done() {
		h.batch.owner = ""
	}
}

// outcomes draws what some that are in flight led to.
func (m *machine) outcomes(t *rapid.T, h *hand) (all []Settlement) {
	from := slices.Sorted(maps.Keys(h.flying))
	indexes := rapid.SliceOfNDistinct(rapid.SampledFrom(from), 1, len(from), rapid.ID[int]).Draw(t, "indexes")
	for _, i := range indexes {
		s := h.flying[i]
		delete(h.flying, i)
		s.outcome = rapid.SampledFrom(sender.Outcomes[:]).Draw(t, "outcome")
		s.free = s.outcome == sender.Failed && rapid.Bool().Draw(t, "free")
		s.pair = s.outcome == sender.Throttled && rapid.Bool().Draw(t, "pair")
		if s.outcome == sender.Accepted {
			m.ids++
			s.id = fmt.Sprint("id", m.ids)
		} else if s.outcome != sender.Denied {
			s.code = rapid.SampledFrom([]string{"22041", "x y", "timeout"}).Draw(t, "code")
		}
		all = append(all, Settlement{Index: i, Outcome: s.outcome, Free: s.free, Pair: s.pair, Code: sender.Code(s.code), MessageID: s.id, Time: noon})
	}
	return all
}

func (m *machine) settle(t *rapid.T) {
	h := m.hand(t)
	if len(h.flying) == 0 {
		t.Skip("nothing in flight")
	}
	was := h.batch.done() && !h.batch.lags
	reopened, err := h.Settle(t.Context(), m.outcomes(t, h))
	if err != nil {
		t.Fatal(err)
	}
	m.settled(t, h, was, reopened)
}

func (m *machine) settled(t *rapid.T, h *hand, was, reopened bool) {
	now := h.batch.done()
	if want := was && !now; reopened != want {
		t.Fatalf("reopened %v, want %v", reopened, want)
	}
	h.batch.lags = false
	if now {
		h.batch.owner = ""
	}
}

// turn settles some and begins others with one script. What the claim knows to be
// pending may not be so any more.
func (m *machine) turn(t *rapid.T) {
	h := m.hand(t)
	var pending []int
	for i := range h.Pending() {
		pending = append(pending, i)
	}
	if len(h.flying) == 0 || len(pending) == 0 {
		t.Skip("nothing in flight, or nothing pending")
	}
	indexes := rapid.SliceOfNDistinct(rapid.SampledFrom(pending), 1, len(pending), rapid.ID[int]).Draw(t, "begun")
	was := h.batch.done() && !h.batch.lags
	all := m.outcomes(t, h)
	var want error
	switch {
	case h.Epoch != h.batch.epoch:
		want = ErrStale
	case m.state != "running":
		want = ErrNotRunning
	}
	for _, i := range indexes {
		if s, _, _ := h.batch.recipients[i].state(h.batch.epoch); s != "pending" && !errors.Is(want, ErrStale) {
			want = ErrNotPending
		}
	}
	reopened, refused, err := h.Turn(t.Context(), all, indexes)
	if err != nil {
		t.Fatal(err)
	}
	m.settled(t, h, was, reopened)
	for _, first := range []error{ErrNotPending, ErrNotRunning} {
		if want != nil && errors.Is(refused, first) {
			want = first // whichever it meets first: what it has read of others, or the fence
		}
	}
	if !errors.Is(refused, want) {
		t.Fatalf("turn %v: got %v, want %v", indexes, refused, want)
	}
	if want != nil {
		m.refused[want.Error()]++
		return
	}
	for _, i := range indexes {
		s := &modelSubmission{epoch: h.Epoch, resend: h.resend}
		r := &h.batch.recipients[i]
		r.subs = append(r.subs, s)
		h.flying[i] = s
	}
}

func (m *machine) withdraw(t *rapid.T) {
	h := m.hand(t)
	if len(h.flying) == 0 {
		t.Skip("nothing in flight")
	}
	i := rapid.SampledFrom(slices.Sorted(maps.Keys(h.flying))).Draw(t, "index")
	var want error
	if h.Epoch != h.batch.epoch {
		want = ErrStale
	}
	if err := h.Withdraw(t.Context(), []int{i}); !errors.Is(err, want) {
		t.Fatalf("withdraw: got %v, want %v", err, want)
	}
	if want == nil {
		h.flying[i].never = true
		delete(h.flying, i)
	}
}

func (m *machine) release(t *rapid.T) {
	h := m.hand(t)
	if err := h.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	if h.Epoch == h.batch.epoch {
		h.batch.owner = ""
	}
	m.hands = slices.DeleteFunc(m.hands, func(o *hand) bool { return o == h && len(h.flying) == 0 })
}

// kill ends a worker: its sign of life is gone, and its claims with it.
func (m *machine) kill(t *rapid.T, w string) {
	m.silence(t, w)
	m.hands = slices.DeleteFunc(m.hands, func(h *hand) bool { return h.worker == w })
}

// silence has a worker seem dead, which may be stopped or cut off alone.
func (m *machine) silence(t *rapid.T, w string) {
	m.d.rdb.Del(t.Context(), keys.Worker(m.id+w))
	m.alive[w] = false
}

// die has a worker record outcomes and end before it wrote the summary.
func (m *machine) die(t *rapid.T) {
	h := m.hand(t)
	if len(h.flying) == 0 || h.batch.done() {
		t.Skip("nothing in flight")
	}
	i := rapid.SampledFrom(slices.Sorted(maps.Keys(h.flying))).Draw(t, "index")
	m.ids++
	s := h.flying[i]
	s.outcome, s.id = sender.Accepted, fmt.Sprint("id", m.ids)
	record, err := h.outcomes([]Settlement{{Index: i, Outcome: s.outcome, MessageID: s.id, Time: noon}})
	if err != nil {
		t.Fatal(err)
	}
	m.d.rdb.Append(t.Context(), keys.Journal(m.id, h.N), string(record))
	h.batch.lags = true
	m.kill(t, h.worker)
}

// reclaim is the model's half of Reclaim.
func (m *machine) reclaimed() {
	for _, b := range m.batches {
		if b.owner != "" && !m.alive[b.owner] {
			b.epoch++
			b.owner, b.lags = "", false
		}
	}
}

func (m *machine) resolve(t *rapid.T) {
	choice := rapid.SampledFrom([]Choice{Accept, Reject, Resend}).Draw(t, "choice")
	m.reclaimed()
	want := 0
	for _, b := range m.batches {
		resolved := 0
		for i := range b.recipients {
			r := &b.recipients[i]
			if s, _, _ := r.state(b.epoch); s != "in_doubt" {
				continue
			}
			resolved++
			for _, s := range r.subs {
				uncertain := s.outcome == sender.Unknown || s.outcome == 0 && !s.never && s.epoch < b.epoch
				if uncertain && !s.resend && s.word == 0 {
					s.word = choice
				}
			}
		}
		if want += resolved; resolved > 0 {
			b.lags = false
			if b.done() {
				b.owner = ""
			}
		}
	}
	got, err := m.Resolve(t.Context(), m.id, choice)
	if err != nil || got != want {
		t.Fatalf("resolve: %d, %v, want %d", got, err, want)
	}
	if again, err := m.Resolve(t.Context(), m.id, choice); err != nil || again != 0 {
		t.Fatalf("resolve again: %d, %v", again, err)
	}
}

func (m *machine) verify(t *rapid.T) {
	m.reclaimed()
	lags := false
	for _, b := range m.batches {
		lags, b.lags = lags || b.lags, false
		if b.done() {
			b.owner = ""
		}
	}
	err := m.Verify(t.Context(), m.id, func(p Problem) {
		if !p.Repaired && !hasTwoIDs(m) {
			t.Fatalf("verify: %v", p)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	err = m.Verify(t.Context(), m.id, func(p Problem) {
		if p.Repaired {
			t.Fatalf("verify, once more: %v", p)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

func hasTwoIDs(m *machine) bool {
	for _, b := range m.batches {
		for _, r := range b.recipients {
			n := 0
			for _, s := range r.subs {
				if s.id != "" {
					n++
				}
			}
			if n > 1 {
				return true
			}
		}
	}
	return false
}

// check compares everything that can be seen with the model.
func (m *machine) check(t *rapid.T) {
	want := Totals{Codes: map[string]int{}}
	lags := false
	for n, b := range m.batches {
		lags = lags || b.lags
		want.Batches++
		want.Rows += len(m.staged[n].Recipients) + len(m.staged[n].Skipped)
		want.Recipients += len(b.recipients)
		want.Invalid++
		want.Duplicate++
		want.Suppressed++
		if b.epoch > 0 && b.done() {
			want.BatchesDone++
		}
		for i := range b.recipients {
			state, code, _ := b.recipients[i].state(b.epoch)
			switch state {
			case "accepted":
				want.Accepted++
			case "rejected":
				want.Rejected++
			case "in_doubt":
				want.InDoubt++
			case "suppressed":
				want.Suppressed++
			default:
				want.Pending++
			}
			if code != "" {
				want.Codes[code]++
			}
		}
	}
	got, err := m.Totals(t.Context(), m.id)
	if err != nil {
		t.Fatal(err)
	}
	if sum := got.Pending + got.Accepted + got.Rejected + got.InDoubt + got.Invalid + got.Duplicate + got.Suppressed; sum != got.Rows || got.Rows != want.Rows {
		t.Fatalf("rows do not sum: %+v", got)
	}
	if diff := cmp.Diff(want, got); diff != "" && !lags {
		t.Fatalf("totals (-want +got):\n%s", diff)
	}
	m.checkRows(t)
}

func (m *machine) checkRows(t *rapid.T) {
	row := 0
	err := m.Export(t.Context(), m.id, func(r Row) error {
		row++
		if r.Row != row {
			return fmt.Errorf("row %d where row %d should be", r.Row, row)
		}
		staged := m.staged[r.Batch]
		i := slices.IndexFunc(staged.Recipients, func(x batch.Recipient) bool { return x.Row == row })
		if i < 0 {
			return nil
		}
		b := m.batches[r.Batch]
		state, code, attempts := b.recipients[i].state(b.epoch)
		if state == "flying" {
			state = "pending"
		}
		var ids string
		for _, s := range b.recipients[i].subs {
			if s.id != "" && ids != "" {
				ids += " + "
			}
			ids += s.id
		}
		if r.State != state || r.Code != code || r.Attempts != attempts || r.MessageID != ids {
			return fmt.Errorf("row %d: %+v, want %s, code %q, %d attempts, %q", row, r, state, code, attempts, ids)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestLedgerAgreesWithModel has several workers claim, begin, settle late and
// twice over, fall silent and come back, while the campaign pauses and a person
// resolves, and compares every number with a plain model after each step.
func TestLedgerAgreesWithModel(t *testing.T) {
	t.Parallel()
	d := &desk{rdb: redistest.New(t).Client(t)}
	d.Ledger = New(d.rdb, func() time.Time { return noon })
	var campaigns atomic.Int64
	refused := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		m := &machine{
			Ledger: d.Ledger, d: d, id: fmt.Sprint("c", campaigns.Add(1)), state: "running",
			alive: map[string]bool{}, refused: refused,
		}
		d.rdb.HSet(t.Context(), keys.Campaign(m.id), "state", m.state)
		for n := range 2 {
			b := makeBatch(n, modelSize, n*(modelSize+3))
			if staged, err := stageInto(t.Context(), d.rdb, d.Ledger, m.id, b); err != nil || !staged {
				t.Fatal(staged, err)
			}
			m.staged = append(m.staged, b)
			m.batches = append(m.batches, &modelBatch{recipients: make([]modelRecipient, modelSize)})
		}
		t.Repeat(map[string]func(*rapid.T){
			"":            m.check,
			"claim":       func(t *rapid.T) { m.claim(t, false) },
			"claim again": func(t *rapid.T) { m.claim(t, false) },
			"claim, die":  func(t *rapid.T) { m.claim(t, true) },
			"begin":       m.begin,
			"suppress":    m.suppress,
			"begin more":  m.begin,
			"settle":      m.settle,
			"settle more": m.settle,
			"turn":        m.turn,
			"turn again":  m.turn,
			"withdraw":    m.withdraw,
			"release":     m.release,
			"settle, die": m.die,
			"kill":        func(t *rapid.T) { m.kill(t, rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "worker")) },
			"silence":     func(t *rapid.T) { m.silence(t, rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "worker")) },
			"state": func(t *rapid.T) {
				m.state = rapid.SampledFrom([]string{"running", "running", "running", "paused", "halted", "cancelled"}).Draw(t, "state")
				d.rdb.HSet(t.Context(), keys.Campaign(m.id), "state", m.state)
			},
			"resolve": m.resolve,
			"verify":  m.verify,
		})
	})
	for _, err := range []error{ErrStale, ErrNotRunning} {
		if refused[err.Error()] == 0 {
			t.Errorf("no begin was refused with %q: the test does not get there", err)
		}
	}
}
