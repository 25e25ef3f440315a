package series_test

import (
	"slices"
	"testing"
	"time"

	"sluice/internal/redistest"
	"sluice/internal/series"
)

const every = 10 * time.Second

// However long a campaign runs its points are few, in order, and reach from its first
// moment to its last.
func TestSeriesIsBounded(t *testing.T) {
	t.Parallel()
	s := series.NewStore(redistest.New(t).Client(t))
	began := time.Unix(1_700_000_000, 0).UTC()
	const points = 3 * series.Most
	for i := range points {
		p := series.Point{At: began.Add(time.Duration(i) * every), Accepted: 7 * i, Rejected: i, InDoubt: 1, Delivered: 2, Read: 3, Undelivered: 4, Limit: 12.5}
		if err := s.Add(t.Context(), "c", p, every); err != nil {
			t.Fatal(err)
		}
	}
	all, err := s.Read(t.Context(), "c")
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < series.Most/3 || len(all) > series.Most+1 || !all[0].At.Equal(began) || all[0].Limit != 12.5 {
		t.Fatalf("%d points from %+v", len(all), all[0])
	}
	last := all[len(all)-1]
	if behind := began.Add((points - 1) * every).Sub(last.At); behind > 8*every {
		t.Errorf("the last point is %s behind", behind)
	}
	for i := 1; i < len(all); i++ {
		if !all[i].At.After(all[i-1].At) || all[i].Accepted != 7*all[i].Rejected {
			t.Fatalf("%+v behind %+v", all[i], all[i-1])
		}
	}
	if other, err := s.Read(t.Context(), "nobody"); err != nil || len(other) != 0 {
		t.Errorf("%v %v", other, err)
	}
}

// What stands still has two points: when it began to, and now.
func TestSeriesStandsStill(t *testing.T) {
	t.Parallel()
	s := series.NewStore(redistest.New(t).Client(t))
	began := time.Unix(1_700_000_000, 0).UTC()
	for i := range 50 {
		if err := s.Add(t.Context(), "c", series.Point{At: began.Add(time.Duration(i) * every), Accepted: 5}, every); err != nil {
			t.Fatal(err)
		}
	}
	all, err := s.Read(t.Context(), "c")
	if err != nil || len(all) != 2 || !all[0].At.Equal(began) || !all[1].At.Equal(began.Add(49*every)) {
		t.Errorf("%+v %v", all, err)
	}
	// A point that comes too early is left out.
	if err := s.Add(t.Context(), "c", series.Point{At: began.Add(49*every + time.Second), Accepted: 6}, every); err != nil {
		t.Fatal(err)
	}
	if all, err = s.Read(t.Context(), "c"); err != nil || len(all) != 2 {
		t.Errorf("%+v %v", all, err)
	}
}

// One process at a time adds points, and another where that one is gone.
func TestTurn(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	s := series.NewStore(rdb)
	turn := func(owner string, want bool) {
		t.Helper()
		if has, err := s.Turn(t.Context(), owner, time.Hour); err != nil || has != want {
			t.Errorf("%s: %v %v", owner, has, err)
		}
	}
	turn("a", true)
	turn("b", false)
	turn("a", true)
	if err := rdb.Del(t.Context(), "sluice:series:turn").Err(); err != nil { // as its expiry does
		t.Fatal(err)
	}
	turn("b", true)
	turn("a", false)
}

// Of each step the last point is left, of whatever length the steps are; the counts only
// ever rise, so that nothing is lost but when it was.
func TestThinned(t *testing.T) {
	t.Parallel()
	at := time.Unix(1_700_000_000, 0)
	var all []series.Point
	for _, second := range []int{0, 10, 20, 59, 60, 119, 300, 301} {
		all = append(all, series.Point{At: at.Add(time.Duration(second) * time.Second), Accepted: second})
	}
	for step, want := range map[time.Duration][]int{
		0: {0, 10, 20, 59, 60, 119, 300, 301}, time.Minute: {59, 119, 301}, 10 * time.Second: {0, 10, 20, 59, 60, 119, 301}, time.Hour: {301},
	} {
		var got []int
		for _, p := range series.Thinned(all, step) {
			got = append(got, p.Accepted)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", step, got, want)
		}
	}
	if got := series.Thinned(nil, time.Minute); got != nil {
		t.Errorf("%v", got)
	}
}
