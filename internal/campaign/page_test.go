package campaign

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
	"sluice/internal/redistest"
)

// The list of campaigns is read in pages of any size, each campaign once and the newest
// first, those of one moment by their ids; a name without a record is none.
func TestPage(t *testing.T) {
	t.Parallel()
	d := newDesk(t, redistest.New(t))
	var want []string
	for i := range 7 {
		id := fmt.Sprintf("c%d", i)
		d.create(t, id, "")
		d.rdb.ZAdd(d.ctx, keys.Campaigns(), redis.Z{Score: float64(1000 + i/3), Member: id})
		want = append(want, id)
	}
	slices.Reverse(want)
	d.rdb.ZAdd(d.ctx, keys.Campaigns(), redis.Z{Score: 1001, Member: "c4-nobody"})
	for size := 1; size <= 8; size++ {
		var got []string
		after := ""
		for pages := 0; ; pages++ {
			left := size
			next, err := d.Page(d.ctx, after, func(r *Record) bool {
				got = append(got, r.ID)
				left--
				return left > 0
			})
			if err != nil {
				t.Fatal(err)
			}
			if after = next; next == "" || pages > 8 {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("pages of %d: %v", size, got)
		}
	}
	for _, bad := range []string{"c3", "x c3", " ", "1.5 c3"} {
		if _, err := d.Page(d.ctx, bad, func(*Record) bool { return true }); !errors.Is(err, ErrCursor) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// Many are read at once, with a gap where there is none.
func TestManyAndSenders(t *testing.T) {
	t.Parallel()
	d := newDesk(t, redistest.New(t))
	d.create(t, "a", "")
	d.create(t, "b", "")
	ids := []string{"b", "nobody", "a"}
	records, err := d.Many(d.ctx, ids)
	if err != nil || len(records) != 3 || records[0].ID != "b" || records[1] != nil || records[2].ID != "a" {
		t.Errorf("%+v, %v", records, err)
	}
	names, err := d.Senders(d.ctx, ids)
	if err != nil || !slices.Equal(names, []string{"promo-br", "", "promo-br"}) {
		t.Errorf("%v, %v", names, err)
	}
	if records, err := d.Many(d.ctx, nil); err != nil || records != nil {
		t.Errorf("%v, %v", records, err)
	}
	if names, err := d.Senders(d.ctx, nil); err != nil || names != nil {
		t.Errorf("%v, %v", names, err)
	}
}

// What is noted of a list is read again; what it names is noted once.
func TestNotes(t *testing.T) {
	t.Parallel()
	d := newDesk(t, redistest.New(t))
	d.create(t, "a", "")
	if s := d.get(t, "a").Shape(); s.Zones != nil || s.Requests != 0 {
		t.Errorf("%+v", s)
	}
	if err := d.Note(d.ctx, "a", Shape{Zones: map[string]int{"America/Bahia": 3}, Requests: 7}); err != nil {
		t.Fatal(err)
	}
	if s := d.get(t, "a").Shape(); s.Zones["America/Bahia"] != 3 || s.Requests != 7 {
		t.Errorf("%+v", s)
	}
	for _, version := range []string{"first", "second"} {
		if err := d.NoteNamed(d.ctx, "a", version); err != nil {
			t.Fatal(err)
		}
	}
	if rec := d.get(t, "a"); rec.Named != "first" {
		t.Error(rec.Named)
	}
}
