package innopaas

import (
	"context"
	"sync"

	"sluice/internal/batch"
	"sluice/internal/sender"
)

// A submitter submits one compiled message.
type submitter struct {
	provider *Provider
	message  message
	reader   reader
	// The body's constant parts around uid and numbers.
	beforeUID, beforeNumbers string
	bodies                   sync.Pool // of *[]byte
}

func newSubmitter(p *Provider, kind string, m message) *submitter {
	o := p.options
	beforeUID := sender.AppendJSON([]byte(`{"wabaId":`), o.WabaID)
	beforeUID = sender.AppendJSON(append(beforeUID, `,"messageType":`...), kind)
	beforeNumbers := sender.AppendJSON([]byte(`","sendNumber":`), o.SendNumber)
	return &submitter{
		provider:      p,
		message:       m,
		reader:        reader{success: o.SuccessCodes, split: o.PartialReject == "split", template: kind == "template"},
		beforeUID:     string(append(beforeUID, `,"uid":"`...)),
		beforeNumbers: string(append(beforeNumbers, `,"recipientNumber":"`...)),
	}
}

// MaxRecipients is 1000: the API takes as many numbers for one message.
func (s *submitter) MaxRecipients() int { return maxRecipients }

// Key is "" for a message that is the same for everyone.
func (s *submitter) Key(r *batch.Recipient) string { return s.message.key(r.Vars) }

// Check wants the limits kept by what varies.
func (s *submitter) Check(r *batch.Recipient) error { return s.message.check(r.Vars) }

// Alone says that a recipient whose last submission ended with code is to be
// submitted by itself: the provider refused a number of a submission of several
// without saying which, and partial_reject is split.
func (s *submitter) Alone(code sender.Code) bool {
	return s.reader.split && lookupScope(code) == oneNumber
}

// Submit makes one request. Its uid is UID(ref). ctx does not cut it off.
func (s *submitter) Submit(_ context.Context, ref sender.Ref, rs []batch.Recipient, out []sender.Result) {
	if len(rs) == 0 {
		return
	}
	if len(rs) > maxRecipients {
		fill(out[:len(rs)], sender.Result{Outcome: sender.Denied, Code: codeNumbers})
		return
	}
	buffer, ok := s.bodies.Get().(*[]byte)
	if !ok {
		buffer = new([]byte)
	}
	*buffer = s.appendBody((*buffer)[:0], ref, rs)
	answer, result := s.provider.http.Post(s.provider.url, s.provider.header, *buffer)
	s.bodies.Put(buffer)
	if result != nil {
		fill(out[:len(rs)], *result)
		return
	}
	s.reader.read(answer, rs, out)
}

// appendBody appends the request's body. All of rs get the message of the first.
func (s *submitter) appendBody(dst []byte, ref sender.Ref, rs []batch.Recipient) []byte {
	dst = append(dst, s.beforeUID...)
	dst = appendUID(dst, ref)
	dst = append(dst, s.beforeNumbers...)
	for i := range rs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = sender.AppendJSONEscaped(dst, rs[i].Phone)
	}
	dst = append(dst, '"')
	dst = s.message.append(dst, rs[0].Vars)
	return append(dst, '}')
}

// fill says the same of every recipient.
func fill(out []sender.Result, r sender.Result) {
	for i := range out {
		out[i] = r
	}
}
