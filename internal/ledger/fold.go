package ledger

import (
	"iter"
	"time"

	"sluice/internal/sender"
)

// A Fold is what a batch's journal says of each of its recipients. It is a pure
// function of the set of records added and of the newest epoch: neither their
// order nor a record that stands there twice makes a difference. It is not safe
// for use by many goroutines.
type Fold struct {
	epoch int
	subs  [][]submission // by recipient; the first of each lies in one array
	array []submission
	codes map[string]string // each code once, so that it keeps no journal alive

	counts Counts
	seen   []view // by recipient: what counts holds of them
	dirty  []int  // recipients whose view may be out of date
}

// A view is what Counts count of a recipient.
type view struct {
	state State
	dirty bool
	code  string
}

// Counts are the recipients of one batch by what became of them. Their sum is
// the batch's recipients.
type Counts struct {
	Pending  int // waiting for a submission, or in flight
	Accepted int
	Rejected int
	InDoubt  int
	// Suppressed are those whom the suppression list named after the import.
	Suppressed int
	// Codes are the recipients by the code that they stand with: of their
	// rejection or doubt, or of the failure after which they wait.
	Codes map[string]int
}

// NewFold is the fold of an empty journal of a batch of size recipients.
func NewFold(size int) *Fold {
	f := &Fold{}
	f.Reset(size)
	return f
}

// Reset makes f the fold of an empty journal.
func (f *Fold) Reset(size int) {
	if cap(f.array) < size {
		f.array, f.subs, f.seen = make([]submission, size), make([][]submission, size), make([]view, size)
	}
	f.array, f.subs, f.seen = f.array[:size], f.subs[:size], f.seen[:size]
	clear(f.array)
	clear(f.seen)
	for i := range f.subs {
		f.subs[i] = f.array[i : i : i+1]
	}
	f.epoch, f.dirty = 0, f.dirty[:0]
	f.codes = map[string]string{}
	f.counts = Counts{Pending: size, Codes: map[string]int{}}
}

// Size is the number of recipients.
func (f *Fold) Size() int { return len(f.subs) }

// Epoch is the epoch that the fold takes for the newest.
func (f *Fold) Epoch() int { return f.epoch }

// SetEpoch says which epoch is the newest claim's: submissions without outcome
// are in flight while their epoch is, and in doubt afterwards.
func (f *Fold) SetEpoch(epoch int) {
	if epoch == f.epoch {
		return
	}
	f.epoch = epoch
	for i, subs := range f.subs {
		if len(subs) > 0 {
			f.touch(i)
		}
	}
}

// Add adds records, which stand in the journal at offset at; that is for its
// errors alone. After an error, which is a CorruptError, the fold is of no use.
func (f *Fold) Add(at int, records string) error {
	c := &cursor{kind: kindJournal, text: records}
	for c.more() {
		f.addRecord(c)
	}
	if c.err != nil {
		c.err.Offset += at
	}
	return c.err.orNil()
}

// addRecord adds the record at the cursor.
func (f *Fold) addRecord(c *cursor) {
	head := c.byte()
	if version := head >> versionShift; version != journalVersion {
		c.at--
		c.fail(unknownVersion(version))
		return
	}
	length := c.number(len(c.text))
	start := c.at
	c.take(length)
	if c.err != nil {
		return
	}
	if head&skippableBit != 0 {
		return // this program knows no kind that may be skipped
	}
	// The payload's cursor stands in the whole, so that its errors do.
	payload := &cursor{kind: kindJournal, text: c.text[:start+length], at: start}
	f.addPayload(head&kindBits, payload)
	c.err = payload.err
}

func (f *Fold) addPayload(kind byte, c *cursor) {
	size := len(f.subs)
	switch kind {
	case intentRecord:
		head := c.uvarint()
		epoch, hold := int(min(head>>1, maxEpoch)), head&1 == 0
		if c.err == nil && epoch == 0 {
			c.fail("intent of no epoch")
		}
		c.runs(size, func(p place) {
			s := f.submission(p)
			s.epoch, s.hold = max(s.epoch, epoch), s.hold || hold
		})
	case outcomeRecord:
		c.outcomes(size, func(o outcome) { f.addOutcome(o) })
	case withdrawalRecord:
		c.runs(size, func(p place) { f.submission(p).withdrawn = true })
	case suppressionRecord:
		c.runs(size, func(p place) { f.submission(p).suppressed = true })
	case resolutionRecord:
		choice := Choice(c.byte())
		if c.err == nil && (choice < Accept || choice > Resend) {
			c.fail("unknown choice")
		}
		at := uint64(c.number(maxMillis))
		c.runs(size, func(p place) {
			s := f.submission(p)
			// The first word counts; of two at the same millisecond the one that
			// sends less.
			if s.resolution == 0 || at < s.resolvedAt || at == s.resolvedAt && choice < s.resolution {
				s.resolution, s.resolvedAt = choice, at
			}
		})
	default:
		c.fail("a kind of record that this program does not know: a newer version wrote it")
	}
}

