package ledger

// A Choice is what a person says of submissions in doubt.
type Choice uint8

// The choices. Accept and Reject are final, but for a real outcome that comes
// late.
const (
	Accept Choice = iota + 1 // the provider took the message
	Reject                   // it is not to be sent
	Resend                   // it is to be sent again
)
