package nxcloud

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
	bodies   sync.Pool // of *[]byte
}

// MaxRecipients is 1: the API takes a single number.
func (s *submitter) MaxRecipients() int { return 1 }

// Key is the rendered template.
func (s *submitter) Key(r *batch.Recipient) string {
	return string(s.message.appendTemplate(nil, r))
}

// Check wants every parameter to have a value and every link to be one.
func (s *submitter) Check(r *batch.Recipient) error { return s.message.check(r) }

// Alone is never asked.
func (s *submitter) Alone(sender.Code) bool { return false }

// Submit makes one request a recipient; MaxRecipients asks for one. ctx does not
// cut it off. On code 1004, an expired timestamp, it signs anew and sends once
// more, in a slot of its own, and so can take twice the timeout. That is no retry of a submission:
// 1004 is a refusal before any sending, so the same recipient is not sent to
// twice; the request had only grown old on its way. A 1004 that names a message
// is no such refusal, and is not sent again. When 1004 comes again the
// clock is wrong, and the campaign halts.
func (s *submitter) Submit(ctx context.Context, ref sender.Ref, rs []batch.Recipient, out []sender.Result) {
	buffer, ok := s.bodies.Get().(*[]byte)
	if !ok {
		buffer = new([]byte)
	}
	defer s.bodies.Put(buffer)
	for i := range rs {
		at := ref
		at.Index += i
		*buffer = s.message.appendBody((*buffer)[:0], &rs[i], s.provider.reference(at))
		out[i] = s.submit(ctx, *buffer, ref.Try)
		if c := out[i].Code; s.message.linkVaries && (c == sender.MetaCode(131053) || c == sender.MetaCode(131014)) {
			// A picture of one's own is one's own trouble, until it repeats.
			out[i] = sender.Result{Outcome: sender.Rejected, Code: c, Repeats: true}
		}
	}
}

func (s *submitter) submit(ctx context.Context, body []byte, try int) sender.Result {
	const expired = 1004
	answer, result := s.provider.send.post(s.provider.http, body)
	if result != nil {
		return *result
	}
	e := s.provider.openReply(answer.Body)
	if e.ok && e.code == expired && !e.namesMessage(answer) {
		if !sender.Again(ctx) {
			// The recipient is as before, and nobody else is concerned.
			return sender.Result{Outcome: sender.Throttled, Code: "1004", Pair: true}
		}
		if answer, result = s.provider.send.post(s.provider.http, body); result != nil {
			return *result
		}
		e = s.provider.openReply(answer.Body)
	}
	return s.provider.read(answer, e, try)
}
