package jobs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/batch"
	"sluice/internal/campaign"
	"sluice/internal/ledger"
	"sluice/internal/redistest"
)

// A list is an input of batches of these sizes.
type list struct {
	sizes []int
	salt  byte              // with another it is another input
	at    int               // how many were read
	next  func(n int) error // asked before each is read; nil: go on
}

func (l *list) Next() (*batch.Batch, error) {
	if l.at == len(l.sizes) {
		return nil, io.EOF
	}
	if l.next != nil {
		if err := l.next(l.at); err != nil {
			return nil, err
		}
	}
	b := &batch.Batch{N: l.at, Digest: [16]byte{l.salt, byte(l.at)}}
	for i := range l.sizes[l.at] {
		b.Recipients = append(b.Recipients, batch.Recipient{Row: 1000*l.at + i + 1, Phone: fmt.Sprintf("5511%09d", 1000*l.at+i)})
	}
	b.Skipped = []batch.Skipped{{Row: 1000*l.at + 999, Kind: batch.Invalid, Reason: "too short"}}
	l.at++
	return b, nil
}

func (l *list) Fingerprint() [32]byte { return [32]byte{l.salt, byte(len(l.sizes))} }

// A depot is what an import fills, on a Redis of its own.
type depot struct {
	t         *testing.T
	rdb       *redis.Client
	ledger    *ledger.Ledger
	campaigns *campaign.Store
	queue     *Queue
}

func newDepot(t *testing.T) *depot {
	t.Helper()
	rdb := redistest.New(t).Client(t)
	d := &depot{t: t, rdb: rdb, ledger: ledger.New(rdb, time.Now), campaigns: campaign.NewStore(rdb, time.Now), queue: NewQueue(rdb, "")}
	d.create("c")
	return d
}

func (d *depot) create(id string) {
	d.t.Helper()
	raw := "id: " + id + "\nsender: promo\nmessage: {type: template, template: {name: plain_news, language: en_US}}\nrecipients: {file: list.csv}\n"
	file, err := campaign.Parse([]byte(raw), "c.yaml")
	if err != nil {
		d.t.Fatal(err)
	}
	if _, err := d.campaigns.Create(d.t.Context(), []byte(raw), file); err != nil {
		d.t.Fatal(err)
	}
}

// awaitStaged waits until so many batches are staged. Any goroutine may call it.
func (d *depot) awaitStaged(n int) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); <-tick.C {
		if staged, err := d.ledger.Staged(d.t.Context(), "c"); err != nil || len(staged) == n {
			return err
		}
	}
	return errors.New("not staged")
}

func (d *depot) into() *Import {
	return &Import{Ledger: d.ledger, Campaigns: d.campaigns, Queue: d.queue}
}

func (d *depot) state(id string) campaign.State {
	d.t.Helper()
	rec, err := d.campaigns.Get(d.t.Context(), id)
	if err != nil {
		d.t.Fatal(err)
	}
	return rec.State
}

// An import that was cut short goes on where it was, is launched and enqueued once,
// and to another run of the same input there is nothing left to do.
func TestImportGoesOn(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	cut := errors.New("the disk is gone")
	broken := &list{sizes: []int{2, 0, 3}, next: func(n int) error {
		if n == 2 {
			return cut
		}
		return nil
	}}
	if _, err := d.into().Run(t.Context(), "c", broken); !errors.Is(err, cut) {
		t.Fatal(err)
	}
	if b := backlog(t, d.queue, "c"); d.state("c") != campaign.Importing || b.Pending != 0 {
		t.Errorf("it is %s with %+v before its launch", d.state("c"), b)
	}
	var indexed []string
	im := d.into()
	im.Index = func(_ context.Context, id string) error { indexed = append(indexed, id); return nil }
	plan, err := im.Run(t.Context(), "c", &list{sizes: []int{2, 0, 3}})
	want := campaign.Plan{Rows: 8, Recipients: 5, Invalid: 3, Batches: 3, Tasks: 2, Fingerprint: plan.Fingerprint}
	if err != nil || plan != want || len(indexed) != 1 {
		t.Errorf("%+v, %v, indexed %v", plan, err, indexed)
	}
	if b := backlog(t, d.queue, "c"); d.state("c") != campaign.Running || b.Pending != 2 {
		t.Errorf("it is %s with %+v", d.state("c"), b)
	}
	if again, err := d.into().Run(t.Context(), "c", &list{sizes: []int{2, 0, 3}}); err != nil || again != plan || backlog(t, d.queue, "c").Pending != 2 {
		t.Errorf("again: %+v, %v", again, err)
	}
	if counted, err := d.into().Count(t.Context(), &list{sizes: []int{2, 0, 3}}); err != nil || counted != plan {
		t.Errorf("counted: %+v, %v", counted, err)
	}
	for what, other := range map[string]*list{"another": {sizes: []int{2, 0, 3}, salt: 1}, "longer": {sizes: []int{2, 0, 3, 1}}} {
		if _, err := d.into().Run(t.Context(), "c", other); !errors.Is(err, ledger.ErrDiffers) {
			t.Errorf("%s input: %v", what, err)
		}
	}
}

// What an earlier run has staged is held against the input, before the launch too.
func TestImportOfAnotherInputIsRefused(t *testing.T) {
	t.Parallel()
	cut := errors.New("cut")
	for name, other := range map[string]*list{"shorter": {sizes: []int{1}}, "another": {sizes: []int{1, 1, 1}, salt: 1}} {
		d := newDepot(t)
		first := &list{sizes: []int{1, 1, 1}, next: func(n int) error {
			if n < 2 {
				return nil
			}
			if err := d.awaitStaged(2); err != nil {
				return err
			}
			return cut
		}}
		if _, err := d.into().Run(t.Context(), "c", first); !errors.Is(err, cut) {
			t.Fatal(err)
		}
		if _, err := d.into().Run(t.Context(), "c", other); !errors.Is(err, ledger.ErrDiffers) || d.state("c") != campaign.Importing {
			t.Errorf("%s: %v, and it is %s", name, err, d.state("c"))
		}
	}
}

