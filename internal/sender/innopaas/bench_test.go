package innopaas

import (
	"testing"

	"sluice/internal/batch"
	"sluice/internal/sender"
)

func BenchmarkKeyAndCheck(b *testing.B) {
	s := compile(b, options(), template(sender.Template{Body: []string{"{{a}}", "{{b|friend}}"}}))
	r := &batch.Recipient{Phone: "6281200000001", Vars: []string{"Lucy", ""}}
	b.ReportAllocs()
	for b.Loop() {
		if s.Key(r) == "" || s.Check(r) != nil {
			b.Fatal("the recipient is not as it should be")
		}
	}
}

func BenchmarkBody(b *testing.B) {
	s := compile(b, options(), template(sender.Template{Body: []string{"{{a}}", "fixed"}}))
	rs := several(maxRecipients)
	rs[0].Vars = []string{"Lucy", ""}
	var body []byte
	b.ReportAllocs()
	for b.Loop() {
		body = s.appendBody(body[:0], ref, rs)
	}
	b.SetBytes(int64(len(body)))
}
