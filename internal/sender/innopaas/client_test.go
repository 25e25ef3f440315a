package innopaas

import (
	"context"
	"encoding/json"
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

func subject(split bool) sendertest.Subject {
	return sendertest.Subject{
		New: func(t testing.TB, baseURL string, timeout time.Duration) sender.Provider {
			t.Helper()
			o := options()
			o.BaseURL, o.Timeout, o.InFlight = baseURL, timeout, 16
			if split {
				o.PartialReject = "split"
			}
			return newProvider(t, o)
		},
		Message: template(sender.Template{
			Header: &sender.Header{Image: "https://cdn.example.com/x.jpg"},
			Body:   []string{"Hello {{name}}"},
		}),
		Accepted: func(int) []byte {
			return []byte(`{"code":"0","message":"提交成功","data":"701000000000000042"}`)
		},
		Refused: func(code string) []byte {
			return []byte(`{"code":"` + code + `","message":"提交失败","data":"701000000000000042"}`)
		},
		Codes: []string{"108", "109", "110", "130", "131", "133", "143", "777"},
		Answers: []string{
			`{"code":"0","data":{"messageId":"1","errorPhone":["4917012345000"]}}`,
			`{"code":"0","data":{"messageId":"1","errorPhone":["1"]}}`,
			`{"code":"0","data":["a","b","c"]}`, `{"code":"0","data":{"messageId":["a",null,"c"]}}`,
			`{"code":"108","data":null}`, `{"code":"109"}`, `{"code":"131"}`, `{"code":"133"}`, `{"code":"143"}`, `{"code":"000000","data":"1"}`,
			`{"code":"777","data":"1"}`, `{"code":"130","message":"(#131056) 4917012345000"}`,
		},
		Secrets: []string{token, "XFbZY1rt"},
	}
}

func TestProvider(t *testing.T) {
	t.Parallel()
	sendertest.Run(t, subject(false))
	t.Run("split", func(t *testing.T) { sendertest.Run(t, subject(true)) })
}

func FuzzAnswer(f *testing.F) { sendertest.Fuzz(f, subject(false)) }

// What arrives at the other end, byte for byte.
func TestSubmit(t *testing.T) {
	t.Parallel()
	type request struct {
		Method, Path, Body string
		ContentType        string
		AppKey, Token      []string
	}
	var mu sync.Mutex
	var got []request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		got = append(got, request{
			Method: r.Method, Path: r.URL.Path, Body: string(b), ContentType: r.Header.Get("Content-Type"),
			AppKey: r.Header.Values("AppKey"), Token: r.Header.Values("Authorization"),
		})
		_, _ = io.WriteString(w, `{"code":"0","message":"","data":"701000000000000042"}`)
	}))
	t.Cleanup(server.Close)

	o := options()
	o.BaseURL = server.URL + "/"
	s := compile(t, o, text("Hi {{a}}"))
	rs := []batch.Recipient{{Phone: "6281200000001", Vars: []string{"Zoë"}}, {Phone: "6281200000002", Vars: []string{"Zoë"}}}
	out := make([]sender.Result, 3)
	s.Submit(context.Background(), ref, rs, out)
	took := sender.Result{Outcome: sender.Accepted, MessageID: "701000000000000042"}
	if diff := cmp.Diff([]sender.Result{took, took, {}}, out); diff != "" {
		t.Error(diff)
	}
	o.Endpoint, o.MMLitePath = "mmlite", "/api/lite"
	s = compile(t, o, template(sender.Template{Category: "marketing"}))
	s.Submit(context.Background(), ref, rs[:1], out)
	want := request{
		Method: "POST", Path: "/api/whatsapp/v3/msg/submit", ContentType: "application/json;charset=utf-8",
		AppKey: []string{"XFbZY1rt"}, Token: []string{token},
		Body: strings.Replace(body("text", `,"body":"Hi Zoë"`), "6281200000001", "6281200000001,6281200000002", 1),
	}
	lite := want
	lite.Path, lite.Body = "/api/lite", body("template", `,"language":"en_US","templateName":"marketing_template"`)
	if diff := cmp.Diff([]request{want, lite}, got); diff != "" {
		t.Error(diff)
	}
}