// An input without anybody is a campaign that is over.
func TestImportOfNobody(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	plan, err := d.into().Run(t.Context(), "c", &list{sizes: []int{0}})
	if err != nil || plan.Tasks != 0 || plan.Rows != 1 || d.state("c") != campaign.Finished {
		t.Errorf("%+v, %v, and it is %s", plan, err, d.state("c"))
	}
}

// Who is suppressed or barred gets no place in a batch and is counted; a run after
// the lists have changed is of the same input all the same. Who cannot be asked about
// is not imported.
func TestImportSuppresses(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	im := d.into()
	im.Suppress = func(_ context.Context, phones []string) ([]bool, error) {
		suppressed := make([]bool, len(phones))
		for i, number := range phones {
			suppressed[i] = strings.HasSuffix(number, "0")
		}
		return suppressed, nil
	}
	im.Bar = func(_ context.Context, phones []string) ([]string, error) {
		reasons := make([]string, len(phones))
		for i, number := range phones {
			if strings.HasSuffix(number, "1") {
				reasons[i] = "barred"
			}
		}
		return reasons, nil
	}
	sizes := []int{3, 1, 4} // the second has nobody left
	counted, err := im.Count(t.Context(), &list{sizes: sizes})
	if err != nil || counted.Recipients != 3 || counted.Suppressed != 5 || counted.Tasks != 2 || counted.Rows != 11 {
		t.Errorf("%+v, %v", counted, err)
	}
	if plan, err := im.Run(t.Context(), "c", &list{sizes: sizes}); err != nil || plan != counted || backlog(t, d.queue, "c").Pending != 2 {
		t.Errorf("%+v, %v; counted %+v", plan, err, counted)
	}
	if again, err := d.into().Run(t.Context(), "c", &list{sizes: sizes}); err != nil || again != counted {
		t.Errorf("with another list: %+v, %v", again, err)
	}
	away := errors.New("away")
	d.create("d")
	for _, fails := range []func(*Import){
		func(im *Import) { im.Suppress = func(context.Context, []string) ([]bool, error) { return nil, away } },
		func(im *Import) { im.Bar = func(context.Context, []string) ([]string, error) { return nil, away } },
	} {
		im := d.into()
		fails(im)
		_, err := im.Run(t.Context(), "d", &list{sizes: sizes})
		_, cannot := im.Count(t.Context(), &list{sizes: sizes})
		if !errors.Is(err, away) || !errors.Is(cannot, away) || d.state("d") != campaign.Importing {
			t.Errorf("%v, %v, and it is %s", err, cannot, d.state("d"))
		}
	}
}

// Of two runs the later has the import, and the earlier waits; where the later ends
// before the launch, the earlier goes on where it was.
func TestSupersededImportGoesOn(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	reached, goOn := make(chan struct{}), make(chan struct{})
	earlier := &list{sizes: []int{1, 1, 1}, next: func(n int) error {
		if n == 1 {
			close(reached)
			<-goOn
		}
		return nil
	}}
	type end struct {
		plan campaign.Plan
		err  error
	}
	ended := make(chan end, 1)
	go func() {
		plan, err := d.into().Run(t.Context(), "c", earlier)
		ended <- end{plan, err}
	}()
	<-reached

	idle := d.into()
	idle.Idle = true
	if _, err := idle.Run(t.Context(), "c", &list{sizes: []int{1, 1, 1}}); !errors.Is(err, ErrElsewhere) {
		t.Errorf("who waits for an import that nobody has took it: %v", err)
	}
	cut := errors.New("cut")
	later := &list{sizes: []int{1, 1, 1}, next: func(n int) error {
		if n == 0 {
			close(goOn) // and now the earlier one finds that it is superseded
		}
		return map[int]error{2: cut}[n]
	}}
	if _, err := d.into().Run(t.Context(), "c", later); !errors.Is(err, cut) {
		t.Errorf("the later run: %v", err)
	}
	if e := <-ended; e.err != nil || e.plan.Tasks != 3 || d.state("c") != campaign.Running {
		t.Errorf("the earlier run: %+v, and it is %s", e, d.state("c"))
	}
}

// A run that waits for its turn ends with its context, and one whose campaign was
// cancelled says so.
func TestImportEndsWithItsCampaign(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	cancelled := &list{sizes: []int{1, 1}, next: func(n int) error {
		if n == 1 {
			_, err := d.campaigns.Cancel(t.Context(), "c")
			return err
		}
		return nil
	}}
	if _, err := d.into().Run(t.Context(), "c", cancelled); !errors.Is(err, campaign.ErrNotAllowed) {
		t.Errorf("cancelled in between: %v", err)
	}
	if b := backlog(t, d.queue, "c"); b.Pending != 0 {
		t.Errorf("%+v", b)
	}

	d.create("d")
	ctx, cancel := context.WithCancel(t.Context())
	waits := &list{sizes: []int{1, 1}, next: func(n int) error {
		if n == 1 {
			if _, err := d.campaigns.BeginImport(t.Context(), "d"); err != nil { // another run, which goes on for ever
				return err
			}
			time.AfterFunc(time.Millisecond, cancel)
		}
		return nil
	}}
	if _, err := d.into().Run(ctx, "d", waits); !errors.Is(err, context.Canceled) || d.state("d") != campaign.Importing {
		t.Errorf("%v, and it is %s", err, d.state("d"))
	}
}
