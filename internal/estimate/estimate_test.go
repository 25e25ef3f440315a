package estimate

import (
	"fmt"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sluice/internal/campaign"
)

var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

func window(from, to, zone string) *campaign.Window {
	return &campaign.Window{From: from, To: to, Timezone: zone}
}

func everywhere(n int) map[string]int { return map[string]int{"": n} }

func TestEnds(t *testing.T) {
	t.Parallel()
	after := func(d time.Duration) time.Time { return noon.Add(d) }
	for name, tt := range map[string]struct {
		sender    Sender
		campaigns []Campaign
		want      []time.Time
	}{
		"nobody is left":   {Sender{Messages: 10}, []Campaign{{Weight: 2}}, []time.Time{noon}},
		"no limit":         {Sender{}, []Campaign{{Weight: 2, Zones: everywhere(9)}}, []time.Time{{}}},
		"messages":         {Sender{Messages: 10}, []Campaign{{Weight: 2, Zones: everywhere(600)}}, []time.Time{after(time.Minute)}},
		"its own rate":     {Sender{Messages: 10}, []Campaign{{Weight: 2, Rate: 5, Zones: everywhere(600)}}, []time.Time{after(2 * time.Minute)}},
		"own rate alone":   {Sender{}, []Campaign{{Weight: 2, Rate: 5, Zones: everywhere(600)}}, []time.Time{after(2 * time.Minute)}},
		"requests":         {Sender{Messages: 10, Requests: 2}, []Campaign{{Weight: 2, Zones: everywhere(600)}}, []time.Time{after(5 * time.Minute)}},
		"requests of many": {Sender{Requests: 2}, []Campaign{{Weight: 2, PerRequest: 100, Zones: everywhere(6000)}}, []time.Time{after(30 * time.Second)}},
		"start":            {Sender{Messages: 10}, []Campaign{{Weight: 2, Start: after(time.Hour), Zones: everywhere(600)}}, []time.Time{after(time.Hour + time.Minute)}},
		"start is past":    {Sender{Messages: 10}, []Campaign{{Weight: 2, Start: after(-time.Hour), Zones: everywhere(600)}}, []time.Time{after(time.Minute)}},
		"until":            {Sender{Messages: 10, Until: after(time.Hour)}, []Campaign{{Weight: 2, Zones: everywhere(600)}}, []time.Time{after(time.Hour + time.Minute)}},
		"shares, and what is left over": {
			Sender{Messages: 10},
			[]Campaign{{Weight: 4, Zones: everywhere(800)}, {Weight: 1, Zones: everywhere(200)}, {Weight: 2, Rate: 1, Zones: everywhere(60)}},
			// 9 a second for the two, 7.2 and 1.8, until the third ends after a minute; then 8 and 2.
			[]time.Time{after(106 * time.Second), after(106 * time.Second), after(time.Minute)},
		},
		"window": {
			Sender{Messages: 1},
			[]Campaign{{Weight: 2, Window: window("11:00", "13:00", "UTC"), Zones: everywhere(2 * 3600)}},
			[]time.Time{after(24 * time.Hour)}, // an hour today, and one from eleven tomorrow
		},
		"each recipient's own": {
			Sender{Messages: 1},
			[]Campaign{{Weight: 2, Window: window("09:00", "20:00", campaign.RecipientZone), Zones: map[string]int{"Europe/London": 60, "America/Los_Angeles": 60}}},
			[]time.Time{after(4*time.Hour + time.Minute)}, // nine there is sixteen here
		},
		"24 hours": {
			Sender{Messages: 10, Day: 600},
			[]Campaign{{Weight: 2, Zones: everywhere(1200)}},
			[]time.Time{after(24*time.Hour + 10*time.Minute + time.Minute)}, // the bucket of the first ends ten minutes in
		},
		"24 hours, partly used": {
			Sender{Messages: 10, Day: 600, Used: []Used{{To: after(-23 * time.Hour), N: 300}}},
			[]Campaign{{Weight: 2, Zones: everywhere(600)}},
			[]time.Time{after(time.Hour + 30*time.Second)},
		},
	} {
		got := Ends(noon, tt.sender, tt.campaigns)
		for i := range got {
			if d := got[i].Sub(tt.want[i]); d > time.Second || d < -time.Second {
				t.Errorf("%s, campaign %d: %s, want %s", name, i, got[i], tt.want[i])
			}
		}
	}
}

// What takes longer than anybody plans for is not known.
func TestEndsBeyondTheHorizon(t *testing.T) {
	t.Parallel()
	if got := Ends(noon, Sender{Messages: 1}, []Campaign{{Weight: 2, Zones: everywhere(500 * 86400)}})[0]; !got.IsZero() {
		t.Error(got)
	}
}