// A thousand numbers are one request; more are none, and nothing is posted.
func TestSubmitMany(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var counts []int
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var request struct{ RecipientNumber string }
		_ = json.NewDecoder(r.Body).Decode(&request)
		mu.Lock()
		defer mu.Unlock()
		counts = append(counts, len(strings.Split(request.RecipientNumber, ",")))
		_, _ = io.WriteString(w, `{"code":"0","data":"1"}`)
	}))
	t.Cleanup(server.Close)
	s := compile(t, oneOption(func(o *Options) { o.BaseURL = server.URL }), text("x"))
	for _, n := range []int{1000, 1001, 0} {
		out := make([]sender.Result, n)
		s.Submit(context.Background(), ref, several(n), out)
		want := sender.Result{Outcome: sender.Accepted, MessageID: "1"}
		if n > 1000 {
			want = result(sender.Denied, "109")
		}
		if diff := cmp.Diff(everybody(n, want), out); diff != "" {
			t.Error(diff)
		}
	}
	if diff := cmp.Diff([]int{1000}, counts); diff != "" {
		t.Error(diff)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		with func(*Options)
		want string // begins with; "" passes
	}{
		{"as it is", func(*Options) {}, ""},
		{"a base URL with a path", func(o *Options) { o.BaseURL = "http://127.0.0.1:80/x/" }, ""},
		{"no scheme", func(o *Options) { o.BaseURL = "api.innopaas.com" }, "base_url: must be an http or https address without user or password, such as https://api.innopaas.com"},
		{"another scheme", func(o *Options) { o.BaseURL = "ftp://x" }, "base_url: "},
		{"a user", func(o *Options) { o.BaseURL = "https://" + token + "@x" }, "base_url: "},
		{"a query", func(o *Options) { o.BaseURL = "https://x?y" }, "base_url: "},
		{"no key", func(o *Options) { o.AppKey = "" }, "app_key: is missing"},
		{"no token", func(o *Options) { o.Authorization = "" }, "authorization: is missing"},
		{"a token with a line break", func(o *Options) { o.Authorization = token + "\n" }, "authorization: holds a space, a line break"},
		{"a token with a scheme", func(o *Options) { o.Authorization = "Bearer " + token }, ""},
		{"a key with a space", func(o *Options) { o.AppKey = "a b" }, "app_key: holds a space"},
		{"no waba", func(o *Options) { o.WabaID = "" }, "waba_id: is missing"},
		{"no number", func(o *Options) { o.SendNumber = "" }, "send_number: is missing"},
		{"a number with a plus", func(o *Options) { o.SendNumber = "+8618900000000" }, "send_number: must be digits alone"},
		{"a number with 00", func(o *Options) { o.SendNumber = "008618900000000" }, "send_number: must be digits alone"},
		{"standard", func(o *Options) { o.Endpoint = "standard" }, ""},
		{"another endpoint", func(o *Options) { o.Endpoint = "lite" }, `endpoint: "lite" is neither standard nor mmlite`},
		{"a path without mmlite", func(o *Options) { o.MMLitePath = "/x" }, "mmlite_path: goes with endpoint mmlite alone"},
		{"mmlite without a path", func(o *Options) { o.Endpoint = "mmlite" }, "mmlite_path: must be a path that begins with /; ask the vendor"},
		{"mmlite with a host", func(o *Options) { o.Endpoint, o.MMLitePath = "mmlite", "//x/y" }, "mmlite_path: "},
		{"mmlite with a path", func(o *Options) { o.Endpoint, o.MMLitePath = "mmlite", "/x/y" }, ""},
		{"success", func(o *Options) { o.SuccessCodes = []string{"0", "000000"} }, ""},
		{"empty success", func(o *Options) { o.SuccessCodes = []string{"0", ""} }, "success_codes[1]: must be a code"},
		{"a failure as success", func(o *Options) { o.SuccessCodes = []string{"110"} }, "success_codes[0]: 110 is documented as a failure"},
		{"split", func(o *Options) { o.PartialReject = "split" }, ""},
		{"another choice", func(o *Options) { o.PartialReject = "resend" }, "partial_reject: must be hold or split"},
		{"all buttons", func(o *Options) { o.ButtonParams = "all" }, ""},
		{"other buttons", func(o *Options) { o.ButtonParams = "static" }, "button_params: must be dynamic or all"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := New(oneOption(test.with))
			switch {
			case test.want == "" && err != nil:
				t.Error(err)
			case test.want != "" && (err == nil || !strings.HasPrefix(err.Error(), test.want)):
				t.Errorf("got  %v\nwant %s", err, test.want)
			case err != nil && strings.Contains(err.Error(), token):
				t.Errorf("the token is in the error: %v", err)
			}
		})
	}
}

func TestNoSecretInOptions(t *testing.T) {
	t.Parallel()
	o := options()
	encoded, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{fmt.Sprintf("%v %+v %#v", o, o, o), string(encoded)} {
		if strings.Contains(s, token) {
			t.Errorf("the token is in %s", s)
		}
	}
}
