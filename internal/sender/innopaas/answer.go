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

// taken reads the data of a success:
//   - a string or number is the message id of all;
//   - an object has one, or an array of them, as messageId, message_id or id,
//     and names in errorPhone those that it did not take;
//   - an array has one id for all, or as many ids as there are recipients, in
//     their order.
//
// A recipient without an id is in doubt: the provider says that it took the
// message, and no receipt can ever be matched.
func taken(data json.RawMessage, rs []batch.Recipient, out []sender.Result) {
	ids, refused := split(data)
	setIDs(ids, out)
	if len(refused) > 0 {
		refuse(refused, rs, out)
	}
}

// split parts data into what holds the message ids, and the numbers refused.
func split(data json.RawMessage) (ids json.RawMessage, refused []string) {
	if kind(data) != '{' {
		return data, nil
	}
	var object struct {
		MessageID  json.RawMessage `json:"messageId"`
		MessageID2 json.RawMessage `json:"message_id"`
		ID         json.RawMessage `json:"id"`
		ErrorPhone json.RawMessage `json:"errorPhone"`
	}
	if json.Unmarshal(data, &object) != nil {
		return nil, nil
	}
	for _, ids = range []json.RawMessage{object.MessageID, object.MessageID2, object.ID} {
		if k := kind(ids); k != 0 && k != 'n' {
			break
		}
	}
	return ids, phones(object.ErrorPhone)
}

// phones are the numbers of a list, or of one string with commas.
func phones(data json.RawMessage) []string {
	var listed []string
	if kind(data) == '[' {
		var each []scalar
		if json.Unmarshal(data, &each) == nil {
			for _, one := range each {
				listed = append(listed, digits(string(one)))
			}
		}
		return listed
	}
	var one scalar
	_ = one.UnmarshalJSON(data) // never fails
	for number := range strings.SplitSeq(string(one), ",") {
		if number = digits(number); number != "" {
			listed = append(listed, number)
		}
	}
	return listed
}

// setIDs gives each recipient its id.
func setIDs(data json.RawMessage, out []sender.Result) {
	switch kind(data) {
	case '[':
		var each []json.RawMessage
		if json.Unmarshal(data, &each) != nil {
			break
		}
		if len(each) == len(out) {
			for i := range out {
				out[i] = accepted(idOf(each[i]))
			}
			return
		}
		if len(each) == 1 {
			fill(out, accepted(idOf(each[0])))
			return
		}
	default:
		fill(out, accepted(idOf(data)))
		return
	}
	fill(out, accepted(""))
}

func accepted(id string) sender.Result {
	switch {
	case id == "":
		return sender.Result{Outcome: sender.Unknown, Code: codeNoMessageID}
	case len(id) > maxMessageID:
		return sender.Result{Outcome: sender.Unknown, Code: sender.CodeBadAnswer}
	}
	return sender.Result{Outcome: sender.Accepted, MessageID: id}
}

// idOf is the id that is data, or that an object has, or "".
func idOf(data json.RawMessage) string {
	var s scalar
	if kind(data) != '{' {
		_ = s.UnmarshalJSON(data) // never fails
		return string(s)
	}
	var object struct {
		MessageID  scalar `json:"messageId"`
		MessageID2 scalar `json:"message_id"`
		ID         scalar `json:"id"`
	}
	if json.Unmarshal(data, &object) != nil {
		return ""
	}
	for _, s = range []scalar{object.MessageID, object.MessageID2, object.ID} {
		if s != "" {
			break
		}
	}
	return string(s)
}

// refuse has those whose numbers are listed Rejected. Where a listed number is
// nobody's here, somebody was refused and it cannot be told who: all that are
// not listed are then in doubt.
func refuse(listed []string, rs []batch.Recipient, out []sender.Result) {
	ours := make(map[string]bool, len(listed))
	for _, number := range listed {
		ours[number] = false
	}
	for i := range rs {
		if _, found := ours[rs[i].Phone]; found || len(rs) == 1 {
			ours[rs[i].Phone] = true
			out[i] = sender.Result{Outcome: sender.Rejected, Code: codeErrorPhone}
		}
	}
	stranger := false
	for _, found := range ours {
		stranger = stranger || !found
	}
	for i := range out {
		if stranger && out[i].Outcome != sender.Rejected {
			out[i] = sender.Result{Outcome: sender.Unknown, Code: codeErrorPhone}
		}
	}
}

// digits is s without what people put into numbers.
func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// kind is the first byte of a JSON value, which tells its type, or 0.
func kind(data json.RawMessage) byte {
	if len(data) == 0 {
		return 0
	}
	return data[0]
}

// namesMessage says that data holds what a success would: an id by its name, or
// by itself in the form of one, for which anyForm takes whatever is there.
func namesMessage(data json.RawMessage, anyForm bool) bool {
	ids, _ := split(data)
	is := func(one json.RawMessage) bool {
		id := idOf(one)
		return id != "" && (anyForm || kind(one) == '{' || kind(data) == '{' || looksLikeID(id))
	}
	if kind(ids) == '[' {
		var each []json.RawMessage
		return json.Unmarshal(ids, &each) == nil && slices.ContainsFunc(each, is)
	}
	return is(ids)
}

// looksLikeID says that s is one word with a digit in it, and not only zeros.
func looksLikeID(s string) bool {
	const others = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_.=:+/-"
	return strings.Trim(s, others+"0123456789") == "" && strings.ContainsAny(s, "123456789")
}
