package nxcloud

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sluice/internal/batch"
	"sluice/internal/sender"
)

func options() Options {
	return Options{
		TenantID: 1, AppKey: "own-appkey", BusinessPhone: "8613800000000",
		AccessKey: "own-access-key", AccessSecret: "own-access-secret",
	}
}

func newProvider(t testing.TB, o Options) *Provider {
	t.Helper()
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func columns(names ...string) []batch.Column {
	var all []batch.Column
	for _, name := range names {
		all = append(all, batch.Column{Name: name})
	}
	return all
}

func template(t sender.Template) sender.Message {
	if t.Name == "" {
		t.Name = "order_note"
	}
	if t.Language == "" {
		t.Language = "en_US"
	}
	return sender.Message{Type: "template", Template: &t}
}

const (
	head = `{"tenant_id":1,"appkey":"own-appkey","business_phone":"8613800000000","messaging_product":"whatsapp","recipient_type":"individual","to":"8613800000001","type":"template","template":{"name":"order_note","language":{"code":"en_US","policy":"deterministic"}`
	tail = `}}`

	noteBody = head + `,"components":[{"type":"body","parameters":[{"type":"text","text":"张三"}]}]` + tail
)

func TestBody(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		template sender.Template
		vars     []string
		want     string
	}{
		{"nothing varies", sender.Template{}, nil, head + tail},
		{"one variable", sender.Template{Body: []string{"{{a}}"}}, []string{"张三"}, noteBody},
		{
			"the provider's first example",
			sender.Template{
				Header: &sender.Header{Image: "https://imglink"},
				Body:   []string{"{{a}}", "China", "China", "{{b}}"},
			},
			[]string{"David", "86138"},
			head + `,"components":[{"type":"header","parameters":[{"type":"image","image":{"link":"https://imglink"}}]},` +
				`{"type":"body","parameters":[{"type":"text","text":"David"},{"type":"text","text":"China"},{"type":"text","text":"China"},{"type":"text","text":"86138"}]}]` + tail,
		},
		{
			"the second",
			sender.Template{Buttons: []sender.Button{{Index: 0, URL: "85{{a}}"}, {Index: 1, URL: "{{b}}"}}},
			[]string{"1", "First"},
			head + `,"components":[{"type":"button","sub_type":"url","index":0,"parameters":[{"type":"text","text":"851"}]},` +
				`{"type":"button","sub_type":"url","index":1,"parameters":[{"type":"text","text":"First"}]}]` + tail,
		},
		{
			"the third",
			sender.Template{Buttons: []sender.Button{{Index: 3, CopyCode: "123123"}}},
			nil,
			head + `,"components":[{"type":"button","sub_type":"COPY_CODE","index":3,"parameters":[{"type":"coupon_code","coupon_code":"123123"}]}]` + tail,
		},
		{
			"a header that varies",
			sender.Template{Header: &sender.Header{Image: "https://cdn.example.com/{{a}}.jpg"}},
			[]string{"x"},
			head + `,"components":[{"type":"header","parameters":[{"type":"image","image":{"link":"https://cdn.example.com/x.jpg"}}]}]` + tail,
		},
		{
			"escapes",
			sender.Template{Body: []string{"{{a}}", `"\{{b|"}}`}},
			[]string{"say \"hi\"\\\n\r\t\x00\x1f</script>& \u2028 \x7f", ""},
			head + `,"components":[{"type":"body","parameters":[{"type":"text","text":"say \"hi\"\\\n\r\t\u0000\u001f</script>& ` + "\u2028 \x7f" + `"},{"type":"text","text":"\"\\\""}]}]` + tail,
		},
		{
			"invalid UTF-8",
			sender.Template{Body: []string{"{{a}}", "\xff"}},
			[]string{"a\xc3(\xf0\x9f\x92"},
			head + `,"components":[{"type":"body","parameters":[{"type":"text","text":"a` + "\uFFFD(\uFFFD\uFFFD\uFFFD" + `"},{"type":"text","text":"` + "\uFFFD" + `"}]}]` + tail,
		},
		{
			"emoji",
			sender.Template{Body: []string{"{{a|🎉}}"}},
			[]string{""},
			head + `,"components":[{"type":"body","parameters":[{"type":"text","text":"🎉"}]}]` + tail,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s, err := newProvider(t, options()).Compile(template(test.template), columns("a", "b"))
			if err != nil {
				t.Fatal(err)
			}
			m := s.(*submitter).message
			r := &batch.Recipient{Row: 1, Phone: "8613800000001", Vars: test.vars}
			got := string(m.appendBody(nil, r, ""))
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if !json.Valid([]byte(got)) {
				t.Error("not JSON")
			}
			if err := s.Check(r); err != nil {
				t.Error(err)
			}
		})
	}
}

