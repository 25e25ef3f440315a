package nxcloud

import (
	"context"
	"testing"

	"sluice/internal/sender"
)

func TestFilled(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text   string
		values []string
		want   string
	}{
		{"Dear {{1}}, on {{2}}.", []string{"Ana", "Monday"}, "Dear Ana, on Monday."},
		{"{{2}} for {{1}}", []string{"Ana", "Tea"}, "Tea for Ana"},
		{"{{1}} {{2}} {{1}}", []string{"a", "b"}, "a b a"},
		{"{{1}} {{2}} {{1}}", []string{"a", "b", "c"}, "a b c"},
		{"{{ name }} {{}} {{10}}", []string{"a"}, "a {{}} {{10}}"},
		{"{{1}}", []string{"{{2}}"}, "{{2}}"},
		{"{{1}} {{2", nil, "{{1}} {{2"},
		{"none", []string{"a"}, "none"},
	} {
		if got := filled(c.text, c.values); got != c.want {
			t.Errorf("%q with %q: %q, want %q", c.text, c.values, got, c.want)
		}
	}
}

func TestTemplateText(t *testing.T) {
	t.Parallel()
	url, _ := server(t, `{"code":0,"data":{"data":[`+exampleTemplate+`]}}`, `{"code":0,"data":{"data":[`+exampleTemplate+`]}}`)
	o := options()
	o.TemplateBaseURL = url
	p := newProvider(t, o)
	m := sender.Message{Type: "template", Template: &sender.Template{
		Name: "parcel_note", Language: "en_US", Body: []string{"Ana", "Monday"}, Buttons: []sender.Button{{Index: 1, URL: "17"}},
	}}
	got, asked, err := p.TemplateText(context.Background(), m)
	want := "Parcel {{1}}\nDear Ana, it comes on Monday.\nDo not answer\n[Thanks]\n[Follow] https://x/17\n[Later]\n[]"
	if got != want || !asked || err != nil {
		t.Errorf("%q %t %v, want %q", got, asked, err, want)
	}
	m.Template.Language = "de"
	if _, _, err := p.TemplateText(context.Background(), m); err == nil {
		t.Error("a language that it does not have")
	}
	if _, asked, err := p.TemplateText(context.Background(), sender.Message{Type: "text"}); asked || err != nil {
		t.Error("what is no template was asked for")
	}
}
