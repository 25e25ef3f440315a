package accounts

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/batch"
	"sluice/internal/config"
	"sluice/internal/ratelimit"
	"sluice/internal/sender"
)

const marker = "s3cr3t-marker"

func now() time.Time { return time.UnixMilli(1_767_225_600_123) }

// brazil and indonesia are senders of a file, at url.
func brazil(t *testing.T, url string) config.Sender {
	t.Helper()
	return load(t, `{provider: nxcloud, base_url: "`+url+`/send", template_base_url: "`+url+`/templates", tenant_id: 4711, appkey: the-appkey,
    business_phone: "8615800001795", access_key: the-access-key, access_secret: `+marker+`, algorithm: sha256, timeout: 2s, limits: {in_flight: 3}}`)
}

func indonesia(t *testing.T, url string) config.Sender {
	t.Helper()
	return load(t, `{provider: innopaas, base_url: "`+url+`", app_key: the-app-key, authorization: `+marker+`,
    waba_id: "110000000000001", send_number: "8618900000000", endpoint: mmlite, mmlite_path: /lite, success_codes: ["42"], button_params: all,
    timeout: 2s, limits: {in_flight: 3}}`)
}

// load reads a file with one sender.
func load(t *testing.T, text string) config.Sender {
	t.Helper()
	path := write(t, t.TempDir(), "senders.yaml", "senders:\n  promo: "+text+"\n")
	senders, err := Providers().Load(path, environment)
	if err != nil {
		t.Fatal(err)
	}
	return senders["promo"]
}

var promo = sender.Message{Type: "template", Template: &sender.Template{Name: "promo", Language: "en_US", Category: "marketing"}}

// A listener answers every request and keeps the head and body of the last one.
func listener(t *testing.T, answer string) (url string, last func() string) {
	t.Helper()
	seen := make(chan string, 100)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var head strings.Builder
		_ = r.Header.Write(&head)
		seen <- r.URL.Path + "\n" + head.String() + string(body)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(s.Close)
	return s.URL, func() string { return <-seen }
}

func submit(t *testing.T, s config.Sender) sender.Result {
	t.Helper()
	p, err := Providers().Open(s, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { Close(p) })
	buttons := *promo.Template
	buttons.Buttons = []sender.Button{{Index: 1, URL: "more"}}
	m, err := p.Compile(sender.Message{Type: "template", Template: &buttons}, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var out [1]sender.Result
	m.Submit(ctx, sender.Ref{Campaign: "c", Batch: 1, Try: 1}, []batch.Recipient{{Phone: "5511987654321"}}, out[:])
	return out[0]
}

// Every setting reaches the request that it is for.
func TestSettingsReachTheRequest(t *testing.T) {
	t.Parallel()
	url, last := listener(t, `{"code":0,"message":"ok","data":{"message_id":"m-1"}}`)
	if got := submit(t, brazil(t, url)); got.Outcome != sender.Accepted || got.MessageID != "m-1" {
		t.Errorf("nxcloud: %+v", got)
	}
	holds(t, last(), "/send/", "4711", "the-appkey", "8615800001795", "the-access-key", "sha256", "1767225600123", "5511987654321")

	url, last = listener(t, `{"code":"42","message":"ok","data":{"messageId":"m-2"}}`)
	if got := submit(t, indonesia(t, url)); got.Outcome != sender.Accepted {
		t.Errorf("innopaas: %+v", got)
	}
	holds(t, last(), "/lite", "the-app-key", marker, "110000000000001", "8618900000000", "5511987654321",
		`"buttonParams":[{"type":"text","value":""},{"type":"text","value":"more"}]`)
}

func holds(t *testing.T, request string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(request, part) {
			t.Errorf("the request has no %s:\n%s", part, request)
		}
	}
}