// The estimate agrees with a simulation of days, second by second.
func TestEndsAgreeWithASimulation(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := Sender{
			Messages: rapid.SampledFrom([]float64{0.5, 3, 10, 80}).Draw(t, "messages"),
			Requests: rapid.SampledFrom([]float64{0, 0, 2, 20}).Draw(t, "requests"),
			Day:      rapid.SampledFrom([]int{0, 0, 3000, 10_000}).Draw(t, "day"),
		}
		for i := range rapid.IntRange(0, 3).Draw(t, "used") {
			s.Used = append(s.Used, Used{
				To: noon.Truncate(bucket).Add(-time.Duration(rapid.IntRange(0, 143).Draw(t, fmt.Sprint("ago", i))) * bucket),
				N:  rapid.IntRange(1, 3000).Draw(t, fmt.Sprint("n", i)),
			})
		}
		var campaigns []Campaign
		for i := range rapid.IntRange(1, 3).Draw(t, "campaigns") {
			of := func(what string) string { return fmt.Sprint(what, i) }
			c := Campaign{
				Weight:     rapid.SampledFrom([]int{1, 2, 4}).Draw(t, of("weight")),
				Rate:       rapid.SampledFrom([]float64{0, 0, 0.7, 5}).Draw(t, of("rate")),
				PerRequest: rapid.SampledFrom([]float64{0, 1, 30}).Draw(t, of("per")),
				Start:      noon.Add(time.Duration(rapid.IntRange(-600, 3000).Draw(t, of("start"))) * time.Minute),
				Zones:      map[string]int{"America/Sao_Paulo": rapid.IntRange(1, 4000).Draw(t, of("brazil")), "Asia/Tokyo": rapid.IntRange(0, 4000).Draw(t, of("japan"))},
			}
			c.Window = rapid.SampledFrom([]*campaign.Window{
				nil, window("09:00", "20:00", "America/Sao_Paulo"), window("22:00", "02:30", "Europe/Berlin"), window("09:00", "12:00", campaign.RecipientZone),
			}).Draw(t, of("window"))
			campaigns = append(campaigns, c)
		}
		got, want := Ends(noon, s, campaigns), simulate(noon, s, campaigns)
		for i := range got {
			off := got[i].Sub(want[i])
			// The simulation's day gives whole messages at ends of seconds.
			if allowed := 2*time.Minute + want[i].Sub(noon)/100; off > allowed || off < -allowed {
				t.Fatalf("campaign %d: %s, and the simulation ends %s", i, got[i], want[i])
			}
		}
	})
}

// simulate sends in steps of some seconds.
func simulate(now time.Time, s Sender, campaigns []Campaign) []time.Time {
	const tick = 20 * time.Second
	ends := make([]time.Time, len(campaigns))
	left := make([]map[string]float64, len(campaigns))
	used := map[time.Time]float64{}
	for _, u := range s.Used {
		used[u.To] += float64(u.N)
	}
	for i, c := range campaigns {
		left[i] = map[string]float64{}
		for zone, n := range c.Zones {
			left[i][zone] = float64(n)
		}
	}
	for t, open := now, len(campaigns); open > 0; t = t.Add(tick) {
		room := math.MaxFloat64
		if s.Day > 0 {
			room = float64(s.Day)
			for to, n := range used {
				if to.Add(24 * time.Hour).After(t) {
					room -= n
				} else {
					delete(used, to)
				}
			}
		}
		want := shares(t, s, campaigns, left)
		total := 0.0
		for i := range want {
			want[i] *= tick.Seconds()
			total += want[i]
		}
		if room < 1 {
			room = 0
		}
		scale := min(1, room/max(total, 1e-9))
		for i := range campaigns {
			if !ends[i].IsZero() {
				continue
			}
			sent := take(t, campaigns[i], left[i], want[i]*scale)
			used[t.Truncate(10*time.Minute).Add(10*time.Minute)] += sent
			rest := 0.0
			for _, n := range left[i] {
				rest += n
			}
			if rest < 0.01 {
				ends[i] = t.Add(tick)
				clear(left[i])
				open--
			}
		}
	}
	return ends
}

// opened is how many are left whose window is open.
func opened(t time.Time, c Campaign, left map[string]float64) (n float64) {
	for zone, m := range left {
		if m > 0 && isOpen(t, c, zone) {
			n += m
		}
	}
	return n
}

func isOpen(t time.Time, c Campaign, zone string) bool {
	if c.Start.After(t) {
		return false
	}
	if c.Window == nil {
		return true
	}
	if c.Window.Timezone != campaign.RecipientZone {
		zone = c.Window.Timezone
	}
	local := t.In(places[zone])
	at, from, to := local.Hour()*60+local.Minute(), minutes(c.Window.From), minutes(c.Window.To)
	if from < to {
		return from <= at && at < to
	}
	return at >= from || at < to
}

func minutes(text string) int {
	return 60*(10*int(text[0]-'0')+int(text[1]-'0')) + 10*int(text[3]-'0') + int(text[4]-'0')
}

// places are the time zones of the simulation.
var places = func() map[string]*time.Location {
	all := map[string]*time.Location{}
	for _, name := range []string{"America/Sao_Paulo", "Asia/Tokyo", "Europe/Berlin"} {
		place, err := time.LoadLocation(name)
		if err != nil {
			panic(err)
		}
		all[name] = place
	}
	return all
}()

// take takes n from those whose window is open, as the list mixes them.
func take(t time.Time, c Campaign, left map[string]float64, n float64) float64 {
	all := opened(t, c, left)
	n = min(n, all)
	for zone, m := range left {
		if m > 0 && isOpen(t, c, zone) {
			left[zone] -= n * m / all
		}
	}
	return n
}

// shares is each one's messages a second, found by raising all of them, in
// proportion, until the sender is full or each has its own rate.
func shares(t time.Time, s Sender, campaigns []Campaign, left []map[string]float64) []float64 {
	rates := make([]float64, len(campaigns))
	at := func(level float64) (messages float64) {
		for i, c := range campaigns {
			rates[i] = 0
			if opened(t, c, left[i]) > 0 {
				rates[i] = level * float64(c.Weight)
				if c.Rate > 0 {
					rates[i] = min(rates[i], c.Rate)
				}
			}
			messages += rates[i]
		}
		return messages
	}
	low, high := 0.0, s.Messages
	for range 20 {
		if mid := (low + high) / 2; at(mid) > s.Messages {
			high = mid
		} else {
			low = mid
		}
	}
	at(low)
	requests := 0.0
	for i, c := range campaigns {
		requests += rates[i] / max(1, c.PerRequest)
	}
	if s.Requests > 0 && requests > s.Requests {
		for i := range rates {
			rates[i] *= s.Requests / requests
		}
	}
	return rates
}
