package nxcloud

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/batch"
	"sluice/internal/sender"
	"sluice/internal/sender/sendertest"
)

// A seen is one request as it came over the wire.
type seen struct {
	path   string
	header http.Header
	body   string
}

// server answers the requests one by one, the last answer for ever.
func server(t *testing.T, answers ...string) (url string, requests func() []seen) {
	t.Helper()
	var mu sync.Mutex
	var all []seen
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		answer := answers[min(len(all), len(answers)-1)]
		all = append(all, seen{r.URL.Path, r.Header, string(body)})
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(s.Close)
	return s.URL, func() []seen {
		mu.Lock()
		defer mu.Unlock()
		return all
	}
}

func accepted(id string) string {
	return fmt.Sprintf(`{"code":0,"message":"","data":{"message_id":%q},"traceId":"trace-0001"}`, id)
}

// submit compiles a template with one variable and submits it to 8613800000001.
func submit(t *testing.T, p *Provider, try int) sender.Result {
	t.Helper()
	s, err := p.Compile(template(sender.Template{Body: []string{"{{a}}"}}), columns("a"))
	if err != nil {
		t.Fatal(err)
	}
	out := make([]sender.Result, 1)
	s.Submit(context.Background(), sender.Ref{Campaign: "c", Try: try}, []batch.Recipient{{Row: 1, Phone: "8613800000001", Vars: []string{"张三"}}}, out)
	return out[0]
}

func TestSubmit(t *testing.T) {
	t.Parallel()
	url, requests := server(t, accepted("msg-0001"))
	o := options()
	o.BaseURL = url + "/"
	o.Now = func() time.Time { return time.UnixMilli(1767225600123) }
	if diff := cmp.Diff(sender.Result{Outcome: sender.Accepted, MessageID: "msg-0001"}, submit(t, newProvider(t, o), 1)); diff != "" {
		t.Error(diff)
	}
	want := []seen{{
		path: "/saas/wa/send",
		header: http.Header{
			"Accesskey": {"own-access-key"}, "Ts": {"1767225600123"}, "Biztype": {"2"}, "Action": {"mt"},
			"Sign": {"86a108af175ecbe878fbebc3c0c84028"}, "Content-Type": {"application/json"},
			"Content-Length": {"334"}, "User-Agent": {"sluice"},
		},
		body: noteBody,
	}}
	if diff := cmp.Diff(want, requests(), cmp.AllowUnexported(seen{})); diff != "" {
		t.Error(diff)
	}
}

func TestSubmitSHA256(t *testing.T) {
	t.Parallel()
	url, requests := server(t, accepted("x"))
	o := options()
	o.BaseURL, o.Algorithm = url, "sha256"
	o.Now = func() time.Time { return time.UnixMilli(1767225600123) }
	submit(t, newProvider(t, o), 1)
	h := requests()[0].header
	if h.Get("algorithm") != "sha256" || h.Get("sign") != "4174e585b08e3076a4d2f949686e4f3d6d5f7192525d78985d6ae1a15b3695ab" {
		t.Errorf("algorithm %q, sign %q", h.Get("algorithm"), h.Get("sign"))
	}
}

// Each submission has the time of its own sending, and a signature over the
// bytes that arrived.
func TestSignedAnewEachTime(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []string{"md5", "sha256"} {
		url, requests := server(t, accepted("x"))
		var mu sync.Mutex
		now := time.UnixMilli(1767225600123)
		o := options()
		o.BaseURL, o.Algorithm = url, algorithm
		o.Now = func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			now = now.Add(time.Second)
			return now
		}
		p := newProvider(t, o)
		for range 3 {
			submit(t, p, 1)
		}
		times := map[string]bool{}
		for _, r := range requests() {
			ts := r.header.Get("ts")
			times[ts] = true
			text := "accessKey=own-access-key&action=mt&bizType=2&ts=" + ts + "&body=" + r.body + "&accessSecret=own-access-secret"
			m, s := md5.Sum([]byte(text)), sha256.Sum256([]byte(text))
			want := map[string]string{"md5": hex.EncodeToString(m[:]), "sha256": hex.EncodeToString(s[:])}[algorithm]
			if got := r.header.Get("sign"); got != want {
				t.Errorf("%s: %s, want %s", algorithm, got, want)
			}
		}
		if len(times) != 3 {
			t.Errorf("%d times for 3 submissions", len(times))
		}
	}
}

