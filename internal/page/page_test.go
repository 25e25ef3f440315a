package page

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"sluice/internal/batch"
	"sluice/internal/desk"
	"sluice/internal/idempotency"
	"sluice/internal/outbox"
	"sluice/internal/parts"
	"sluice/internal/redistest"
	"sluice/internal/sender"
	"sluice/internal/session"
	"sluice/internal/token"
)

// provider takes any message.
type provider struct{}

func (provider) Compile(sender.Message, []batch.Column) (sender.Submitter, error) {
	return submitter{}, nil
}

func (provider) Meaning(c sender.Code) string { return "what " + string(c) + " means" }

type submitter struct{}

func (submitter) MaxRecipients() int { return 1 }

func (submitter) Key(*batch.Recipient) string { return "" }

func (submitter) Check(*batch.Recipient) error { return nil }

func (submitter) Alone(sender.Code) bool { return false }

func (submitter) Submit(context.Context, sender.Ref, []batch.Recipient, []sender.Result) {
}

// A bench is a Server of its own with a browser that follows no redirect.
type bench struct {
	t      testing.TB
	rdb    *redis.Client
	server *Server
	desk   *desk.Desk
	tokens *token.Store
	cookie string
}

func newBench(t testing.TB) *bench {
	t.Helper()
	rdb := redistest.New(t).Client(t)
	b := &bench{t: t, rdb: rdb, tokens: token.NewStore(rdb, time.Now)}
	open := func(name string) (*desk.Sender, error) {
		if name != "promo" && name != "other" {
			return nil, fmt.Errorf("there is no sender %q", name)
		}
		return &desk.Sender{
			Provider: provider{}, Name: name, Kind: "fake",
			Preflight: func(context.Context, sender.Message) ([]string, bool, error) { return nil, false, nil },
			TemplateText: func(_ context.Context, m sender.Message) (string, bool, error) {
				return "Hello " + strings.Join(m.Template.Body, ", "), true, nil
			},
		}, nil
	}
	b.desk = desk.New(desk.Options{Redis: rdb, Open: open, Now: time.Now})
	var err error
	b.server, err = New(Options{
		Desk: b.desk, Tokens: b.tokens, Sessions: session.NewStore(rdb, b.tokens, time.Now), Outbox: outbox.NewStore(rdb, time.Now), Idempotency: idempotency.NewStore(rdb),
		Ping: func(context.Context, string) (int, error) { return 204, nil },
		Now:  time.Now, Log: zerolog.Nop(),
		Senders: func() ([]string, error) { return []string{"other", "promo"}, nil },
		Templates: func(_ context.Context, name string) ([]sender.ListedTemplate, bool, error) {
			if name == "other" {
				return nil, false, nil
			}
			return []sender.ListedTemplate{{Name: "order_update", Language: "en_US", Status: "APPROVED", JSON: []byte(`{"components":[{"type":"BODY","text":"Hello {{1}}, {{2}}"}]}`)}}, true, nil
		},
		Queue: func(readOnly bool) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, "the queue, read-only: %v", readOnly) })
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// signIn signs in with a token of these scopes.
func (b *bench) signIn(scopes []string, senders ...string) {
	b.t.Helper()
	text, _, err := b.tokens.Create(context.Background(), token.Order{Name: "test", Scopes: scopes, Senders: senders})
	if err != nil {
		b.t.Fatal(err)
	}
	b.cookie = ""
	w := b.ask("POST", "/sign-in", url.Values{"token": {text}}.Encode())
	for _, k := range w.Result().Cookies() {
		if k.Name == plainCookie {
			b.cookie = k.Value
		}
	}
	if w.Code != http.StatusSeeOther || b.cookie == "" {
		b.t.Fatalf("signing in: %d %v\n%s", w.Code, w.Header(), w.Body)
	}
}