// Whatever the values, the body is JSON that says just them.
func TestBodyProperty(t *testing.T) {
	t.Parallel()
	s, err := newProvider(t, options()).Compile(template(sender.Template{
		Header:  &sender.Header{Image: "https://x/{{a}}"},
		Body:    []string{"{{a}}-{{b}}", "fixed", "{{b|none}}"},
		Buttons: []sender.Button{{Index: 0, URL: "{{a}}"}, {Index: 2, CopyCode: "{{b}}"}},
	}), columns("a", "b"))
	if err != nil {
		t.Fatal(err)
	}
	value := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }))
	rapid.Check(t, func(t *rapid.T) {
		a, b := value.Draw(t, "a"), value.Draw(t, "b")
		body := s.(*submitter).message.appendBody(nil, &batch.Recipient{Phone: "491701234567", Vars: []string{a, b}}, "")
		if !utf8.Valid(body) {
			t.Fatalf("not UTF-8: %q", body)
		}
		type parameter struct {
			Text, CouponCode string
			Coupon           string `json:"coupon_code"`
			Image            struct{ Link string }
		}
		var got struct {
			To       string
			Template struct {
				Components []struct {
					Type       string
					Index      *int
					Parameters []parameter
				}
			}
		}
		if err := json.Unmarshal(body, &got); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		a, b = strings.ToValidUTF8(replaced(a), ""), replaced(b)
		none := b
		if none == "" {
			none = "none"
		}
		c := got.Template.Components
		values := []string{got.To, c[0].Parameters[0].Image.Link, c[1].Parameters[0].Text, c[1].Parameters[1].Text, c[1].Parameters[2].Text, c[2].Parameters[0].Text, c[3].Parameters[0].Coupon}
		want := []string{"491701234567", "https://x/" + a, a + "-" + b, "fixed", none, a, b}
		if diff := cmp.Diff(want, values); diff != "" {
			t.Fatal(diff)
		}
	})
}

// replaced has U+FFFD for each byte that is no UTF-8.
func replaced(s string) string { return string([]rune(s)) }

func TestCompileRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		message sender.Message
		want    string // begins with
	}{
		{"no type", sender.Message{}, "message.type: is missing"},
		{"text", sender.Message{Type: "text", Text: &sender.TextBody{Body: "x"}}, `message.type: nxcloud's SaaS API sends template alone, not "text"; a sender at innopaas`},
		{"no template", sender.Message{Type: "template"}, "message.template: is missing"},
		{"two parts", sender.Message{Type: "template", Template: &sender.Template{Name: "x", Language: "en"}, Image: &sender.Media{}}, "message.image: does not go with type template"},
		{"no name", sender.Message{Type: "template", Template: &sender.Template{Language: "en"}}, "message.template.name: is missing"},
		{"a name that varies", template(sender.Template{Name: "{{a}}"}), "message.template.name: takes no placeholders"},
		{"no language", sender.Message{Type: "template", Template: &sender.Template{Name: "x"}}, "message.template.language: is missing"},
		{"pt-BR", template(sender.Template{Language: "pt-BR"}), `message.template.language: "pt-BR" is none of the 65 codes that nxcloud knows; did you mean pt_BR?`},
		{"text header", template(sender.Template{Header: &sender.Header{Text: "x"}}), "message.template.header.text: nxcloud documents no parameter for it"},
		{"video header", template(sender.Template{Header: &sender.Header{Video: "https://x/y"}}), "message.template.header.video: nxcloud documents no parameter for it"},
		{"document header", template(sender.Template{Header: &sender.Header{Document: "https://x/y"}}), "message.template.header.document: "},
		{"caption", template(sender.Template{Header: &sender.Header{Image: "https://x/y", Caption: "z"}}), "message.template.header.caption: "},
		{"empty header", template(sender.Template{Header: &sender.Header{}}), "message.template.header.image: is missing"},
		{"no link", template(sender.Template{Header: &sender.Header{Image: "cdn.example.com/x.jpg"}}), "message.template.header.image: is not a link"},
		{"ftp", template(sender.Template{Header: &sender.Header{Image: "ftp://x/y"}}), "message.template.header.image: is not a link"},
		{"no host", template(sender.Template{Header: &sender.Header{Image: "https:///y"}}), "message.template.header.image: is not a link"},
		{"a column that is not there", template(sender.Template{Header: &sender.Header{Image: "https://x/{{sku}}"}}), "message.template.header.image: placeholder {{sku}}: there is no column"},
		{"empty parameter", template(sender.Template{Body: []string{"x", " "}}), "message.template.body[1]: is empty"},
		{"bad placeholder", template(sender.Template{Body: []string{"x", "{{a"}}), "message.template.body[1]: a placeholder is opened"},
		{"negative index", template(sender.Template{Buttons: []sender.Button{{Index: -1, URL: "x"}}}), "message.template.buttons[0].index: -1 is not the place of a button"},
		{"index 10", template(sender.Template{Buttons: []sender.Button{{Index: 10, URL: "x"}}}), "message.template.buttons[0].index: 10 is not"},
		{"index twice", template(sender.Template{Buttons: []sender.Button{{URL: "x"}, {CopyCode: "x"}}}), "message.template.buttons[1].index: 0 is there twice"},
		{"both", template(sender.Template{Buttons: []sender.Button{{URL: "x", CopyCode: "y"}}}), "message.template.buttons[0]: has both"},
		{"neither", template(sender.Template{Buttons: []sender.Button{{}}}), "message.template.buttons[0]: has neither"},
		{"button's column", template(sender.Template{Buttons: []sender.Button{{URL: "{{z}}"}}}), "message.template.buttons[0].url: placeholder {{z}}"},
		{"coupon's column", template(sender.Template{Buttons: []sender.Button{{CopyCode: "{{z}}"}}}), "message.template.buttons[0].copy_code: placeholder {{z}}"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := newProvider(t, options()).Compile(test.message, columns("a", "b"))
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	s, err := newProvider(t, options()).Compile(template(sender.Template{
		Header:  &sender.Header{Image: "{{a}}"},
		Body:    []string{"{{b}}", "x{{c}}"},
		Buttons: []sender.Button{{Index: 0, URL: "{{c}}"}, {Index: 1, CopyCode: "{{d}}"}},
	}), columns("a", "b", "c", "d"))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		vars []string
		want string
	}{
		{[]string{"https://marker/x.jpg", "B", "C", "D"}, ""},
		{[]string{"marker", "B", "C", "D"}, "message.template.header.image: is not a link that begins with http:// or https://"},
		{[]string{"https://marker/x y.jpg", "B", "C", "D"}, "message.template.header.image: is not a link that begins with http:// or https://"},
		{[]string{"", "B", "C", "D"}, "message.template.header.image: is empty; WhatsApp refuses an empty parameter"},
		{[]string{"http://marker", "", "C", "D"}, "message.template.body[0]: is empty; WhatsApp refuses an empty parameter"},
		{[]string{"http://marker", "\t", "C", "D"}, "message.template.body[0]: is empty; WhatsApp refuses an empty parameter"},
		{[]string{"http://marker", "B", "", "D"}, "message.template.buttons[0].url: is empty; WhatsApp refuses an empty parameter"},
		{[]string{"http://marker", "B", "C"}, "message.template.buttons[1].copy_code: is empty; WhatsApp refuses an empty parameter"},
	}
	for _, test := range tests {
		got := ""
		if err := s.Check(&batch.Recipient{Row: 1, Phone: "15550100", Vars: test.vars}); err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%q: got %q, want %q", test.vars, got, test.want)
		}
	}
}

func TestKey(t *testing.T) {
	t.Parallel()
	s, err := newProvider(t, options()).Compile(template(sender.Template{Body: []string{"{{a}}", "{{b}}"}}), columns("a", "b"))
	if err != nil {
		t.Fatal(err)
	}
	key := func(phone string, vars ...string) string { return s.Key(&batch.Recipient{Phone: phone, Vars: vars}) }
	if key("1", "x", "y") != key("2", "x", "y") {
		t.Error("the number is in the key")
	}
	if key("1", "x", "y") == key("1", "xy", "") || key("1", `x"`, "") == key("1", "x", `"`) {
		t.Error("two messages have one key")
	}
	if n := s.MaxRecipients(); n != 1 {
		t.Errorf("%d recipients a submission", n)
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"pt-BR": "pt_BR", "pt_br": "pt_BR", "PT_BR": "pt_BR", "pt": "pt_BR", "en-US": "en_US", "en_us": "en_US", "EN": "en",
		"en_AU": "en_GB", "zh": "zh_CN", "zh-CN": "zh_CN", "es_CO": "es_AR", "de_DE": "de", "fil_PH": "fil",
	} {
		if got := sender.Nearest(given, languages[:]); got != want {
			t.Errorf("%s: %s, want %s", given, got, want)
		}
		if checkLanguage(given) == nil {
			t.Errorf("%s is accepted", given)
		}
	}
	seen := map[string]bool{}
	for _, l := range languages {
		if err := checkLanguage(l); err != nil {
			t.Error(err)
		}
		seen[l] = true
	}
	if len(seen) != 65 {
		t.Errorf("%d languages, want 65", len(seen))
	}
}
