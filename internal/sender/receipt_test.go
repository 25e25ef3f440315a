package sender

import (
	"strings"
	"testing"
	"time"
)

var noon = time.Unix(1_790_000_000, 0)

// The statuses count for more from one to the next, and each has its word.
func TestStatuses(t *testing.T) {
	t.Parallel()
	for i, word := range []string{"sent", "undelivered", "delivered", "read"} {
		if Statuses[i].String() != word || i > 0 && Statuses[i] <= Statuses[i-1] {
			t.Errorf("%d: %s", i, Statuses[i])
		}
	}
	if Status(0).String() != "invalid" {
		t.Error("a status that is none has a word")
	}
}

// What follows from a template's status; from an unknown word nothing does.
func TestTemplateEvent(t *testing.T) {
	t.Parallel()
	for status, want := range map[string]EventKind{
		"PAUSED": TemplateStops, "paused": TemplateStops, "DISABLED": TemplateStops, "REJECTED": TemplateStops, "PENDING_DELETION": TemplateStops, "DELETED": TemplateStops,
		"APPROVED": TemplateGoes, "REINSTATED": TemplateGoes, "PENDING": 0, "": 0, "APPROVED\n": 0,
	} {
		e, ok := TemplateEvent("sale", "pt_BR", status, "low quality", noon)
		if e.Kind != want || ok != (want != 0) || e.Template != "sale" || e.Language != "pt_BR" || e.Detail != "OTHER" || !e.Time.Equal(noon) {
			t.Errorf("%q: %+v, %t", status, e, ok)
		}
	}
	long := strings.Repeat("x", maxTemplateName+1)
	for _, of := range [][2]string{{"", "en"}, {"sale", ""}, {long, "en"}, {"sale", long}} {
		if _, ok := TemplateEvent(of[0], of[1], "PAUSED", "", noon); ok {
			t.Errorf("%.20q in %.20q is a template", of[0], of[1])
		}
	}
}

// A limit of 24 hours is a number or the word of a tier.
func TestDayLimitEvent(t *testing.T) {
	t.Parallel()
	for limit, want := range map[string]int{
		"250": 250, "TIER_250": 250, "TIER_1K": 1000, "tier_10k": 10_000, "100K": 100_000, "TIER_UNLIMITED": -1, "unlimited": -1, "-5": -1,
		"": 0, "0": 0, "K": 0, "many": 0, "1000000001": 0, "TIER_NOT_SET": 0, "1.5K": 0,
	} {
		e, ok := DayLimitEvent(limit, noon)
		if ok != (want != 0) || ok && (e.Kind != DayLimit || e.Limit != want || !e.Time.Equal(noon)) {
			t.Errorf("%q: %+v, %t", limit, e, ok)
		}
	}
}

// An account that is restricted stops what is sent from it; all else is to be looked
// at. Words are plain, whatever a provider writes there.
func TestAccountEvents(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		event, state string
		want         Event
	}{
		{"DISABLED_UPDATE", "", Event{Kind: AccountStops, Word: "DISABLED_UPDATE", Time: noon}},
		{"disabled_update", "reinstate", Event{Kind: Warning, Word: "DISABLED_UPDATE", Detail: "REINSTATE", Time: noon}},
		{"ACCOUNT_RESTRICTION", "x y", Event{Kind: AccountStops, Word: "ACCOUNT_RESTRICTION", Detail: "OTHER", Time: noon}},
		{"ACCOUNT_DELETED", "", Event{Kind: AccountStops, Word: "ACCOUNT_DELETED", Time: noon}},
		{"ACCOUNT_VIOLATION", "", Event{Kind: Warning, Word: "ACCOUNT_VIOLATION", Time: noon}},
		{strings.Repeat("A", 41), "\x1b[31m", Event{Kind: Warning, Word: "OTHER", Detail: "OTHER", Time: noon}},
	} {
		if got := AccountEvent(tt.event, tt.state, noon); got != tt.want {
			t.Errorf("%q, %q: %+v", tt.event, tt.state, got)
		}
	}
	if got, want := WarningOf("quality", "red", noon), (Event{Kind: Warning, Word: "QUALITY", Detail: "RED", Time: noon}); got != want {
		t.Errorf("%+v", got)
	}
}

// The set of codes is bounded, whatever a provider gives.
func TestUndeliveredCode(t *testing.T) {
	t.Parallel()
	for meta, want := range map[string]string{"131026": "meta_131026", "0": "meta_0", "": "other", "-1": "other", "13 1": "other", "1234567890": "other", "x": "other"} {
		if got := UndeliveredCode(meta); got != want {
			t.Errorf("%q: %s", meta, got)
		}
	}
}
