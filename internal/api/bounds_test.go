package api

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sluice/internal/campaign"
	"sluice/internal/sender"
	"sluice/internal/token"
)

// asked are requests of every route, about a campaign of promo, with whatever its body
// needs.
func (b *bench) asked() [][]string {
	var all [][]string
	for _, rt := range b.server.routes() {
		method, path, _ := strings.Cut(rt.pattern, " ")
		path = strings.NewReplacer("{id}", "sale", "{n}", "1", "{slug}", "state", "{name}", "crm").Replace(path)
		bodies := []string{"", "{}", sale, `{"phone":"+5511987654321"}`, `{"phones":["+5511987654321","+551198765432112345"],"country":"BR"}`, `{"to":"+551198765432112345"}`, `{"to":"+5511987654321","row":2}`, `{"5511987654321":1}`}
		if method == http.MethodGet {
			bodies = []string{""}
		}
		for _, body := range bodies {
			all = append(all, []string{method, path, body})
		}
	}
	return append(all,
		[]string{"GET", "/v1/campaigns/5511987654321", ""},
		[]string{"POST", "/v1/campaigns/5511987654321/pause", ""},
		[]string{"POST", "/v1/campaigns", strings.Replace(sale, "promo", "5511987654321", 1)},
		[]string{"POST", "/v1/campaigns", strings.Replace(sale, `"default_country"`, `"5511987654321":1,"default_country"`, 1)},
		[]string{"POST", "/v1/campaigns", strings.Replace(sale, `"default_country":"BR"`, `"rows":[{"phone":"5511987654321","5511987654321":{}}]`, 1)},
		[]string{"PUT", "/v1/campaigns/draft/parts/1", "5511987654321,x\n5511987654321,y\n"},
		[]string{"POST", "/v1/suppressions/import?phone=p", "id,5511987654321\n5511987654321,y\n"},
		[]string{"POST", "/v1/suppressions/import", "id,5511987654321\n5511987654321,y\n"},
		[]string{"GET", "/v1/campaigns/draft/plan", ""},
		[]string{"GET", "/v1/campaigns/sale/recipients?state=5511987654321", ""},
		[]string{"GET", "/v1/audit?actor=5511987654321", ""},
	)
}

// number is what of the numbers of this list stands nowhere, however it is written.
var number = regexp.MustCompile(`98765432|987[-. ]?65[-. ]?4321`)

// A token without the scope pii is shown no number by any route, in no answer, header
// or event, and no number stands in the log.
func TestNumbersAreMasked(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.must(201, "POST", "/v1/campaigns", sale)
	b.must(201, "POST", "/v1/campaigns", strings.Replace(sale, `"sale"`, `"draft"`, 1))
	b.must(201, "PUT", "/v1/campaigns/draft/parts/1", "phone,name\n11987654321,Ana\n119876543210000,x\n", "Content-Type", "text/csv")
	b.must(201, "PUT", "/v1/campaigns/sale/parts/1", "phone,name\n11987654321,Ana\n11987654322,Bia\n119876543210000,x\n", "Content-Type", "text/csv")
	b.must(202, "POST", "/v1/campaigns/sale/launch", "")
	if err := b.desk.Import(t.Context(), "sale"); err != nil {
		t.Fatal(err)
	}
	b.must(200, "POST", "/v1/suppressions", `{"phones":["+5511987654321","+5511987654329"]}`)
	b.must(201, "POST", "/v1/callbacks", `{"name":"crm","url":"https://crm.example/hook","senders":["promo"]}`)
	b.token = b.newToken(slices.DeleteFunc(slices.Clone(token.Scopes), func(s string) bool { return s == token.PII }))
	answered := 0
	for _, a := range b.asked() {
		if strings.Contains(a[1], "/events") { // a stream without an end
			continue
		}
		b.server.limits = map[string]*limit{}
		media := "application/json"
		if strings.Contains(a[1], "/parts/") || strings.Contains(a[1], "/import") {
			media = "text/csv"
		}
		w := b.ask(t, a[0], a[1], a[2], "Content-Type", media, "Idempotency-Key", "k"+a[2][:min(len(a[2]), 5)])
		var header bytes.Buffer
		_ = w.Header().Write(&header)
		if found := number.FindString(w.Body.String() + header.String()); found != "" {
			t.Errorf("%v: %d shows %s: %s", a, w.Code, found, w.Body)
		}
		if w.Code < 300 {
			answered++
		}
	}
	if answered < 20 {
		t.Errorf("only %d of these requests were answered with success", answered)
	}
	if found := number.FindString(b.log.String()); found != "" {
		t.Errorf("the log holds %s", found)
	}
	w := b.ask(t, "GET", "/v1/suppressions", "")
	if !strings.Contains(w.Body.String(), "55119*****321") && !strings.Contains(w.Body.String(), "55119*****329") {
		t.Errorf("the numbers are not masked as they are to be: %s", w.Body)
	}
}