// submission is what is known of a submission, made if nothing was.
func (f *Fold) submission(p place) *submission {
	f.touch(p.index)
	subs := f.subs[p.index]
	for i := range subs {
		if subs[i].try == p.try {
			return &subs[i]
		}
	}
	f.subs[p.index] = append(subs, submission{try: p.try})
	return &f.subs[p.index][len(subs)]
}

// addOutcome keeps the weightiest outcome of a submission, and every message_id.
func (f *Fold) addOutcome(o outcome) {
	s := f.submission(o.place)
	if s.outcome == sender.Accepted && o.outcome == sender.Accepted {
		f.addAcceptance(o)
		return
	}
	if s.outcome == 0 || o.heavierThan(s) {
		s.ending, s.at, s.code, s.messageID = o.ending, o.at, f.intern(o.code), o.messageID
	}
}

// heavierThan orders the outcomes of one submission, of which there should be
// but one.
func (o *outcome) heavierThan(s *submission) bool {
	a, b := rank(o.outcome), rank(s.outcome)
	return a > b || a == b && (o.at < s.at || o.at == s.at && (o.code < s.code || o.code == s.code && o.head() < s.head()))
}

func rank(o sender.Outcome) int {
	switch o {
	case sender.Accepted:
		return 6
	case sender.Rejected:
		return 5
	case sender.Unknown:
		return 4
	case sender.Failed:
		return 3
	case sender.Throttled:
		return 2
	case sender.Denied:
		return 1
	}
	return 0
}

// addAcceptance adds a second acceptance of one submission: the same again, or
// the anomaly of another message_id.
func (f *Fold) addAcceptance(o outcome) {
	subs := f.subs[o.index]
	for i := range subs {
		s := &subs[i]
		if s.try == o.try && s.messageID == o.messageID {
			s.at, s.code = min(s.at, o.at), min(s.code, f.intern(o.code))
			return
		}
	}
	f.subs[o.index] = append(subs, submission{
		try: o.try, ending: o.ending, at: o.at, code: f.intern(o.code), messageID: o.messageID,
	})
}

func (f *Fold) intern(code string) string {
	if code == "" {
		return ""
	}
	if known, ok := f.codes[code]; ok {
		return known
	}
	code = string([]byte(code))
	f.codes[code] = code
	return code
}

// Standing is what the journal says of recipient i.
func (f *Fold) Standing(i int) Standing { return standing(f.subs[i], f.epoch) }

// A Pending is a recipient that waits for a submission.
type Pending struct {
	Attempts int            // as Standing.Attempts
	Tries    int            // as Standing.Tries: the next submission is one more
	Outcome  sender.Outcome // of the last submission that has one, 0 for none
	Free     bool           // that outcome, a Failed, cost no attempt
	Pair     bool           // that outcome, a Throttled, concerned this recipient alone
	Code     sender.Code    // of that outcome
	Time     time.Time      // of that outcome; zero where it is not known
}

// Pending are the recipients that wait for a submission, by index. Those in
// flight do not.
func (f *Fold) Pending() iter.Seq2[int, Pending] {
	return func(yield func(int, Pending) bool) {
		for i := range f.subs {
			if p, ok := f.pending(i); ok && !yield(i, p) {
				return
			}
		}
	}
}

// pending says whether recipient i waits for a submission, and since when.
func (f *Fold) pending(i int) (Pending, bool) {
	st := f.Standing(i)
	p := Pending{Attempts: st.Attempts, Tries: st.Tries, Outcome: st.Last, Free: st.LastFree, Pair: st.LastPair, Code: st.Code, Time: st.Time}
	return p, st.State == Untouched || st.State == Retry
}