// Without leave there is no second request, and nobody is concerned but the
// recipient, who is as before.
func TestExpiredTimestampWithoutLeave(t *testing.T) {
	t.Parallel()
	for _, leave := range []bool{false, true} {
		url, requests := server(t, `{"code":1004}`, accepted("x"))
		o := options()
		o.BaseURL = url
		s, err := newProvider(t, o).Compile(template(sender.Template{Body: []string{"{{a}}"}}), columns("a"))
		if err != nil {
			t.Fatal(err)
		}
		asked := 0
		ctx := sender.WithAgain(t.Context(), func() bool { asked++; return leave })
		out := make([]sender.Result, 1)
		s.Submit(ctx, sender.Ref{Try: 1}, []batch.Recipient{{Phone: "8613800000001", Vars: []string{"1"}}}, out)
		want := sender.Result{Outcome: sender.Throttled, Code: "1004", Pair: true}
		if leave {
			want = sender.Result{Outcome: sender.Accepted, MessageID: "x"}
		}
		if n := len(requests()); out[0] != want || asked != 1 || leave != (n == 2) {
			t.Errorf("leave %v: %+v, asked %d times, %d requests", leave, out[0], asked, n)
		}
	}
}

func TestExpiredTimestamp(t *testing.T) {
	t.Parallel()
	const expired = `{"code":1004,"message":"Timestamp has expired","data":null}`
	tests := []struct {
		name     string
		answers  []string
		want     sender.Result
		requests int
	}{
		{"once", []string{expired, accepted("x")}, sender.Result{Outcome: sender.Accepted, MessageID: "x"}, 2},
		{"twice", []string{expired}, sender.Result{Outcome: sender.Denied, Code: "1004"}, 2},
		{"then something else", []string{expired, `{"code":22091}`}, sender.Result{Outcome: sender.Rejected, Code: "22091"}, 2},
		{"never", []string{`{"code":1003}`}, sender.Result{Outcome: sender.Denied, Code: "1003"}, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			url, requests := server(t, test.answers...)
			o := options()
			o.BaseURL = url
			var mu sync.Mutex
			now := time.UnixMilli(1767225600123)
			o.Now = func() time.Time {
				mu.Lock()
				defer mu.Unlock()
				now = now.Add(time.Second)
				return now
			}
			if diff := cmp.Diff(test.want, submit(t, newProvider(t, o), 1)); diff != "" {
				t.Error(diff)
			}
			got := requests()
			if len(got) != test.requests {
				t.Fatalf("%d requests, want %d", len(got), test.requests)
			}
			if len(got) == 2 && (got[0].header.Get("ts") == got[1].header.Get("ts") || got[0].header.Get("sign") == got[1].header.Get("sign") || got[0].body != got[1].body) {
				t.Error("the second request is not the first, signed anew")
			}
		})
	}
}

