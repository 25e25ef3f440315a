package nxcloud

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sluice/internal/redistest"
	"sluice/internal/sender"
)

// A template with one of each part.
const exampleTemplate = `{"id":"7001","name":"parcel_note","language":"en_US","category":"UTILITY","status":"REJECTED",
	"rejected_reason":"TAG_CONTENT_MISMATCH","quality_score":{"score":"YELLOW"},"components":[
	{"type":"HEADER","format":"TEXT","text":"Parcel {{1}}","example":{"header_text":["P-17"]}},
	{"type":"BODY","text":"Dear {{1}}, it comes on {{2}}.","example":{"body_text":[["Ana","Monday"]]}},
	{"type":"FOOTER","text":"Do not answer"},
	{"type":"BUTTONS","buttons":[{"type":"QUICK_REPLY","text":"Thanks"},{"type":"URL","text":"Follow","url":"https://x/{{1}}","example":["https://x/1"]},
		{"type":"FLOW","text":"Later","flow_id":"77","flow_action":"navigate","navigate_screen":"S"},{"type":"PHONE_NUMBER","phone_number":"+49"}]}]}`

func TestTemplates(t *testing.T) {
	t.Parallel()
	url, requests := server(
		t,
		`{"code":0,"data":{"data":[`+exampleTemplate+`],"paging":{"next":"https://graph.example.com/1?after=c-19","cursors":{"before":"c-0","after":"c-19"}}},"message":"请求成功"}`,
		`{"code":"0","data":{"data":[{"id":18,"name":"other","language":"en","status":"APPROVED","quality_score":null,"components":[{"type":"HEADER","format":"IMAGE","example":{"header_handle":"https://h"}}]}],"paging":{"next":"","previous":"x","cursors":{}}}}`,
	)
	o := options()
	o.TemplateBaseURL = url
	o.Now = func() time.Time { return time.UnixMilli(1767225600123) }
	p := newProvider(t, o)
	got, err := p.list(context.Background(), "")
	if err != nil {
		t.Fatal(err)
	}
	want := []Template{
		{
			ID: "7001", Category: "UTILITY", Language: "en_US", Name: "parcel_note", Status: "REJECTED", RejectedReason: "TAG_CONTENT_MISMATCH",
			QualityScore: Quality{Score: "YELLOW"},
			Components: []Component{
				{Type: "HEADER", Format: "TEXT", Text: "Parcel {{1}}", Example: &Example{HeaderText: Strings{"P-17"}}},
				{Type: "BODY", Text: "Dear {{1}}, it comes on {{2}}.", Example: &Example{BodyText: Strings{"Ana", "Monday"}}},
				{Type: "FOOTER", Text: "Do not answer"},
				{Type: "BUTTONS", Buttons: []TemplateButton{
					{Type: "QUICK_REPLY", Text: "Thanks"},
					{Type: "URL", Text: "Follow", URL: "https://x/{{1}}", Example: Strings{"https://x/1"}},
					{Type: "FLOW", Text: "Later", FlowID: "77", FlowAction: "navigate", NavigateScreen: "S"},
					{Type: "PHONE_NUMBER", PhoneNumber: "+49"},
				}},
			},
		},
		{ID: "18", Name: "other", Language: "en", Status: "APPROVED", Components: []Component{{Type: "HEADER", Format: "IMAGE", Example: &Example{HeaderHandle: Strings{"https://h"}}}}},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Template{})); diff != "" {
		t.Error(diff)
	}
	all := requests()
	if len(all) != 2 {
		t.Fatalf("%d requests", len(all))
	}
	first := all[0]
	if first.path != "/api/wa/getTemplate" || first.header.Get("action") != "getTemplate" || first.header.Get("sign") != "37d849c4d08411fae9b53e0c8327db12" {
		t.Errorf("%s %s %s", first.path, first.header.Get("action"), first.header.Get("sign"))
	}
	for i, want := range []string{
		`{"business_phone":"8613800000000","appkey":"own-appkey","messaging_product":"whatsapp"}`,
		`{"business_phone":"8613800000000","appkey":"own-appkey","messaging_product":"whatsapp","after":"c-19"}`,
	} {
		if all[i].body != want {
			t.Errorf("got %s, want %s", all[i].body, want)
		}
	}
	named, err := p.list(context.Background(), "other")
	if err != nil || len(named) != 1 || named[0].Name != "other" {
		t.Errorf("by name: %+v, %v", named, err)
	}
	if body := requests()[2].body; !strings.HasSuffix(body, `"messaging_product":"whatsapp","name":"other"}`) {
		t.Error(body)
	}
}

