package dispatch

import (
	"sync"

	"sluice/internal/sender"
)

// streakLimit is how many results of one sort in a row halt a campaign, by
// design: what looks like one recipient's trouble is then everybody's.
const streakLimit = 10

// A streak watches a campaign's results for runs of codes that no table lists,
// and of rejections that may really concern the whole account.
type streak struct {
	mu       sync.Mutex
	unlisted int
	repeats  int
}

// add takes one result and returns why the campaign must halt, or "".
func (s *streak) add(r sender.Result) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unlisted = runLength(s.unlisted, r.Unlisted)
	s.repeats = runLength(s.repeats, r.Repeats)
	switch {
	case s.unlisted >= streakLimit:
		return "ten answers in a row had a code that the provider's documents do not list; ask the provider what it means"
	case s.repeats >= streakLimit:
		return "ten recipients in a row were refused with the same sort of code, which then concerns the account or the message and not them; check the sender, and the message, which `producer amend` corrects"
	}
	return ""
}

func runLength(n int, more bool) int {
	if more {
		return n + 1
	}
	return 0
}
