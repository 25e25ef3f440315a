// Package batch turns an input file into clean batches of recipients. It is
// pure: the same bytes and options give the same batches with the same digests,
// every row of the input is in exactly one of them, either as a recipient or as
// a skipped row with its reason, and memory does not grow with the file but for
// the set of numbers seen.
package batch

// MaxRecipients is the most recipients one batch holds.
const MaxRecipients = 1000

// A Recipient is a row with a valid phone number.
type Recipient struct {
	// Row is the row's place in the input, from 1, the header not counted.
	Row int
	// Phone is the number in E.164 digits, without a plus.
	Phone string
	// Vars are the values of the message's columns, in the order of
	// Options.Columns.
	Vars []string
}

// Kind says why a row became no recipient.
type Kind uint8

// The kinds of skipped rows, named as in the account of a campaign.
const (
	Invalid Kind = iota + 1
	Duplicate
	Suppressed
)

// String is the word that status and export use.
func (k Kind) String() string {
	switch k {
	case Invalid:
		return "invalid"
	case Duplicate:
		return "duplicate"
	case Suppressed:
		return "suppressed"
	}
	return "unknown"
}

// A Skipped is a row that became no recipient.
type Skipped struct {
	Row    int    // as Recipient.Row
	Line   int    // the line of the file where the row begins, from 1, the header counted
	Kind   Kind   // why, in one word
	Reason string // why, for a person; holds no phone number and no text of the row
	Phone  string // the number, normalised where that was possible, else as it was given
	// Vars are as Recipient.Vars, but empty in the columns that are not Kept; nil where
	// none is, or the row has no cells.
	Vars []string
}

// A Batch is a stretch of the input: up to MaxRecipients recipients and the
// rows between them that became none. Batches follow each other without a gap.
type Batch struct {
	N          int // from 0
	Recipients []Recipient
	Skipped    []Skipped
	Kept       []bool // of the columns, which are; nil: none is
	// Folded is how many recipients have a value whose white space was folded.
	Folded int
	// Digest covers all that is above; equal digests mean equal batches.
	Digest [16]byte
}

// A Column is a column of the input that the message uses.
type Column struct {
	Name string
	// Required means that a row with an empty value is invalid: some
	// placeholder for the column has no fallback.
	Required bool
	// Kept means that its values are kept for whoever looks later, those of rows that
	// became no recipient too.
	Kept bool
	// Fold means that white space in the values is folded, as in the parameters
	// of a template it must be.
	Fold bool
}
