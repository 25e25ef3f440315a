package desk

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/batch"
	"sluice/internal/campaign"
	"sluice/internal/keys"
	"sluice/internal/sender"
)

func TestLaunch(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	var warned []string
	o := c.order("sale", "")
	o.Warn = func(w string) { warned = append(warned, w) }
	p := c.prepare(o)
	l, err := c.Launch(c.ctx, p)
	if err != nil {
		t.Fatal(err)
	}
	counts := l.Counts
	counts.Fingerprint = ""
	if diff := cmp.Diff(campaign.Plan{Rows: 4, Recipients: 2, Invalid: 1, Duplicate: 1, Batches: 1, Tasks: 1}, counts); diff != "" {
		t.Error(diff)
	}
	if l.State != campaign.Running || l.Before || len(l.Reasons) != 1 || !slices.Equal(l.Reasons[0].Lines, []int{4}) || len(warned) != 1 {
		t.Errorf("%+v, warned %v", l, warned)
	}
	if at := p.Progress(); at.Doing != "importing" || at.Rows != 4 || at.Bytes != at.Size || at.Size == 0 {
		t.Errorf("%+v", at)
	}
	for _, move := range []struct {
		name string
		make func() (Moved, error)
		want Moved
	}{
		{"again", func() (Moved, error) { l := c.launch("sale", ""); return Moved{State: l.State, Moved: !l.Before}, nil }, Moved{State: campaign.Running, Moved: false}},
		{"pause", func() (Moved, error) { return c.Pause(c.ctx, "sale") }, Moved{State: campaign.Paused, Moved: true}},
		{"pause", func() (Moved, error) { return c.Pause(c.ctx, "sale") }, Moved{State: campaign.Paused, Moved: false}},
		{"again", func() (Moved, error) { l := c.launch("sale", ""); return Moved{State: l.State, Moved: !l.Before}, nil }, Moved{State: campaign.Paused, Moved: false}},
		{"resume", func() (Moved, error) { return c.Resume(c.ctx, "sale") }, Moved{State: campaign.Running, Moved: true}},
		{"cancel", func() (Moved, error) { return c.Cancel(c.ctx, "sale") }, Moved{State: campaign.Cancelled, Moved: true}},
		{"again", func() (Moved, error) { l := c.launch("sale", ""); return Moved{State: l.State, Moved: !l.Before}, nil }, Moved{State: campaign.Cancelled, Moved: false}},
	} {
		if got, err := move.make(); err != nil || got != move.want {
			t.Errorf("%s: %+v, %v", move.name, got, err)
		}
	}
	if _, err := c.Resume(c.ctx, "sale"); !errors.Is(err, campaign.ErrNotAllowed) {
		t.Error(err)
	}
	if _, err := c.Pause(c.ctx, "nobody"); !errors.Is(err, campaign.ErrNotFound) {
		t.Error(err)
	}
}

// A list of nobody creates nothing, so that its id is free for when it is mended.
func TestLaunchOfNobody(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	c.file("list.csv", "phone,name\n081234567801,A\n081234567802,B\n")
	_, err := c.Launch(c.ctx, c.prepare(c.order("sale", "")))
	refused(t, err, "(lines 2, 3)")
	plan, err := c.Count(c.ctx, c.prepare(c.order("sale", "")))
	refused(t, err, "nobody to send to")
	if plan == nil || plan.Counts.Rows != 2 || len(plan.Reasons) != 1 {
		t.Errorf("%+v", plan)
	}
	if n := c.rdb.DBSize(c.ctx).Val(); n != 0 {
		t.Errorf("%d keys", n)
	}
	o := c.order("sale", "")
	o.Text = []byte(strings.Replace(string(o.Text), "file: list.csv", "file: list.csv, default_country: ID", 1))
	if l, err := c.Launch(c.ctx, c.prepare(o)); err != nil || l.Counts.Recipients != 2 {
		t.Errorf("%+v, %v", l, err)
	}
}

// listOf is a list of that many rows.
func listOf(n int) string {
	var b strings.Builder
	b.WriteString("phone,name\n")
	for i := range n {
		fmt.Fprintf(&b, "55119%08d,Ana\n", 10_000_000+i)
	}
	return b.String()
}

