package innopaas

import (
	"encoding/json"
	"slices"
	"strings"

	"sluice/internal/batch"
	"sluice/internal/sender"
)

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
