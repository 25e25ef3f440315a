package nxcloud

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sluice/internal/batch"
	"sluice/internal/sender"
	"sluice/internal/sender/sendertest"
)

const callbackURL = "https://callbacks.example.com/r/promo/own-callback-secret"

func newMT(t testing.TB, baseURL string, change func(*Options)) *Provider {
	t.Helper()
	o := options()
	o.TenantID, o.BaseURL, o.CallbackURL = 0, baseURL, callbackURL
	o.Now = func() time.Time { return time.UnixMilli(1767225600123) }
	o.Plain = &Plain{PerTry: true, Ambiguous: []int{9007}}
	if change != nil {
		change(&o)
	}
	return newProvider(t, o)
}

func acceptedMT(id string) string {
	return fmt.Sprintf(`{"code":0,"message":"success","data":{"messages":[{"id":%q}]}}`, id)
}

func subjectMT() sendertest.Subject {
	return sendertest.Subject{
		New: func(t testing.TB, baseURL string, timeout time.Duration) sender.Provider {
			t.Helper()
			return newMT(t, baseURL, func(o *Options) { o.Timeout, o.InFlight, o.Now = timeout, 8, nil })
		},
		Message:  template(sender.Template{Body: []string{"Hello {{name}}"}}),
		Accepted: func(int) []byte { return []byte(acceptedMT("msg-0001")) },
		Refused: func(code string) []byte {
			return []byte(`{"code":` + code + `,"message":"rate limit","data":{"messages":[{"id":"msg-0001"}],"error":{"code":131056}}}`)
		},
		Codes:   []string{"-1", "1002", "1003", "1004", "1099", "9000", "9001", "9004", "9005", "9007", "9008", "9099", "77777"},
		Answers: []string{`{"code":9099,"data":{"error":{"code":"131026"}}}`, `{"code":9099,"data":{"error":7}}`, `{"code":0,"data":{"messages":[]}}`, `{"code":0,"data":{"messages":{}}}`},
		Secrets: []string{"own-access-secret", "own-access-key", "own-appkey", "8613800000000", "own-callback-secret"},
	}
}

func TestContractMT(t *testing.T) {
	t.Parallel()
	sendertest.Run(t, subjectMT())
}

func FuzzContractMT(f *testing.F) { sendertest.Fuzz(f, subjectMT()) }

