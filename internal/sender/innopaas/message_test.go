package innopaas

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sluice/internal/batch"
	"sluice/internal/sender"
)

const token = "tok-SECRET-marker"

func options() Options {
	return Options{AppKey: "XFbZY1rt", Authorization: token, WabaID: "110000000000001", SendNumber: "8618900000000"}
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

func compile(t testing.TB, o Options, m sender.Message) *submitter {
	t.Helper()
	s, err := newProvider(t, o).Compile(m, columns("a", "b"))
	if err != nil {
		t.Fatal(err)
	}
	return s.(*submitter)
}

func template(t sender.Template) sender.Message {
	if t.Name == "" {
		t.Name = "marketing_template"
	}
	if t.Language == "" {
		t.Language = "en_US"
	}
	return sender.Message{Type: "template", Template: &t}
}

func interactive(i sender.Interactive) sender.Message {
	return sender.Message{Type: "interactive", Interactive: &i}
}

func oneOption(with func(*Options)) Options {
	o := options()
	with(&o)
	return o
}

// ref is the submission that the wanted bodies are of.
var ref = sender.Ref{Campaign: "spring-sale", Batch: 40, Index: 999, Try: 2}

// body is what a request must be that has rest after the number.
func body(kind, rest string) string {
	return `{"wabaId":"110000000000001","messageType":"` + kind + `","uid":"4ivl4k6h5iz5-14-rr-2",` +
		`"sendNumber":"8618900000000","recipientNumber":"6281200000001"` + rest + `}`
}

func TestBody(t *testing.T) {
	t.Parallel()
	no := false
	objects := oneOption(func(o *Options) { o.ContactArrays = &no })
	every := oneOption(func(o *Options) { o.ButtonParams = "all" })
	card := sender.Contact{
		Name:   sender.ContactName{Formatted: "{{a}} B", First: "F", Last: "L", Middle: "M", Suffix: "S", Prefix: "P"},
		Phones: []sender.ContactPhone{{Type: "HOME", Phone: "+62 1", WaID: "62"}, {Phone: "{{b}}"}},
		Org:    &sender.ContactOrg{Company: "C", Department: "D", Title: "T"},
		Addresses: []sender.ContactAddress{{
			Type: "WORK", Street: "S1", City: "Jakarta", State: "JK", Zip: "10110", Country: "Indonesia", CountryCode: "ID",
		}},
		Birthday: "2000-01-31",
		Emails:   []sender.ContactEmail{{Type: "WORK", Email: "x@example.com"}},
		URLs:     []sender.ContactURL{{Type: "HOME", URL: "https://example.com/"}},
	}
	phones := `"phones":[{"type":"HOME","phone":"+62 1","waID":"62"},{"phone":"2"}],`
	rest := `"addresses":[{"type":"WORK","street":"S1","city":"Jakarta","state":"JK","zip":"10110","country":"Indonesia","countryCode":"ID"}],` +
		`"birthday":"2000-01-31","emails":[{"type":"WORK","email":"x@example.com"}],"urls":[{"type":"HOME","url":"https://example.com/"}]}`
	name := `{"formattedName":"1 B","firstName":"F","lastName":"L","middleName":"M","suffix":"S","prefix":"P"}`
	org := `{"company":"C","department":"D","title":"T"}`
	tests := []struct {
		name    string
		options Options
		message sender.Message
		vars    []string
		want    string
	}{
		{
			"a template that is the same for all", options(), template(sender.Template{}), nil,
			body("template", `,"language":"en_US","templateName":"marketing_template"`),
		},
		{
			"a template with all", options(), template(sender.Template{
				Category: "marketing",
				Header:   &sender.Header{Image: "https://example.org/{{a}}.jpg", Caption: "for {{b}}"},
				Body:     []string{"{{a}}", "fixed", "{{b}}"},
				Buttons:  []sender.Button{{Index: 2, URL: "{{b}}"}, {Index: 0, URL: "y{{a}}"}},
			}),
			[]string{"Lucy", "Zoë"},
			body("template", `,"language":"en_US","templateName":"marketing_template","header":{"type":"image","link":"https://example.org/Lucy.jpg","caption":"for Zoë"},`+
				`"bodyParams":["Lucy","fixed","Zoë"],"buttonParams":[{"type":"text","value":"yLucy"},{"type":"text","value":"Zoë"}]`),
		},
		{
			"buttons with a variable alone", oneOption(func(o *Options) { o.ButtonParams = "dynamic" }),
			template(sender.Template{Buttons: []sender.Button{{Index: 3, URL: "d"}, {Index: 1, URL: "{{b}}"}}}),
			[]string{"Lucy", "Zoë"},
			body("template", `,"language":"en_US","templateName":"marketing_template",`+
				`"buttonParams":[{"type":"text","value":"Zoë"},{"type":"text","value":"d"}]`),
		},
		{
			"all buttons up to the last with a variable", every,
			template(sender.Template{Buttons: []sender.Button{{Index: 3, URL: "d"}, {Index: 1, URL: "{{b}}"}}}),
			[]string{"Lucy", "Zoë"},
			body("template", `,"language":"en_US","templateName":"marketing_template","buttonParams":[{"type":"text","value":""},`+
				`{"type":"text","value":"Zoë"},{"type":"text","value":""},{"type":"text","value":"d"}]`),
		},
		{
			"all buttons have a variable", every,
			template(sender.Template{Buttons: []sender.Button{{Index: 1, URL: "b"}, {Index: 0, URL: "a"}}}), nil,
			body("template", `,"language":"en_US","templateName":"marketing_template","buttonParams":[{"type":"text","value":"a"},{"type":"text","value":"b"}]`),
		},
		{
			"text header", options(), template(sender.Template{Header: &sender.Header{Text: "{{a}}"}}),
			[]string{"Lucy"},
			body("template", `,"language":"en_US","templateName":"marketing_template","header":{"type":"text","paramValue":"Lucy"}`),
		},
		{
			"video header", options(), template(sender.Template{Header: &sender.Header{Video: "http://x/y.mp4"}}), nil,
			body("template", `,"language":"en_US","templateName":"marketing_template","header":{"type":"video","link":"http://x/y.mp4"}`),
		},
		{
			"document header", options(), template(sender.Template{Header: &sender.Header{Document: "http://x/y.pdf", Caption: "c"}}), nil,
			body("template", `,"language":"en_US","templateName":"marketing_template","header":{"type":"document","link":"http://x/y.pdf","caption":"c"}`),
		},
		{
			"mmlite", oneOption(func(o *Options) { o.Endpoint, o.MMLitePath = "mmlite", "/x" }),
			template(sender.Template{Category: "marketing", Body: []string{"{{a}}"}}),
			[]string{"Lucy"},
			body("template", `,"language":"en_US","templateName":"marketing_template","bodyParams":["Lucy"]`),
		},
		{
			"text", options(),
			sender.Message{Type: "text", Text: &sender.TextBody{Body: "Hi {{a|friend}},\n\"{{b}}\" \\ 牛🎉"}},
			[]string{"", "\x00<&>\t"},
			body("text", `,"body":"Hi friend,\n\"\u0000<&>\t\" \\ 牛🎉"`),
		},
		{
			"invalid UTF-8", options(),
			sender.Message{Type: "text", Text: &sender.TextBody{Body: "{{a}}\xff"}},
			[]string{"a\xc3("},
			body("text", `,"body":"a`+"\uFFFD(\uFFFD"+`"`),
		},
		{
			"image", options(),
			sender.Message{Type: "image", Image: &sender.Media{Link: "https://x/{{a}}", Caption: "{{b}}"}},
			[]string{"1", ""},
			body("image", `,"media":{"link":"https://x/1","caption":""}`),
		},
		{
			"video", options(),
			sender.Message{Type: "video", Video: &sender.Media{Link: "https://x/1", Caption: "c"}},
			nil,
			body("video", `,"media":{"link":"https://x/1","caption":"c"}`),
		},
		{
			"audio", options(),
			sender.Message{Type: "audio", Audio: &sender.Media{Link: "https://x/1"}},
			nil,
			body("audio", `,"media":{"link":"https://x/1"}`),
		},
		{
			"document", options(),
			sender.Message{Type: "document", Document: &sender.Media{Link: "https://x/1", Caption: "c", Filename: "{{a}}.pdf"}},
			[]string{"bill"},
			body("document", `,"media":{"link":"https://x/1","caption":"c","filename":"bill.pdf"}`),
		},
		{
			"sticker", options(),
			sender.Message{Type: "sticker", Sticker: &sender.Media{Link: "https://x/1"}},
			nil,
			body("sticker", `,"media":{"link":"https://x/1"}`),
		},
		{
			"location", options(),
			sender.Message{Type: "location", Location: &sender.Location{Latitude: "{{a}}", Longitude: "-180", Name: "Depot", Address: "Quay 7"}},
			[]string{"-23.55052"},
			body("location", `,"location":{"latitude":"-23.55052","longitude":"-180","name":"Depot","address":"Quay 7"}`),
		},
		{
			"contacts", options(),
			sender.Message{Type: "contacts", Contacts: []sender.Contact{card}},
			[]string{"1", "2"},
			body("contacts", `,"contacts":[{"name":[`+name+`],`+phones+`"org":[`+org+`],`+rest+`]`),
		},
		{
			"contacts as objects", objects,
			sender.Message{Type: "contacts", Contacts: []sender.Contact{card}},
			[]string{"1", "2"},
			body("contacts", `,"contacts":[{"name":`+name+`,`+phones+`"org":`+org+`,`+rest+`]`),
		},
		{
			"two contacts, the least", options(),
			sender.Message{Type: "contacts", Contacts: []sender.Contact{
				{Name: sender.ContactName{Formatted: "A"}}, {Name: sender.ContactName{Formatted: "B"}, Org: &sender.ContactOrg{}},
			}},
			nil,
			body("contacts", `,"contacts":[{"name":[{"formattedName":"A"}]},{"name":[{"formattedName":"B"}],"org":[{}]}]`),
		},
		{
			"list", options(), interactive(sender.Interactive{
				Type: "list", Header: &sender.Header{Text: "{{a}}"}, Body: "b", Footer: "f{{b}}", Button: "Choose",
				Sections: []sender.Section{
					{Title: "S1", Rows: []sender.SectionRow{{ID: "1", Title: "T1", Description: "D1"}, {ID: "2", Title: "T2"}}},
					{Title: "S2", Rows: []sender.SectionRow{{ID: "3", Title: "T1"}}},
				},
			}),
			[]string{"1", "2"},
			body("interactive", `,"interactive":{"type":"list","header":{"type":"text","paramValue":"1"},"body":{"text":"b"},"footer":{"text":"f2"},"action":{"button":"Choose",`+
				`"sections":[{"title":"S1","rows":[{"id":"1","title":"T1","description":"D1"},{"id":"2","title":"T2"}]},{"title":"S2","rows":[{"id":"3","title":"T1"}]}]}}`),
		},
		{
			"buttons", options(), interactive(sender.Interactive{
				Type: "button", Header: &sender.Header{Image: "https://x/1"}, Body: "b",
				Buttons: []sender.Reply{{ID: "y", Title: "Yes {{a}} 🎉"}, {ID: "n", Title: "No"}},
			}),
			[]string{"1"},
			body("interactive", `,"interactive":{"type":"button","header":{"type":"image","link":"https://x/1"},"body":{"text":"b"},"action":{"buttons":[`+
				`{"type":"reply","id":"y","title":"Yes 1 🎉"},{"type":"reply","id":"n","title":"No"}]}}`),
		},
		{
			"product", options(), interactive(sender.Interactive{Type: "product", CatalogID: "c", ProductRetailerID: "{{a}}", Footer: "f"}),
			[]string{"1"},
			body("interactive", `,"interactive":{"type":"product","footer":{"text":"f"},"action":{"catalogId":"c","productRetailerId":"1"}}`),
		},
		{
			"product with a body", options(), interactive(sender.Interactive{Type: "product", CatalogID: "c", ProductRetailerID: "p", Body: "b"}), nil,
			body("interactive", `,"interactive":{"type":"product","body":{"text":"b"},"action":{"catalogId":"c","productRetailerId":"p"}}`),
		},
		{
			"product list", options(), interactive(sender.Interactive{
				Type: "product_list", Header: &sender.Header{Text: "h"}, Body: "b", CatalogID: "c",
				Sections: []sender.Section{{Products: []string{"p1", "{{a}}"}}},
			}),
			[]string{"p2"},
			body("interactive", `,"interactive":{"type":"product_list","header":{"type":"text","paramValue":"h"},"body":{"text":"b"},"action":{"catalogId":"c",`+
				`"sections":[{"productItems":[{"productRetailerId":"p1"},{"productRetailerId":"p2"}]}]}}`),
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := compile(t, test.options, test.message)
			rs := []batch.Recipient{{Row: 1, Phone: "6281200000001", Vars: test.vars}}
			got := string(s.appendBody(nil, ref, rs))
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if !json.Valid([]byte(got)) {
				t.Error("not JSON")
			}
			if err := s.Check(&rs[0]); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestBodyOfSeveral(t *testing.T) {
	t.Parallel()
	s := compile(t, options(), sender.Message{Type: "text", Text: &sender.TextBody{Body: "Hi {{a}}"}})
	rs := []batch.Recipient{{Phone: "1", Vars: []string{"x", "y"}}, {Phone: "22", Vars: []string{"x", "z"}}, {Phone: "333", Vars: []string{"x", ""}}}
	got := string(s.appendBody(nil, ref, rs))
	want := strings.Replace(body("text", `,"body":"Hi x"`), "6281200000001", "1,22,333", 1)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if n := s.MaxRecipients(); n != 1000 {
		t.Errorf("%d recipients a submission, want 1000", n)
	}
}

// Whatever the values, the body is JSON that says just them.
func TestBodyProperty(t *testing.T) {
	t.Parallel()
	s := compile(t, options(), interactive(sender.Interactive{
		Type: "button", Header: &sender.Header{Text: "{{b}}{{a|none}}"}, Body: "{{a}}-{{b}}",
		Buttons: []sender.Reply{{ID: "1{{a}}", Title: "{{b}}"}, {ID: "2", Title: "fixed"}},
	}))
	value := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }))
	rapid.Check(t, func(t *rapid.T) {
		a, b := value.Draw(t, "a"), value.Draw(t, "b")
		body := s.appendBody(nil, ref, []batch.Recipient{{Phone: "491701234567", Vars: []string{a, b}}})
		if !utf8.Valid(body) {
			t.Fatalf("not UTF-8: %q", body)
		}
		var got struct {
			RecipientNumber string
			Interactive     struct {
				Header struct{ ParamValue string }
				Body   struct{ Text string }
				Action struct{ Buttons []struct{ ID, Title string } }
			}
		}
		if err := json.Unmarshal(body, &got); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		none := a
		if none == "" {
			none = "none"
		}
		i := got.Interactive
		want := []string{"491701234567", replaced(b + none), replaced(a + "-" + b), replaced("1" + a), replaced(b), "2", "fixed"}
		if diff := cmp.Diff(want, []string{
			got.RecipientNumber, i.Header.ParamValue, i.Body.Text,
			i.Action.Buttons[0].ID, i.Action.Buttons[0].Title, i.Action.Buttons[1].ID, i.Action.Buttons[1].Title,
		}); diff != "" {
			t.Fatal(diff)
		}
	})
}

// replaced has U+FFFD for each byte that is no UTF-8.
func replaced(s string) string { return string([]rune(s)) }

func TestKey(t *testing.T) {
	t.Parallel()
	fixed := compile(t, options(), template(sender.Template{Body: []string{"x"}}))
	if k := fixed.Key(&batch.Recipient{Phone: "1", Vars: []string{"x", "y"}}); k != "" {
		t.Errorf("the key of a message that is the same for all is %q", k)
	}
	s := compile(t, options(), template(sender.Template{Body: []string{"{{a}}", "{{b|none}}"}}))
	for _, pair := range [][2][]string{
		{{"x", "xx"}, {"xx", "x"}}, {{"x0", "y"}, {"x", "0y"}}, {{"x:1", "y"}, {"x", "1:y"}}, {{"x:", "y"}, {"x", ":y"}},
	} {
		if s.Key(&batch.Recipient{Vars: pair[0]}) == s.Key(&batch.Recipient{Vars: pair[1]}) {
			t.Errorf("%q have one key", pair)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(rapid.SampledFrom([]string{"", "none", ":0", "x:1", "x", "xx", "1"}), rapid.String())
		recipient := func(name string) batch.Recipient {
			return batch.Recipient{Phone: rapid.StringMatching(`\d{5}`).Draw(t, name), Vars: []string{value.Draw(t, name), value.Draw(t, name)}}
		}
		one, other := recipient("one"), recipient("other")
		if rapid.Bool().Draw(t, "equal") {
			other.Vars = one.Vars
		}
		rendered := func(r batch.Recipient) [2]string {
			second := r.Vars[1]
			if second == "" {
				second = "none"
			}
			return [2]string{r.Vars[0], second}
		}
		if same := rendered(one) == rendered(other); same != (s.Key(&one) == s.Key(&other)) {
			t.Fatalf("%q and %q: the same message: %t", one.Vars, other.Vars, same)
		}
	})
}

func TestUID(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		ref  sender.Ref
		want string
	}{
		{ref, "4ivl4k6h5iz5-14-rr-2"},
		{sender.Ref{Campaign: "spring-sale", Batch: 36*36*36*36*36*36 - 1, Index: 999, Try: 46655}, "4ivl4k6h5iz5-zzzzzz-rr-zzz"},
	} {
		if got := UID(test.ref); got != test.want {
			t.Errorf("%+v: %s, want %s", test.ref, got, test.want)
		}
	}
	far := sender.Ref{Campaign: "a", Batch: math.MaxInt, Index: math.MaxInt, Try: math.MaxInt}
	other := far
	other.Campaign = "b"
	if a, b := UID(far), UID(other); a == b || len(a) != 32 {
		t.Errorf("%s and %s", a, b)
	}
	refs := rapid.Custom(func(t *rapid.T) sender.Ref {
		n := rapid.OneOf(rapid.IntRange(0, 40), rapid.Int())
		return sender.Ref{
			Campaign: rapid.SampledFrom([]string{"a", "b", "spring-sale-br", ""}).Draw(t, "campaign"),
			Batch:    n.Draw(t, "batch"), Index: n.Draw(t, "index"), Try: n.Draw(t, "try"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		seen := map[string]sender.Ref{}
		for _, r := range rapid.SliceOfN(refs, 2, 50).Draw(t, "refs") {
			uid := UID(r)
			if len(uid) > 32 || strings.Trim(uid, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
				t.Fatalf("%+v: %q", r, uid)
			}
			if other, found := seen[uid]; found && other != r {
				t.Fatalf("%+v and %+v share %s", other, r, uid)
			}
			seen[uid] = r
			if UID(r) != uid {
				t.Fatal("the uid of a ref changes")
			}
		}
	})
}

func TestNearest(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"pt-BR": "pt_BR", "PT_BR": "pt_BR", "pt": "pt_BR", "en-US": "en_US", "EN": "en", "zh": "zh_CN", "es_CO": "es_AR",
		"zu_ZA": "zu", "ha-NG": "ha", "ML": "ml", "": "",
	} {
		err := checkLanguage(given)
		if err == nil || want != "" && !strings.HasSuffix(err.Error(), "68 codes that innopaas knows; did you mean "+want+"?") {
			t.Errorf("%s: %v, want %s", given, err, want)
		}
	}
	seen := map[string]bool{}
	for _, l := range languages {
		if err := checkLanguage(l); err != nil {
			t.Error(err)
		}
		seen[l] = true
	}
	for _, l := range []string{"ha", "ml", "zu", "zh_HK", "kk"} {
		if !seen[l] {
			t.Errorf("%s is missing", l)
		}
	}
	if len(seen) != 68 {
		t.Errorf("%d languages, want 68", len(seen))
	}
}
