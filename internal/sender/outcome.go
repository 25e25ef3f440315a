package sender

// Outcome is what one submission means for one recipient. There are six, and
// every switch names them all.
type Outcome uint8

// The outcomes. What follows each is the worker's business.
const (
	// Accepted: the provider took the message and gave a message_id.
	Accepted Outcome = iota + 1
	// Rejected: the provider refuses this recipient, for good.
	Rejected
	// Failed: the provider did not take the message and may next time, or the
	// request was never written. It costs the recipient an attempt.
	Failed
	// Throttled: the provider wants fewer messages. It costs no attempt.
	Throttled
	// Unknown: the request was written and there is no usable answer. The
	// recipient is in doubt.
	Unknown
	// Denied: account, credentials, balance or template. The campaign halts and
	// the recipient is as if untouched.
	Denied
)

// Outcomes are all of them, in order.
var Outcomes = [...]Outcome{Accepted, Rejected, Failed, Throttled, Unknown, Denied}

// String is the word that logs and metrics use.
func (o Outcome) String() string {
	switch o {
	case Accepted:
		return "accepted"
	case Rejected:
		return "rejected"
	case Failed:
		return "failed"
	case Throttled:
		return "throttled"
	case Unknown:
		return "unknown"
	case Denied:
		return "denied"
	}
	return "invalid"
}
