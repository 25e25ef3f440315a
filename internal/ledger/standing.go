package ledger

import (
	"cmp"
	"slices"
	"time"

	"sluice/internal/sender"
)

// A State is what the journal says of a recipient.
type State uint8

// The states of a recipient. Pending are those that wait for a submission, for
// the first or the next time; InFlight those whose submission's intent is on
// record under the newest claim, and whose outcome is not. Accounts count both
// as pending. Suppressed are those whose number came on the suppression list after
// the import, and who were then not submitted to.
const (
	Untouched State = iota
	Retry
	InFlight
	InDoubt
	Rejected
	Suppressed
	Accepted
)

// String is the word that export uses.
func (s State) String() string {
	switch s {
	case Untouched, Retry, InFlight:
		return "pending"
	case InDoubt:
		return "in_doubt"
	case Rejected:
		return "rejected"
	case Suppressed:
		return "suppressed"
	case Accepted:
		return "accepted"
	}
	return "invalid"
}

const (
	// CodeResolved is the code of a recipient that a person has resolved to
	// rejected or accepted.
	CodeResolved sender.Code = "resolved"
	// CodeSkipped is the code of a recipient that a person had skipped: rejected
	// without a submission.
	CodeSkipped sender.Code = "skipped"
	// CodeLost is the code of a submission whose worker was gone before it
	// recorded the outcome.
	CodeLost sender.Code = "worker_lost"
	// CodeReceipt is the code of a recipient of whose submission a receipt alone has
	// said that it was taken: its own answer is not known.
	CodeReceipt sender.Code = "receipt"
	// CodeInFlight is the code of a recipient who was in flight when their campaign was
	// cancelled: in doubt until the outcome comes, or it is known that none will.
	CodeInFlight sender.Code = "in_flight"
)

// A Standing is what the journal says of one recipient.
type Standing struct {
	State State
	// Code is that of the outcome that decides the state, CodeLost, CodeResolved or
	// CodeReceipt; where a retry waits or is in flight, of the last outcome.
	Code sender.Code
	// MessageID is the provider's, of the first submission that it accepted.
	MessageID string
	// Others are further message_ids: the anomaly that the provider took the
	// message more than once.
	Others []string
	// Attempts are the submissions that cost one: those with outcome Accepted,
	// Rejected, Failed or Unknown, but for a Failed that was free, and those whose
	// worker was lost.
	Attempts int
	// Tries are all submissions that were ever intended.
	Tries int
	// Time is when the outcome that decides the state was known; zero where
	// there is none.
	Time time.Time
	// Last is the outcome of the last submission that has one, 0 for none.
	Last sender.Outcome
	// LastFree says that Last, a Failed, cost no attempt, and LastPair that it was
	// a Throttled which concerned this recipient alone.
	LastFree, LastPair bool
}

// A submission is all that the journal says of one try. Each field grows one way
// as records come, so that their order does not matter.
type submission struct {
	try        int
	epoch      int  // the highest of its intents; 0 where there is none
	hold       bool // some intent was made under `on_doubt: hold`
	withdrawn  bool
	suppressed bool   // it was not made, for the number was on the suppression list
	resolution Choice // 0 for none
	ending            // outcome is 0 where there is none
	resolvedAt uint64
	at         uint64
	code       string
	messageID  string
}

// A weight says which of two submissions decides a recipient's state.
type weight uint8

// The weights. A real outcome beats a person's word, and a person's word a doubt.
const (
	weighsNothing weight = iota // denied, withdrawn
	weighsThrottled
	weighsFailed
	weighsInFlight
	weighsDoubt
	weighsResolvedRejected
	weighsResolvedAccepted
	weighsSuppressed
	weighsRejected
	weighsAccepted
)

// weigh says what a submission means while epoch is the newest claim's.
func (s *submission) weigh(epoch int) weight {
	switch s.outcome {
	case sender.Accepted:
		return weighsAccepted
	case sender.Rejected:
		return weighsRejected
	case sender.Failed:
		return weighsFailed
	case sender.Throttled:
		return weighsThrottled
	case sender.Denied:
		return weighsNothing
	case sender.Unknown:
		return s.doubt()
	}
	switch {
	case s.suppressed:
		return weighsSuppressed
	case s.withdrawn || s.epoch == 0 && s.resolution == 0:
		return weighsNothing
	case s.epoch >= epoch && s.resolution == 0:
		return weighsInFlight
	}
	return s.doubt()
}