// ask makes a request as a browser on this machine does, with headers as pairs.
func (b *bench) ask(method, path, body string, header ...string) *httptest.ResponseRecorder {
	b.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host = "127.0.0.1:8070"
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if method == "POST" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if b.cookie != "" {
		r.AddCookie(&http.Cookie{Name: plainCookie, Value: b.cookie})
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	b.server.ServeHTTP(w, r)
	return w
}

// get is a page's text, which must have been answered so.
func (b *bench) get(path string, status int, header ...string) string {
	b.t.Helper()
	w := b.ask("GET", path, "", header...)
	if w.Code != status {
		b.t.Fatalf("GET %s: %d, not %d\n%s", path, w.Code, status, w.Body)
	}
	return w.Body.String()
}

// post sends a form, and returns where it leads, or the page where that is its answer.
func (b *bench) post(path string, form url.Values, status int) string {
	b.t.Helper()
	w := b.ask("POST", path, form.Encode())
	if w.Code != status {
		b.t.Fatalf("POST %s: %d, not %d\n%s", path, w.Code, status, w.Body)
	}
	if to := w.Header().Get("Location"); to != "" {
		return to
	}
	return w.Body.String()
}

// has says that a page has each of these texts.
func has(t testing.TB, text string, all ...string) {
	t.Helper()
	for _, want := range all {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}

// lacks says that a page has none of these texts.
func lacks(t testing.TB, text string, all ...string) {
	t.Helper()
	for _, other := range all {
		if strings.Contains(text, other) {
			t.Errorf("%q is in\n%s", other, text)
		}
	}
}

const list = "phone,name\n+5511987654321,Ana\n+5511987654322,Bia\n+5511987654321,Ana\nx,Eva\n"

// draft makes a draft of a sender, with a list.
func (b *bench) draft(id, from string) { b.t.Helper(); b.draftOf(id, from, list) }

func (b *bench) draftOf(id, from, list string) {
	b.t.Helper()
	text := fmt.Sprintf(`{"id":%q,"sender":%q,"message":{"type":"template","template":{"name":"order_update","language":"en_US","body":["{{name}}"]}},"recipients":{"default_country":"BR"}}`, id, from)
	g, err := b.desk.Compose([]byte(text), nil, nil, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	rec, _, err := b.desk.Draft(context.Background(), g)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, _, err := b.desk.PutPart(context.Background(), rec, parts.Delivery{N: 1, Media: parts.CSV, Body: strings.NewReader(list)}); err != nil {
		b.t.Fatal(err)
	}
}

// running makes a campaign that runs.
func (b *bench) running(id, from string) { b.t.Helper(); b.runningOf(id, from, list) }

func (b *bench) runningOf(id, from, list string) {
	b.t.Helper()
	b.draftOf(id, from, list)
	rec, err := b.desk.Record(context.Background(), id)
	if err == nil {
		_, err = b.desk.Freeze(context.Background(), rec, desk.FreezeOrder{})
	}
	if err = errors.Join(err, b.desk.Import(context.Background(), id)); err != nil {
		b.t.Fatal(err)
	}
}

// A browser that shows nothing but what the page gives it is safe from others: what may
// load, who may frame it, what is kept.
func TestHeaders(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	w := b.ask("GET", "/sign-in", "")
	for name, want := range map[string]string{
		"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
		"Referrer-Policy": "same-origin", "Cache-Control": "no-store", "Content-Type": "text/html; charset=utf-8",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	lacks(t, policy, "unsafe", "http:", "https:", "*")
	lacks(t, w.Body.String(), "style=", "onclick", "<script>", "http://", "https://")
}

func TestSigningIn(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if to := b.ask("GET", "/campaigns/x", "").Header().Get("Location"); to != "/sign-in?to=%2Fcampaigns%2Fx" {
		t.Errorf("nobody is sent to %q", to)
	}
	has(t, b.post("/sign-in", url.Values{"token": {"slc_x"}}, http.StatusUnauthorized), "This token is none")
	b.signIn([]string{token.Read})
	has(t, b.get("/", http.StatusOK), "No campaigns yet", "test")
	if to := b.post("/sign-out", nil, http.StatusSeeOther); to != "/sign-in" {
		t.Errorf("signed out to %q", to)
	}
	b.get("/", http.StatusSeeOther)

	text, _, err := b.tokens.Create(t.Context(), token.Order{Name: "w", Scopes: []string{token.Write}})
	if err != nil {
		t.Fatal(err)
	}
	has(t, b.post("/sign-in", url.Values{"token": {text}}, http.StatusForbidden), "has not the scope read")
	text, made, err := b.tokens.Create(t.Context(), token.Order{Name: "r", Scopes: []string{token.Read}})
	if err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{"//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"} {
		if got := b.post("/sign-in", url.Values{"token": {text}, "to": {to}}, http.StatusSeeOther); got != "/" {
			t.Errorf("%q leads to %q", to, got)
		}
	}
	w := b.ask("POST", "/sign-in", url.Values{"token": {text}, "to": {"/?state=draft"}}.Encode())
	k := w.Result().Cookies()[0]
	if !k.HttpOnly || k.SameSite != http.SameSiteLaxMode || k.Secure || k.Path != "/" || w.Header().Get("Location") != "/?state=draft" {
		t.Errorf("%+v to %q", k, w.Header().Get("Location"))
	}
	// Anywhere but on this machine the cookie is for TLS and this host alone.
	w = b.ask("POST", "/sign-in", url.Values{"token": {text}}.Encode(), "Host", "sluice.example")
	if k := w.Result().Cookies()[0]; k.Name != "__Host-sluice" || !k.Secure || !k.HttpOnly || k.Domain != "" || k.Path != "/" {
		t.Errorf("%+v", k)
	}
	has(t, b.ask("GET", "/sign-in", "", "Host", "sluice.example").Body.String(), "came without TLS")
	lacks(t, b.ask("GET", "/sign-in", "", "Host", "sluice.example", "X-Forwarded-Proto", "https").Body.String(), "came without TLS")

	b.cookie = k.Value
	b.get("/", http.StatusOK)
	if _, err := b.tokens.Revoke(t.Context(), made.ID); err != nil {
		t.Fatal(err)
	}
	b.get("/", http.StatusSeeOther)
}

// Whoever tries tokens is slowed down.
func TestAttempts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for range attemptsAtOnce {
		b.post("/sign-in", url.Values{"token": {"x"}}, http.StatusUnauthorized)
	}
	b.post("/sign-in", url.Values{"token": {"x"}}, http.StatusTooManyRequests)
}

// Another site's page can change nothing, whatever cookies the browser adds.
func TestForeignChanges(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.running("sale", "promo")
	b.signIn(token.Scopes)
	w := b.ask("POST", "/campaigns/sale/do/pause", "", "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example")
	if w.Code != http.StatusForbidden {
		t.Errorf("%d", w.Code)
	}
	if st, err := b.desk.Status(t.Context(), "sale"); err != nil || st.State != "running" {
		t.Errorf("%v %v", st, err)
	}
}

func TestCampaign(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.running("sale", "promo")
	b.running("theirs", "other")
	b.draft("later", "promo")
	b.signIn([]string{token.Read, token.Send}, "promo")
	text := b.get("/", http.StatusOK)
	has(t, text, "sale", "later", "running", "draft", "0 accepted, 0 rejected, 0 in doubt, 2 pending")
	lacks(t, text, "theirs", "New campaign")
	lacks(t, b.get("/?state=draft", http.StatusOK), `href="/campaigns/sale"`)
	has(t, b.get("/?q=zzz", http.StatusOK), "No campaign is like that")
	has(t, b.get("/campaigns/theirs", http.StatusNotFound), "There is no such campaign")
	b.get("/campaigns/..%2f", http.StatusNotFound)
	b.get("/nowhere", http.StatusNotFound)

	text = b.get("/campaigns/sale", http.StatusOK)
	has(t, text, "order_update (en_US)", "4 rows", "No worker is alive", "/campaigns/sale/do/pause", `class="m-pending"`)
	has(t, b.get("/campaigns/sale/do/cancel", http.StatusOK), "type its name: sale")
	has(t, b.post("/campaigns/sale/do/cancel", url.Values{"typed": {"Sale"}}, http.StatusUnprocessableEntity), "not its name")
	to := b.post("/campaigns/sale/do/pause", nil, http.StatusSeeOther)
	has(t, b.get(to, http.StatusOK), "It is paused.", "paused by the page, token test", "/campaigns/sale/do/resume")
	b.post("/campaigns/sale/do/resume", nil, http.StatusSeeOther)
	b.post("/campaigns/sale/do/cancel", url.Values{"typed": {"sale"}}, http.StatusSeeOther)
	has(t, b.get("/campaigns/sale", http.StatusOK), "cancelled")
	has(t, b.post("/campaigns/sale/do/pause", nil, http.StatusConflict), "Not possible in this state")

	b.signIn([]string{token.Read})
	lacks(t, b.get("/campaigns/theirs", http.StatusOK), "/do/pause")
	b.post("/campaigns/theirs/do/pause", nil, http.StatusForbidden)
}
