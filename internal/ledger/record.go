package ledger

import (
	"encoding/binary"
	"slices"
	"strconv"
	"time"

	"sluice/internal/sender"
)

// A journal is a row of records, each
//
//	byte     version<<5 | skippable<<4 | kind
//	uvarint  length of the payload
//	payload
//
// A record of a kind that a program does not know is skipped by it if its head
// says that it may be, and folded as nothing; otherwise the program refuses the
// whole journal. So what a fold of an earlier version makes of the rest stays
// true. A kind that came after the first revision is written only once
// Ledger.MayWrite allows its revision (package schema says how those grow).
//
// Recipients are named by their index in the batch, submissions by index and
// try. What a record says does not depend on where in the journal it stands, and
// saying it twice says no more than once: so a command that a client sent again
// after a lost answer does no harm.
const journalVersion = 1

// firstRevision is that of the kinds below, which every program knows.
const firstRevision = 1

// The parts of a record's head.
const (
	versionShift = 5
	skippableBit = 0b0001_0000
	kindBits     = 0b0000_1111
)

const kindJournal = "journal"

// The kinds of record.
const (
	// intentRecord: uvarint epoch<<1 | resend, then runs. These submissions are
	// about to be made under the claim of this epoch.
	intentRecord = iota + 1
	// outcomeRecord: uvarint time in ms, then entries. What submissions led to.
	outcomeRecord
	// withdrawalRecord: runs. These submissions were never made.
	withdrawalRecord
	// resolutionRecord: choice byte, uvarint time in ms, then runs. A person's
	// word on submissions in doubt.
	resolutionRecord
	// suppressionRecord: runs. These submissions, which nobody intended, are not made,
	// and none will be: the numbers are on the suppression list.
	suppressionRecord
)

const (
	maxTry   = 1 << 24
	maxEpoch = 1 << 40
	// maxMillis is the last time that is believed, in the year 9999.
	maxMillis = 253_402_300_799_999
)

// A place is one submission to one recipient: their index in the batch, and the
// how-manieth it is, from 1.
type place struct{ index, try int }

// comparePlaces orders by index, then try.
func comparePlaces(a, b place) int {
	if a.index != b.index {
		return a.index - b.index
	}
	return a.try - b.try
}

// appendRuns encodes places as runs of consecutive indexes of the same try:
// uvarint distance from the end of the run before, uvarint indexes, uvarint try.
// It sorts places. An index stands in it once at most.
func appendRuns(dst []byte, places []place) []byte {
	slices.SortFunc(places, comparePlaces)
	for i, next := 0, 0; i < len(places); {
		end := i + 1
		for end < len(places) && places[end].index == places[end-1].index+1 && places[end].try == places[i].try {
			end++
		}
		dst = binary.AppendUvarint(dst, uint64(places[i].index-next))
		dst = binary.AppendUvarint(dst, uint64(end-i))
		dst = binary.AppendUvarint(dst, uint64(places[i].try))
		next = places[end-1].index + 1
		i = end
	}
	return dst
}

// runs reads runs to the end of the payload and calls fn for each place.
func (c *cursor) runs(size int, fn func(place)) {
	for next := 0; c.more(); {
		first := next + c.number(size-next)
		count := c.number(size - first)
		try := c.number(maxTry)
		if c.err == nil && (count == 0 || try == 0) {
			c.fail("empty run of recipients")
		}
		if c.err != nil {
			return
		}
		for i := first; i < first+count; i++ {
			fn(place{i, try})
		}
		next = first + count
	}
}

// appendRecord frames a payload. Kind may have skippableBit set.
func appendRecord(dst []byte, kind byte, payload []byte) []byte {
	dst = append(dst, journalVersion<<versionShift|kind)
	dst = binary.AppendUvarint(dst, uint64(len(payload)))
	return append(dst, payload...)
}

func appendIntent(dst []byte, epoch int, resend bool, places []place) []byte {
	head := uint64(epoch) << 1
	if resend {
		head |= 1
	}
	return appendRecord(dst, intentRecord, appendRuns(binary.AppendUvarint(nil, head), places))
}

func appendWithdrawal(places []place) []byte {
	return appendRecord(nil, withdrawalRecord, appendRuns(nil, places))
}

