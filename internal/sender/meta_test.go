package sender

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// What each kind of Meta's codes means for a recipient: who decides it is its first of
// these, and one that nobody knows is tried again, and counts as unlisted.
func TestMetaResult(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		want  Result
		codes []int
	}{
		{Result{Outcome: Failed}, []int{1, 2, 131000, 131016, 133004}},
		{Result{Outcome: Throttled, RetryAfter: time.Minute}, []int{131057, 2494100}},
		{Result{Outcome: Throttled, RetryAfter: 10 * time.Minute}, []int{134101}},
		{Result{Outcome: Throttled}, []int{4, 80007, 130429}},
		{Result{Outcome: Throttled, Pair: true}, []int{131056}},
		{Result{Outcome: Rejected}, []int{131026, 131049, 130472, 130403, 131021, 131047, 470, 130497}},
		{Result{Outcome: Rejected, OptOut: true}, []int{131050}},
		{Result{Outcome: Rejected, Repeats: true}, []int{131009, 132000, 132005, 132012, 132018, 100, 131008}},
		{Result{Outcome: Denied}, []int{131048, 131064, 0, 3, 10, 190, 200, 250, 299, 131005, 368, 131031, 131042, 33, 131037, 131045, 133010, 134011}},
		{Result{Outcome: Denied}, []int{131055, 131063, 134100, 134102, 131051, 135000, 132001, 132007, 132015, 132016, 132068, 132069, 131053, 131014}},
		{Result{Outcome: Failed, Unlisted: true}, []int{-1, 5, 199, 300, 131010, 999999}},
	} {
		for _, n := range tt.codes {
			want := tt.want
			want.Code = MetaCode(n)
			got, found := MetaResult(n)
			if got != want || found == tt.want.Unlisted {
				t.Errorf("%d: %+v, known: %t", n, got, found)
			}
			if meaning := got.Code.Meaning(func(Code) string { return "" }); n >= 0 && (meaning == "" || strings.Contains(meaning, "no table") != tt.want.Unlisted) {
				t.Errorf("%d means %q", n, meaning)
			}
		}
	}
}

// What stops a campaign says what to do about it.
func TestWhatMetaDeniesSaysWhatToDo(t *testing.T) {
	t.Parallel()
	for n := range 140_000 {
		row, found := metaRow(n)
		if found && row.result.Outcome == Denied && !slices.ContainsFunc([]string{"resume", "look at", "amend", "wait"}, func(what string) bool { return strings.Contains(row.meaning, what) }) {
			t.Errorf("%d: %s", n, row.meaning)
		}
	}
}

func TestSpeaksOfLimit(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]bool{
		"Rate Limit exceeded": true, "too many requests": true, "请求频率过高": true, "限流": true, "daily limit reached": true,
		"": false, "limited company": false, "the rate is high": false,
	} {
		if SpeaksOfLimit(message) != want {
			t.Errorf("%q: %t", message, !want)
		}
	}
}