// Each type of message, as the document has it, with the submission's reference and
// the address of its receipts.
func TestBodyMT(t *testing.T) {
	t.Parallel()
	const head = `{"appkey":"own-appkey","business_phone":"8613800000000","messaging_product":"whatsapp","recipient_type":"individual","to":"8613800000001","type":`
	for name, tt := range map[string]struct {
		m    sender.Message
		want string
	}{
		"text":     {sender.Message{Type: "text", Text: &sender.TextBody{Body: "hi {{a}}", PreviewURL: true}}, `"text","text":{"body":"hi 张三","preview_url":true}`},
		"image":    {sender.Message{Type: "image", Image: &sender.Media{Link: "https://x/{{a}}.jpg", Caption: "c"}}, `"image","image":{"link":"https://x/张三.jpg","caption":"c"}`},
		"video":    {sender.Message{Type: "video", Video: &sender.Media{Link: "https://x/v.mp4"}}, `"video","video":{"link":"https://x/v.mp4"}`},
		"audio":    {sender.Message{Type: "audio", Audio: &sender.Media{Link: "https://x/a.mp3"}}, `"audio","audio":{"link":"https://x/a.mp3"}`},
		"document": {sender.Message{Type: "document", Document: &sender.Media{Link: "https://x/d.pdf", Filename: "d.pdf"}}, `"document","document":{"link":"https://x/d.pdf","filename":"d.pdf"}`},
		"sticker":  {sender.Message{Type: "sticker", Sticker: &sender.Media{Link: "https://x/s.webp"}}, `"sticker","sticker":{"link":"https://x/s.webp"}`},
		"location": {
			sender.Message{Type: "location", Location: &sender.Location{Latitude: "-23.5", Longitude: "46", Name: "n", Address: "{{a}}"}},
			`"location","location":{"longitude":"46","latitude":"-23.5","name":"n","address":"张三"}`,
		},
		"template": {
			template(sender.Template{Header: &sender.Header{Document: "https://x/d.pdf"}, Body: []string{"{{a}}"}, Buttons: []sender.Button{{Index: 0, URL: "u"}, {Index: 1, Payload: "p"}}}),
			`"template","template":{"name":"note","language":{"code":"en_US","policy":"deterministic"},"components":[` +
				`{"type":"header","parameters":[{"type":"document","document":{"link":"https://x/d.pdf"}}]},{"type":"body","parameters":[{"type":"text","text":"张三"}]},` +
				`{"type":"button","sub_type":"url","index":"0","parameters":[{"type":"text","text":"u"}]},{"type":"button","sub_type":"quick_reply","index":"1","parameters":[{"type":"payload","payload":"p"}]}]}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, requests := server(t, acceptedMT("x"))
			p := newMT(t, url, nil)
			s, err := p.Compile(tt.m, columns("a"))
			if err != nil {
				t.Fatal(err)
			}
			ref := sender.Ref{Campaign: "c", Batch: 3, Index: 7, Try: 2}
			out := make([]sender.Result, 1)
			s.Submit(context.Background(), ref, []batch.Recipient{{Row: 1, Phone: "8613800000001", Vars: []string{"张三"}}}, out)
			if diff := cmp.Diff(sender.Result{Outcome: sender.Accepted, MessageID: "x"}, out[0]); diff != "" {
				t.Error(diff)
			}
			got := requests()[0]
			want := head + tt.want + `,"cus_message_id":"` + p.reference(ref) + `","dr_webhook":"` + callbackURL + `"}`
			if name == "template" {
				want = strings.Replace(want, `"note"`, `"`+tt.m.Template.Name+`"`, 1)
				want = strings.Replace(want, `"en_US"`, `"`+tt.m.Template.Language+`"`, 1)
			}
			if got.body != want || got.path != "/api/wa/mt" || got.header.Get("action") != "mt" {
				t.Errorf("%s\n%s, want\n%s", got.path, got.body, want)
			}
			if preview := string(s.(sender.Previewer).Preview(ref, &batch.Recipient{Phone: "8613800000001", Vars: []string{"张三"}}).Body); strings.Contains(preview, "own-callback-secret") {
				t.Error("the preview shows the address' secret")
			}
		})
	}
}

func TestCompileRefusesMT(t *testing.T) {
	t.Parallel()
	for want, m := range map[string]sender.Message{
		"message.type: how nxcloud-mt takes interactive":  {Type: "interactive", Interactive: &sender.Interactive{}},
		"message.type: nxcloud-mt does not send":          {Type: "contacts", Contacts: []sender.Contact{{}}},
		"message.text: is missing":                        {Type: "text"},
		"message.text.body: is missing":                   {Type: "text", Text: &sender.TextBody{}},
		"message.image: does not go with type text":       {Type: "text", Text: &sender.TextBody{Body: "x"}, Image: &sender.Media{}},
		"message.audio.caption: nxcloud-mt documents":     {Type: "audio", Audio: &sender.Media{Link: "https://x", Caption: "c"}},
		"message.video.filename: goes with document":      {Type: "video", Video: &sender.Media{Link: "https://x", Filename: "c"}},
		"message.image.link: is not a link":               {Type: "image", Image: &sender.Media{Link: "x"}},
		"message.location.latitude: must be decimal":      {Type: "location", Location: &sender.Location{Latitude: "91", Longitude: "1"}},
		"message.template.buttons[0].copy_code: nxcloud-": template(sender.Template{Buttons: []sender.Button{{CopyCode: "x"}}}),
		"message.template.buttons[0]: must have one of":   template(sender.Template{Buttons: []sender.Button{{URL: "x", Payload: "y"}}}),
		"message.template.header.caption: nxcloud-mt":     template(sender.Template{Header: &sender.Header{Image: "https://x", Caption: "c"}}),
		"message.template.header: must have one of":       template(sender.Template{Header: &sender.Header{Image: "https://x", Text: "c"}}),
	} {
		if _, err := newMT(t, "http://x", nil).Compile(m, columns("a")); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// A row whose place is none is that row's fault, and named.
func TestPlacesOfRowsMT(t *testing.T) {
	t.Parallel()
	at := sender.Message{Type: "location", Location: &sender.Location{Latitude: "{{lat}}", Longitude: "{{lon}}"}}
	s, err := newMT(t, "http://x", nil).Compile(at, columns("lat", "lon"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ lat, lon, want string }{
		{"-23.55052", "-46.633308", ""},
		{"90", "-180", ""},
		{"0.0", "007.5", ""},
		{"90.1", "0", "message.location.latitude: must be decimal degrees between -90 and 90"},
		{"0", "-180.00001", "message.location.longitude: must be decimal degrees between -180 and 180"},
		{"91", "91", "message.location.latitude: must be decimal degrees between -90 and 90"},
		{"23,5", "0", "message.location.latitude: must be decimal degrees, such as -23.55052"},
		{"0", "46°38'", "message.location.longitude: must be decimal degrees, such as -23.55052"},
		{"1e1", "0", "message.location.latitude: must be decimal degrees, such as -23.55052"},
		{"NaN", "0", "message.location.latitude: must be decimal degrees, such as -23.55052"},
		{"0x1p4", "0", "message.location.latitude: must be decimal degrees, such as -23.55052"},
		{"+5", "0", "message.location.latitude: must be decimal degrees, such as -23.55052"},
		{" ", "0", "message.location.latitude: is empty; WhatsApp refuses an empty parameter"},
	} {
		got := ""
		if err := s.Check(&batch.Recipient{Phone: "8613800000001", Vars: []string{tt.lat, tt.lon}}); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%q, %q: %q, want %q", tt.lat, tt.lon, got, tt.want)
		}
	}
	numbers := newMT(t, "http://x", func(o *Options) { o.Plain.Numbers = true })
	for _, tt := range []struct{ lat, want string }{
		{"-0.5", ""},
		{"007.5", "message.location.latitude: must not begin with a 0"},
		{"90.5", "message.location.latitude: must be decimal degrees between"},
		{"{{lat}}", "message.location.latitude: takes no placeholders"},
	} {
		at.Location = &sender.Location{Latitude: tt.lat, Longitude: "1"}
		if _, err := numbers.Compile(at, columns("lat")); (err == nil) != (tt.want == "") || err != nil && !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.lat, err, tt.want)
		}
	}
}

func TestCodesMT(t *testing.T) {
	t.Parallel()
	meta := func(n int) sender.Result { r, _ := sender.MetaResult(n); return r }
	for body, want := range map[string]sender.Result{
		acceptedMT("x"): {Outcome: sender.Accepted, MessageID: "x"},
		`{"code":0,"data":{"message_id":"of the other product"}}`: {Outcome: sender.Unknown, Code: "no_message_id"},
		`{"code":0,"data":{"messages":[{"id":7}]}}`:               {Outcome: sender.Accepted, MessageID: "7"},
		`{"code":"0","data":null}`:                                {Outcome: sender.Unknown, Code: "no_message_id"},
		`<html>`:                                                  {Outcome: sender.Unknown, Code: sender.CodeBadAnswer},
		`{"code":-1}`:                                             {Outcome: sender.Failed, Code: "-1"},
		`{"code":1002}`:                                           {Outcome: sender.Rejected, Code: "1002", Repeats: true, AtFirst: true},
		`{"code":1003}`:                                           {Outcome: sender.Denied, Code: "1003"},
		`{"code":1042}`:                                           {Outcome: sender.Denied, Code: "1042"},
		`{"code":9000}`:                                           {Outcome: sender.Denied, Code: "9000"},
		`{"code":9001}`:                                           {Outcome: sender.Failed, Code: "9001"},
		`{"code":9001,"message":"too many requests"}`:             {Outcome: sender.Throttled, Code: "9001"},
		`{"code":9004}`:                                           {Outcome: sender.Rejected, Code: "9004"},
		`{"code":9005}`:                                           {Outcome: sender.Denied, Code: "9005"},
		`{"code":9007}`:                                           {Outcome: sender.Unknown, Code: "9007"},
		`{"code":9008}`:                                           {Outcome: sender.Failed, Code: "9008", Unlisted: true},
		`{"code":9099,"data":{"error":{"code":131026}}}`:   meta(131026),
		`{"code":9099,"data":{"error":{"code":"130429"}}}`: meta(130429),
		`{"code":9099}`: {Outcome: sender.Rejected, Code: "9099", Unlisted: true},
	} {
		p := newMT(t, "http://x", nil)
		if diff := cmp.Diff(want, p.read(sender.Answer{Status: 200, Body: []byte(body)}, p.openReply([]byte(body)), 1)); diff != "" {
			t.Errorf("%s: %s", body, diff)
		}
		if want.Code != "" && want.Code != "9008" && p.Meaning(want.Code) == "" {
			t.Errorf("%s has no meaning", want.Code)
		}
	}
	listed := newMT(t, "http://x", func(o *Options) { o.Plain.Ambiguous = []int{-1} })
	for body, want := range map[string]sender.Outcome{`{"code":-1}`: sender.Unknown, `{"code":9007}`: sender.Failed} {
		if got := listed.read(sender.Answer{Status: 200, Body: []byte(body)}, listed.openReply([]byte(body)), 1); got.Outcome != want {
			t.Errorf("%s: %+v", body, got)
		}
	}
}

// A reference comes back as what it was made of, and is of nobody else's making.
func TestReferenceProperty(t *testing.T) {
	t.Parallel()
	p, other := newMT(t, "http://x", nil), newMT(t, "http://x", func(o *Options) { o.AccessSecret = "another-secret" })
	rapid.Check(t, func(t *rapid.T) {
		ref := sender.Ref{
			Campaign: rapid.StringMatching(`[a-z0-9][a-z0-9-]{0,39}`).Draw(t, "campaign"), Batch: rapid.IntRange(0, 1<<22-1).Draw(t, "batch"),
			Index: rapid.IntRange(0, 999).Draw(t, "index"), Try: rapid.IntRange(1, maxTry).Draw(t, "try"),
		}
		text := p.reference(ref)
		if len(text) != 27 || strings.Trim(text, "0123456789abcdefghijklmnopqrstuv") != "" {
			t.Fatalf("%q", text)
		}
		got, ok := p.Locates(text)
		if want := (sender.Located{Tag: p.Tag(ref.Campaign), Batch: ref.Batch, Index: ref.Index, Try: ref.Try, One: true}); !ok || got != want {
			t.Fatalf("%v %+v, want %+v", ok, got, want)
		}
		if _, ok := other.Locates(text); ok {
			t.Fatal("another account takes it for its own")
		}
		at := rapid.IntRange(2, 26).Draw(t, "at")
		forged := text[:at] + rapid.StringMatching(`[0-9a-v]`).Draw(t, "letter") + text[at+1:]
		if got, ok := p.Locates(forged); ok && forged != text {
			t.Fatalf("forged, and %+v", got)
		}
	})
	for _, ref := range []sender.Ref{{Campaign: "c", Try: maxTry + 1}, {Campaign: "c", Batch: 1 << 22, Try: 1}} {
		if text := p.reference(ref); text != "" {
			t.Errorf("%+v: %s", ref, text)
		}
	}
	for _, text := range []string{"", "s1", strings.Repeat("s1", 20), "s1" + strings.Repeat("z", 25), "s1" + strings.Repeat("0", 25)} {
		if _, ok := p.Locates(text); ok {
			t.Errorf("%q is a reference", text)
		}
	}
}

// SaaS sends its reference along where it is told to, and at no other time.
func TestOpaque(t *testing.T) {
	t.Parallel()
	for _, opaque := range []bool{false, true} {
		url, requests := server(t, accepted("x"))
		o := options()
		o.BaseURL, o.Opaque = url, opaque
		p := newProvider(t, o)
		submit(t, p, 1)
		want := `,"biz_opaque_callback_data":"` + p.reference(sender.Ref{Campaign: "c", Try: 1}) + `"}`
		if got := requests()[0].body; strings.HasSuffix(got, want) != opaque || strings.Contains(got, "opaque") != opaque {
			t.Errorf("%v: %s", opaque, got)
		}
	}
}
