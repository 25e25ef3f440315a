package told

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/redistest"
	"sluice/internal/sender"
)

var noon = time.UnixMilli(1_790_000_000_000)

// Of each thing the latest word holds, by the provider's time and not by ours.
func TestTheLatestWordHolds(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	note := func(e sender.Event, ok bool) {
		t.Helper()
		if !ok {
			t.Fatalf("%+v is nothing", e)
		}
		if err := Note(t.Context(), rdb, "promo", &e); err != nil {
			t.Fatal(err)
		}
	}
	note(sender.DayLimitEvent("2000", noon.Add(2*time.Minute)))
	note(sender.DayLimitEvent("TIER_250", noon.Add(time.Minute)))
	note(sender.WarningOf("NUMBER_QUALITY", "RED", noon.Add(time.Hour)), true)
	note(sender.WarningOf("NUMBER_QUALITY", "YELLOW", noon), true)
	note(sender.AccountEvent("ACCOUNT_VIOLATION", "", noon.Add(time.Minute)), true)
	note(sender.Event{Kind: sender.OptOut, Phone: "5511980000007"}, true)
	for _, tt := range []struct {
		at   time.Time
		want Told
	}{
		{noon.Add(time.Hour), Told{2000, []Warning{{"NUMBER_QUALITY", "RED", noon.Add(time.Hour)}, {"ACCOUNT_VIOLATION", "", noon.Add(time.Minute)}}}},
		{noon.Add(warnFor + time.Minute), Told{2000, []Warning{{"NUMBER_QUALITY", "RED", noon.Add(time.Hour)}}}},
		{noon.Add(warnFor + time.Hour), Told{2000, nil}},
	} {
		got, err := Read(t.Context(), rdb, "promo", tt.at)
		if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
			t.Errorf("at %s: %v (-want +got):\n%s", tt.at, err, diff)
		}
	}
	if got, err := Read(t.Context(), rdb, "another", noon); err != nil || got.DayLimit != 0 || got.Warnings != nil {
		t.Errorf("%+v %v", got, err)
	}
}

// A message fits unless its template, of this name and language, is known to be
// stopped.
func TestFit(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	of := func(name, language string) sender.Message {
		return sender.Message{Template: &sender.Template{Name: name, Language: language}}
	}
	for i, tt := range []struct {
		status string
		after  time.Duration
		fits   bool
	}{
		{"", 0, true}, {"PAUSED", time.Minute, false}, {"APPROVED", 0, false}, {"APPROVED", time.Hour, true}, {"DISABLED", 2 * time.Hour, false},
	} {
		if tt.status != "" {
			e, ok := sender.TemplateEvent("news", "en", tt.status, "", noon.Add(tt.after))
			if err := Note(t.Context(), rdb, "promo", &e); err != nil || !ok {
				t.Fatal(err, ok)
			}
		}
		err := Fit(t.Context(), rdb, "promo", of("news", "en"))
		var unfit *sender.UnfitError
		if tt.fits != (err == nil) || err != nil && !errors.As(err, &unfit) {
			t.Errorf("%d, after %s: %v", i, tt.status, err)
		}
		for _, other := range []sender.Message{of("news", "pt_BR"), of("old", "en"), {}} {
			if err := Fit(t.Context(), rdb, "promo", other); err != nil {
				t.Error(err)
			}
		}
		if err := Fit(t.Context(), rdb, "another", of("news", "en")); err != nil {
			t.Error(err)
		}
	}
}
