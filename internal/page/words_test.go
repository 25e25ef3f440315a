package page

import (
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sluice/internal/audit"
	"sluice/internal/campaign"
	"sluice/internal/export"
	"sluice/internal/status"
	"sluice/internal/token"
)

// dynamic are keys that are put together as they are said, by their beginnings.
var dynamic = []string{"nav.", "state.", "row.", "hold.", "act.", "said.", "fault.", "priority.", "scope.", "doubt.accept", "doubt.reject", "doubt.resend", "doubt.ask.", "suppress.add.", "suppress.remove.", "step.", "message.slot.", "audit.", "chart."}

var (
	saidInPages = regexp.MustCompile(`\bt "([a-z0-9_.-]+)"`)
	saidInGo    = regexp.MustCompile(`"((?:[a-z_]+\.)+[a-z_-]+)"`)
	slotsOfText = regexp.MustCompile(`\{\d\}`)
)

// Every catalogue has the same keys with the same places for values; all that are said
// are there, and all that are there are said.
func TestCatalogues(t *testing.T) {
	t.Parallel()
	assets, err := loadAssets()
	if err != nil {
		t.Fatal(err)
	}
	all, err := loadLanguages(assets)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 2 || all[0].Tag != first {
		t.Fatalf("%d catalogues, the first is %s", len(all), all[0].Tag)
	}
	said := saidKeys(t)
	for _, l := range all {
		for key, text := range all[0].texts {
			other, ok := l.texts[key]
			if !ok || other == "" {
				t.Errorf("%s has no words for %s", l.Tag, key)
			}
			if a, b := placesOf(text), placesOf(other); !slices.Equal(a, b) {
				t.Errorf("%s: %s has the places %v, want %v", l.Tag, key, b, a)
			}
			if l != all[0] && other == text && strings.ContainsAny(text, " ") && !strings.ContainsAny(text, "·:") {
				t.Errorf("%s: %s is not translated", l.Tag, key)
			}
		}
		for key := range l.texts {
			if _, ok := all[0].texts[key]; !ok {
				t.Errorf("%s has %s, and %s has not", l.Tag, key, first)
			}
		}
	}
	for key := range valuesSaid() {
		said[key] = true
	}
	for key := range said {
		if !all[0].has(key) {
			t.Errorf("%s is said, and has no words", key)
		}
	}
	for key := range all[0].texts {
		if !said[key] && !slices.ContainsFunc(dynamic, func(begin string) bool { return strings.HasPrefix(key, begin) }) {
			t.Errorf("%s is never said", key)
		}
	}
}

// valuesSaid are keys that end with a value which the desk has.
func valuesSaid() map[string]bool {
	keys := map[string]bool{}
	for begin, values := range map[string][]string{
		"row.":   {"accepted", "rejected", "in_doubt", "pending", "cancelled", "invalid", "duplicate", "suppressed", "sent", "delivered", "read", "undelivered", "awaiting", export.Probable},
		"hold.":  {status.HoldDraft, status.HoldImporting, status.HoldStart, status.HoldPaused, status.HoldHalted, status.HoldNoWorker, status.HoldNoSender, status.HoldWindow, status.HoldDay, status.HoldCircuit, status.HoldThrottled},
		"scope.": token.Scopes,
		"audit.": {string(audit.Begun), string(audit.Done), string(audit.Unchanged), string(audit.Refused), string(audit.Failed)},
		"step.":  steps,
	} {
		for _, value := range values {
			keys[begin+value] = true
			if begin == "hold." {
				keys[begin+value+".do"] = true
			}
		}
	}
	for _, state := range campaign.States {
		keys["state."+string(state)] = true
	}
	return keys
}

func placesOf(text string) []string {
	found := slotsOfText.FindAllString(text, -1)
	slices.Sort(found)
	return slices.Compact(found)
}

func saidKeys(t *testing.T) map[string]bool {
	t.Helper()
	said := map[string]bool{"language": true}
	pages, err := fs.Glob(htmlFiles, "html/*.html")
	if err != nil || len(pages) < 4 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	for _, p := range pages {
		text, err := fs.ReadFile(htmlFiles, p)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range saidInPages.FindAllStringSubmatch(string(text), -1) {
			said[m[1]] = true
		}
	}
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	known := regexp.MustCompile(`^(codes|hold|set|amend|signin|span|act|step|new|test|fault|campaigns|doubt|number|suppress|token|callback|template|launch|chart|check|when|columns|message)\.`)
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		text, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range saidInGo.FindAllStringSubmatch(string(text), -1) {
			if known.MatchString(m[1]) {
				said[m[1]] = true
			}
		}
	}
	return said
}

// A language is chosen by the browser's wish, and by a choice before that.
func TestLanguages(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for wish, want := range map[string]string{"zh-CN,zh;q=0.9,en;q=0.8": "zh-CN", "zh": "zh-CN", "en-GB": "en", "sw": "en", "": "en", "!": "en"} {
		has(t, b.get("/sign-in", 200, "Accept-Language", wish), `<html lang="`+want+`">`)
	}
	w := b.ask("POST", "/language", "language=zh-CN&back=%2Fsign-in%3Fto%3D%252F")
	k := w.Result().Cookies()[0]
	if w.Header().Get("Location") != "/sign-in?to=%2F" || k.Value != "zh-CN" {
		t.Errorf("%v to %q", k, w.Header().Get("Location"))
	}
	has(t, b.get("/sign-in", 200, "Cookie", k.String()), `<html lang="zh-CN">`, "登录")
}
