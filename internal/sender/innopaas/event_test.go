package innopaas

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/sender"
)

// Both spellings of the event's type, and statuses that stop a template or do not.
func TestTemplateEvents(t *testing.T) {
	t.Parallel()
	p := &Provider{}
	stops := []sender.Event{{
		Kind: sender.TemplateStops, Template: "news", Language: "en", Word: "DISABLED", Detail: "OTHER", Time: time.Date(2026, 5, 25, 10, 31, 8, 167e6, time.UTC),
	}}
	goes := []sender.Event{stops[0]}
	goes[0].Kind, goes[0].Word = sender.TemplateGoes, "APPROVED"
	for _, tt := range []struct {
		kind, status string
		want         []sender.Event
	}{
		{"whatsapp_template_status_updated", "DISABLED", stops},
		{"whatsapp_template_status_update", "disabled", stops},
		{"whatsapp_template_status_updated", "APPROVED", goes},
		{"whatsapp_template_status_updated", "PENDING", nil},
		{"whatsapp_account_review_updated", "DISABLED", nil},
	} {
		body := `{"id":"1","type":"` + tt.kind + `","eventTime":"2026-05-25T10:31:08.167Z","body":{"category":"MARKETING","reason":"for its quality","templateId":"7","templateLanguage":"en","templateName":"news","templateStatus":"` + tt.status + `","wabaId":"1"}}`
		got, err := p.ReadCallback([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, got.Events); diff != "" {
			t.Errorf("%s %s: %s", tt.kind, tt.status, diff)
		}
	}
}
