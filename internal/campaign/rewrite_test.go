package campaign

import (
	"strings"
	"testing"

	"sluice/internal/sender"
)

// A campaign's file with another message is an amendment of it: all else is as it was
// given, whatever form it was given in.
func TestWithMessage(t *testing.T) {
	t.Parallel()
	for name, raw := range map[string]string{
		"yaml": "# ours\nid: sale\nsender: promo\nmessage: {type: template, template: {name: a, language: en, body: ['{{n}}']}}\n" +
			"recipients:\n  file: l.csv\n  phone: \"0123\"\n  default_country: NO\nrate: {messages_per_second: 1.5}\nstart_at: 2099-01-02T03:04:05-03:00\nwindow: {from: '08:00', to: '20:00', timezone: recipient}\n",
		"json": `{"id":"sale","sender":"promo","message":{"type":"text","text":{"body":"x"}},"recipients":{"default_country":"BR"},"max_attempts":7}`,
	} {
		rec := &Record{ID: "sale", Raw: []byte(raw)}
		given, err := rec.Given()
		if err != nil {
			t.Fatal(name, err)
		}
		text, err := rec.WithMessage(&sender.Message{Type: "text", Text: &sender.TextBody{Body: "Hello {{n}}"}})
		if err != nil {
			t.Fatal(name, err)
		}
		f, err := ParseAmendment(text, "message")
		if err != nil {
			t.Fatal(name, err)
		}
		if what := f.BesidesMessage(given); what != "" || f.Message.Text == nil || f.Message.Text.Body != "Hello {{n}}" {
			t.Errorf("%s: %q is another; %+v", name, what, f.Message)
		}
	}
	if _, err := (&Record{ID: "sale", Raw: []byte(": [")}).WithMessage(&sender.Message{}); err == nil || !strings.Contains(err.Error(), "sale") {
		t.Error(err)
	}
}
