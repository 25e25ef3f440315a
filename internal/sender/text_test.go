package sender_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sluice/internal/batch"
	"sluice/internal/sender"
)

func columns(names ...string) []batch.Column {
	var all []batch.Column
	for _, name := range names {
		all = append(all, batch.Column{Name: name})
	}
	return all
}

func TestText(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text  string
		vars  []string
		want  string
		fixed bool
	}{
		{"", nil, "", true},
		{"hello", nil, "hello", true},
		{"{{a}}", []string{"1", "2"}, "1", false},
		{"{{a}}{{b}}", []string{"1", "2"}, "12", false},
		{"x{{ b }}y", []string{"1", "2"}, "x2y", false},
		{"{{a|friend}}", []string{"", "2"}, "friend", false},
		{"{{a|friend}}", []string{"Ann", "2"}, "Ann", false},
		{"{{a| friend }}", []string{""}, " friend ", false},
		{"{{a|}}!", []string{""}, "!", false},
		{"{{a|Re: your order}}", []string{""}, "Re: your order", false},
		{"{{a|it's \"you\" (or not)}}", []string{""}, "it's \"you\" (or not)", false},
		{"{{a|x|y}}", []string{""}, "x|y", false},
		{"{{a}}!", []string{""}, "!", false},
		{"{{b|none}}", []string{"1"}, "none", false}, // a recipient with fewer values
		{"}} {a} {", nil, "}} {a} {", true},
		{"牛{{a}}信", []string{"小"}, "牛小信", false},
		{"{{a}}", []string{"{{b}}"}, "{{b}}", false}, // a value is no text to resolve
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			t.Parallel()
			text, err := sender.CompileText(test.text, columns("a", "b"))
			if err != nil {
				t.Fatal(err)
			}
			if got := text.Render(test.vars); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if got := string(text.Append([]byte("before "), test.vars)); got != "before "+test.want {
				t.Errorf("got %q", got)
			}
			if text.Fixed() != test.fixed {
				t.Errorf("fixed: %t", text.Fixed())
			}
		})
	}
}

// Where a value of a template is empty, the spaces around it are one: WhatsApp refuses
// a parameter with more than four side by side. Other texts keep theirs.
func TestSpacesAroundAnEmptyValue(t *testing.T) {
	t.Parallel()
	const text = "{{a|}} {{b|}} {{c|}} {{d|}} {{e|}} {{f|}} end"
	vars := []string{"1", "", "", "", "", ""}
	template := columns("a", "b", "c", "d", "e", "f")
	for i := range template {
		template[i].Fold = true
	}
	for _, tt := range []struct {
		columns []batch.Column
		want    string
	}{{template, "1 end"}, {columns("a", "b", "c", "d", "e", "f"), "1      end"}} {
		compiled, err := sender.CompileText(text, tt.columns)
		if err != nil {
			t.Fatal(err)
		}
		if got := compiled.Render(vars); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
		if got := string(compiled.Append([]byte("  before  "), vars)); got != "  before  "+tt.want {
			t.Errorf("%q, want %q behind what was there", got, tt.want)
		}
		if got := string(sender.AppendJSONValue([]byte(`"  `), compiled, []string{"\"", "", "", "", "", "x"})); tt.columns[0].Fold && got != `"  \" x end` {
			t.Errorf("in JSON: %s", got)
		}
	}
}

func TestTextRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ text, want string }{
		{"{{", "never closed"},
		{"{{a", "never closed"},
		{"{{a}} {{a}", "never closed"},
		{"{{}}", "names no column"},
		{"{{ |x}}", "names no column"},
		{"{{c}}", "{{c}}: there is no column of this name"},
		{"{{A}}", "there is no column of this name"},
		{"Hi {{a|{{b|friend}}}}!", "braces stand inside a placeholder; it is {{column}} or {{column|fallback}}, and a fallback is plain text, at character 4"},
		{"ã {{{a}}}", "at character 3"},
		{"{{ a | default: \"friend\" }}", "at character 1"},
		{"{{a|default:friend}}", "a filter"},
		{"{{a|upper}}", "a filter"},
		{"{{a|upper|friend}}", "a filter"},
		{"{{a|friend|truncate: 20}}", "a filter"},
		{"{{a|truncate(20)}}", "a filter"},
		{"{{a|\"friend\"}}", "in quotes"},
		{"{{#if a}}x{{/if}}", "a placeholder begins with a sign"},
		{"x{{/if}}", "begins with a sign"},
		{"{{> a}}", "begins with a sign"},
	} {
		_, err := sender.CompileText(test.text, columns("a", "b"))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.text, err, test.want)
		}
	}
}

// What is put together from literals and values comes out as just that.
func TestTextProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		literal := rapid.StringMatching(`[^{}]{0,8}`)
		vars := []string{rapid.String().Draw(t, "a"), rapid.String().Draw(t, "b")}
		var text, want string
		for range rapid.IntRange(0, 6).Draw(t, "parts") {
			l, fallback := literal.Draw(t, "literal"), literal.Draw(t, "fallback")
			i := rapid.IntRange(0, 1).Draw(t, "column")
			text += l + "{{" + []string{"a", "b"}[i] + "|" + fallback + "}}"
			if vars[i] == "" {
				want += l + fallback
			} else {
				want += l + vars[i]
			}
		}
		compiled, err := sender.CompileText(text, columns("a", "b"))
		if err != nil {
			t.Fatal(err)
		}
		if got := compiled.Render(vars); got != want {
			t.Fatalf("%q: got %q, want %q", text, got, want)
		}
	})
}

func TestMessageColumns(t *testing.T) {
	t.Parallel()
	m := sender.Message{Type: "template", Template: &sender.Template{
		Name:   "spring_sale",
		Header: &sender.Header{Image: "https://cdn.example.com/{{sku}}.jpg"},
		Body:   []string{"{{first_name|friend}}", "{{discount}} {{first_name}}"},
		Buttons: []sender.Button{
			{Index: 0, URL: "{{code}}"},
			{Index: 1, CopyCode: "{{coupon|NONE}} {{sku|none}}"},
		},
	}}
	got, err := m.Columns()
	if err != nil {
		t.Fatal(err)
	}
	want := []batch.Column{
		{Name: "sku", Required: true, Fold: true},
		{Name: "first_name", Required: true, Fold: true},
		{Name: "discount", Required: true, Fold: true},
		{Name: "code", Required: true, Fold: true},
		{Name: "coupon", Fold: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	m.Template.Buttons[1].CopyCode = "{{coupon"
	_, err = m.Columns()
	if want := "message.template.buttons[1].copy_code: "; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
	cards := sender.Message{Contacts: []sender.Contact{{Name: sender.ContactName{Formatted: "{{who}}"}, Org: &sender.ContactOrg{Title: "{{job|}}"}}}}
	got, err = cards.Columns()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]batch.Column{{Name: "who", Required: true}, {Name: "job"}}, got); diff != "" {
		t.Error(diff)
	}
}

func FuzzCompileText(f *testing.F) {
	f.Add("{{a|b}} {{", "x")
	f.Add("{{a}}}}", "{{b}}")
	f.Fuzz(func(t *testing.T, s, value string) {
		text, err := sender.CompileText(s, columns("a"))
		if err != nil {
			return
		}
		if text.Fixed() && text.Render([]string{value}) != s {
			t.Errorf("%q rendered as %q", s, text.Render([]string{value}))
		}
	})
}
