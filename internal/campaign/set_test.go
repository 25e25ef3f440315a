package campaign

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/redistest"
)

// What is set holds for whoever asks from then on; what was given stays beside it.
func TestSet(t *testing.T) {
	t.Parallel()
	d := newDesk(t, redistest.New(t))
	d.create(t, "sale", "priority: low\nrate: {messages_per_second: 20}\n")
	start := standing.Add(time.Hour).UTC()
	window := &Window{From: "09:00", To: "20:00", Timezone: "America/Sao_Paulo"}
	before, after, err := d.Set(d.ctx, "sale", func(s *Settings) error {
		s.Rate, s.Priority, s.Window, s.StartAt, s.MaxAttempts = 50, "high", window, start, 3
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := Settings{Rate: 50, Priority: "high", Window: window, StartAt: start, MaxAttempts: 3}
	if diff := cmp.Diff(want, after); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(Settings{Rate: 20, Priority: "low", MaxAttempts: defaultMaxAttempts}, before); diff != "" {
		t.Error(diff)
	}
	rec := d.get(t, "sale")
	file, err := rec.File()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, file.Settings()); diff != "" {
		t.Error(diff)
	}
	if given, err := rec.Given(); err != nil || given.Settings().Rate != 20 {
		t.Errorf("given: %+v, %v", given, err)
	}
	active, err := d.Active(d.ctx)
	if err != nil || len(active) != 1 || active[0].Set != rec.Set || !active[0].StartAt.Equal(start) || *active[0].Window != *window {
		t.Errorf("a worker sees %+v, %v", active, err)
	}
	if _, err := d.launch(1)(d.ctx, "sale"); err != nil {
		t.Fatal(err)
	}
	if got := d.get(t, "sale").State; got != Scheduled {
		t.Errorf("launched before the start that was set: %s", got)
	}
}

func TestSetRefuses(t *testing.T) {
	t.Parallel()
	d := newDesk(t, redistest.New(t))
	invalid := errors.New("no")
	for i, tt := range []struct {
		state  State
		change func(*Settings) error
		want   string // "" is no error
	}{
		{Importing, func(s *Settings) error { s.StartAt = standing; return nil }, ""},
		{Scheduled, func(s *Settings) error { s.StartAt = standing; return nil }, ""},
		{Running, func(s *Settings) error { s.Rate = 5; return nil }, ""},
		{Paused, func(s *Settings) error { s.Rate = 5; return nil }, ""},
		{Halted, func(s *Settings) error { s.MaxAttempts = 20; return nil }, ""},
		{Running, func(s *Settings) error { s.StartAt = standing; return nil }, "it has begun"},
		{Finished, func(s *Settings) error { s.Rate = 5; return nil }, "it is finished"},
		{Cancelled, func(s *Settings) error { s.Rate = 5; return nil }, "it is cancelled"},
		{Running, func(s *Settings) error { s.Rate = 0.01; return nil }, "rate.messages_per_second: between"},
		{Running, func(s *Settings) error { s.Priority = "urgent"; return nil }, "priority: \"urgent\""},
		{Running, func(s *Settings) error { s.MaxAttempts = 21; return nil }, "max_attempts: between"},
		{Running, func(s *Settings) error { s.Window = &Window{From: "9", To: "20:00", Timezone: "UTC"}; return nil }, "window.from"},
		{Running, func(*Settings) error { return invalid }, "no"},
	} {
		id := fmt.Sprintf("c%d", i)
		d.put(t, id, tt.state, tt.state != Scheduled)
		was := d.get(t, id)
		_, _, err := d.Set(d.ctx, id, tt.change)
		if got := fmt.Sprint(err); tt.want == "" && err != nil || tt.want != "" && !strings.Contains(got, tt.want) {
			t.Errorf("%s, %q: %v", tt.state, tt.want, err)
		}
		if now := d.get(t, id); err != nil && !cmp.Equal(was, now) {
			t.Errorf("%s, %q: the record has changed: %s", tt.state, tt.want, cmp.Diff(was, now))
		}
	}
	if _, _, err := d.Set(d.ctx, "nobody", func(*Settings) error { return nil }); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}

// Of two who set different things at once neither undoes what the other did.
func TestTwoSetAtOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t, redistest.New(t))
	d.put(t, "sale", Running, true)
	for range 50 {
		if _, _, err := d.Set(d.ctx, "sale", func(s *Settings) error { s.Rate, s.MaxAttempts = 0, 1; return nil }); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for _, change := range []func(*Settings) error{
			func(s *Settings) error { s.Rate = 7; return nil },
			func(s *Settings) error { s.MaxAttempts = 7; return nil },
		} {
			wg.Go(func() {
				if _, _, err := d.Set(d.ctx, "sale", change); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		f, err := d.get(t, "sale").File()
		if err != nil || f.Settings().Rate != 7 || f.Settings().MaxAttempts != 7 {
			t.Fatalf("%+v, %v", f.Settings(), err)
		}
	}
}

// A file is compared with what was given, not with what was set since.
func TestCreateComparesSettingsAsGiven(t *testing.T) {
	t.Parallel()
	d := newDesk(t, redistest.New(t))
	const given = "rate: {messages_per_second: 20}\non_doubt: resend\n"
	d.create(t, "sale", given)
	if _, _, err := d.Set(d.ctx, "sale", func(s *Settings) error { s.Rate = 50; return nil }); err != nil {
		t.Fatal(err)
	}
	d.create(t, "sale", given)
	for more, want := range map[string]string{
		"rate: {messages_per_second: 50}\non_doubt: resend\n":         "rate: 20 messages a second, and not 50",
		"rate: {messages_per_second: 20}\n":                           "on_doubt: resend, and not hold",
		given + "priority: high\n":                                    "priority: normal, and not high",
		given + "max_attempts: 6\n":                                   "max_attempts: 5, and not 6",
		given + "start_at: 2099-01-01T00:00:00Z\n":                    "start_at: at once, and not 2099-01-01T00:00:00Z",
		given + `window: {from: "09:00", to: "10:00", timezone: UTC}`: "window: at any time, and not 09:00-10:00 UTC",
	} {
		f, raw := d.file(t, "sale", more)
		_, err := d.Create(d.ctx, raw, f)
		var settings *SettingsError
		if !errors.As(err, &settings) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", more, err)
		}
	}
	d.create(t, "sale", given+"priority: normal\nmax_attempts: 5\n") // as it is without
}

func TestParseWindow(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]*Window{
		"09:00-20:00 America/Sao_Paulo": {From: "09:00", To: "20:00", Timezone: "America/Sao_Paulo"},
		"22:00-06:00 recipient":         {From: "22:00", To: "06:00", Timezone: RecipientZone},
		"none":                          nil,
	} {
		if w, err := ParseWindow(text); err != nil || !cmp.Equal(w, want) {
			t.Errorf("%q: %+v, %v", text, w, err)
		}
	}
	for _, text := range []string{"", "09:00", "09:00-20:00", "09:00-20:00 Mars/Olympus", "9-20 UTC", "09:00-09:00 UTC", "09:00-20:00 Local"} {
		if w, err := ParseWindow(text); err == nil {
			t.Errorf("%q: %+v", text, w)
		}
	}
}
