// Package sender is the contract between the worker and the providers: a
// provider compiles a campaign's message once, and then makes submissions, each
// of which means exactly one outcome for each of its recipients. A provider
// retries nothing, waits for no rate and keeps no state between submissions.
package sender

import (
	"context"
	"time"

	"sluice/internal/batch"
)

// A Provider speaks one API for one sender's account.
type Provider interface {
	// Compile checks the message against everything that the provider
	// documents and makes it ready to submit. Columns are those of the
	// recipients' Vars, in order. Its errors name the field at fault.
	Compile(m Message, columns []batch.Column) (Submitter, error)
	// Meaning explains a Result's code in the words of the provider's table,
	// with what a person can do about it, or returns "".
	Meaning(code Code) string
}

// A Submitter makes the submissions of one campaign. It is safe for use by
// many goroutines.
type Submitter interface {
	// MaxRecipients is how many recipients one submission may carry.
	MaxRecipients() int
	// Key tells messages apart: recipients with equal keys get the same
	// rendered message and may share a submission. It is asked only where
	// MaxRecipients is above 1.
	Key(r *batch.Recipient) string
	// Check says what is wrong with the message as rendered for r, such as a
	// text over the provider's limit, or nil. It is asked at import; its error
	// names the field and holds nothing of the row.
	Check(r *batch.Recipient) error
	// Alone says that a recipient whose last submission ended with code is to be
	// submitted by itself, whatever their key. It is asked only where
	// MaxRecipients is above 1.
	Alone(code Code) bool
	// Submit makes one submission for rs, which share one key, signed at the
	// moment of sending, and sets out[i] for each rs[i]. Whatever goes wrong,
	// something is true of every recipient, so there is no error. Cancelling
	// ctx does not make a submission undone: its outcome is then Unknown. A second
	// request for one submission is made only where Again(ctx) says so.
	// An answer that carries a message_id is Accepted or Unknown, never Failed,
	// whatever its code; but whom a success itself names as refused is Rejected.
	Submit(ctx context.Context, ref Ref, rs []batch.Recipient, out []Result)
}

// A Ref names one submission for ever: two submissions never share one.
type Ref struct {
	Campaign string
	Batch    int
	Index    int // of the submission's first recipient in the batch
	Try      int // that recipient's how-manieth submission, from 1
}

// A Result is what one submission means for one recipient.
type Result struct {
	Outcome Outcome
	// Code says why; Accepted has none.
	Code Code
	// MessageID is the provider's, where it accepted.
	MessageID string
	// RetryAfter is how long the provider asks to wait; only with Throttled.
	RetryAfter time.Duration
	// Pair means that a Throttled concerns this recipient alone, not the sender.
	Pair bool
	// Unlisted means that the code is in no table: ten in a row halt.
	Unlisted bool
	// Repeats means that a Rejected may really concern the whole account or
	// message (22090, 1002, 131009): ten in a row, with no success among them, halt.
	Repeats bool
	// AtFirst means that a Rejected stands for a Failed as long as nobody of the
	// campaign was accepted (1002): if it is everybody's, it costs nobody their place.
	AtFirst bool
	// OptOut means that this person wants no more messages (131050).
	OptOut bool
}