func TestTemplatesFail(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		answers []string
		want    string
	}{
		{"-1", []string{`{"code":-1,"message":"请求失败","data":null}`}, "getting templates: code -1: the provider's request failed"},
		{"1003", []string{`{"code":1003}`}, "getting templates: code 1003: the signature is wrong; check access_key"},
		{"1004", []string{`{"code":1004}`}, "getting templates: code 1004: the signature has expired; set this machine's clock"},
		{"9000", []string{`{"code":9000}`}, "getting templates: code 9000: a parameter is missing; check appkey"},
		{"9001", []string{`{"code":9001}`}, "getting templates: code 9001: the provider's system failed; try again"},
		{"9002", []string{`{"code":9002}`}, "getting templates: code 9002: the merchant's number is wrong; check that business_phone"},
		{"9006", []string{`{"code":9006}`}, "getting templates: code 9006: the number is not bound"},
		{"unlisted", []string{`{"code":4711}`}, "getting templates: code 4711: a code that is in no table"},
		{"HTML", []string{`<html>`}, "getting templates: bad_answer: no usable answer; check template_base_url"},
		{"another form", []string{`{"code":0,"data":[1,2]}`}, "getting templates: an answer that is not in the documented form"},
		{"a circle", []string{`{"code":0,"data":{"data":[],"paging":{"next":"x","cursors":{"after":"A"}}}}`}, "getting templates: the provider's pages go in a circle"},
		{"no cursor", []string{`{"code":0,"data":{"data":[],"paging":{"next":"x"}}}`}, "getting templates: the provider has another page and gives no cursor"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			url, _ := server(t, test.answers...)
			o := options()
			o.TemplateBaseURL = url
			ts, err := newProvider(t, o).Templates(context.Background(), "")
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got %v, %v, want %s", ts, err, test.want)
			}
		})
	}
}

func TestTemplatesWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadGateway)
		_, _ = io.WriteString(w, `{"code":0,"data":{"data":[]}}`)
	}))
	o := options()
	o.TemplateBaseURL = broken.URL
	p := newProvider(t, o)
	if _, err := p.list(context.Background(), ""); err == nil || !strings.Contains(err.Error(), "http_502: no usable answer") {
		t.Error(err)
	}
	broken.Close()
	o.TemplateBaseURL = "http://" + redistest.Nobody(t) + "/"
	if _, err := newProvider(t, o).Templates(context.Background(), ""); err == nil || !strings.Contains(err.Error(), "refused: nothing listens") {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := p.Templates(ctx, ""); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestTemplatesEndless(t *testing.T) {
	t.Parallel()
	n := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n++
		_, _ = fmt.Fprintf(w, `{"code":0,"data":{"data":[],"paging":{"next":"x","cursors":{"after":"%d"}}}}`, n)
	}))
	t.Cleanup(s.Close)
	o := options()
	o.TemplateBaseURL = s.URL
	if _, err := newProvider(t, o).Templates(context.Background(), ""); err == nil || !strings.Contains(err.Error(), "no end after 1000 pages") {
		t.Error(err)
	}
}

// A list is not taken for longer than any account's is.
func TestTemplatesWithoutNumber(t *testing.T) {
	t.Parallel()
	n := 0
	page := strings.Repeat(`{"name":"x"},`, 999) + `{"name":"x"}`
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n++
		_, _ = fmt.Fprintf(w, `{"code":0,"data":{"data":[%s],"paging":{"next":"x","cursors":{"after":"%d"}}}}`, page, n)
	}))
	t.Cleanup(s.Close)
	o := options()
	o.TemplateBaseURL = s.URL
	if _, err := newProvider(t, o).Templates(context.Background(), ""); err == nil || !strings.Contains(err.Error(), "more than 10000 templates") || n != 11 {
		t.Errorf("after %d pages: %v", n, err)
	}
}

