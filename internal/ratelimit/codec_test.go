package ratelimit

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// What is written for other workers is read as it was meant.
func TestCodecs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var demands []Demand
		var slots []Slot
		for range rapid.IntRange(0, 5).Draw(t, "campaigns") {
			key := rapid.Uint64().Draw(t, "key")
			demands = append(demands, Demand{
				Worker: "w", Campaign: key, Weight: rapid.IntRange(1, 4).Draw(t, "weight"), Want: rapid.IntRange(1, mostWanted).Draw(t, "want"),
				Whole: rapid.IntRange(0, 1000).Draw(t, "whole"), PerSecond: rapid.SampledFrom([]float64{0, 0.3, 500}).Draw(t, "own"),
			})
			slots = append(slots, Slot{
				Worker: "w", Campaign: key, N: rapid.IntRange(1, 1000).Draw(t, "n"), At: rapid.Int64Range(began, began+day).Draw(t, "at"),
				Step: rapid.SampledFrom([]float64{0, 1.0 / 3, 2000}).Draw(t, "step"), Whole: rapid.Bool().Draw(t, "one"),
			})
		}
		if got, err := decodeDemands("w", string(encodeDemands(demands))); err != nil || !slices.Equal(got, demands) {
			t.Fatalf("%+v, %v", got, err)
		}
		text := string(encodeSlots(slots, 7)) + string(encodeSlots(slots, 8))
		if got, err := decodeSlots("w", text); err != nil || !reflect.DeepEqual(got, []planned{{7, slots}, {8, slots}}) {
			t.Fatalf("%+v, %v", got, err)
		}
	})
}

// A schedule goes on after it was written and read as if it had not been.
func TestScheduleGoesOn(t *testing.T) {
	t.Parallel()
	demands := func() (all []Demand) {
		for i := range 6 {
			all = append(all, Demand{Worker: fmt.Sprint("w", i%2), Campaign: uint64(i), Weight: 1 + i%3, Want: 5000, Whole: i / 5 * 30, PerSecond: float64(i/4) * 30})
		}
		return all
	}
	straight, written := newSchedule(), newSchedule()
	for i := range int64(10) {
		now := began + i*second/3
		a := Plan(straight, Allowance{Messages: 300, Burst: 1, Left: 1 << 30}, demands(), now, 1000, now+second/2)
		b := Plan(written, Allowance{Messages: 300, Burst: 1, Left: 1 << 30}, demands(), now, 1000, now+second/2)
		if !reflect.DeepEqual(a, b) {
			t.Fatalf("plan %d differs:\n%v\n%v", i, a, b)
		}
		straight.forget(now)
		rebase(straight)
		var err error
		if written, err = decodeSchedule(string(written.encode(now))); err != nil {
			t.Fatal(err)
		}
	}
}

// rebase tells tags from the virtual time, as what is written does.
func rebase(s *Schedule) {
	for key, t := range s.tags {
		t.Finish = float64(float32(max(0, t.Finish-s.Virtual)))
		s.tags[key] = t
	}
	s.Virtual = 0
}

// Nothing that stands in Redis makes a worker panic or take much memory.
func FuzzDecode(f *testing.F) {
	s := newSchedule()
	Plan(s, Allowance{Messages: 10, Burst: 1, Left: 100}, []Demand{{Worker: "w", Campaign: 1, Weight: 1, Want: 9, Whole: 3, PerSecond: 5}}, began, 1000, began+second)
	f.Add(string(s.encode(began)))
	f.Fuzz(func(_ *testing.T, text string) {
		_, _ = decodeSchedule(text)
		_, _ = decodeDemands("w", text)
		_, _ = decodeSlots("w", text)
	})
}

// A thousand campaigns of one sender on three workers: how long a plan takes, with
// what is read and written for it, and how much stands in Redis.
func BenchmarkThousandCampaigns(b *testing.B) {
	d := newDesk()
	d.at = began
	var reports []report
	for w := range 3 {
		r := report{worker: fmt.Sprint("w", w), flight: 20, reach: 100_000}
		for i := range 1000 {
			r.demands = append(r.demands, Demand{Campaign: keyOf(fmt.Sprint("campaign-", i)), Weight: 1 + i%4, Want: 1000})
		}
		reports = append(reports, r)
	}
	p := planning{worker: "w0", mine: settings{Stamp: 1, Messages: 1000, Burst: 1}, lead: 25e6, others: 100e6, ahead: 600e6}
	var size, planning, reading, writing float64
	n := 0.0
	for b.Loop() {
		n++
		d.at += second * 4 / 10
		var a *answer
		for i := range reports {
			r := reports[(i+1)%3] // w0 is the last
			r.force = i == 2
			var err error
			if a, err = d.beatNow(r); err != nil {
				b.Fatal(err)
			}
		}
		at := time.Now()
		s, err := decodeSchedule(a.plan["schedule"])
		if err != nil {
			b.Fatal(err)
		}
		demands, _, err := p.demands(a, Allowance{Messages: 1000})
		if err != nil {
			b.Fatal(err)
		}
		read := time.Now()
		Plan(s, Allowance{Messages: 1000, Burst: 1, Left: 1 << 30}, demands, a.now, 25_000, a.now+600_000)
		planned := time.Now()
		s.encode(a.now)
		reading, planning, writing = reading+ms(read.Sub(at)), planning+ms(planned.Sub(read)), writing+ms(time.Since(planned))
		c, _, _, err := p.propose(a)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := d.commitNow(c); err != nil {
			b.Fatal(err)
		}
		size = 0
		for _, text := range d.plan {
			size += float64(len(text))
		}
	}
	b.ReportMetric(size/1000, "KB")
	b.ReportMetric(reading/n, "ms/read")
	b.ReportMetric(planning/n, "ms/plan")
	b.ReportMetric(writing/n, "ms/write")
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
