package sender

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A Status is what a receipt says of a message, in the order in which a later one
// counts for more.
type Status uint8

// The statuses.
const (
	Sent Status = iota + 1
	Undelivered
	Delivered
	Read
)

// Statuses are all of them, in order.
var Statuses = [...]Status{Sent, Undelivered, Delivered, Read}

// String is the word that export and metrics use.
func (s Status) String() string {
	switch s {
	case Sent:
		return "sent"
	case Undelivered:
		return "undelivered"
	case Delivered:
		return "delivered"
	case Read:
		return "read"
	}
	return "invalid"
}

// LastSecond is the last time of a receipt that is believed, in Unix seconds; it is
// in the year 2096.
const LastSecond = 4_000_000_000

// A Receipt is a provider's later word on one message.
type Receipt struct {
	// MessageID is the provider's.
	MessageID string
	// Reference is what the submission went out with that names it, where the
	// provider gives that back; "" where not.
	Reference string
	// Phone is the recipient's number as the provider spells it, "" where it does
	// not say.
	Phone  string
	Status Status
	// Deleted says that the message was deleted later.
	Deleted bool
	Time    time.Time
	// Code is why it is undelivered, "meta_131026" or "smecl"; the set is bounded.
	Code string
}

// A Callback is what one request of a provider says.
type Callback struct {
	Receipts []Receipt
	// Others are what else it tells of, by kind: events of templates and numbers,
	// messages that came in. The set is bounded.
	Others []string
	// Events are those of Others that something follows from.
	Events []Event
	// Invalid is how many statuses of it cannot be read.
	Invalid int
}

// An Event is what a provider tells of a sender's account, and of no message.
type Event struct {
	Kind EventKind
	// Template and Language are of a template's events.
	Template, Language string
	// Word is the provider's, such as PAUSED; Detail what it says beside it. Both are
	// bounded, of plain letters.
	Word, Detail string
	// Phone is of OptOut and OptIn.
	Phone string
	// Limit is of DayLimit, below zero where there is none.
	Limit int
	// Time is when it was, zero where it does not say.
	Time time.Time
}

// An EventKind says what follows from an Event.
type EventKind uint8

// The kinds of event.
const (
	// TemplateStops: nothing is delivered with the template any more.
	TemplateStops EventKind = iota + 1
	// AccountStops: nothing is delivered from the account any more.
	AccountStops
	// Warning: somebody should look at it, such as at a quality that falls.
	Warning
	// OptOut: this person wants no more marketing; OptIn: they want it again.
	OptOut
	OptIn
	// TemplateGoes: the template may be sent.
	TemplateGoes
	// DayLimit: to how many people in 24 hours the account may write first.
	DayLimit
)

// TemplateEvent is the event of a template whose status has changed; false where
// nothing follows from that.
func TemplateEvent(name, language, status, reason string, at time.Time) (Event, bool) {
	e := Event{Template: name, Language: language, Detail: plainWord(reason), Time: at}
	e.Word, e.Kind = TemplateState(status)
	return e, e.Kind != 0 && name != "" && language != "" && len(name) <= maxTemplateName && len(language) <= maxTemplateName
}

// maxTemplateName is the longest name of a template that there is.
const maxTemplateName = 512

// TemplateState says whether a template of a status may be sent, 0 where nothing
// follows from it, and the status as a plain word.
func TemplateState(status string) (word string, kind EventKind) {
	switch word = plainWord(status); word {
	case "PAUSED", "DISABLED", "REJECTED", "PENDING_DELETION", "DELETED":
		return word, TemplateStops
	case "APPROVED", "REINSTATED":
		return word, TemplateGoes
	}
	return word, 0
}

// DayLimitEvent is the event of an account's limit of 24 hours, as a number or as the
// word of its tier; false where it is neither.
func DayLimitEvent(limit string, at time.Time) (Event, bool) {
	word := strings.TrimPrefix(strings.ToUpper(limit), "TIER_")
	if word == "UNLIMITED" {
		word = "-1"
	}
	thousands := 1
	if rest, ok := strings.CutSuffix(word, "K"); ok {
		word, thousands = rest, 1000
	}
	n, err := strconv.Atoi(word)
	if err != nil || n == 0 || n > maxDayLimit {
		return Event{}, false
	}
	return Event{Kind: DayLimit, Limit: max(n*thousands, -1), Time: at}, true
}

const maxDayLimit = 1_000_000_000

// plainWord is a provider's word as it may stand in a log: upper case, of bounded
// length, and OTHER where it is no word.
func plainWord(word string) string {
	word = strings.ToUpper(word)
	if len(word) > 40 || strings.Trim(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" {
		return "OTHER"
	}
	return word
}

// WarningOf is an event that somebody should look at.
func WarningOf(kind, detail string, at time.Time) Event {
	return Event{Kind: Warning, Word: plainWord(kind), Detail: plainWord(detail), Time: at}
}

// AccountEvent is the event of an account that is restricted, or a Warning.
func AccountEvent(event, state string, at time.Time) Event {
	e := Event{Kind: AccountStops, Word: plainWord(event), Detail: plainWord(state), Time: at}
	switch {
	case e.Detail == "REINSTATE":
		e.Kind = Warning
	case strings.HasPrefix(e.Word, "DISABLED"), e.Word == "ACCOUNT_RESTRICTION", e.Word == "ACCOUNT_DELETED":
	default:
		e.Kind = Warning
	}
	return e
}

// A CallbackReader is a provider whose callbacks are known.
type CallbackReader interface {
	// ReadCallback reads a request's body. One status that cannot be read costs
	// none of the others; an error means that none of it is of a known shape.
	ReadCallback(body []byte) (Callback, error)
	// Signed says whether a request carries a signature, and whether it is true
	// as of now.
	Signed(h http.Header, body []byte, now time.Time) (signed, ok bool)
	// Locates says which submission a reference names: a tag of its campaign, and
	// the rest; and whether it names one at all.
	Locates(reference string) (Located, bool)
	// Tag is the tag of a campaign in this provider's references; "" where it has
	// none.
	Tag(campaign string) string
}

// A Located is what a reference says.
type Located struct {
	Tag   string // of the campaign, as Tag gives it
	Batch int
	Index int // of the submission's first recipient
	Try   int
	// One says that the submission has this one recipient.
	One bool
}

// UndeliveredCode is the code of a receipt that says why: the number that Meta's
// platform gave, or other.
func UndeliveredCode(meta string) string {
	if meta == "" || len(meta) > 9 || strings.Trim(meta, "0123456789") != "" {
		return "other"
	}
	return "meta_" + meta
}
