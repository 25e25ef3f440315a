package innopaas

import (
	"net/http"

	"sluice/internal/batch"
	"sluice/internal/sender"
)

// Preview implements sender.Previewer. The account's keys are in the request's
// head: its body has none.
func (s *submitter) Preview(ref sender.Ref, r *batch.Recipient) sender.Request {
	return sender.Request{
		Method: http.MethodPost, URL: s.provider.url,
		Body: s.appendBody(nil, ref, []batch.Recipient{*r}),
	}
}
