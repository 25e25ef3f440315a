package innopaas

import (
	"fmt"
	"strings"
	"testing"

	"sluice/internal/batch"
	"sluice/internal/sender"
)

// long is n characters, of which none is one byte.
func long(n int) string { return strings.Repeat("牛", n) }

func sections(n int) (all []sender.Section) {
	for i := range n {
		all = append(all, sender.Section{Title: fmt.Sprintf("S%d", i)})
	}
	return all
}

func rows(from, n int) (all []sender.SectionRow) {
	for i := range n {
		all = append(all, sender.SectionRow{ID: fmt.Sprint(from + i), Title: "T"})
	}
	return all
}

func products(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("p%d", i))
	}
	return all
}

func listOf(with func(*sender.Interactive)) sender.Message {
	i := sender.Interactive{Type: "list", Body: "b", Button: "Choose", Sections: []sender.Section{{Rows: rows(0, 1)}}}
	with(&i)
	return interactive(i)
}

func replies(with func(*sender.Interactive)) sender.Message {
	i := sender.Interactive{Type: "button", Body: "b", Buttons: []sender.Reply{{ID: "1", Title: "Yes"}, {ID: "2", Title: "No"}}}
	with(&i)
	return interactive(i)
}

func product(with func(*sender.Interactive)) sender.Message {
	i := sender.Interactive{Type: "product", CatalogID: "c", ProductRetailerID: "p"}
	with(&i)
	return interactive(i)
}

func productList(with func(*sender.Interactive)) sender.Message {
	i := sender.Interactive{Type: "product_list", Header: &sender.Header{Text: "h"}, Body: "b", CatalogID: "c", Sections: []sender.Section{{Products: []string{"p"}}}}
	with(&i)
	return interactive(i)
}

func contact(with func(*sender.Contact)) sender.Message {
	card := sender.Contact{Name: sender.ContactName{Formatted: "A"}}
	with(&card)
	return sender.Message{Type: "contacts", Contacts: []sender.Contact{{Name: sender.ContactName{Formatted: "first"}}, card}}
}

func location(latitude, longitude string) sender.Message {
	return sender.Message{Type: "location", Location: &sender.Location{Latitude: latitude, Longitude: longitude}}
}

func text(s string) sender.Message {
	return sender.Message{Type: "text", Text: &sender.TextBody{Body: s}}
}