func TestTheTimeoutIsTheSenders(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(release) })
	for _, account := range []config.Sender{brazil(t, s.URL), indonesia(t, s.URL)} {
		account.Timeout = 100 * time.Millisecond
		begun := time.Now()
		got := submit(t, account)
		// The providers' own default is 15 s.
		if took := time.Since(begun); got.Outcome != sender.Unknown || got.Code != "timeout" || took > 10*time.Second {
			t.Errorf("%s: %+v after %v", account.Name, got, took)
		}
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	got := Limits(config.Sender{Stamp: 99, Limits: config.Limits{
		MessagesPerSecond: 80, RequestsPerSecond: 0.5, MessagesPerDay: 10_000, InFlight: 64, MaxBurstSeconds: 0.25,
	}})
	want := ratelimit.Limits{
		MessagesPerSecond: 80, RequestsPerSecond: 0.5, MessagesPerDay: 10_000, InFlight: 64, MaxBurst: 250 * time.Millisecond, Stamp: 99,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPreflight(t *testing.T) {
	t.Parallel()
	const approved = `{"code":0,"data":{"data":[{"id":"1","name":"promo","language":"en_US","status":"APPROVED","category":"MARKETING",` +
		`"components":[{"type":"BODY","text":"hello"}]}],"paging":{}}}`
	for name, tt := range map[string]struct {
		answer string
		unfit  bool
		fails  bool
	}{
		"fits":         {approved, false, false},
		"paused":       {strings.Replace(approved, "APPROVED", "PAUSED", 1), true, true},
		"other name":   {strings.Replace(approved, `"promo"`, `"promos"`, 1), true, true},
		"has variable": {strings.Replace(approved, "hello", "hello {{1}}", 1), true, true},
		"not allowed":  {`{"code":1003,"message":"sign"}`, false, true},
		"no answer":    {`<html>`, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, last := listener(t, tt.answer)
			p, err := Providers().Open(brazil(t, url), now)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { Close(p) })
			_, asked, err := Asker{p, "promo-br"}.Preflight(t.Context(), promo)
			var unfit *sender.UnfitError
			if (err != nil) != tt.fails || errors.As(err, &unfit) != tt.unfit {
				t.Errorf("%v; want an error: %v, of what does not fit: %v", err, tt.fails, tt.unfit)
			}
			if asked != (tt.unfit || !tt.fails) {
				t.Errorf("asked: %v", asked)
			}
			if err != nil && !tt.unfit && !strings.HasPrefix(err.Error(), "asking promo-br for its templates: ") {
				t.Errorf("the error does not name the sender: %v", err)
			}
			if err != nil && strings.Contains(err.Error(), marker) {
				t.Errorf("the error holds a secret: %v", err)
			}
			holds(t, last(), "/templates/", "the-access-key")
		})
	}
}

func TestPreflightWhereThereIsNothingToAsk(t *testing.T) {
	t.Parallel()
	text := sender.Message{Type: "text", Text: &sender.TextBody{Body: "x"}}
	for _, tt := range []struct {
		s config.Sender
		m sender.Message
	}{{indonesia(t, "http://127.0.0.1:1"), promo}, {brazil(t, "http://127.0.0.1:1"), text}} {
		p, err := Providers().Open(tt.s, now)
		if err != nil {
			t.Fatal(err)
		}
		if warnings, asked, err := (Asker{p, tt.s.Name}).Preflight(t.Context(), tt.m); asked || err != nil || warnings != nil {
			t.Errorf("%s: %v, %v, %v", tt.s.Name, warnings, asked, err)
		}
	}
}

// Whoever asks for the secret of an address gets it beside each other setting that
// receipts have, from its file too, and reads no other file.
func TestReceiptsSecret(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "secret", "a-secret-of-a-file\n")
	const rest = `previous_secret_file: nowhere, verify: log, allow: [10.0.0.0/8], trusted_proxies: [10.0.0.0/8], ack_body: ok, user_name: u,
      authorization_file: nowhere, sole_user: true, halt_undelivered: 0.3, opaque: true`
	for text, want := range map[string]sender.Secret{
		"":                              "",
		"    receipts: {verify: log}\n": "",
		"    receipts: {secret: s, " + rest + "}\n":           "s",
		"    receipts: {secret_file: secret, " + rest + "}\n": "a-secret-of-a-file",
	} {
		all, err := Providers().Load(write(t, dir, "senders.yaml", nx+text), environment)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if got, err := ReceiptsSecret(all["promo-br"]); err != nil || got != want {
			t.Errorf("%s: %q, %v", text, string(got), err)
		}
	}
	all, err := Providers().Load(write(t, dir, "senders.yaml", nx+"    receipts: {secret_file: nowhere}\n"), environment)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ReceiptsSecret(all["promo-br"]); err == nil || !strings.Contains(err.Error(), "secret_file") {
		t.Error(err)
	}
}
