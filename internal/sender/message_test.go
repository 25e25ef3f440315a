package sender

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/batch"
)

// The texts of a message have their places, and the values of a row stand in them; the
// message itself stays as it is.
func TestRendered(t *testing.T) {
	t.Parallel()
	m := Message{Type: "template", Template: &Template{
		Name: "sale", Language: "en", Header: &Header{Image: "https://x/{{sku}}.jpg"}, Body: []string{"{{name|friend}}", "half off"},
		Buttons: []Button{{Index: 1, CopyCode: "{{code}}"}},
	}}
	columns := []batch.Column{{Name: "code"}, {Name: "name"}, {Name: "sku"}}
	got, err := m.Rendered(columns, []string{"C7", "", "17"})
	if err != nil {
		t.Fatal(err)
	}
	want := []Field{
		{"message.type", "template"},
		{"message.template.name", "sale"},
		{"message.template.language", "en"},
		{"message.template.header.image", "https://x/17.jpg"},
		{"message.template.body[0]", "friend"},
		{"message.template.body[1]", "half off"},
		{"message.template.buttons[0].copy_code", "C7"},
	}
	if diff := cmp.Diff(want, got.Fields()); diff != "" {
		t.Error(diff)
	}
	if m.Template.Body[0] != "{{name|friend}}" {
		t.Error("the message is another now")
	}
	if _, err := m.Rendered(columns[:1], []string{"C7"}); err == nil {
		t.Error("a column that there is not has a value")
	}
}

// White space is folded where WhatsApp refuses it, and nowhere else.
func TestFold(t *testing.T) {
	t.Parallel()
	folded := Message{Template: &Template{Header: &Header{Text: "a\n\nb"}, Body: []string{"a\tb      c\n"}, Buttons: []Button{{URL: "x\n"}}}}
	folded.Fold()
	if tpl := folded.Template; tpl.Header.Text != "a b" || tpl.Body[0] != "a b c" || tpl.Buttons[0].URL != "x" {
		t.Errorf("%+v %+v", tpl, tpl.Header)
	}
	text := Message{Text: &TextBody{Body: "a\n\nb"}}
	if text.Fold(); text.Text.Body != "a\n\nb" {
		t.Errorf("%q", text.Text.Body)
	}
}

func TestMarketing(t *testing.T) {
	t.Parallel()
	for category, want := range map[string]bool{"": true, "marketing": true, "utility": false, "authentication": false} {
		if m := (Message{Template: &Template{Category: category}}); m.Marketing() != want {
			t.Errorf("%q: %t", category, !want)
		}
	}
	if m := (Message{Text: &TextBody{}}); !m.Marketing() {
		t.Error("a text is no marketing")
	}
}

// A further request of a submission waits for whoever keeps the pace, and for nobody
// where nobody does.
func TestAgain(t *testing.T) {
	t.Parallel()
	if !Again(t.Context()) {
		t.Error("refused by nobody")
	}
	for _, may := range []bool{true, false} {
		if Again(WithAgain(context.Background(), func() bool { return may })) != may {
			t.Errorf("%t", !may)
		}
	}
}

// An answer that names a message is in doubt whatever else it says, and its code says
// of what.
func TestWithID(t *testing.T) {
	t.Parallel()
	for _, o := range Outcomes {
		r := Result{Outcome: o, Code: "7", MessageID: "m"}
		want := Result{Outcome: Unknown, Code: "7_with_id", Unlisted: true}
		if o == Unknown {
			want = r
		}
		if got := r.WithID(); got != want {
			t.Errorf("%s: %+v", o, got)
		}
	}
}

// Every outcome has its word, and what is none has none.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, o := range Outcomes {
		if seen[o.String()] || o.String() == "invalid" {
			t.Errorf("%d: %s", o, o)
		}
		seen[o.String()] = true
	}
	for _, c := range Classes {
		if seen[c.String()] || c.String() == "invalid" {
			t.Errorf("%d: %s", c, c)
		}
		seen[c.String()] = true
	}
	if Outcome(0).String() != "invalid" || Class(99).String() != "invalid" {
		t.Error("what is none has a word")
	}
}

// A setting's error names it, and one of a template can be told from others.
func TestErrors(t *testing.T) {
	t.Parallel()
	var setting *SettingError
	if err := BadSetting("appkey", "must have %d letters", 8); !errors.As(err, &setting) || err.Error() != "appkey: must have 8 letters" {
		t.Error(err)
	}
	cause := errors.New("two variables, and the template has one")
	if err := error(&UnfitError{cause}); !errors.Is(err, cause) || err.Error() != cause.Error() {
		t.Error(err)
	}
	for number, want := range map[string]bool{"5511987654321": true, "12345678": true, "+5511987654321": false, "0511987654321": false, "1234567": false, "1234567890123456": false, "12345678x": false} {
		if IsNumber(number) != want {
			t.Errorf("%s: %t", number, !want)
		}
	}
}