func appendSuppression(places []place) []byte {
	return appendRecord(nil, suppressionRecord, appendRuns(nil, places))
}

func appendResolution(choice Choice, at time.Time, places []place) []byte {
	payload := binary.AppendUvarint([]byte{byte(choice)}, millis(at))
	return appendRecord(nil, resolutionRecord, appendRuns(payload, places))
}

// An ending is how a submission ended.
type ending struct {
	outcome sender.Outcome
	free    bool // of Failed: it cost no attempt
	pair    bool // of Throttled: it concerned this recipient alone
}

// The endings that are no plain outcome, as an entry's head has them; all others
// are there as their outcome, 1 to 6.
const (
	headPair = 0
	headFree = 7
)

func (e ending) head() byte {
	switch {
	case e.pair:
		return headPair
	case e.free:
		return headFree
	}
	return byte(e.outcome)
}

func endingOf(head byte) ending {
	switch head {
	case headPair:
		return ending{outcome: sender.Throttled, pair: true}
	case headFree:
		return ending{outcome: sender.Failed, free: true}
	}
	return ending{outcome: sender.Outcome(head)}
}

// An outcome is what one submission led to, for one recipient.
type outcome struct {
	place
	ending
	code      string
	messageID string // only with Accepted
	at        uint64 // ms
}

// The head byte of an outcome's entry: the ending, whether a code follows, and
// the try where it is small.
const (
	endingBits = 0b0000_0111
	codeBit    = 0b0000_1000
	tryShift   = 4
	largeTry   = 15 // the try follows as uvarint
)

// appendOutcomes encodes outcomes, which it sorts. Each entry: uvarint distance
// of the index from the entry before, head byte, uvarint try if large, uvarint
// ms after the record's time, code if there is one, message_id if Accepted.
func appendOutcomes(dst []byte, outcomes []outcome) []byte {
	slices.SortFunc(outcomes, func(a, b outcome) int { return comparePlaces(a.place, b.place) })
	base := outcomes[0].at
	for i := range outcomes {
		base = min(base, outcomes[i].at)
	}
	payload := binary.AppendUvarint(make([]byte, 0, 16+36*len(outcomes)), base)
	before := 0
	for i := range outcomes {
		o := &outcomes[i]
		payload = binary.AppendUvarint(payload, uint64(o.index-before))
		before = o.index
		head := o.head() | byte(min(o.try, largeTry))<<tryShift
		if o.code != "" {
			head |= codeBit
		}
		payload = append(payload, head)
		if o.try >= largeTry {
			payload = binary.AppendUvarint(payload, uint64(o.try))
		}
		payload = binary.AppendUvarint(payload, o.at-base)
		if o.code != "" {
			payload = appendString(payload, o.code)
		}
		if o.outcome == sender.Accepted {
			payload = appendString(payload, o.messageID)
		}
	}
	return appendRecord(dst, outcomeRecord, payload)
}

// outcomes reads entries to the end of the payload and calls fn for each.
func (c *cursor) outcomes(size int, fn func(outcome)) {
	base := c.number(maxMillis)
	before := 0
	for c.more() {
		var o outcome
		o.index = before + c.number(size-1-before)
		before = o.index
		head := c.byte()
		o.ending = endingOf(head & endingBits)
		o.try = int(head >> tryShift)
		if o.try == largeTry {
			o.try = c.number(maxTry)
		}
		if c.err == nil && o.try == 0 {
			c.fail("outcome of no submission")
		}
		o.at = uint64(base + c.number(maxMillis-base))
		if head&codeBit != 0 {
			o.code = c.string()
		}
		if o.outcome == sender.Accepted {
			o.messageID = c.string()
		}
		if c.err != nil {
			return
		}
		fn(o)
	}
}

// millis is a time as the journal holds it; times before 1970 are none.
func millis(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	return uint64(min(max(t.UnixMilli(), 0), maxMillis))
}

// timeOf is the time that millis made of it; 0 is none.
func timeOf(ms uint64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(ms))
}

// unknownVersion is the problem of a first byte.
func unknownVersion(v byte) string {
	return "version " + strconv.Itoa(int(v)) + ", which this program does not know"
}
