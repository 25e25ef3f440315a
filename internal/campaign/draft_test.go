package campaign

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/keys"
	"sluice/internal/redistest"
)

// given is a campaign as somebody composes it, with more in its file.
func given(t *testing.T, id, more string) *Given {
	t.Helper()
	t.Helper()
	raw := []byte(strings.Replace(strings.Replace(least, "spring-sale-br", id, 1), "file: recipients.csv", "phone: mobile", 1) + more)
	f, err := ParseComposed(Rules{}, raw, "c.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return &Given{File: f, Raw: raw, Labels: map[string]string{"crm": "17"}, Callback: []byte(`{"url":"https://x"}`), Tells: []Event{EventImported, EventFinished}}
}

// draft makes a draft and freezes it, if it is to be.
func (d *desk) draft(t *testing.T, id string, frozen bool) *Record {
	t.Helper()
	t.Helper()
	rec, made, err := d.CreateDraft(d.ctx, given(t, id, ""))
	if err != nil || !made {
		t.Fatal(made, err)
	}
	if frozen {
		if err := d.freeze(rec); err != nil {
			t.Fatal(err)
		}
	}
	return d.get(t, id)
}

func (d *desk) freeze(rec *Record) error { return d.Freeze(d.ctx, rec, []byte("manifest"), "") }

// A draft is made once: what is given alike again is the same, and anything else
// another's id.
func TestCreateDraft(t *testing.T) {
	t.Parallel()
	d := newDesk(t, redistest.New(t))
	rec := d.draft(t, "a", false)
	if rec.State != Draft || !rec.Composed() || rec.ETag != given(t, "a", "").ETag() || rec.Labels["crm"] != "17" || len(rec.Callback) == 0 || !rec.CreatedAt.Equal(standing) {
		t.Errorf("%+v", rec)
	}
	if left := d.rdb.PTTL(d.ctx, keys.Campaign("a")).Val(); left <= 0 || left > DraftLasts {
		t.Errorf("it lasts %s", left)
	}
	if again, made, err := d.CreateDraft(d.ctx, given(t, "a", "")); err != nil || made || cmp.Diff(rec, again) != "" {
		t.Errorf("again: %t, %v\n%s", made, err, cmp.Diff(rec, again))
	}
	for what, other := range map[string]func(*Given){
		"file":     func(g *Given) { g.Raw = append(g.Raw, '#') },
		"labels":   func(g *Given) { g.Labels["crm"] = "18" },
		"callback": func(g *Given) { g.Callback = nil },
	} {
		g := given(t, "a", "")
		other(g)
		if _, _, err := d.CreateDraft(d.ctx, g); !errors.Is(err, ErrOtherCampaign) {
			t.Errorf("another %s: %v", what, err)
		}
	}
	d.create(t, "sent", "")
	if _, _, err := d.CreateDraft(d.ctx, given(t, "sent", "")); !errors.Is(err, ErrOtherCampaign) {
		t.Errorf("the id of one that was sent: %v", err)
	}
}

// A draft is changed by who has read what it is, and by nobody once it is none.
func TestReplaceDraft(t *testing.T) {
	t.Parallel()
	d := newDesk(t, redistest.New(t))
	was := d.draft(t, "a", false)
	next := given(t, "a", "priority: high\n")
	if err := d.ReplaceDraft(d.ctx, was.ETag, next); err != nil {
		t.Fatal(err)
	}
	if rec := d.get(t, "a"); rec.ETag != next.ETag() || string(rec.Raw) != string(next.Raw) || rec.State != Draft {
		t.Errorf("%+v", rec)
	}
	if err := d.ReplaceDraft(d.ctx, was.ETag, next); !errors.Is(err, ErrChanged) {
		t.Errorf("by who has read the one before: %v", err)
	}
	if err := d.freeze(was); !errors.Is(err, ErrChanged) {
		t.Errorf("frozen as it was before: %v", err)
	}
	if err := d.freeze(d.get(t, "a")); err != nil {
		t.Fatal(err)
	}
	if err := d.ReplaceDraft(d.ctx, next.ETag(), next); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("frozen: %v", err)
	}
	if err := d.ReplaceDraft(d.ctx, "e", given(t, "nobody", "")); !errors.Is(err, ErrNotFound) {
		t.Errorf("of nobody: %v", err)
	}
}