// What a list says in words, and as it is told.
func TestTemplatesInWords(t *testing.T) {
	t.Parallel()
	url, _ := server(t, `{"code":0,"data":{"data":[`+exampleTemplate+`],"paging":{}}}`)
	o := options()
	o.TemplateBaseURL = url
	got, err := newProvider(t, o).Templates(context.Background(), "parcel_note")
	if err != nil || len(got) != 1 {
		t.Fatalf("%v, %v", got, err)
	}
	var told bytes.Buffer // all of it, in one line
	if err := json.Compact(&told, []byte(exampleTemplate)); err != nil {
		t.Fatal(err)
	}
	if string(got[0].JSON) != told.String() {
		t.Errorf("as told: %s", got[0].JSON)
	}
	got[0].JSON = nil
	want := sender.ListedTemplate{
		Name: "parcel_note", Language: "en_US", Status: "REJECTED (TAG_CONTENT_MISMATCH)", Category: "UTILITY", Quality: "YELLOW",
		Parts: "header text with 1 variables, body with 2 variables, footer, buttons quick_reply url flow phone_number",
	}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Error(diff)
	}
}

func approvedTemplate(components ...Component) Template {
	return Template{Name: "spring_sale", Language: "pt_BR", Status: "APPROVED", RejectedReason: "NONE", Components: components}
}