// A list that is refused in the middle of its import leaves nothing, so that its id is
// free for when it is mended; but not what another run imports, nor a campaign that
// a list of another text was imported for.
func TestLaunchRefusedLate(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	good := listOf(30_000)
	for name, text := range map[string]string{
		"no text":      good + strings.Repeat("5511987654321,\xff\n", 2_000),
		"no end":       good + "5511987654321,\"" + strings.Repeat("x", 9<<20) + "\n",
		"damaged gzip": packed(t, good)[:50_000],
	} {
		c.file("list.csv", text)
		_, err := c.Launch(c.ctx, c.prepare(c.order("sale", "")))
		refused(t, err, "")
		left := slices.DeleteFunc(c.rdb.Keys(c.ctx, "*").Val(), func(key string) bool {
			return strings.HasSuffix(key, "events") || key == keys.Audit() // what was done stays known
		})
		if len(left) != 0 {
			t.Errorf("%s: %q are left", name, left)
		}
		if _, err := c.campaigns.Get(c.ctx, "sale"); !errors.Is(err, campaign.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c.file("list.csv", good)
	if l, err := c.Launch(c.ctx, c.prepare(c.order("sale", ""))); err != nil || l.Counts.Recipients != 30_000 {
		t.Fatalf("%+v, %v", l, err)
	}
	c.file("list.csv", good+strings.Repeat("5511987654321,\xff\n", 2_000))
	_, err := c.Launch(c.ctx, c.prepare(c.order("sale", "")))
	refused(t, err, "not text")
	if rec, err := c.campaigns.Get(c.ctx, "sale"); err != nil || rec.State != campaign.Running {
		t.Errorf("%+v, %v", rec, err)
	}
}

// A file that is written to while it is read is refused: its last row may have ended
// in the middle of a number.
func TestLaunchOfAFileThatChanges(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	path := c.file("list.csv", listOf(30_000))
	for name, change := range map[string]func() error{
		"shorter": func() error { return os.Truncate(path, 400_000) },
		"longer": func() error {
			f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			if err == nil {
				_, err = f.WriteString("5511987")
				err = errors.Join(err, f.Close())
			}
			return err
		},
		"another": func() error { return os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour)) },
	} {
		p := c.prepare(c.order("sale", ""))
		if err := change(); err != nil {
			t.Fatal(err)
		}
		_, err := c.Launch(c.ctx, p)
		refused(t, err, "list.csv: ")
		refused(t, err, "written to while it was read")
		if _, err := c.campaigns.Get(c.ctx, "sale"); !errors.Is(err, campaign.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What another run is importing stays, and goes on.
func TestLaunchRefusedBesideAnother(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	c.file("list.csv", listOf(2_000))
	p := c.prepare(c.order("sale", ""))
	var other int
	rec, err := c.campaigns.Create(c.ctx, p.order.Text, p.file)
	if err == nil {
		other, err = c.campaigns.BeginImport(c.ctx, "sale")
	}
	if err == nil {
		err = c.withdraw(c.ctx, rec, batch.ErrNotText)
	}
	if err != nil {
		t.Fatal(err)
	}
	if there, err := c.campaigns.Get(c.ctx, "sale"); err != nil || there.State != campaign.Importing {
		t.Fatalf("%+v, %v", there, err)
	}
	if gone, err := c.campaigns.Withdraw(c.ctx, "sale", other-1); err != nil || gone {
		t.Errorf("withdrawn by a run that was superseded: %v, %v", gone, err)
	}
}

func packed(t *testing.T, text string) string {
	t.Helper()
	var b strings.Builder
	w, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err == nil {
		_, err = w.Write([]byte(text))
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// An order that is not carried out is refused, whatever it is that is new in it,
// and changes nothing.
func TestLaunchRefusesWhatIsNew(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	c.launch("sale", "rate: {messages_per_second: 20}")
	rate := 50.0
	if _, err := c.Set(c.ctx, SetOrder{ID: "sale", Rate: &rate}); err != nil {
		t.Fatal(err)
	}
	was, err := c.campaigns.Get(c.ctx, "sale")
	if err != nil {
		t.Fatal(err)
	}
	given := c.order("sale", "rate: {messages_per_second: 20}")
	list := given
	list.Lists = []string{c.file("other.csv", "phone,name\n5511987654399,Ana\n")}
	message := given
	message.Text = []byte(strings.Replace(string(given.Text), "order_update", "another", 1))
	for words, o := range map[string]Order{
		"rate: 20 messages a second, and not the sender's own": c.order("sale", ""),
		"rate: 20 messages a second, and not 50":               c.order("sale", "rate: {messages_per_second: 50}"),
		"priority: normal, and not high":                       c.order("sale", "rate: {messages_per_second: 20}\npriority: high"),
		"a changed list needs a new id":                        list,
		"another message":                                      message,
	} {
		_, err := c.Launch(c.ctx, c.prepare(o))
		refused(t, err, words)
	}
	if l, err := c.Launch(c.ctx, c.prepare(given)); err != nil || !l.Before {
		t.Errorf("as it was given: %+v, %v", l, err)
	}
	now, err := c.campaigns.Get(c.ctx, "sale")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(was, now); diff != "" {
		t.Error(diff)
	}
}

func TestPrepareRefuses(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	c.file("header.csv", "phone,name\n\n")
	c.file("columns.csv", "phone,first\n5511987654321,Ana\n")
	with := func(old, text string) Order {
		o := c.order("sale", "")
		o.Text = []byte(strings.Replace(string(o.Text), old, text, 1))
		return o
	}
	for words, o := range map[string]Order{
		"sale.yaml:1:5: id":                 with("id: sale", "id: S"),
		"there is no sender":                with("promo", "nobody"),
		"opening the recipients":            with("list.csv", "missing.csv"),
		"nothing to send":                   with("list.csv", "header.csv"),
		`there is no column "name"`:         with("list.csv", "columns.csv"),
		"sale.yaml:5:1: speed: unknown key": c.order("sale", "speed: 1"),
		"sale.yaml:5:11: start_at: not a ":  c.order("sale", "start_at: tomorrow"),
	} {
		_, err := c.Prepare(o)
		refused(t, err, words)
	}
	c.provider.refuse = errors.New("message.type: not here")
	_, err := c.Prepare(c.order("sale", ""))
	refused(t, err, "message.type: not here")
}

// A message that its template does not fit is refused before a key is written.
func TestPreflight(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	c.provider.unfit = &sender.UnfitError{Err: errors.New("the template has two variables")}
	_, err := c.Launch(c.ctx, c.prepare(c.order("sale", "")))
	refused(t, err, "two variables")
	_, err = c.Count(c.ctx, c.prepare(c.order("sale", "")))
	refused(t, err, "two variables")
	c.provider.unfit = errors.New("no route")
	if _, err := c.Launch(c.ctx, c.prepare(c.order("sale", ""))); !errors.Is(err, ErrNotAsked) {
		t.Error(err)
	}
	if n := c.rdb.DBSize(c.ctx).Val(); n != 0 {
		t.Errorf("%d keys", n)
	}
	o := c.order("sale", "")
	o.SkipPreflight = true
	if _, err := c.Launch(c.ctx, c.prepare(o)); err != nil {
		t.Error(err)
	}
	c.launch("sale", "") // imported: the template is not asked any more
}

func TestCountWritesNothing(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	c.limits.MessagesPerSecond = 80
	plan, err := c.Count(c.ctx, c.prepare(c.order("sale", "rate: {messages_per_second: 20}")))
	if err != nil {
		t.Fatal(err)
	}
	if !plan.Counted || plan.Counts.Recipients != 2 || plan.Limit != 20 || plan.Template == "" {
		t.Errorf("%+v", plan)
	}
	if n := c.rdb.DBSize(c.ctx).Val(); n != 0 {
		t.Errorf("%d keys", n)
	}
	ctx, cancel := context.WithCancel(c.ctx)
	cancel()
	if _, err := c.Count(ctx, c.prepare(c.order("sale", ""))); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "same command again") {
		t.Error(err)
	}
}