// A limit of a value: each good one passes, and each bad one is refused with an
// error that begins as said, both where the campaign has the value as it is, at
// Compile, and where it comes from a column, at Check.
func TestLimitsOfValues(t *testing.T) {
	t.Parallel()
	link := struct{ good, bad []string }{
		[]string{"http://x", "https://cdn.example.com/a.jpg?x=1#y", "https://例え.jp/牛"},
		[]string{"cdn.example.com/a.jpg", "ftp://x/y", "https://", "https:///y", "https://x/a b", "HTTP//x"},
	}
	atMost := func(n int) struct{ good, bad []string } {
		return struct{ good, bad []string }{[]string{"x", long(n)}, []string{long(n + 1)}}
	}
	notBlank := []string{" ", "\t\n"}
	place := struct{ good, bad []string }{[]string{"HOME", "WORK"}, []string{"home", "CELL", "HOME "}}
	tests := []struct {
		path      string
		good, bad []string
		blank     []string // refused too, for the value is required
		message   func(s string) sender.Message
	}{
		{"message.text.body", atMost(3000).good, atMost(3000).bad, notBlank, text},
		{"message.image.link", link.good, link.bad, notBlank, func(s string) sender.Message {
			return sender.Message{Type: "image", Image: &sender.Media{Link: s}}
		}},
		{"message.video.link", link.good, link.bad, notBlank, func(s string) sender.Message {
			return sender.Message{Type: "video", Video: &sender.Media{Link: s}}
		}},
		{"message.audio.link", link.good, link.bad, notBlank, func(s string) sender.Message {
			return sender.Message{Type: "audio", Audio: &sender.Media{Link: s}}
		}},
		{"message.sticker.link", link.good, link.bad, notBlank, func(s string) sender.Message {
			return sender.Message{Type: "sticker", Sticker: &sender.Media{Link: s}}
		}},
		{"message.document.link", link.good, link.bad, notBlank, func(s string) sender.Message {
			return sender.Message{Type: "document", Document: &sender.Media{Link: s, Filename: "x"}}
		}},
		{"message.document.filename", []string{"x.pdf"}, nil, notBlank, func(s string) sender.Message {
			return sender.Message{Type: "document", Document: &sender.Media{Link: "http://x", Filename: s}}
		}},
		{"message.image.caption", atMost(3000).good, atMost(3000).bad, nil, func(s string) sender.Message {
			return sender.Message{Type: "image", Image: &sender.Media{Link: "http://x", Caption: s}}
		}},
		{
			"message.location.latitude",
			[]string{"-23.55052", "-90", "90", "+0.5", "-.5"},
			[]string{"90.00001", "-90.1", "north", "1e1", "0x1", "NaN", "Inf", "31,2", "1.2.3", " 1"},
			notBlank,
			func(s string) sender.Message { return location(s, "0") },
		},
		{
			"message.location.longitude",
			[]string{"-180", "180", "121.4737"},
			[]string{"180.00001", "-181", "east", "1 "},
			notBlank,
			func(s string) sender.Message { return location("0", s) },
		},
		{"message.contacts[1].name.formatted", []string{"A"}, nil, notBlank, func(s string) sender.Message {
			return contact(func(c *sender.Contact) { c.Name.Formatted = s })
		}},
		{"message.contacts[1].phones[0].type", place.good, place.bad, nil, func(s string) sender.Message {
			return contact(func(c *sender.Contact) { c.Phones = []sender.ContactPhone{{Type: s, Phone: "1"}} })
		}},
		{"message.contacts[1].phones[0].phone", []string{"+62 1"}, nil, notBlank, func(s string) sender.Message {
			return contact(func(c *sender.Contact) { c.Phones = []sender.ContactPhone{{Phone: s}} })
		}},
		{"message.contacts[1].addresses[0].type", place.good, place.bad, nil, func(s string) sender.Message {
			return contact(func(c *sender.Contact) { c.Addresses = []sender.ContactAddress{{Type: s}} })
		}},
		{"message.contacts[1].emails[0].type", place.good, place.bad, nil, func(s string) sender.Message {
			return contact(func(c *sender.Contact) { c.Emails = []sender.ContactEmail{{Type: s, Email: "x"}} })
		}},
		{"message.contacts[1].emails[0].email", []string{"x@y"}, nil, notBlank, func(s string) sender.Message {
			return contact(func(c *sender.Contact) { c.Emails = []sender.ContactEmail{{Email: s}} })
		}},
		{"message.contacts[1].urls[0].type", place.good, place.bad, nil, func(s string) sender.Message {
			return contact(func(c *sender.Contact) { c.URLs = []sender.ContactURL{{Type: s, URL: "http://x"}} })
		}},
		{"message.contacts[1].urls[0].url", link.good, link.bad, notBlank, func(s string) sender.Message {
			return contact(func(c *sender.Contact) { c.URLs = []sender.ContactURL{{URL: s}} })
		}},
		{"message.template.header.text", []string{"x"}, nil, notBlank, func(s string) sender.Message {
			return template(sender.Template{Header: &sender.Header{Text: s}})
		}},
		{"message.template.header.image", link.good, link.bad, notBlank, func(s string) sender.Message {
			return template(sender.Template{Header: &sender.Header{Image: s}})
		}},
		{"message.template.header.video", link.good, link.bad, notBlank, func(s string) sender.Message {
			return template(sender.Template{Header: &sender.Header{Video: s}})
		}},
		{"message.template.header.document", link.good, link.bad, notBlank, func(s string) sender.Message {
			return template(sender.Template{Header: &sender.Header{Document: s}})
		}},
		{"message.template.body[1]", []string{"x", long(2999)}, []string{long(3000)}, notBlank, func(s string) sender.Message {
			return template(sender.Template{Body: []string{"x", s}})
		}},
		{"message.template.buttons[0].url", atMost(20).good, atMost(20).bad, notBlank, func(s string) sender.Message {
			return template(sender.Template{Buttons: []sender.Button{{URL: s}}})
		}},
		{"message.interactive.body", atMost(3000).good, atMost(3000).bad, notBlank, func(s string) sender.Message {
			return listOf(func(i *sender.Interactive) { i.Body = s })
		}},
		{"message.interactive.footer", []string{"x"}, nil, notBlank, func(s string) sender.Message {
			return listOf(func(i *sender.Interactive) { i.Footer = s })
		}},
		{"message.interactive.header.image", link.good, link.bad, notBlank, func(s string) sender.Message {
			return listOf(func(i *sender.Interactive) { i.Header = &sender.Header{Image: s} })
		}},
		{"message.interactive.button", []string{"Choose"}, nil, notBlank, func(s string) sender.Message {
			return listOf(func(i *sender.Interactive) { i.Button = s })
		}},
		{"message.interactive.buttons[1].title", []string{"x", long(20), "🎉"}, []string{long(21), "Yes"}, notBlank, func(s string) sender.Message {
			return replies(func(i *sender.Interactive) { i.Buttons[1].Title = s })
		}},
		{"message.interactive.buttons[1].id", atMost(256).good, append(atMost(256).bad, "1"), notBlank, func(s string) sender.Message {
			return replies(func(i *sender.Interactive) { i.Buttons[1].ID = s })
		}},
		{"message.interactive.sections[1].title", atMost(24).good, atMost(24).bad, notBlank, func(s string) sender.Message {
			return listOf(func(i *sender.Interactive) {
				i.Sections = sections(2)
				i.Sections[0].Rows, i.Sections[1].Rows = rows(0, 1), rows(1, 1)
				i.Sections[1].Title = s
			})
		}},
		{"message.interactive.sections[0].title", atMost(24).good, atMost(24).bad, nil, func(s string) sender.Message {
			return listOf(func(i *sender.Interactive) { i.Sections[0].Title = s })
		}},
		{"message.interactive.sections[0].rows[1].title", atMost(24).good, atMost(24).bad, notBlank, func(s string) sender.Message {
			return listOf(func(i *sender.Interactive) { i.Sections[0].Rows = rows(0, 2); i.Sections[0].Rows[1].Title = s })
		}},
		{"message.interactive.sections[1].rows[0].id", atMost(200).good, append(atMost(200).bad, "0"), notBlank, func(s string) sender.Message {
			return listOf(func(i *sender.Interactive) {
				i.Sections = sections(2)
				i.Sections[0].Rows, i.Sections[1].Rows = rows(0, 1), rows(1, 1)
				i.Sections[1].Rows[0].ID = s
			})
		}},
		{"message.interactive.catalog_id", []string{"c"}, nil, notBlank, func(s string) sender.Message {
			return product(func(i *sender.Interactive) { i.CatalogID = s })
		}},
		{"message.interactive.product_retailer_id", atMost(100).good, atMost(100).bad, notBlank, func(s string) sender.Message {
			return product(func(i *sender.Interactive) { i.ProductRetailerID = s })
		}},
		{"message.interactive.sections[0].products[1]", atMost(100).good, atMost(100).bad, notBlank, func(s string) sender.Message {
			return productList(func(i *sender.Interactive) { i.Sections[0].Products = []string{"p", s} })
		}},
	}
	p := newProvider(t, options())
	for _, test := range tests {
		t.Run(test.path, func(t *testing.T) {
			t.Parallel()
			varies, err := p.Compile(test.message("{{a}}"), columns("a"))
			if err != nil {
				t.Fatal(err)
			}
			try := func(value string) (atCompile, atCheck error) {
				_, atCompile = p.Compile(test.message(value), nil)
				atCheck = varies.Check(&batch.Recipient{Row: 1, Phone: "15550100", Vars: []string{value}})
				return atCompile, atCheck
			}
			for _, value := range test.good {
				if atCompile, atCheck := try(value); atCompile != nil || atCheck != nil {
					t.Errorf("%.30q: %v; %v", value, atCompile, atCheck)
				}
			}
			for _, value := range append(test.bad, test.blank...) {
				atCompile, atCheck := try(value)
				for _, err := range []error{atCompile, atCheck} {
					if err == nil || !strings.HasPrefix(err.Error(), test.path+": ") {
						t.Errorf("%.30q: %v, want an error of %s", value, err, test.path)
					} else if len(value) > len("https://") && strings.Contains(err.Error(), value) {
						t.Errorf("the error repeats the value: %v", err)
					}
				}
			}
			empty := varies.Check(&batch.Recipient{Row: 1, Vars: []string{""}})
			if (empty != nil) != (test.blank != nil) {
				t.Errorf("empty: %v", empty)
			}
		})
	}
}

