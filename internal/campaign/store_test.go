package campaign

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
	"sluice/internal/redistest"
)

// A desk is a Store on a Redis of its own, with a clock that stands still.
type desk struct {
	*Store
	rdb *redis.Client
	ctx context.Context
}

var standing = time.UnixMilli(1_790_000_000_123)

func newDesk(t *testing.T, server *redistest.Server) *desk {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	rdb := server.Client(t)
	return &desk{Store: NewStore(rdb, func() time.Time { return standing }), rdb: rdb, ctx: ctx}
}

func (d *desk) file(t *testing.T, id, more string) (*File, []byte) {
	t.Helper()
	raw := []byte(strings.Replace(least, "spring-sale-br", id, 1) + more)
	f, err := Parse(raw, "c.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return f, raw
}

func (d *desk) create(t *testing.T, id, more string) *Record {
	t.Helper()
	f, raw := d.file(t, id, more)
	rec, err := d.Create(d.ctx, raw, f)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

func (d *desk) get(t *testing.T, id string) *Record {
	t.Helper()
	rec, err := d.Get(d.ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

// put brings a campaign into a state, by the moves that lead there.
func (d *desk) put(t *testing.T, id string, to State, ran bool) {
	t.Helper()
	later := ""
	if !ran {
		later = "start_at: " + standing.Add(time.Hour).Format(time.RFC3339) + "\n"
	}
	d.create(t, id, later)
	steps := map[State][]func(context.Context, string) (bool, error){
		Draft:     {d.giveBack},
		Importing: nil,
		Scheduled: {d.launch(1)},
		Running:   {d.launch(1)},
		Paused:    {d.launch(1), d.Pause},
		Halted:    {d.launch(1), d.halt},
		Finished:  {d.launch(0), d.Finish},
		Cancelled: {d.launch(1), d.Cancel},
	}
	for _, step := range steps[to] {
		if _, err := step(d.ctx, id); err != nil {
			t.Fatal(err)
		}
	}
	if got := d.get(t, id).State; got != to {
		t.Fatalf("put into %s, not %s", got, to)
	}
}

func (d *desk) giveBack(ctx context.Context, id string) (bool, error) {
	return d.move(ctx, id, MoveGiveBack)
}

func (d *desk) launch(tasks int) func(context.Context, string) (bool, error) {
	return func(ctx context.Context, id string) (bool, error) {
		if err := d.Launch(ctx, id, 0, Plan{Tasks: tasks, Fingerprint: "f"}); err != nil {
			return true, err
		}
		return true, d.StartIfDue(ctx, id)
	}
}

func (d *desk) halt(ctx context.Context, id string) (bool, error) {
	return d.Halt(ctx, id, "22125", "no balance")
}

func TestALife(t *testing.T) {
	t.Parallel()
	d := newDesk(t, redistest.New(t))
	rec := d.create(t, "life", "window: {from: \"09:00\", to: \"20:00\", timezone: UTC}\n")
	f, raw := d.file(t, "life", "window: {from: \"09:00\", to: \"20:00\", timezone: UTC}\n")
	want := &Record{ID: "life", State: Importing, Sender: "promo-br", Identity: f.Identity(), Raw: raw, CreatedAt: standing, Final: []byte{}, Amended: []byte{}, Revision: 1}
	if diff := cmp.Diff(want, rec); diff != "" {
		t.Fatal(diff)
	}
	if parsed, err := rec.File(); err != nil || parsed.Identity() != f.Identity() || *parsed.Window != *f.Window {
		t.Errorf("the record's file: %+v, %v", parsed, err)
	}
	plan := Plan{Rows: 10, Recipients: 5, Invalid: 2, Duplicate: 2, Suppressed: 1, Batches: 3, Tasks: 2, Fingerprint: "abc"}
	if err := d.Launch(d.ctx, "life", 0, plan); err != nil {
		t.Fatal(err)
	}
	if rec := d.get(t, "life"); rec.State != Scheduled || rec.Plan != plan {
		t.Fatalf("launched: %s, %+v", rec.State, rec.Plan)
	}
	if err := d.StartIfDue(d.ctx, "life"); err != nil {
		t.Fatal(err)
	}
	want.State, want.Plan, want.StartedAt = Running, plan, standing
	if diff := cmp.Diff(want, d.get(t, "life")); diff != "" {
		t.Fatal(diff)
	}
	active, err := d.Active(d.ctx)
	if err != nil {
		t.Fatal(err)
	}
	brief := []Brief{{ID: "life", State: Running, Sender: "promo-br", MovedAt: standing, Window: f.Window, Revision: 1}}
	if diff := cmp.Diff(brief, active); diff != "" {
		t.Error(diff)
	}

	// Not before every batch with recipients is done.
	for n := range plan.Tasks {
		if moved, err := d.Finish(d.ctx, "life"); moved || err != nil {
			t.Fatalf("finished with %d of %d batches done: %v", n, plan.Tasks, err)
		}
		d.rdb.SAdd(d.ctx, keys.Done("life"), n)
	}
	if moved, err := d.Finish(d.ctx, "life"); !moved || err != nil {
		t.Fatalf("not finished: %v", err)
	}
	if rec := d.get(t, "life"); rec.State != Finished || !rec.FinishedAt.Equal(standing) {
		t.Errorf("finished as %s at %v", rec.State, rec.FinishedAt)
	}
	if moved, err := d.Reopen(d.ctx, "life"); !moved || err != nil {
		t.Fatalf("not reopened: %v", err)
	}
	if rec := d.get(t, "life"); rec.State != Running || !rec.FinishedAt.IsZero() {
		t.Errorf("reopened as %s, finished at %v", rec.State, rec.FinishedAt)
	}
}

// Every move from every state does what the table says, and is told apart from
// one that is made already.
func TestEveryMoveFromEveryState(t *testing.T) {
	t.Parallel()
	d := newDesk(t, redistest.New(t))
	moves := map[Move]func(context.Context, string) (bool, error){
		MoveStart: d.Start, MovePause: d.Pause, MoveHalt: d.halt, MoveFinish: d.Finish, MoveCancel: d.Cancel, MoveReopen: d.Reopen,
		MoveLaunch:   func(ctx context.Context, id string) (bool, error) { return d.move(ctx, id, MoveLaunch) },
		MoveStand:    func(ctx context.Context, id string) (bool, error) { return d.move(ctx, id, MoveStand) },
		MoveFreeze:   func(ctx context.Context, id string) (bool, error) { return d.move(ctx, id, MoveFreeze) },
		MoveGiveBack: func(ctx context.Context, id string) (bool, error) { return d.move(ctx, id, MoveGiveBack) },
		MoveResume:   func(ctx context.Context, id string) (bool, error) { return d.move(ctx, id, MoveResume) },
		MoveReschedule: func(ctx context.Context, id string) (bool, error) {
			return d.move(ctx, id, MoveReschedule)
		},
	}
	// Those that a worker makes by itself: that another was quicker is no error.
	quiet := []Move{MoveStart, MoveHalt, MoveFinish, MoveReopen}
	for _, from := range States {
		for _, m := range Moves {
			for _, ran := range []bool{true, false} {
				if ran && from == Scheduled || !ran && from != Scheduled && from != Paused {
					continue // there is no such campaign
				}
				id := fmt.Sprintf("%s-%s-%v", from, m, ran)
				d.put(t, id, from, ran)
				if m == MoveFinish {
					d.rdb.SAdd(d.ctx, keys.Done(id), 0)
				}
				to, allowed := Allowed(from, m)
				if allowed && (m == MoveResume && !ran || m == MoveReschedule && ran) {
					allowed, to = false, ""
				}
				moved, err := moves[m](d.ctx, id)
				got := d.get(t, id).State
				switch _, inTable := Allowed(from, m); {
				case allowed:
					if !moved || err != nil || got != to {
						t.Errorf("%s: %v, %v, now %s; want %s", id, moved, err, got, to)
					}
				case moved || got != from:
					t.Errorf("%s was made: %v, now %s", id, moved, got)
				case rules()[m].to == from, inTable, slices.Contains(quiet, m):
					if err != nil {
						t.Errorf("%s: %v; want no error", id, err)
					}
				case !errors.Is(err, ErrNotAllowed) || !strings.Contains(err.Error(), string(m)) || !strings.Contains(err.Error(), string(from)):
					t.Errorf("%s: error %v names no move or state", id, err)
				}
			}
		}
	}
}

func TestWhatWasPausedBeforeItsStartWaitsForIt(t *testing.T) {
	t.Parallel()
	d := newDesk(t, redistest.New(t))
	d.put(t, "early", Paused, false)
	if moved, err := d.Resume(d.ctx, "early"); !moved || err != nil {
		t.Fatalf("not resumed: %v", err)
	}
	if rec := d.get(t, "early"); rec.State != Scheduled || !rec.StartedAt.IsZero() {
		t.Errorf("resumed before its time: %s", rec.State)
	}
	if _, err := d.Start(d.ctx, "early"); err != nil {
		t.Fatal(err)
	}
	d.Pause(d.ctx, "early")
	if moved, err := d.Resume(d.ctx, "early"); !moved || err != nil || d.get(t, "early").State != Running {
		t.Errorf("after its start it does not run: %v", err)
	}
	if moved, err := d.Resume(d.ctx, "early"); moved || err != nil {
		t.Errorf("resumed twice: %v, %v", moved, err)
	}
}

func TestHaltKeepsTheFirstReason(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	d := newDesk(t, server)
	d.put(t, "c", Running, true)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var winners []string
	for i := range 16 {
		code := fmt.Sprint(i)
		wg.Go(func() {
			moved, err := d.Halt(d.ctx, "c", code, "reason "+code)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			if moved {
				winners = append(winners, code)
			}
		})
	}
	wg.Wait()
	rec := d.get(t, "c")
	if len(winners) != 1 || rec.Code != winners[0] || rec.Reason != "reason "+winners[0] {
		t.Fatalf("halted by %v, kept %s %q", winners, rec.Code, rec.Reason)
	}
	if _, err := d.Resume(d.ctx, "c"); err != nil {
		t.Fatal(err)
	}
	if rec := d.get(t, "c"); rec.Code != "" || rec.Reason != "" {
		t.Errorf("resumed, and still %s %q", rec.Code, rec.Reason)
	}
}

func TestCreate(t *testing.T) {
	t.Parallel()
	d := newDesk(t, redistest.New(t))
	d.create(t, "c", "")
	d.Launch(d.ctx, "c", 0, Plan{Tasks: 1, Rows: 7, Fingerprint: "f"})
	d.StartIfDue(d.ctx, "c")
	// The same again: what is there stays.
	if rec := d.create(t, "c", "# again\n"); rec.State != Running || rec.Plan.Rows != 7 || strings.Contains(string(rec.Raw), "again") {
		t.Errorf("created again: %s, %d rows", rec.State, rec.Plan.Rows)
	}
	for change, want := range map[string]string{"pt_BR>pt_PT": "another message:", "promo-br>x": "another sender:", "  file:>  phone: tel\n  file:": "another way to read its recipients:"} {
		old, new, _ := strings.Cut(change, ">")
		_, raw := d.file(t, "c", "")
		raw = []byte(strings.Replace(string(raw), old, new, 1))
		f, err := Parse(raw, "c.yaml")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Create(d.ctx, raw, f); !errors.Is(err, ErrOtherCampaign) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", change, err, want)
		}
	}
	if _, err := d.Get(d.ctx, "none"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a campaign that is not there: %v", err)
	}
	for _, move := range []func(context.Context, string) (bool, error){d.Pause, d.Resume, d.Cancel, d.Finish, d.Reopen, d.Start} {
		if _, err := move(d.ctx, "none"); !errors.Is(err, ErrNotFound) {
			t.Errorf("moving a campaign that is not there: %v", err)
		}
	}
}

func TestTwoCampaignsOfOneIDRace(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	d, other := newDesk(t, server), newDesk(t, server)
	for round := range 20 {
		id := fmt.Sprintf("race-%d", round)
		f, raw := d.file(t, id, "")
		raw2 := []byte(strings.Replace(string(raw), "pt_BR", "pt_PT", 1))
		f2, err := Parse(raw2, "c.yaml")
		if err != nil {
			t.Fatal(err)
		}
		var errs [2]error
		var wg sync.WaitGroup
		wg.Go(func() { _, errs[0] = d.Create(d.ctx, raw, f) })
		wg.Go(func() { _, errs[1] = other.Create(other.ctx, raw2, f2) })
		wg.Wait()
		if won := d.get(t, id).Identity == f.Identity(); won != (errs[0] == nil) || won != errors.Is(errs[1], ErrOtherCampaign) {
			t.Fatalf("round %d: %v and %v", round, errs[0], errs[1])
		}
	}
}

func TestLaunchIsRepeatable(t *testing.T) {
	t.Parallel()
	d := newDesk(t, redistest.New(t))
	plan := Plan{Tasks: 1, Fingerprint: "f"}
	d.create(t, "c", "")
	for range 2 {
		if err := d.Launch(d.ctx, "c", 0, plan); err != nil {
			t.Fatal(err)
		}
		if err := d.StartIfDue(d.ctx, "c"); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Launch(d.ctx, "c", 0, Plan{Tasks: 2, Fingerprint: "g"}); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("another plan: %v", err)
	}
	if rec := d.get(t, "c"); rec.State != Running || rec.Plan != plan {
		t.Errorf("%s with %+v", rec.State, rec.Plan)
	}
	d.create(t, "gone", "")
	d.Cancel(d.ctx, "gone")
	if err := d.Launch(d.ctx, "gone", 0, plan); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("a cancelled import was launched: %v", err)
	}
}

// Two processes that move one campaign at once see one order of moves: between
// two pauses there is one resume, and what both end with is in the record.
func TestRacingMovesAreOneSequence(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	d := newDesk(t, server)
	d.put(t, "c", Running, true)
	var mu sync.Mutex
	made := map[Move]int{}
	var wg sync.WaitGroup
	for range 4 {
		p := newDesk(t, server)
		wg.Go(func() {
			for range 100 {
				for m, move := range map[Move]func(context.Context, string) (bool, error){MovePause: p.Pause, MoveResume: p.Resume, MoveHalt: p.halt} {
					moved, err := move(p.ctx, "c")
					if err != nil && !errors.Is(err, ErrNotAllowed) {
						t.Error(err)
						return
					}
					if moved {
						mu.Lock()
						made[m]++
						mu.Unlock()
					}
				}
			}
		})
	}
	wg.Wait()
	stopped := 0
	switch state := d.get(t, "c").State; state {
	case Paused, Halted:
		stopped = 1
	case Running:
	case Draft, Importing, Scheduled, Finished, Cancelled:
		t.Fatalf("it is %s", state)
	}
	if made[MovePause]+made[MoveHalt] != made[MoveResume]+stopped {
		t.Errorf("%d pauses, %d halts, %d resumes, stopped %d", made[MovePause], made[MoveHalt], made[MoveResume], stopped)
	}
}

func TestRetire(t *testing.T) {
	t.Parallel()
	d := newDesk(t, redistest.New(t))
	d.put(t, "c", Finished, true)
	active := func() []Brief {
		all, err := d.Active(d.ctx)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	if all := active(); len(all) != 1 || all[0].State != Finished {
		t.Fatalf("a finished campaign is not there to be retired: %v", all)
	}
	d.Retire(d.ctx, "c", []byte("first"), nil)
	if all := active(); len(all) != 0 {
		t.Fatalf("retired, and active: %v", all)
	}
	// Its command run again, long after: nothing is over again.
	if rec := d.create(t, "c", ""); rec.State != Finished || len(active()) != 0 {
		t.Errorf("created again it is %s, active %v", rec.State, active())
	}
	d.Retire(d.ctx, "c", []byte("of rows that have expired"), nil)
	if rec := d.get(t, "c"); string(rec.Final) != "first" {
		t.Errorf("the account is %q", rec.Final)
	}
	if moved, err := d.Reopen(d.ctx, "c"); !moved || err != nil || len(active()) != 1 {
		t.Fatalf("reopened: %v, %v, active %v", moved, err, active())
	}
	if err := d.Retire(d.ctx, "c", []byte("of one that runs"), nil); err != nil || len(active()) != 1 {
		t.Errorf("one that runs was retired: %v", err)
	}
	d.Finish(d.ctx, "c")
	d.Retire(d.ctx, "c", []byte("second"), nil)
	if rec := d.get(t, "c"); string(rec.Final) != "second" {
		t.Errorf("after it was reopened the account is %q", rec.Final)
	}
	if err := d.Retire(d.ctx, "none", []byte("x"), nil); err == nil {
		if n := d.rdb.Exists(d.ctx, keys.Campaign("none")).Val(); n != 0 {
			t.Error("retiring what is not there made a record")
		}
	}
}

// A campaign that is over, however it ended, is retired with its account, and nothing
// of one that is not. That its rows are about to expire is on record before they do,
// and whoever is cut short there finds it among the active ones again.
func TestRetireByState(t *testing.T) {
	t.Parallel()
	d := newDesk(t, redistest.New(t))
	errCut := errors.New("cut short")
	for _, state := range []State{Draft, Importing, Scheduled, Running, Paused, Halted, Finished, Cancelled} {
		for _, expire := range []string{"kept", "expire", "cut short"} {
			id := fmt.Sprint(state, "-", expire[:3])
			d.put(t, id, state, state != Scheduled)
			over := state.Over()
			called := false
			var ending func(context.Context) error
			if expire != "kept" {
				ending = func(context.Context) error {
					called = true
					if rec := d.get(t, id); !rec.Expiring || string(rec.Final) != "account" || !d.rdb.SIsMember(d.ctx, keys.Active(), id).Val() {
						t.Errorf("%s: its rows begin to expire, and the record says %t, its account %q", id, rec.Expiring, rec.Final)
					}
					if expire == "cut short" {
						return errCut
					}
					return nil
				}
			}
			err := d.Retire(d.ctx, id, []byte("account"), ending)
			cut := over && expire == "cut short"
			if (err != nil) != cut || called != (over && expire != "kept") {
				t.Errorf("%s: %v, its rows were to expire: %t", id, err, called)
			}
			rec := d.get(t, id)
			if rec.Expiring != called || (len(rec.Final) > 0) != over || rec.State != state {
				t.Errorf("%s: it is %s, its account %q, expiring %t", id, rec.State, rec.Final, rec.Expiring)
			}
			if active := d.rdb.SIsMember(d.ctx, keys.Active(), id).Val(); active != (!over || cut) {
				t.Errorf("%s: active %t", id, active)
			}
		}
	}
}

func TestReopenedWhileRetiredIsActive(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	d, other := newDesk(t, server), newDesk(t, server)
	d.put(t, "c", Finished, true)
	for round := range 200 {
		var wg sync.WaitGroup
		wg.Go(func() { d.Retire(d.ctx, "c", nil, nil) })
		wg.Go(func() { other.Reopen(other.ctx, "c") })
		wg.Wait()
		if d.get(t, "c").State != Running || !d.rdb.SIsMember(d.ctx, keys.Active(), "c").Val() {
			t.Fatalf("round %d: it is %s and not active", round, d.get(t, "c").State)
		}
		d.Finish(d.ctx, "c")
	}
}

func TestListAndActive(t *testing.T) {
	t.Parallel()
	d := newDesk(t, redistest.New(t))
	if all, err := d.Active(d.ctx); err != nil || len(all) != 0 {
		t.Errorf("nothing is active: %v, %v", all, err)
	}
	clock := standing
	d.now = func() time.Time { clock = clock.Add(time.Second); return clock }
	for _, id := range []string{"b", "a", "c"} {
		d.create(t, id, "")
	}
	d.rdb.SAdd(d.ctx, keys.Active(), "ghost")
	d.rdb.ZAdd(d.ctx, keys.Campaigns(), redis.Z{Member: "ghost"})
	var ids []string
	all, err := d.List(d.ctx)
	for _, rec := range all {
		ids = append(ids, rec.ID)
	}
	if diff := cmp.Diff([]string{"c", "a", "b"}, ids); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	active, err := d.Active(d.ctx)
	if err != nil || len(active) != 3 {
		t.Errorf("active: %v, %v", active, err)
	}
	// A record that is not ours is an error that says which, never a panic.
	d.rdb.HSet(d.ctx, keys.Campaign("a"), "rows", "many")
	if _, err := d.Get(d.ctx, "a"); err == nil || !strings.Contains(err.Error(), "field rows") {
		t.Errorf("a broken record: %v", err)
	}
}

func TestStoreSaysThatRedisIsAway(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	d := newDesk(t, server)
	d.create(t, "c", "")
	server.Kill(t)
	impatient := redis.NewClient(&redis.Options{Addr: server.Addr, MaxRetries: -1, DialerRetries: 1})
	defer impatient.Close()
	d.Store = NewStore(impatient, d.now)
	for name, do := range map[string]func() error{
		"active": func() error { _, err := d.Active(d.ctx); return err },
		"list":   func() error { _, err := d.List(d.ctx); return err },
		"get":    func() error { _, err := d.Get(d.ctx, "c"); return err },
		"pause":  func() error { _, err := d.Pause(d.ctx, "c"); return err },
		"finish": func() error { _, err := d.Finish(d.ctx, "c"); return err },
		"launch": func() error { return d.Launch(d.ctx, "c", 0, Plan{}) },
		"retire": func() error { return d.Retire(d.ctx, "c", nil, nil) },
		"create": func() error {
			f, raw := d.file(t, "new", "")
			_, err := d.Create(d.ctx, raw, f)
			return err
		},
	} {
		if err := do(); err == nil || errors.Is(err, ErrNotFound) || errors.Is(err, ErrNotAllowed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