// A picture that Meta cannot fetch is everyone's trouble, or one's own.
func TestMediaRefused(t *testing.T) {
	t.Parallel()
	url, _ := server(t, `{"code":22141,"message":"(#131053) Media upload error"}`)
	o := options()
	o.BaseURL = url
	p := newProvider(t, o)
	for link, want := range map[string]sender.Result{
		"https://cdn.example.com/x.jpg":     {Outcome: sender.Denied, Code: "meta_131053"},
		"https://cdn.example.com/{{a}}.jpg": {Outcome: sender.Rejected, Code: "meta_131053", Repeats: true},
	} {
		s, err := p.Compile(template(sender.Template{Header: &sender.Header{Image: link}, Body: []string{"{{a}}"}}), columns("a"))
		if err != nil {
			t.Fatal(err)
		}
		out := make([]sender.Result, 1)
		s.Submit(context.Background(), sender.Ref{Try: 1}, []batch.Recipient{{Phone: "8613800000001", Vars: []string{"1"}}}, out)
		if diff := cmp.Diff(want, out[0]); diff != "" {
			t.Errorf("%s: %s", link, diff)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*Options)
		want   string
	}{
		{"base_url", func(o *Options) { o.BaseURL = "api.nxcloud.com" }, "base_url: must be an http or https address without user or password, such as https://api.nxcloud.com"},
		{"base_url with a query", func(o *Options) { o.BaseURL = "https://x/?marker=1" }, "base_url: "},
		{"base_url with a user", func(o *Options) { o.BaseURL = "https://marker:marker@x" }, "base_url: "},
		{"template_base_url", func(o *Options) { o.TemplateBaseURL = "ftp://x" }, "template_base_url: must be an http or https address without user or password, such as https://api2.nxcloud.com"},
		{"tenant_id", func(o *Options) { o.TenantID = 0 }, "tenant_id: "},
		{"appkey", func(o *Options) { o.AppKey = "" }, "appkey: is missing"},
		{"business_phone", func(o *Options) { o.BusinessPhone = "" }, "business_phone: is missing"},
		{"+ in business_phone", func(o *Options) { o.BusinessPhone = "+8615800009999" }, "business_phone: must be digits alone"},
		{"00 in business_phone", func(o *Options) { o.BusinessPhone = "008615800009999" }, "business_phone: must be digits alone"},
		{"access_key", func(o *Options) { o.AccessKey = "a\nb" }, "access_key: holds"},
		{"access_secret", func(o *Options) { o.AccessSecret = "" }, "access_secret: is missing"},
		{"a space in access_secret", func(o *Options) { o.AccessSecret = "marker " }, "access_secret: holds"},
		{"algorithm", func(o *Options) { o.Algorithm = "sha1" }, `algorithm: "sha1" is neither md5 nor sha256`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			o := options()
			test.change(&o)
			_, err := New(o)
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Fatalf("got %v, want %s", err, test.want)
			}
			for _, secret := range []string{"marker", "9999", "own-access-secret", "own-access-key"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("%q tells %q", err, secret)
				}
			}
		})
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	p := newProvider(t, options())
	if p.send.url != "https://api.nxcloud.com/saas/wa/send" || p.templates.url != "https://api2.nxcloud.com/api/wa/getTemplate" {
		t.Errorf("%s, %s", p.send.url, p.templates.url)
	}
	if s := fmt.Sprintf("%+v", options()); strings.Contains(s, "own-access-secret") {
		t.Errorf("the options print the secret: %s", s)
	}
}

func subject() sendertest.Subject {
	return sendertest.Subject{
		New: func(t testing.TB, baseURL string, timeout time.Duration) sender.Provider {
			t.Helper()
			o := options()
			o.BaseURL, o.Timeout, o.InFlight = baseURL, timeout, 8
			return newProvider(t, o)
		},
		Message:  template(sender.Template{Body: []string{"Hello {{name}}"}}),
		Accepted: func(int) []byte { return []byte(accepted("msg-0001")) },
		Refused: func(code string) []byte {
			return []byte(`{"code":` + code + `,"message":"(#131056) rate limit","data":{"message_id":"msg-0001"}}`)
		},
		Codes: []string{"-1", "1002", "1003", "1004", "22041", "22042", "22091", "22125", "22141", "77777"},
		Answers: []string{
			`{"code":1004}`, `{"code":22141,"message":"(#131056)"}`, `{"code":22042,"message":"(#130429) rate limit"}`,
			`{"code":22091,"message":"非WhatsApp用户","data":null}`,
		},
		Secrets: []string{"own-access-secret", "own-access-key", "own-appkey", "8613800000000"},
	}
}

func TestContract(t *testing.T) {
	t.Parallel()
	sendertest.Run(t, subject())
}

func FuzzContract(f *testing.F) { sendertest.Fuzz(f, subject()) }

// Beside the HTTP client, a submission may cost 3 µs; this is what goes on
// before and after it.
func BenchmarkRenderSignRead(b *testing.B) {
	p := newProvider(b, options())
	s, err := p.Compile(template(sender.Template{
		Header: &sender.Header{Image: "https://cdn.example.com/{{a}}.jpg"},
		Body:   []string{"{{a|friend}}", "{{b}}"}, Buttons: []sender.Button{{URL: "{{b}}"}},
	}), columns("a", "b"))
	if err != nil {
		b.Fatal(err)
	}
	m := s.(*submitter).message
	r := &batch.Recipient{Phone: "8613800000001", Vars: []string{"张三", "20 %"}}
	answer := sender.Answer{Status: 200, Body: []byte(accepted("Zx3mPq8LrT5vNc1KdW7yBf2HsJ9"))}
	var body, scratch []byte
	b.ReportAllocs()
	for b.Loop() {
		body = m.appendBody(body[:0], r, "")
		_, scratch = p.send.signer.sign(scratch, "1767225600123", body)
		if result := p.read(answer, p.openReply(answer.Body), 1); result.Outcome != sender.Accepted {
			b.Fatal(result)
		}
	}
	b.SetBytes(int64(len(bytes.TrimSpace(body))))
}
