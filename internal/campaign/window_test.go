package campaign

import (
	"errors"
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestWindowNext(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ from, to, zone, now, want string }{
		"open":                       {"09:00", "20:00", "America/Sao_Paulo", "2026-11-22T09:00:00-03:00", "2026-11-22T09:00:00-03:00"},
		"last moment":                {"09:00", "20:00", "America/Sao_Paulo", "2026-11-22T19:59:59.9-03:00", "2026-11-22T19:59:59.9-03:00"},
		"just closed":                {"09:00", "20:00", "America/Sao_Paulo", "2026-11-22T20:00:00-03:00", "2026-11-23T09:00:00-03:00"},
		"before":                     {"09:00", "20:00", "America/Sao_Paulo", "2026-11-22T08:59:59.5-03:00", "2026-11-22T09:00:00-03:00"},
		"elsewhere":                  {"09:00", "20:00", "Asia/Tokyo", "2026-11-22T20:00:00Z", "2026-11-23T00:00:00Z"},
		"end of a month":             {"09:00", "10:00", "UTC", "2026-12-31T10:00:00Z", "2027-01-01T09:00:00Z"},
		"over midnight, late":        {"22:00", "06:00", "UTC", "2026-11-22T23:30:00Z", "2026-11-22T23:30:00Z"},
		"over midnight, early":       {"22:00", "06:00", "UTC", "2026-11-22T05:59:00Z", "2026-11-22T05:59:00Z"},
		"over midnight, closed":      {"22:00", "06:00", "UTC", "2026-11-22T06:00:00Z", "2026-11-22T22:00:00Z"},
		"until midnight":             {"20:00", "00:00", "UTC", "2026-11-22T00:00:00Z", "2026-11-22T20:00:00Z"},
		"from midnight":              {"00:00", "06:00", "UTC", "2026-11-22T06:00:00Z", "2026-11-23T00:00:00Z"},
		"a day of 23 hours":          {"09:00", "20:00", "Europe/Berlin", "2026-03-28T21:00:00+01:00", "2026-03-29T09:00:00+02:00"},
		"a day of 25 hours":          {"09:00", "20:00", "Europe/Berlin", "2026-10-24T21:00:00+02:00", "2026-10-25T09:00:00+01:00"},
		"opens in the missing hour":  {"02:30", "05:00", "America/New_York", "2026-03-08T01:00:00-05:00", "2026-03-08T03:00:00-04:00"},
		"within the missing hour":    {"02:15", "02:45", "America/New_York", "2026-03-08T01:00:00-05:00", "2026-03-09T02:15:00-04:00"},
		"first of two":               {"01:30", "05:00", "America/New_York", "2026-11-01T01:10:00-04:00", "2026-11-01T01:30:00-04:00"},
		"closed between the two":     {"01:30", "05:00", "America/New_York", "2026-11-01T01:10:00-05:00", "2026-11-01T01:30:00-05:00"},
		"put back into the window":   {"00:30", "01:15", "America/New_York", "2026-11-01T01:20:00-04:00", "2026-11-01T01:00:00-05:00"},
		"midnight that is not there": {"00:00", "06:00", "America/Asuncion", "2023-09-30T23:00:00-04:00", "2023-10-01T01:00:00-03:00"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &Window{From: tt.from, To: tt.to, Timezone: tt.zone}
			if err := errors.Join(w.faults()...); err != nil {
				t.Fatal(err)
			}
			now, err := time.Parse(time.RFC3339Nano, tt.now)
			if err != nil {
				t.Fatal(err)
			}
			if got := w.Next(now).Format(time.RFC3339Nano); !w.Next(now).Equal(instant(t, tt.want)) {
				t.Errorf("%s; want %s", got, tt.want)
			}
		})
	}
}

func instant(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestNoWindow(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 7)
	var none *Window
	each := &Window{From: "09:00", To: "09:01", Timezone: RecipientZone}
	if !none.Next(now).Equal(now) || !each.Next(now).Equal(now) {
		t.Error("a campaign without a window of its own waits")
	}
	if parseWindow(none.text()) != nil || parseWindow("x y") != nil {
		t.Error("no window is stored as one")
	}
	if got := parseWindow(each.text()); got == nil || *got != *each {
		t.Errorf("stored as %+v", got)
	}
}

// Opens agrees with looking at every minute, around changes of the clock above all.
func TestWindowOpensAtTheFirstOpenMinute(t *testing.T) {
	t.Parallel()
	zones := []*time.Location{time.UTC}
	for _, name := range []string{"America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "America/Asuncion", "Asia/Kathmandu", "Africa/Casablanca", "Pacific/Apia"} {
		zones = append(zones, zone(t, name))
	}
	rapid.Check(t, func(t *rapid.T) {
		clock := rapid.Custom(func(t *rapid.T) string {
			return time.Unix(60*rapid.Int64Range(0, 24*60-1).Draw(t, "minute"), 0).UTC().Format("15:04")
		})
		w := &Window{From: clock.Draw(t, "from"), To: clock.Draw(t, "to"), Timezone: "UTC"}
		if w.faults() != nil {
			t.Skip()
		}
		z := rapid.SampledFrom(zones).Draw(t, "zone")
		now := time.Unix(rapid.Int64Range(1_580_000_000, 1_900_000_000).Draw(t, "now"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).In(z)
		if _, change := now.ZoneBounds(); !change.IsZero() && rapid.Bool().Draw(t, "near a change") {
			now = change.Add(time.Duration(rapid.Int64Range(-int64(26*time.Hour), int64(2*time.Hour)).Draw(t, "off")))
		}
		from, _ := minute(w.From)
		to, _ := minute(w.To)
		want := now
		for {
			local := want.In(z)
			at := local.Hour()*60 + local.Minute()
			if from < to && from <= at && at < to || from > to && (at >= from || at < to) {
				break
			}
			want = want.Truncate(time.Minute).Add(time.Minute)
		}
		if got := w.Opens(now, z); !got.Equal(want) {
			t.Fatalf("%+v in %s at %s: opens %s; want %s", w, z, now.In(z), got, want.In(z))
		}
	})
}