func TestPreflight(t *testing.T) {
	t.Parallel()
	full := approvedTemplate(
		Component{Type: "HEADER", Format: "IMAGE"},
		Component{Type: "BODY", Text: "Oi {{1}}, {{2}} hoje"},
		Component{Type: "BUTTONS", Buttons: []TemplateButton{
			{Type: "URL", Text: "Ver", URL: "https://x/{{1}}"},
			{Type: "URL", Text: "Site", URL: "https://x"},
			{Type: "COPY_CODE", Text: "Cupom"},
			{Type: "QUICK_REPLY", Text: "Sim"},
		}},
	)
	fits := sender.Template{
		Header:  &sender.Header{Image: "https://x/y.jpg"},
		Body:    []string{"{{a}}", "10 %"},
		Buttons: []sender.Button{{Index: 0, URL: "{{a}}"}, {Index: 2, CopyCode: "X"}},
	}
	with := func(change func(*sender.Template)) sender.Template {
		c := fits
		change(&c)
		return c
	}
	changed := func(change func(*Template)) Template {
		c := full
		change(&c)
		return c
	}
	body := func(text string) Template { return approvedTemplate(Component{Type: "BODY", Text: text}) }
	header := func(format, text string) Template {
		return approvedTemplate(Component{Type: "HEADER", Format: format, Text: text})
	}
	tests := []struct {
		name     string
		campaign sender.Template
		list     []Template
		warning  string
		want     string
	}{
		{"fits", fits, []Template{full}, "", ""},
		{"fits, among others", fits, []Template{{Name: "spring_sale", Language: "en"}, {Name: "x", Language: "pt_BR"}, full}, "", ""},
		{"not there", fits, nil, "", `message.template.name: template "spring_sale" does not exist in the account; correct the name, or create it`},
		{"another name", fits, []Template{{Name: "winter"}, {Name: "sprng_sale"}}, "", `message.template.name: template "spring_sale" does not exist in the account; did you mean "sprng_sale"?`},
		{"another language", fits, []Template{{Name: "spring_sale", Language: "en"}, {Name: "spring_sale", Language: "pt_PT"}}, "", `message.template.language: template "spring_sale" does not exist in pt_BR; it exists in en, pt_PT: use one of these, or create it`},
		{"pending", fits, []Template{changed(func(t *Template) { t.Status = "PENDING" })}, "", `message.template.name: template "spring_sale" (pt_BR) is PENDING; wait until it is approved, or use another`},
		{"in appeal", fits, []Template{changed(func(t *Template) { t.Status = "IN_APPEAL" })}, "", `message.template.name: template "spring_sale" (pt_BR) is IN_APPEAL; wait until it is approved, or use another`},
		{"rejected", fits, []Template{changed(func(t *Template) { t.Status, t.RejectedReason = "REJECTED", "INVALID_FORMAT" })}, "", `message.template.name: template "spring_sale" (pt_BR) is REJECTED (INVALID_FORMAT); correct and submit it again, or use another`},
		{"paused", fits, []Template{changed(func(t *Template) { t.Status = "PAUSED" })}, "", `message.template.name: template "spring_sale" (pt_BR) is PAUSED; it is paused for its quality: wait until it is active again, or use another`},
		{"disabled", fits, []Template{changed(func(t *Template) { t.Status = "DISABLED" })}, "", `message.template.name: template "spring_sale" (pt_BR) is DISABLED; use another`},
		{"deleted", fits, []Template{changed(func(t *Template) { t.Status = "DELETED" })}, "", `message.template.name: template "spring_sale" (pt_BR) is DELETED; use another`},
		{"being deleted", fits, []Template{changed(func(t *Template) { t.Status = "PENDING_DELETION" })}, "", `message.template.name: template "spring_sale" (pt_BR) is PENDING_DELETION; use another`},
		{"too many", fits, []Template{changed(func(t *Template) { t.Status = "LIMIT_EXCEEDED" })}, "", `message.template.name: template "spring_sale" (pt_BR) is LIMIT_EXCEEDED; the account has reached a limit of templates: remove some, or use another`},
		{"new status", fits, []Template{changed(func(t *Template) { t.Status = "NEW" })}, "", `message.template.name: template "spring_sale" (pt_BR) is NEW; only an APPROVED template can be sent`},
		{"no status", fits, []Template{changed(func(t *Template) { t.Status = "" })}, "", `message.template.name: template "spring_sale" (pt_BR) is without a status; only an APPROVED template can be sent`},
		{"low quality", fits, []Template{changed(func(t *Template) { t.QualityScore.Score = "RED" })}, `template "spring_sale" (pt_BR) has low quality (RED): people block or report it, and Meta may pause it during the campaign`, ""},
		{"medium quality", fits, []Template{changed(func(t *Template) { t.QualityScore.Score = "YELLOW" })}, "", ""},

		{"no header given", with(func(c *sender.Template) { c.Header = nil }), []Template{full}, "", "message.template.header: the template's header is an image; add header: {image: LINK}"},
		{"a header too many", sender.Template{Header: fits.Header}, []Template{approvedTemplate()}, "", "message.template.header: the template has no header; remove it"},
		{"a header where a text is", sender.Template{Header: fits.Header}, []Template{header("TEXT", "Oi")}, "", "message.template.header: the template's header is a text without variables; remove it"},
		{"a text is left alone", sender.Template{}, []Template{header("TEXT", "Oi")}, "", ""},
		{"a text that varies", sender.Template{}, []Template{header("TEXT", "Oi {{1}}")}, "", "message.template.header: the template's header is a text with a variable, for which nxcloud documents no parameter; use a template without it"},
		{"video", sender.Template{}, []Template{header("VIDEO", "")}, "", "message.template.header: the template's header is a video, for which nxcloud documents no parameter; use a template with an image"},
		{"document", sender.Template{Header: fits.Header}, []Template{header("DOCUMENT", "")}, "", "message.template.header: the template's header is a document, for which nxcloud documents no parameter; use a template with an image"},
		{"new format", sender.Template{}, []Template{header("GIF", "")}, "", `message.template.header: the template's header has the format "GIF", which nxcloud does not document; use a template with an image`},

		{"too few values", with(func(c *sender.Template) { c.Body = c.Body[:1] }), []Template{full}, "", "message.template.body: has 1 of the 2 values that the template's text needs ({{1}} {{2}}); add 1"},
		{"too many values", with(func(c *sender.Template) { c.Body = []string{"1", "2", "3"} }), []Template{full}, "", "message.template.body: the template's text needs 2 values and there are 3; remove 1"},
		{"no values needed", sender.Template{Body: []string{"1"}}, []Template{body("Oi")}, "", "message.template.body: the template's text needs 0 values and there are 1; remove 1"},
		{"repeated, each place", sender.Template{Body: []string{"1", "1", "2"}}, []Template{body("{{1}} {{1}} {{2}}")}, "", ""},
		{"repeated, once", sender.Template{Body: []string{"1", "2"}}, []Template{body("{{1}} {{ 1 }} {{2}}")}, "message.template.body: the template's text repeats a variable; nxcloud asks for a value at each of its 3 places, and there are 2 values", ""},
		{"named", sender.Template{Body: []string{"1"}}, []Template{body("{{name}} {{}} {{x")}, "", ""},

		{"no url given", with(func(c *sender.Template) { c.Buttons = c.Buttons[1:] }), []Template{full}, "", `message.template.buttons: the template's button 0 (URL "Ver") has a variable; add {index: 0, url: VALUE}`},
		{"no code given", with(func(c *sender.Template) { c.Buttons = c.Buttons[:1] }), []Template{full}, "", `message.template.buttons: the template's button 2 (COPY_CODE "Cupom") has a variable; add {index: 2, copy_code: VALUE}`},
		{"url without a variable", with(func(c *sender.Template) { c.Buttons = append(c.Buttons[:2:2], sender.Button{Index: 1, URL: "x"}) }), []Template{full}, "", `message.template.buttons[2]: the template's button 1 (URL "Site") has no variable; remove it`},
		{"quick reply", with(func(c *sender.Template) { c.Buttons = append(c.Buttons[:2:2], sender.Button{Index: 3, URL: "x"}) }), []Template{full}, "", `message.template.buttons[2]: the template's button 3 (QUICK_REPLY "Sim") takes no variable; remove it`},
		{"past the end", with(func(c *sender.Template) { c.Buttons = append(c.Buttons[:2:2], sender.Button{Index: 4, URL: "x"}) }), []Template{full}, "", `message.template.buttons[2].index: the template has no button 4, its buttons are 0 to 3`},
		{"no buttons", sender.Template{Buttons: []sender.Button{{URL: "x"}}}, []Template{approvedTemplate()}, "", `message.template.buttons[0]: the template has no buttons; remove it`},
		{"the other kind", with(func(c *sender.Template) {
			c.Buttons = []sender.Button{{Index: 0, CopyCode: "x"}, {Index: 2, URL: "x"}}
		}), []Template{full}, "", `message.template.buttons[0]: the template's button 0 (URL "Ver") takes url, not copy_code` + "\n" + `message.template.buttons[1]: the template's button 2 (COPY_CODE "Cupom") takes copy_code, not url`},
		{"all at once", sender.Template{Body: []string{"1"}, Buttons: fits.Buttons}, []Template{full}, "", "message.template.header: the template's header is an image; add header: {image: LINK}\nmessage.template.body: has 1 of the 2 values that the template's text needs ({{1}} {{2}}); add 1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := test.campaign
			c.Name, c.Language = "spring_sale", "pt_BR"
			warnings, err := fit(sender.Message{Type: "template", Template: &c}, test.list)
			got := ""
			if err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(test.warning, strings.Join(warnings, "\n")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func FuzzTemplates(f *testing.F) {
	f.Add([]byte(`{"code":0,"data":{"data":[` + exampleTemplate + `],"paging":{"next":"x","cursors":{"after":"A"}}}}`))
	f.Add([]byte(`{"code":0,"data":{"data":[{"name":"t","language":"en","status":"APPROVED","components":[null,{"type":"BUTTONS","buttons":[{}]}]}]}}`))
	f.Add([]byte(`{"code":"9006","data":null}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := readPage(sender.Answer{Status: 200, Body: body})
		if err != nil {
			return
		}
		for _, one := range got.Data {
			m := template(sender.Template{Name: one.Name, Language: one.Language, Body: []string{"x"}, Buttons: []sender.Button{{Index: 1, URL: "x"}}})
			_, _ = fit(m, got.Data)
		}
		if _, err := json.Marshal(got.Data); err != nil {
			t.Error(err)
		}
	})
}

// An answer that repeats the request does not get it into an error.
func TestTemplateErrorsTellNothing(t *testing.T) {
	t.Parallel()
	const said = `8613800000000 own-access-key own-access-secret own-appkey`
	for _, answer := range []string{
		`{"code":9000,"message":"` + said + `"}`,
		`{"code":"` + said + `"}`,
		`{"code":8613800000000}`,
		`{"code":0,"data":{"data":[{"name":8613800000000}]}}`,
		`{"code":0,"data":{"data":"` + said + `"}}`,
		`{"code":0,"data":"` + said + `"}`,
		`{"code":0,"data":{"data":[{"components":["` + said + `"]}]}}`,
		said,
	} {
		url, _ := server(t, answer)
		o := options()
		o.TemplateBaseURL = url
		_, err := newProvider(t, o).Templates(context.Background(), "")
		if err == nil {
			t.Errorf("%s: no error", answer)
			continue
		}
		for _, secret := range strings.Fields(said) {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%q tells %s", err, secret)
			}
		}
	}
}