// What is another sender's is not there for a token that is bound to senders, on no
// route, whatever its scopes.
func TestSendersAreApart(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.must(201, "POST", "/v1/campaigns", strings.Replace(sale, `"sender"`, `"labels":{"marker":"of-promo"},"sender"`, 1))
	b.must(201, "PUT", "/v1/campaigns/sale/parts/1", "phone,name\n11987654321,Ana\n", "Content-Type", "text/csv")
	b.must(201, "POST", "/v1/callbacks", `{"name":"crm","url":"https://crm.example/of-promo","senders":["promo"]}`)
	b.must(201, "POST", "/v1/callbacks", `{"name":"all","url":"https://crm.example/of-promo"}`)
	b.must(200, "POST", "/v1/suppressions", `{"phone":"+5511987654329"}`)
	b.must(200, "POST", "/v1/suppressions", `{"phone":"+5511987654328","sender":"promo"}`)
	var mine struct{ About token.Token }
	w := b.ask(t, "POST", "/v1/tokens", `{"name":"of-promo","scopes":["read"],"senders":["promo"]}`)
	if err := json.Unmarshal(w.Body.Bytes(), &mine); err != nil {
		t.Fatal(err)
	}
	before := b.must(200, "GET", "/v1/campaigns/sale", "")
	b.token = b.newToken(token.Scopes, "other")
	for _, a := range b.asked() {
		if strings.Contains(a[1], "/v1/events") {
			continue
		}
		b.server.limits = map[string]*limit{}
		media := "application/json"
		if strings.Contains(a[1], "/parts/") || strings.Contains(a[1], "/import") {
			media = "text/csv"
		}
		w := b.ask(t, a[0], a[1], a[2], "Content-Type", media)
		if strings.Contains(a[1], "/campaigns/sale") && w.Code != 404 {
			t.Errorf("%v: %d, not 404: %s", a, w.Code, w.Body)
		}
		for _, of := range []string{"of-promo", mine.About.ID, "promo"} {
			if strings.Contains(w.Body.String(), of) && !strings.Contains(a[1], "openapi") {
				t.Errorf("%v: %d shows %s: %s", a, w.Code, of, w.Body)
			}
		}
	}
	b.must(403, "POST", "/v1/suppressions/remove", `{"phone":"+5511987654329"}`)
	b.must(403, "POST", "/v1/suppressions", `{"phone":"+5511987654327"}`)
	b.must(422, "POST", "/v1/suppressions/remove", `{"phone":"+5511987654328","sender":"promo"}`)
	b.must(422, "POST", "/v1/suppressions/lookup", `{"phone":"+5511987654328","sender":"promo"}`)
	b.must(403, "GET", "/v1/suppressions", "")
	b.must(422, "GET", "/v1/suppressions?sender=promo", "")
	b.must(403, "POST", "/v1/suppressions/import", "+5511987654327\n", "Content-Type", "text/csv")
	b.must(200, "POST", "/v1/suppressions", `{"phone":"+5511987654327","sender":"other"}`)
	b.must(404, "GET", "/v1/senders/promo/templates", "")
	b.must(404, "DELETE", "/v1/tokens/"+mine.About.ID, "")
	b.must(422, "POST", "/v1/tokens", `{"name":"x","scopes":["read"],"senders":["promo"]}`)
	for _, name := range []string{"crm", "all"} {
		for _, do := range []string{"rotate", "redeliver", "ping"} {
			b.must(404, "POST", "/v1/callbacks/"+name+"/"+do, "")
		}
		b.must(404, "DELETE", "/v1/callbacks/"+name, "")
	}
	b.token = b.newToken(token.Scopes)
	if after := b.must(200, "GET", "/v1/campaigns/sale", ""); after["etag"] != before["etag"] || after["parts"].(map[string]any)["count"] != 1.0 {
		t.Errorf("%v was changed to %v", before, after)
	}
	found := b.must(200, "POST", "/v1/suppressions/lookup", `{"phones":["+5511987654329","+5511987654327"]}`)["suppressed"].([]any)
	if found[0] != true || found[1] != false {
		t.Errorf("the list of all was changed: %v", found)
	}
}