// What is wrong with a message as a whole, and just not wrong.
func TestCompileLimits(t *testing.T) {
	t.Parallel()
	twoSections := func(first, second []sender.SectionRow) sender.Message {
		return listOf(func(i *sender.Interactive) {
			i.Sections = sections(2)
			i.Sections[0].Rows, i.Sections[1].Rows = first, second
		})
	}
	media := sender.Media{Link: "http://x", Caption: "c"}
	named := sender.Media{Link: "http://x", Filename: "f"}
	tests := []struct {
		name    string
		message sender.Message
		want    string // begins with; "" passes
	}{
		{"no type", sender.Message{}, "message.type: is missing; it is one of template, text, image, video, audio, location, document, sticker, contacts, interactive"},
		{"another type", sender.Message{Type: "reaction"}, `message.type: "reaction" is none of template, text`},
		{"a type that varies", sender.Message{Type: "{{a}}"}, "message.type: "},
		{"no part", sender.Message{Type: "text"}, "message.text: is missing"},
		{"no contacts", sender.Message{Type: "contacts", Contacts: []sender.Contact{}}, "message.contacts: is missing"},
		{"two parts", sender.Message{Type: "text", Text: &sender.TextBody{Body: "x"}, Audio: &sender.Media{}}, "message.audio: does not go with type text; remove it"},
		{"no text", text(""), "message.text.body: is missing"},
		{"no such column", text("{{z}}"), "message.text.body: placeholder {{z}}: there is no column"},
		{"open placeholder", text("{{a"), "message.text.body: a placeholder is opened"},

		{"no link", sender.Message{Type: "image", Image: &sender.Media{}}, "message.image.link: is missing"},
		{"audio's caption", sender.Message{Type: "audio", Audio: &media}, "message.audio.caption: audio has no caption; remove it"},
		{"sticker's caption", sender.Message{Type: "sticker", Sticker: &media}, "message.sticker.caption: sticker has no caption; remove it"},
		{"document without file name", sender.Message{Type: "document", Document: &media}, "message.document.filename: is missing"},
		{"image with file name", sender.Message{Type: "image", Image: &named}, "message.image.filename: only a document has"},
		{"no latitude", location("", "0"), "message.location.latitude: is missing"},
		{"no longitude", location("0", ""), "message.location.longitude: is missing"},
		{"nameless contact", contact(func(c *sender.Contact) { c.Name.Formatted = "" }), "message.contacts[1].name.formatted: is missing"},
		{"phone without number", contact(func(c *sender.Contact) { c.Phones = []sender.ContactPhone{{Type: "HOME"}} }), "message.contacts[1].phones[0].phone: is missing"},

		{"no name", sender.Message{Type: "template", Template: &sender.Template{Language: "en"}}, "message.template.name: is missing"},
		{"name of 512", template(sender.Template{Name: strings.Repeat("x", 512)}), ""},
		{"name of 513", template(sender.Template{Name: strings.Repeat("x", 513)}), "message.template.name: has 513 characters"},
		{"all characters", template(sender.Template{Name: "abc_xyz_0189"}), ""},
		{"upper case", template(sender.Template{Name: "Spring"}), `message.template.name: "Spring" has other characters than`},
		{"dash", template(sender.Template{Name: "spring-sale"}), "message.template.name: "},
		{"a name that varies", template(sender.Template{Name: "{{a}}"}), "message.template.name: takes no placeholders"},
		{"no language", sender.Message{Type: "template", Template: &sender.Template{Name: "x"}}, "message.template.language: is missing"},
		{"pt-BR", template(sender.Template{Language: "pt-BR"}), `message.template.language: "pt-BR" is none of the 68 codes that innopaas knows; did you mean pt_BR?`},
		{"zu", template(sender.Template{Language: "zu"}), ""},
		{"category", template(sender.Template{Category: "utility"}), ""},
		{"another category", template(sender.Template{Category: "MARKETING"}), `message.template.category: "MARKETING" is none of marketing, utility, authentication`},
		{"empty header", template(sender.Template{Header: &sender.Header{}}), "message.template.header: must have one of text, image, video and document, and has 0"},
		{"two headers", template(sender.Template{Header: &sender.Header{Image: "http://x", Text: "x"}}), "message.template.header: must have one of"},
		{"caption of a text", template(sender.Template{Header: &sender.Header{Text: "x", Caption: "y"}}), "message.template.header.caption: does not go with text"},
		{"body together", template(sender.Template{Body: []string{long(1500), long(1500)}}), ""},
		{"body together, too much", template(sender.Template{Body: []string{long(1500), long(1500), "x", "{{a}}"}}), "message.template.body[2]: has, with those before it, 3001 characters"},
		{"copy code", template(sender.Template{Buttons: []sender.Button{{CopyCode: "x"}}}), "message.template.buttons[0].copy_code: innopaas documents no parameter"},
		{"empty button", template(sender.Template{Buttons: []sender.Button{{}}}), "message.template.buttons[0].url: is missing"},
		{"ten buttons", template(sender.Template{Buttons: []sender.Button{{Index: 9, URL: "x"}}}), ""},
		{"index 10", template(sender.Template{Buttons: []sender.Button{{Index: 10, URL: "x"}}}), "message.template.buttons[0].index: 10 is not the place of a button, 0 to 9"},
		{"index -1", template(sender.Template{Buttons: []sender.Button{{Index: -1, URL: "x"}}}), "message.template.buttons[0].index: -1 is not"},
		{"index twice", template(sender.Template{Buttons: []sender.Button{{Index: 1, URL: "x"}, {Index: 1, URL: "y"}}}), "message.template.buttons[1].index: 1 is there twice"},

		{"no kind", interactive(sender.Interactive{Body: "x"}), "message.interactive.type: is missing; it is one of list, button, product, product_list"},
		{"another kind", interactive(sender.Interactive{Type: "flow"}), `message.interactive.type: "flow" is none of list`},
		{"list", listOf(func(*sender.Interactive) {}), ""},
		{"list without body", listOf(func(i *sender.Interactive) { i.Body = "" }), "message.interactive.body: is missing"},
		{"list without label", listOf(func(i *sender.Interactive) { i.Button = "" }), "message.interactive.button: is missing"},
		{"list without sections", listOf(func(i *sender.Interactive) { i.Sections = nil }), "message.interactive.sections: is missing"},
		{"list with buttons", listOf(func(i *sender.Interactive) { i.Buttons = []sender.Reply{{}} }), "message.interactive.buttons: does not go with type list; remove it"},
		{"list with a catalog", listOf(func(i *sender.Interactive) { i.CatalogID = "c" }), "message.interactive.catalog_id: does not go with type list"},
		{"list with products", listOf(func(i *sender.Interactive) { i.Sections[0].Products = products(1) }), "message.interactive.sections[0].products: does not go with type list"},
		{"no rows", listOf(func(i *sender.Interactive) { i.Sections[0].Rows = nil }), "message.interactive.sections[0].rows: has 0 rows, and must have 1 to 10"},
		{"10 rows", listOf(func(i *sender.Interactive) { i.Sections[0].Rows = rows(0, 10) }), ""},
		{"11 rows", listOf(func(i *sender.Interactive) { i.Sections[0].Rows = rows(0, 11) }), "message.interactive.sections[0].rows: has 11 rows"},
		{"10 rows each", twoSections(rows(0, 10), rows(10, 10)), ""},
		{"an id in two sections", twoSections(rows(0, 3), rows(2, 1)), "message.interactive.sections[1].rows[0].id: is the same as message.interactive.sections[0].rows[2].id"},
		{"an id twice beside one that varies", twoSections([]sender.SectionRow{{ID: "{{a}}", Title: "x"}, {ID: "1", Title: "x"}}, rows(1, 1)), "message.interactive.sections[1].rows[0].id: is the same"},
		{"two sections, one title", listOf(func(i *sender.Interactive) {
			i.Sections = append(i.Sections, sender.Section{Title: "S", Rows: rows(1, 1)})
		}), "message.interactive.sections[0].title: is missing, and is needed"},
		{"a row without id", twoSections(rows(0, 1), []sender.SectionRow{{Title: "x"}}), "message.interactive.sections[1].rows[0].id: is missing"},
		{"a row without title", twoSections(rows(0, 1), []sender.SectionRow{{ID: "x"}}), "message.interactive.sections[1].rows[0].title: is missing"},

		{"no buttons", replies(func(i *sender.Interactive) { i.Buttons = nil }), "message.interactive.buttons: is missing"},
		{"button without title", replies(func(i *sender.Interactive) { i.Buttons[0].Title = "" }), "message.interactive.buttons[0].title: is missing"},
		{"button without id", replies(func(i *sender.Interactive) { i.Buttons[0].ID = "" }), "message.interactive.buttons[0].id: is missing"},
		{"title twice", replies(func(i *sender.Interactive) { i.Buttons[1].Title = "Yes" }), "message.interactive.buttons[1].title: is the same as message.interactive.buttons[0].title; each must be different"},
		{"buttons with sections", replies(func(i *sender.Interactive) { i.Sections = sections(1) }), "message.interactive.sections: does not go with type button"},
		{"buttons with a label", replies(func(i *sender.Interactive) { i.Button = "x" }), "message.interactive.button: does not go with type button"},

		{"product without catalog", product(func(i *sender.Interactive) { i.CatalogID = "" }), "message.interactive.catalog_id: is missing"},
		{"product without id", product(func(i *sender.Interactive) { i.ProductRetailerID = "" }), "message.interactive.product_retailer_id: is missing"},
		{"product without body", product(func(*sender.Interactive) {}), ""},
		{"product with header", product(func(i *sender.Interactive) { i.Header = &sender.Header{Text: "x"} }), "message.interactive.header: does not go with type product"},
		{"product list", productList(func(*sender.Interactive) {}), ""},
		{"product list with an id", productList(func(i *sender.Interactive) { i.ProductRetailerID = long(100) }), ""},
		{"product list with a long id", productList(func(i *sender.Interactive) { i.ProductRetailerID = long(101) }), "message.interactive.product_retailer_id: has 101 characters"},
		{"product list without header", productList(func(i *sender.Interactive) { i.Header = nil }), "message.interactive.header: is missing, and product_list needs one"},
		{"product list without body", productList(func(i *sender.Interactive) { i.Body = "" }), "message.interactive.body: is missing"},
		{"product list without catalog", productList(func(i *sender.Interactive) { i.CatalogID = "" }), "message.interactive.catalog_id: is missing"},
		{"product list without sections", productList(func(i *sender.Interactive) { i.Sections = nil }), "message.interactive.sections: is missing"},
		{"product list with rows", productList(func(i *sender.Interactive) { i.Sections[0].Rows = rows(0, 1) }), "message.interactive.sections[0].rows: does not go with type product_list"},
		{"a section without products", productList(func(i *sender.Interactive) {
			i.Sections = sections(2)
			i.Sections[0].Products = products(1)
		}), "message.interactive.sections[1].products: is missing; each section has at least one product"},
		{"30 products", productList(func(i *sender.Interactive) {
			i.Sections = sections(2)
			i.Sections[0].Products, i.Sections[1].Products = products(29), []string{"last"}
		}), ""},
		{"31 products", productList(func(i *sender.Interactive) {
			i.Sections = sections(2)
			i.Sections[0].Products, i.Sections[1].Products = products(30), []string{"last"}
		}), "message.interactive.sections[1].products: all sections together have more than 30 products"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := newProvider(t, options()).Compile(test.message, columns("a", "b"))
			switch {
			case test.want == "" && err != nil:
				t.Error(err)
			case test.want != "" && (err == nil || !strings.HasPrefix(err.Error(), test.want)):
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

func TestCheckTogether(t *testing.T) {
	t.Parallel()
	same := replies(func(i *sender.Interactive) { i.Buttons[0].Title, i.Buttons[1].Title = "{{a}}", "{{b}}" })
	sum := template(sender.Template{Body: []string{long(1000), "{{a}}", "{{b}}"}})
	for _, test := range []struct {
		message sender.Message
		vars    []string
		want    string
	}{
		{same, []string{"x", "y"}, ""},
		{same, []string{"marker", "marker"}, "message.interactive.buttons[1].title: is the same as message.interactive.buttons[0].title; each must be different"},
		{sum, []string{long(1000), long(1000)}, ""},
		{sum, []string{long(1000), long(1001)}, "message.template.body[2]: has, with those before it, 3001 characters, and at most 3000 are allowed; make them shorter"},
	} {
		got := ""
		if err := compile(t, options(), test.message).Check(&batch.Recipient{Row: 1, Vars: test.vars}); err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

func TestMMLite(t *testing.T) {
	t.Parallel()
	p := newProvider(t, oneOption(func(o *Options) { o.Endpoint, o.MMLitePath = "mmlite", "/api/x" }))
	for _, test := range []struct {
		message sender.Message
		want    string
	}{
		{template(sender.Template{Category: "marketing"}), ""},
		{template(sender.Template{}), "message.template.category: must be marketing: a sender with endpoint mmlite"},
		{template(sender.Template{Category: "utility"}), "message.template.category: must be marketing"},
		{text("x"), `message.type: a sender with endpoint mmlite sends template alone, not "text"`},
	} {
		_, err := p.Compile(test.message, nil)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.HasPrefix(err.Error(), test.want)) {
			t.Errorf("got  %v\nwant %s", err, test.want)
		}
	}
	if want := "https://api.innopaas.com/api/x"; p.url != want {
		t.Errorf("goes to %s, want %s", p.url, want)
	}
}