// Frozen, it lasts for ever and its import is due; given back, it is a draft again
// with its problems, which the next freezing forgets.
func TestFreezeAndGiveBack(t *testing.T) {
	t.Parallel()
	d := newDesk(t, redistest.New(t))
	rec := d.draft(t, "a", true)
	if rec.State != Importing || string(rec.Manifest) != "manifest" || rec.Identity == "" || d.rdb.PTTL(d.ctx, keys.Campaign("a")).Val() != -1 {
		t.Errorf("%+v", rec)
	}
	due := func(want ...string) {
		t.Helper()
		if got, err := d.Frozen(d.ctx); err != nil || !slices.Equal(got, want) {
			t.Errorf("due are %v, %v; want %v", got, err, want)
		}
	}
	due("a")
	if err := d.Imported(d.ctx, "a"); err != nil {
		t.Fatal(err)
	}
	due("a") // it is not
	generation, err := d.BeginImport(d.ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	if back, err := d.GiveBack(d.ctx, "a", generation-1, []byte("[]")); back || err == nil && d.get(t, "a").State != Importing {
		t.Errorf("an earlier run gave it back: %t, %v", back, err)
	}
	if back, err := d.GiveBack(d.ctx, "a", generation, []byte(`["no column"]`)); !back || err != nil {
		t.Fatal(back, err)
	}
	rec = d.get(t, "a")
	if rec.State != Draft || string(rec.Problems) != `["no column"]` || rec.Manifest != nil || d.rdb.PTTL(d.ctx, keys.Campaign("a")).Val() <= 0 {
		t.Errorf("%+v", rec)
	}
	if err := d.Imported(d.ctx, "a"); err != nil {
		t.Fatal(err)
	}
	due()
	if err := d.freeze(rec); err != nil {
		t.Fatal(err)
	}
	if rec = d.get(t, "a"); rec.State != Importing || rec.Problems != nil {
		t.Errorf("%+v", rec)
	}
	if err := d.Imported(d.ctx, "nobody"); err != nil {
		t.Error(err)
	}
}

// A draft that is discarded frees its id; nothing else can be discarded.
func TestDiscard(t *testing.T) {
	t.Parallel()
	d := newDesk(t, redistest.New(t))
	d.draft(t, "a", false)
	d.draft(t, "b", true)
	if err := d.Discard(d.ctx, "b"); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("frozen: %v", err)
	}
	if err := d.Discard(d.ctx, "a"); err != nil {
		t.Fatal(err)
	}
	if err := d.Discard(d.ctx, "a"); !errors.Is(err, ErrNotFound) {
		t.Errorf("again: %v", err)
	}
	if ids, err := d.IDs(d.ctx); err != nil || !slices.Equal(ids, []string{"b"}) {
		t.Errorf("%v, %v", ids, err)
	}
	if _, made, err := d.CreateDraft(d.ctx, given(t, "a", "priority: high\n")); !made || err != nil {
		t.Errorf("its id is not free: %v", err)
	}
}

// A list that is refused while it is imported takes its campaign with it, by the newest
// run alone; one that was composed stays.
func TestWithdraw(t *testing.T) {
	t.Parallel()
	d := newDesk(t, redistest.New(t))
	d.create(t, "a", "")
	d.draft(t, "b", true)
	for id, want := range map[string]bool{"a": true, "b": false} {
		generation, err := d.BeginImport(d.ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		if gone, err := d.Withdraw(d.ctx, id, generation-1); gone || err != nil {
			t.Errorf("%s, by an earlier run: %t, %v", id, gone, err)
		}
		if gone, err := d.Withdraw(d.ctx, id, generation); gone != want || err != nil {
			t.Errorf("%s: %t, %v", id, gone, err)
		}
	}
	if ids, err := d.IDs(d.ctx); err != nil || !slices.Equal(ids, []string{"b"}) {
		t.Errorf("%v, %v", ids, err)
	}
}

// A message is amended where the campaign stands, as the next revision of the one that
// was read, and the claims that there are become stale.
func TestAmend(t *testing.T) {
	t.Parallel()
	d := newDesk(t, redistest.New(t))
	for _, state := range States {
		id := string(state)
		d.put(t, id, state, state != Scheduled)
		d.rdb.HSet(d.ctx, keys.Owners(id), 3, "w")
		d.rdb.HSet(d.ctx, keys.Claims(id), 3, 7, 4, 2)
		err := d.Amend(d.ctx, id, 1, []byte("message: x\n"))
		if state != Paused && state != Halted {
			if !errors.Is(err, ErrNotAllowed) || d.get(t, id).Revision != 1 {
				t.Errorf("%s: %v", state, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if rec := d.get(t, id); rec.Revision != 2 || string(rec.Amended) != "message: x\n" {
			t.Errorf("%+v", rec)
		}
		if claims := d.rdb.HGetAll(d.ctx, keys.Claims(id)).Val(); claims["3"] != "8" || claims["4"] != "2" || d.rdb.Exists(d.ctx, keys.Owners(id)).Val() != 0 {
			t.Errorf("claims %v", claims)
		}
		if err := d.Amend(d.ctx, id, 1, []byte("message: y\n")); !errors.Is(err, ErrAmended) {
			t.Errorf("by who has read the one before: %v", err)
		}
	}
	if err := d.Amend(d.ctx, "nobody", 1, nil); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}
