package page

import (
	"strings"
	"testing"

	"sluice/internal/campaign"
	"sluice/internal/ledger"
	"sluice/internal/sender"
	"sluice/internal/status"
)

// translated are the languages that have codes in their own words.
func translated(t *testing.T) []*language {
	t.Helper()
	assets, err := loadAssets()
	if err != nil {
		t.Fatal(err)
	}
	all, err := loadLanguages(assets)
	if err != nil {
		t.Fatal(err)
	}
	if all[0].codes != nil || len(all) < 2 {
		t.Fatal("English has the desk's own words, and it is not alone")
	}
	return all[1:]
}

// Each code that is no provider's own has words in each language but English: those of
// Meta's platform that are in the table, of the transport, and of the ledger.
func TestCodesInEachLanguage(t *testing.T) {
	t.Parallel()
	none := func(sender.Code) string { return "" }
	codes := map[string]bool{}
	for _, c := range []sender.Code{
		sender.CodeRefused, sender.CodeDNS, sender.CodeTLS, sender.CodeConnect, sender.CodeBadURL, sender.CodeTimeout, sender.CodeReset, sender.CodeBadAnswer,
		ledger.CodeResolved, ledger.CodeSkipped, ledger.CodeLost, ledger.CodeReceipt, ledger.CodeInFlight,
	} {
		codes[string(c)] = true
	}
	for _, span := range [][2]int{{0, 201}, {300, 1000}, {80_000, 81_000}, {130_000, 136_000}, {2_494_000, 2_495_000}} { // 200 to 299 are one
		for n := span[0]; n < span[1]; n++ {
			if c := sender.MetaCode(n); !strings.Contains(c.Meaning(none), "in no table") {
				codes[string(c)] = true
			}
		}
	}
	if len(codes) < 60 {
		t.Fatalf("%d codes are known", len(codes))
	}
	for _, l := range translated(t) {
		for code := range codes {
			if l.codes[code] == "" {
				t.Errorf("%s has no words for %s: %s", l.Tag, code, sender.Code(code).Meaning(none))
			}
		}
		for code, text := range l.codes {
			if !codes[code] {
				t.Errorf("%s has words for %s, which is no code", l.Tag, code)
			}
			if strings.Contains(text, "  ") || text == "" {
				t.Errorf("%s: %s: %q", l.Tag, code, text)
			}
		}
	}
}

// What holds a campaign is said in the language of who looks, with what is particular;
// a provider's own words stay as they are, and say that they are English.
func TestHeldInEachLanguage(t *testing.T) {
	t.Parallel()
	const own = "halted: the account has no balance"
	for _, l := range translated(t) {
		for _, h := range []struct {
			hold    status.Hold
			english bool
			has     string
		}{
			{status.Hold{What: status.HoldPaused, Text: "paused by ana"}, false, "ana"},
			{status.Hold{What: status.HoldHalted, Text: "halted at row 7: timeout", Code: "meta_131042"}, false, "7"},
			{status.Hold{What: status.HoldHalted, Text: own, Code: "22125"}, true, own},
			{status.Hold{What: status.HoldCircuit, Text: "does not answer", Code: "timeout"}, false, l.codes["timeout"]},
			{status.Hold{What: status.HoldThrottled, Text: "throttled to 40 %"}, false, "40"},
			{status.Hold{What: status.HoldWindow, Text: "outside its window"}, false, ""},
		} {
			st := &status.Status{Holds: []status.Hold{h.hold}, HaltedRow: 7, Pace: status.Pace{Factor: .4}}
			got := l.heldIn(st, &campaign.Record{By: "ana"})[0]
			if got.English != h.english || !strings.Contains(got.Words, h.has) || !h.english && strings.Contains(got.Words, h.hold.Text) {
				t.Errorf("%s: %s: %+v", l.Tag, h.hold.What, got)
			}
		}
		if text, english := l.meaning("exhausted/timeout", "x"); english || !strings.Contains(text, l.codes["timeout"]) {
			t.Errorf("%s: %q", l.Tag, text)
		}
	}
}
