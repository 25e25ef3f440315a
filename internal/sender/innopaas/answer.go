package innopaas

import (
	"encoding/json"
	"slices"
	"strings"

	"sluice/internal/batch"
	"sluice/internal/sender"
)

// maxMessageID bounds what is kept of an answer; real ones have about 20 digits.
const maxMessageID = 256

// A reader turns answers into results. The answer of v3 is not published; what
// is read here is its predecessor's and its siblings', in every form they have.
type reader struct {
	success  []string // the codes that say so
	split    bool     // Options.PartialReject
	template bool     // the message is one
}

// An envelope is the form of every answer.
type envelope struct {
	Code    scalar          `json:"code"`
	Message scalar          `json:"message"`
	Data    json.RawMessage `json:"data"`
}

// A scalar is a JSON string or number; anything else reads as "".
type scalar string

// UnmarshalJSON never fails.
func (s *scalar) UnmarshalJSON(b []byte) error {
	*s = ""
	switch {
	case len(b) == 0:
	case b[0] == '"':
		var text string
		if json.Unmarshal(b, &text) == nil {
			*s = scalar(strings.TrimSpace(text))
		}
	case b[0] == '-' || b[0] >= '0' && b[0] <= '9':
		*s = scalar(b)
	}
	return nil
}

// read sets out[i] to what the answer means for rs[i]. The code goes before the
// HTTP status, which the provider does not document, but
//   - success under a status that says otherwise is in doubt;
//   - an unlisted code under such a status may be a gateway's: the status counts;
//   - a failure under a status that asks for fewer requests is Throttled;
//   - whatever is no success and names a message all the same is in doubt.
func (r *reader) read(a sender.Answer, rs []batch.Recipient, out []sender.Result) {
	out = out[:len(rs)]
	var e envelope
	if err := json.Unmarshal(a.Body, &e); err != nil {
		e = envelope{}
	}
	c := sender.Code(e.Code)
	ok := a.Status >= 200 && a.Status <= 299
	switch {
	case slices.Contains(r.success, string(c)):
		if ok {
			taken(e.Data, rs, out)
		} else {
			fill(out, sender.Result{Outcome: sender.Unknown, Code: sender.HTTPCode(a.Status)})
		}
	case !isCode(c):
		fill(out, withID(a.ResultByStatus(), e, a))
	case ok:
		fill(out, withID(withWait(r.failed(c, e, len(rs)), a), e, a))
	default:
		fill(out, withID(withWait(r.failedBoth(c, e, len(rs), a), a), e, a))
	}
}

// failed is what a code that is no success means. All zeros, which no table has,
// is a success at a sibling: what may have been taken is in doubt, and is not
// sent again.
func (r *reader) failed(c sender.Code, e envelope, n int) sender.Result {
	result := r.classify(c, string(e.Message), n)
	if result.Unlisted && isZeros(c) {
		result.Outcome = sender.Unknown
	}
	return result
}

// withID is what a failure means after a look at whether its answer names a
// message. A failure has no data as far as documented; where one has, a listed
// code's may be words about it, and any other's is taken for an id.
func withID(result sender.Result, e envelope, a sender.Answer) sender.Result {
	if sender.NamesMessage(a.Body) || namesMessage(e.Data, result.Unlisted) {
		return result.WithID()
	}
	return result
}

// failedBoth is what a code that is no success means under a status that is none.
func (r *reader) failedBoth(c sender.Code, e envelope, n int, a sender.Answer) sender.Result {
	result := r.failed(c, e, n)
	status := a.ResultByStatus()
	if result.Unlisted {
		return status
	}
	if status.Outcome == sender.Throttled && result.Outcome == sender.Failed {
		result.Outcome = sender.Throttled
	}
	return result
}

// withWait has a Throttled wait as long as the header asks.
func withWait(result sender.Result, a sender.Answer) sender.Result {
	if result.Outcome == sender.Throttled && !result.Pair {
		result.RetryAfter = max(result.RetryAfter, a.RetryAfter)
	}
	return result
}

// isCode says that c is a number, which all documented codes are. So the set of
// codes is bounded, and words, of whoever stands between, are none.
func isCode(c sender.Code) bool {
	digits := strings.TrimPrefix(string(c), "-")
	return digits != "" && len(c) <= maxCode && strings.Trim(digits, "0123456789") == ""
}

// isZeros says that c is 0, 000000 or the like.
func isZeros(c sender.Code) bool {
	return c != "" && len(c) <= maxCode && strings.Trim(string(c), "0") == ""
}