// A route asks for its scope before all else.
func TestScopes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.must(201, "POST", "/v1/campaigns", sale)
	for _, rt := range b.server.routes() {
		if rt.scope == "" {
			continue
		}
		others := slices.DeleteFunc(slices.Clone(token.Scopes), func(s string) bool { return s == rt.scope })
		b.token = b.newToken(others)
		method, path, _ := strings.Cut(rt.pattern, " ")
		path = strings.NewReplacer("{id}", "sale", "{n}", "1", "{name}", "crm").Replace(path)
		for _, key := range []string{"", "k"} {
			if w := b.ask(t, method, path, "", "Idempotency-Key", key); w.Code != 403 {
				t.Errorf("%s with %v: %d", rt.pattern, others, w.Code)
			}
		}
	}
}

// A token of some networks is none from elsewhere, and gives no more than it has.
func TestNetworks(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	made := func(allow ...string) string {
		text, _, err := b.server.Tokens.Create(context.Background(), token.Order{Name: "test", Scopes: token.Scopes, Allow: allow})
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	b.token = made("10.0.0.0/8")
	b.must(403, "GET", "/v1/campaigns", "") // tests ask from 192.0.2.1
	b.token = made("192.0.2.0/24")
	b.must(200, "GET", "/v1/campaigns", "")
	b.must(422, "POST", "/v1/tokens", `{"name":"x","scopes":["read"],"allow":["0.0.0.0/0"]}`)
	b.must(422, "POST", "/v1/tokens", `{"name":"x","scopes":["read"],"allow":["192.0.2.1"]}`)
	about := b.must(201, "POST", "/v1/tokens", `{"name":"x","scopes":["read"]}`)["about"].(map[string]any)
	if allow := about["allow"].([]any); len(allow) != 1 || allow[0] != "192.0.2.0/24" {
		t.Errorf("%v", about)
	}
}

func TestImportSuppressions(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write([]byte("name,mobile\nAna,11987654325\n"))
	z.Close()
	for _, c := range []struct {
		status            int
		query, body       string
		media, encoding   string
		added, rows, line float64
	}{
		{200, "", "+5511987654321\n+5511987654322\n", "text/csv", "", 2, 2, 0},
		{200, "", "phone,name\n+5511987654322,Ana\n12,x\n", "text/csv", "", 0, 2, 0},
		{200, "", "{\"phone\":\"+5511987654323\"}\n\n{\"phone\":5511987654324,\"x\":1}\n", "application/x-ndjson", "", 2, 2, 0},
		{200, "?phone=mobile&country=BR", packed.String(), "text/csv", "gzip", 1, 1, 0},
		{200, "?sender=promo", "+5511987654321\n", "text/csv", "", 1, 1, 0},
		{422, "?sender=none", "+5511987654321\n", "text/csv", "", 0, 0, 0},
		{422, "", "{\"phone\":\"+5511987654326\"}\n{\"tel\":1}\n", "application/x-ndjson", "", 0, 0, 2},
		{422, "", "{\"phone\":\"" + strings.Repeat("1", maxStopLine) + "\"}\n", "application/x-ndjson", "", 0, 0, 1},
		{422, "", "name,tel\nAna,5511987654321\n", "text/csv", "", 0, 0, 0},
		{400, "", "not packed", "text/csv", "gzip", 0, 0, 0},
		{415, "", "x", "text/plain", "", 0, 0, 0},
	} {
		p := b.must(c.status, "POST", "/v1/suppressions/import"+c.query, c.body, "Content-Type", c.media, "Content-Encoding", c.encoding)
		if c.status == 200 && (p["added"] != c.added || p["rows"] != c.rows) {
			t.Errorf("%.40q: %v", c.body, p)
		}
		if c.line > 0 && p["errors"].([]any)[0].(map[string]any)["line"] != c.line {
			t.Errorf("%.40q: %v", c.body, p)
		}
	}
	found := b.must(200, "POST", "/v1/suppressions/lookup", `{"phones":["+5511987654321","+5511987654323","+5511987654324","+5511987654325","+5511987654329"]}`)
	if got := found["suppressed"].([]any); !slices.Equal(got, []any{true, true, true, true, false}) {
		t.Errorf("%v", got)
	}
	b.must(200, "POST", "/v1/suppressions/remove", `{"phone":"+5511987654321"}`)
	for query, want := range map[string]bool{"": false, `,"sender":"promo"`: true, `,"sender":"other"`: false} {
		if got := b.must(200, "POST", "/v1/suppressions/lookup", `{"phone":"+5511987654321"`+query+`}`)["suppressed"].([]any); got[0] != want {
			t.Errorf("%s: %v", query, got)
		}
	}
	w := b.ask(t, "GET", "/v1/suppressions?sender=promo", "")
	if w.Body.String() != "{\"phone\":\"5511987654321\"}\n" {
		t.Errorf("%s", w.Body)
	}
}

func TestTemplates(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if got := b.must(200, "GET", "/v1/senders/promo/templates", ""); got["asked"] != false {
		t.Errorf("%v", got)
	}
	b.server.Templates = func(_ context.Context, name string) ([]sender.ListedTemplate, bool, error) {
		if name == "other" {
			return nil, false, context.DeadlineExceeded
		}
		return []sender.ListedTemplate{{Name: "a", Language: "en", Status: "APPROVED", JSON: []byte(`{"x":1}`)}, {Name: "b"}}, true, nil
	}
	if got := b.must(200, "GET", "/v1/senders/promo/templates", ""); got["asked"] != true || len(got["templates"].([]any)) != 2 {
		t.Errorf("%v", got)
	}
	if got := b.must(200, "GET", "/v1/senders/promo/templates?template=a", "")["templates"].([]any); len(got) != 1 || got[0].(map[string]any)["status"] != "APPROVED" {
		t.Errorf("%v", got)
	}
	b.must(503, "GET", "/v1/senders/other/templates", "")
	b.must(404, "GET", "/v1/senders/none/templates", "")
}

// Each test sends a message: a token sends few.
func TestTestsAreFew(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.must(201, "POST", "/v1/campaigns", sale)
	b.must(201, "PUT", "/v1/campaigns/sale/parts/1", "phone,name\n11987654321,Ana\n", "Content-Type", "text/csv")
	sent := 0
	for i := range testsAMinute + 3 {
		w := b.ask(t, "POST", "/v1/campaigns/sale/test", `{"to":"+5511999990000"}`, "Idempotency-Key", strings.Repeat("k", i+1))
		switch w.Code {
		case 202:
			sent++
		case 429:
		default:
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	if sent < testsAMinute || sent > testsAMinute+1 {
		t.Errorf("%d tests were sent", sent)
	}
}

// After a restore of Redis a campaign goes on only where that is meant.
func TestResumeAfterRestore(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.must(201, "POST", "/v1/campaigns?launch=true", strings.Replace(sale, `"default_country":"BR"`, `"default_country":"BR","rows":[{"phone":"11987654321","name":"Ana"}]`, 1))
	if err := b.desk.Import(t.Context(), "sale"); err != nil {
		t.Fatal(err)
	}
	if _, err := campaign.NewStore(b.redis, b.server.Now).Halt(t.Context(), "sale", campaign.CodeRestored, "Redis was restored"); err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{"", `{"clear_pause":true}`, `{"skip_rows":[1]}`} {
		if p := b.must(409, "POST", "/v1/campaigns/sale/resume", body); p["state"] != "halted" || !strings.Contains(p["detail"].(string), "second message") {
			t.Errorf("%s: %v", body, p)
		}
	}
	if m := b.must(200, "POST", "/v1/campaigns/sale/resume", `{"after_restore":true}`); m["state"] != "running" {
		t.Errorf("%v", m)
	}
}

// Who seeks what is rare among many gets pages that look at a bounded number.
func TestPagesLookAtFew(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	store := campaign.NewStore(b.redis, b.server.Now)
	for i := range mostLooked + 10 {
		text := []byte(strings.Replace(strings.Replace(sale, `"sale"`, `"c`+strconv.Itoa(i)+`"`, 1), `"default_country":"BR"`, `"file":"list.csv"`, 1))
		f, err := campaign.Parse(text, "c")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := store.Create(t.Context(), text, f); err != nil {
			t.Fatal(err)
		}
	}
	page := b.must(200, "GET", "/v1/campaigns?sender=other", "")
	if page["next"] == nil || len(page["campaigns"].([]any)) != 0 {
		t.Errorf("%v", page)
	}
	page = b.must(200, "GET", "/v1/campaigns?sender=other&cursor="+page["next"].(string), "")
	if page["next"] != nil {
		t.Errorf("%v", page)
	}
}

// The wrong token's answer takes the same way whatever of it is wrong, and says nothing.
func TestNoTokenSaysNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	good := b.token
	var said []string
	for _, text := range []string{"", "Basic " + good, "Bearer", "Bearer x", "Bearer slc_00000000_" + strings.Repeat("A", 43), "Bearer " + good[:len(good)-1] + "!", "bearer " + good + "x"} {
		r := httptest.NewRequest("GET", "/v1/campaigns", nil)
		r.Header.Set("Authorization", text)
		w := httptest.NewRecorder()
		b.server.ServeHTTP(w, r)
		if w.Code != 401 || w.Header().Get("WWW-Authenticate") == "" {
			t.Errorf("%.20s: %d", text, w.Code)
		}
		said = append(said, w.Body.String())
	}
	for _, s := range said {
		if strings.Contains(s, good[len("slc_12345678_"):]) {
			t.Error("the answer holds the secret")
		}
	}
}