// doubt is the weight of a submission that the provider may have taken.
func (s *submission) doubt() weight {
	switch s.resolution {
	case Accept:
		return weighsResolvedAccepted
	case Reject:
		return weighsResolvedRejected
	case Resend:
		return weighsFailed
	}
	if s.hold || s.epoch == 0 {
		return weighsDoubt
	}
	return weighsFailed
}

// costs says whether a submission was an attempt.
func (s *submission) costs(epoch int) bool {
	switch s.outcome {
	case sender.Accepted, sender.Rejected, sender.Failed, sender.Unknown:
		return !s.free
	case sender.Throttled, sender.Denied:
		return false
	}
	return s.made(s.weigh(epoch))
}

// made says whether a submission of this weight was made, as far as is known.
func (s *submission) made(w weight) bool {
	return w != weighsNothing && w != weighsInFlight && w != weighsSuppressed
}

// codeThen is the submission's code, or CodeLost where it has no outcome.
func (s *submission) codeThen() sender.Code {
	if s.outcome == 0 {
		return CodeLost
	}
	return sender.Code(s.code)
}

// standing derives a recipient's standing from their submissions, in any order.
func standing(subs []submission, epoch int) Standing {
	var st Standing
	if len(subs) == 0 {
		return st
	}
	var deciding, last *submission
	top := weighsNothing
	for i := range subs {
		s := &subs[i]
		w := s.weigh(epoch)
		st.Tries = max(st.Tries, s.try)
		// Two message_ids of one try are two submissions here, and one attempt.
		if s.costs(epoch) && !slices.ContainsFunc(subs[:i], func(o submission) bool { return o.try == s.try }) {
			st.Attempts++
		}
		if w > top || w == top && deciding != nil && before(s, deciding, w) {
			top, deciding = w, s
		}
		if s.made(w) && (last == nil || s.try > last.try) {
			last = s
		}
	}
	if last != nil {
		st.Last, st.LastFree, st.LastPair = last.outcome, last.free, last.pair
		if st.Last == 0 {
			st.Last = sender.Unknown
		}
	}
	switch top {
	case weighsAccepted:
		st.State, st.Time = Accepted, timeOf(deciding.at)
		st.MessageID = deciding.messageID
		if deciding.code == string(CodeReceipt) {
			st.Code = CodeReceipt
		}
		if len(subs) > 1 {
			st.Others = otherIDs(subs, deciding.messageID)
		}
	case weighsSuppressed:
		st.State = Suppressed
	case weighsRejected:
		st.State, st.Code, st.Time = Rejected, sender.Code(deciding.code), timeOf(deciding.at)
	case weighsResolvedAccepted:
		st.State, st.Code, st.Time = Accepted, CodeResolved, timeOf(deciding.at)
	case weighsResolvedRejected:
		st.State, st.Code, st.Time = Rejected, CodeResolved, timeOf(deciding.at)
	case weighsDoubt:
		st.State, st.Code, st.Time = InDoubt, deciding.codeThen(), timeOf(deciding.at)
	case weighsNothing, weighsThrottled, weighsFailed, weighsInFlight:
		if last != nil {
			st.State, st.Code, st.Time = Retry, last.codeThen(), timeOf(last.at)
		}
		if top == weighsInFlight {
			st.State = InFlight
		}
	}
	return st
}

// before says which of two submissions of equal weight decides: the earlier
// accepted or rejected one, but the later doubt, for it is what a person must
// ask about.
func before(a, b *submission, w weight) bool {
	if w <= weighsResolvedAccepted {
		return a.try > b.try
	}
	return a.try < b.try || a.try == b.try && (a.at < b.at || a.at == b.at && a.messageID < b.messageID)
}

// otherIDs are the message_ids of all accepted submissions but first, by try,
// each once.
func otherIDs(subs []submission, first string) []string {
	var taken []submission
	for _, s := range subs {
		if s.outcome == sender.Accepted && s.messageID != first {
			taken = append(taken, s)
		}
	}
	slices.SortFunc(taken, func(a, b submission) int {
		return cmp.Or(cmp.Compare(a.try, b.try), cmp.Compare(a.messageID, b.messageID))
	})
	var ids []string
	for _, s := range taken {
		if !slices.Contains(ids, s.messageID) {
			ids = append(ids, s.messageID)
		}
	}
	return ids
}
