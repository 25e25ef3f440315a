package page

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"sluice/internal/desk"
	"sluice/internal/ledger"
	"sluice/internal/sender"
	"sluice/internal/token"
)

// doubtful makes a campaign of which one recipient is accepted and one in doubt.
func (b *bench) doubtful(id string) {
	b.t.Helper()
	b.running(id, "promo")
	l := ledger.New(b.rdb, time.Now)
	claim, err := l.Claim(b.t.Context(), id, 0, "w", false)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := claim.Begin(b.t.Context(), []int{0, 1}); err != nil {
		b.t.Fatal(err)
	}
	if _, err := claim.Settle(b.t.Context(), []ledger.Settlement{
		{Index: 0, Outcome: sender.Accepted, MessageID: "wamid.1", Time: time.Now()}, {Index: 1, Outcome: sender.Unknown, Code: "timeout", Time: time.Now()},
	}); err != nil {
		b.t.Fatal(err)
	}
	if err := claim.Release(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

// Who is in doubt is shown with what speaks for what, and a person's word on them is
// asked for twice.
func TestDoubts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.doubtful("sale")
	b.running("calm", "promo")
	b.signIn([]string{token.Read, token.PII, token.Send})
	has(t, b.get("/campaigns/sale", http.StatusOK), "1 in doubt.", "/campaigns/sale/doubts", "what timeout means", "/campaigns/sale/export?code=timeout")
	text := b.get("/campaigns/sale/doubts", http.StatusOK)
	has(t, text, "1 in doubt", "5511987654322", "what timeout means", "No receipts come", `name="row" value="2"`)
	has(t, b.get("/campaigns/calm/doubts", http.StatusOK), "Nobody is in doubt")
	has(t, b.get("/campaigns/sale/export?state=in_doubt", http.StatusOK), "row,phone,state", "5511987654322,in_doubt")
	has(t, b.post("/campaigns/sale/doubts", url.Values{"row": {"2"}}, 422), "Choose what became of them")
	has(t, b.post("/campaigns/sale/doubts", url.Values{"choice": {"accept"}}, 422), "Tick somebody")
	has(t, b.post("/campaigns/sale/doubts", url.Values{"choice": {"resend"}, "all": {"1"}}, http.StatusOK), "Send to them again?", "gets it twice", `<span class="big">1</span>`)
	asked := b.post("/campaigns/sale/doubts", url.Values{"choice": {"accept"}, "row": {"2"}}, http.StatusOK)
	has(t, asked, "They got it?", `name="row" value="2"`, `name="sure" value="1"`)
	if st, err := b.desk.Status(t.Context(), "sale"); err != nil || st.InDoubt != 1 {
		t.Fatalf("something was done that was only asked for: %+v %v", st, err)
	}
	b.post("/campaigns/sale/doubts", url.Values{"choice": {"accept"}, "row": {"2,accept\n1"}, "sure": {"1"}}, 422)
	has(t, asked, `name="note"`)
	long := url.Values{"choice": {"accept"}, "row": {"2"}, "sure": {"1"}, "note": {strings.Repeat("好", desk.MaxNote+1)}}
	b.post("/campaigns/sale/doubts", long, 422)
	long.Set("note", "ticket 4711: +5511987654322 got it"+strings.Repeat("好", 300))
	if to := b.post("/campaigns/sale/doubts", long, http.StatusSeeOther); to != "/campaigns/sale?said=resolved" {
		t.Errorf("to %q", to)
	}
	if st, err := b.desk.Status(t.Context(), "sale"); err != nil || st.InDoubt != 0 || st.Accepted != 2 {
		t.Errorf("%+v %v", st, err)
	}
	// The note stands in the audit without the number, and with what it is about.
	text = b.get("/campaigns/sale/doubts", http.StatusOK)
	has(t, text, "What people said so far", "page:test", "accept 1; note: ticket 4711: ", strings.Repeat("好", 300)+"<")
	lacks(t, text, "5511987654322")
	b.doubtful("masked")
	b.signIn([]string{token.Read})
	text = b.get("/campaigns/masked/doubts", http.StatusOK)
	has(t, text, "55119*****322")
	lacks(t, text, "5511987654322", "type=\"radio\"")
	b.post("/campaigns/masked/doubts", url.Values{"choice": {"accept"}, "all": {"1"}, "sure": {"1"}}, http.StatusForbidden)
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.running("sale", "promo")
	b.running("theirs", "other")
	b.signIn([]string{token.Read, token.PII, token.Suppress}, "promo")
	has(t, b.get("/numbers", http.StatusOK), "Every message of one person")
	text := b.post("/numbers", url.Values{"number": {"11 98765-4321"}, "country": {"br"}}, http.StatusOK)
	has(t, text, "+5511987654321", "/campaigns/sale", "Pending")
	lacks(t, text, "/campaigns/theirs")
	has(t, b.post("/numbers", url.Values{"number": {"12"}}, 422), `role="alert"`)

	b.signIn([]string{token.Read, token.PII, token.Suppress})
	has(t, b.get("/suppressions", http.StatusOK), "Nobody is on it")
	text = b.post("/suppressions", url.Values{"numbers": {"+5511987654321\n11987654329"}, "country": {"BR"}, "do": {"add"}}, http.StatusOK)
	has(t, text, "2 of 2 are new", "5511987654321")
	has(t, b.post("/numbers", url.Values{"number": {"+5511987654321"}}, http.StatusOK), "It is suppressed")
	has(t, b.get("/suppressions/file", http.StatusOK), "phone\n", "5511987654321\n")
	has(t, b.post("/suppressions", url.Values{"numbers": {"12"}, "do": {"add"}}, 422), `role="alert"`, ">12</textarea>")
	has(t, b.post("/suppressions", url.Values{"numbers": {"+5511987654329"}, "do": {"remove"}}, http.StatusOK), "1 of 1 are taken off")
	b.post("/suppressions", url.Values{"numbers": {"+5511987654329"}, "sender": {"promo"}, "do": {"add"}}, http.StatusOK)
	has(t, b.get("/suppressions?sender=promo", http.StatusOK), "5511987654329")

	b.signIn([]string{token.Read, token.Suppress})
	text = b.get("/suppressions", http.StatusOK)
	has(t, text, "55119*****321")
	lacks(t, text, "5511987654321")
	b.get("/suppressions/file", http.StatusForbidden)
	b.get("/numbers", http.StatusForbidden)
	b.get("/campaigns/sale/export", http.StatusForbidden)
}

func TestHouse(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.signIn(token.Scopes)
	has(t, b.get("/senders", http.StatusOK), "promo", "other", "fake")
	has(t, b.get("/workers", http.StatusOK), "No worker is alive")
	has(t, b.get("/templates?sender=promo", http.StatusOK), "order_update", "APPROVED")
	has(t, b.get("/templates?sender=other", http.StatusOK), "publishes no way")
	b.get("/templates?sender=nobody", http.StatusNotFound)
	b.get("/access", http.StatusSeeOther)

	w := b.ask("GET", "/queue/", "")
	has(t, w.Body.String(), "read-only: false")
	if p := w.Header().Get("Content-Security-Policy"); p != queuePolicy || strings.Contains(p, "http") {
		t.Errorf("%q", p)
	}
	if got := b.ask("DELETE", "/queue/api/queues/x", "", "Sec-Fetch-Site", "cross-site"); got.Code != http.StatusForbidden {
		t.Errorf("another site's page: %d", got.Code)
	}
	b.signIn([]string{token.Read})
	has(t, b.get("/queue/", http.StatusOK), "read-only: true")
	b.signIn(token.Scopes, "promo")
	b.get("/queue/", http.StatusNotFound)
	lacks(t, b.get("/senders", http.StatusOK), "other", "/queue/")
	b.cookie = ""
	b.get("/queue/", http.StatusSeeOther)
}

func TestTokensAndCallbacks(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.signIn(token.Scopes)
	has(t, b.post("/tokens", url.Values{"name": {"crm"}}, 422), "Tick at least one")
	text := b.post("/tokens", url.Values{"name": {"crm"}, "scope": {"read"}, "days": {"3"}, "sender": {"promo"}}, http.StatusOK)
	made := regexp.MustCompile(`slc_[a-z0-9]{8}_[A-Za-z0-9]{43}`).FindString(text)
	got, err := b.tokens.Check(t.Context(), made)
	if err != nil || got.Name != "crm" || got.Expires == nil || !got.Knows("promo") || got.Knows("other") {
		t.Fatalf("%+v %v", got, err)
	}
	lacks(t, b.get("/tokens", http.StatusOK), made)
	b.post("/tokens/revoke", url.Values{"id": {got.ID}}, http.StatusSeeOther)
	if _, err := b.tokens.Check(t.Context(), made); err == nil {
		t.Error("a revoked token is good")
	}

	has(t, b.get("/callbacks", http.StatusOK), "Nobody is told yet")
	has(t, b.post("/callbacks", url.Values{"name": {"crm"}, "url": {"http://crm.example"}}, 422), "begins with https")
	has(t, b.post("/callbacks", url.Values{"name": {"CRM"}, "url": {"https://crm.example"}}, 422), "A name has up to")
	has(t, b.post("/callbacks", url.Values{"name": {"crm"}, "url": {"https://crm.example/hook"}}, http.StatusOK), "whsec_")
	has(t, b.post("/callbacks", url.Values{"name": {"crm"}, "url": {"https://crm.example/hook"}}, 422), "another endpoint of this name")
	text = b.get("/callbacks", http.StatusOK)
	has(t, text, "https://crm.example/hook")
	lacks(t, text, "whsec_")
	has(t, b.post("/callbacks/do", url.Values{"name": {"crm"}, "do": {"ping"}}, http.StatusOK), "answered 204")
	has(t, b.post("/callbacks/do", url.Values{"name": {"crm"}, "do": {"rotate"}}, http.StatusOK), "whsec_")
	b.post("/callbacks/do", url.Values{"name": {"crm"}, "do": {"delete"}, "typed": {"x"}}, 422)
	b.post("/callbacks/do", url.Values{"name": {"crm"}, "do": {"delete"}, "typed": {"crm"}}, http.StatusSeeOther)
	b.post("/callbacks/do", url.Values{"name": {"crm"}, "do": {"ping"}}, http.StatusNotFound)

	b.signIn([]string{token.Read, token.Write, token.Admin}, "promo")
	text = b.post("/tokens", url.Values{"name": {"x"}, "scope": {"read"}}, http.StatusOK)
	got, err = b.tokens.Check(t.Context(), regexp.MustCompile(`slc_[a-z0-9]{8}_[A-Za-z0-9]{43}`).FindString(text))
	if err != nil || got.Knows("other") {
		t.Errorf("who is bound to a sender made a token of all: %+v %v", got, err)
	}
	b.post("/tokens", url.Values{"name": {"x"}, "scope": {"read"}, "sender": {"other"}}, http.StatusNotFound)
}

// Who is bound to a sender keeps its list and its tokens, and those of nobody else.
func TestBoundToASender(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	theirs, other, err := b.tokens.Create(t.Context(), token.Order{Name: "of-all", Scopes: []string{token.Read}})
	if err != nil {
		t.Fatal(err)
	}
	b.signIn([]string{token.Read, token.PII, token.Suppress, token.Admin}, "promo")
	number := url.Values{"numbers": {"+5511987654321"}, "do": {"add"}}
	b.post("/suppressions", number, http.StatusNotFound)
	b.post("/suppressions", url.Values{"numbers": number["numbers"], "do": {"remove"}}, http.StatusNotFound)
	b.post("/suppressions", url.Values{"numbers": number["numbers"], "do": {"add"}, "sender": {"other"}}, http.StatusNotFound)
	b.get("/suppressions/file", http.StatusNotFound)
	b.get("/suppressions?sender=other", http.StatusNotFound)
	b.post("/suppressions", url.Values{"numbers": number["numbers"], "do": {"add"}, "sender": {"promo"}}, http.StatusOK)
	has(t, b.get("/suppressions", http.StatusOK), "5511987654321")
	has(t, b.get("/suppressions/file?sender=promo", http.StatusOK), "5511987654321\n")
	lacks(t, b.get("/tokens", http.StatusOK), "of-all")
	b.post("/tokens/revoke", url.Values{"id": {other.ID}}, http.StatusNotFound)
	if _, err := b.tokens.Check(t.Context(), theirs); err != nil {
		t.Errorf("a token of all was revoked by one that is bound to a sender: %v", err)
	}
}
