package api

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"sluice/internal/audit"
	"sluice/internal/token"
)

// changesNothing are the routes of other methods than GET that change nothing.
var changesNothing = []string{"POST /v1/numbers/lookup", "POST /v1/suppressions/lookup", "POST /v1/callbacks/{name}/ping"}

// Each route that changes something leaves one entry of its act, under the request's
// id, and none of them holds a number or a secret.
func TestActs(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	due := map[string]string{} // pattern to act
	for path, item := range b.doc.Paths.Map() {
		for method, op := range item.Operations() {
			act, _ := op.Extensions["x-act"].(string)
			pattern := method + " " + path
			if reads := method == http.MethodGet || slices.Contains(changesNothing, pattern); reads != (act == "") {
				t.Errorf("%s has the act %q in the specification", pattern, act)
			}
			if act != "" {
				due[pattern] = act
			}
		}
	}
	sold := func(id string) string { return strings.Replace(sale, `"sale"`, `"`+id+`"`, 1) }
	steps := []struct {
		status             int
		method, path, body string
		outcome            audit.Outcome
		header             []string
	}{
		{201, "POST", "/v1/campaigns", sale, audit.Done, nil},
		{200, "POST", "/v1/campaigns", sale, audit.Unchanged, nil},
		{200, "PUT", "/v1/campaigns/sale", strings.Replace(sale, "order_update", "other", 1), audit.Done, []string{"If-Match", "ETAG"}},
		{412, "PUT", "/v1/campaigns/sale", sale, audit.Refused, []string{"If-Match", `"x"`}},
		{201, "PUT", "/v1/campaigns/sale/parts/1", "phone,name\n11987654321,Ana\n11987654322,Bia\n", audit.Done, []string{"Content-Type", "text/csv"}},
		{201, "PUT", "/v1/campaigns/sale/parts/2", "phone,name\n11987654323,Ana\n", audit.Done, []string{"Content-Type", "text/csv"}},
		{409, "PUT", "/v1/campaigns/sale/parts/2", "phone,name\n11987654324,Ana\n", audit.Refused, []string{"Content-Type", "text/csv"}},
		{204, "DELETE", "/v1/campaigns/sale/parts/2", "", audit.Done, nil},
		{202, "POST", "/v1/campaigns/sale/test", `{"to":"+5511999990000"}`, audit.Done, []string{"Idempotency-Key", "k"}},
		{202, "POST", "/v1/campaigns/sale/launch", "", audit.Done, nil},
		{409, "POST", "/v1/campaigns/sale/launch", `{"rows":7}`, audit.Refused, nil},
		{0, "", "", "", "", nil}, // the import
		{200, "PATCH", "/v1/campaigns/sale", `{"rate":{"messages_per_second":5}}`, audit.Done, nil},
		{200, "POST", "/v1/campaigns/sale/pause", "", audit.Done, nil},
		{200, "POST", "/v1/campaigns/sale/pause", "", audit.Unchanged, nil},
		{200, "POST", "/v1/campaigns/sale/amend", strings.Replace(sale, "order_update", "corrected", 1), audit.Done, nil},
		{200, "POST", "/v1/campaigns/sale/resume", "", audit.Done, nil},
		{200, "POST", "/v1/campaigns/sale/resolve", `{"choice":"accept"}`, audit.Unchanged, nil},
		{200, "POST", "/v1/campaigns/sale/cancel", "", audit.Done, nil},
		{409, "POST", "/v1/campaigns/sale/resume", "", audit.Refused, nil},
		{201, "POST", "/v1/campaigns", sold("draft"), audit.Done, nil},
		{204, "DELETE", "/v1/campaigns/draft", "", audit.Done, nil},
		{200, "POST", "/v1/suppressions", `{"phones":["+5511987654321"]}`, audit.Done, nil},
		{422, "POST", "/v1/suppressions", `{"phones":["+5511987654321","x"]}`, audit.Refused, nil},
		{200, "POST", "/v1/suppressions/import", "+5511987654322\n", audit.Done, []string{"Content-Type", "text/csv"}},
		{200, "POST", "/v1/suppressions/remove", `{"phone":"+5511987654321"}`, audit.Done, nil},
		{201, "POST", "/v1/callbacks", `{"name":"crm","url":"https://crm.example/hook","senders":["promo"]}`, audit.Done, nil},
		{200, "POST", "/v1/callbacks/crm/rotate", "", audit.Done, nil},
		{200, "POST", "/v1/callbacks/crm/redeliver", "", audit.Unchanged, nil},
		{204, "DELETE", "/v1/callbacks/crm", "", audit.Done, nil},
		{201, "POST", "/v1/tokens", `{"name":"x","scopes":["read"]}`, audit.Done, nil},
		{204, "DELETE", "/v1/tokens/TOKEN", "", audit.Done, nil},
	}
	var etag, made string
	for _, s := range steps {
		if s.method == "" {
			if err := b.desk.Import(t.Context(), "sale"); err != nil {
				t.Fatal(err)
			}
			continue
		}
		for i := range s.header {
			s.header[i] = strings.Replace(s.header[i], "ETAG", etag, 1)
		}
		path := strings.Replace(s.path, "TOKEN", made, 1)
		w := b.ask(t, s.method, path, s.body, s.header...)
		if w.Code != s.status {
			t.Fatalf("%s %s: %d, not %d\n%s", s.method, path, w.Code, s.status, w.Body)
		}
		if tag := w.Header().Get("ETag"); tag != "" {
			etag = tag
		}
		var answer struct {
			About token.Token `json:"about"`
		}
		_ = json.Unmarshal(w.Body.Bytes(), &answer)
		made = answer.About.ID
		_, pattern := b.server.mux.Handler(httptest.NewRequest(s.method, path, nil))
		act, ok := due[pattern]
		if !ok {
			act = b.act(pattern)
		}
		delete(due, pattern)
		var found []audit.Entry
		for _, e := range b.entries() {
			if e.Request == w.Header().Get("X-Request-Id") {
				found = append(found, e)
			}
		}
		if len(found) != 1 || found[0].Act != act || found[0].Outcome != s.outcome || found[0].Actor != "token:test" || found[0].Address != "192.0.2.1" || found[0].Token == "" {
			t.Errorf("%s %s: %d left %+v, not %s %s", s.method, path, w.Code, found, act, s.outcome)
		}
	}
	for pattern := range due {
		t.Errorf("nobody asked %s: it needs a step here, and so an entry, or stands in changesNothing", pattern)
	}
	text, err := json.Marshal(b.entries())
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"987654321", "98765432", "999990000", "Ana", "slc_", "whsec_", "crm.example"} {
		if strings.Contains(string(text), secret) {
			t.Errorf("the audit holds %s: %s", secret, text)
		}
	}
	for _, said := range []string{`"running -\u003e paused"`, "rate: the sender's own -\\u003e 5 messages a second", `part 1, rows 2`, "1 of 1 numbers", "revision 2"} {
		if !strings.Contains(string(text), said) {
			t.Errorf("the audit does not say %s: %s", said, text)
		}
	}
}

// A refusal before any order leaves no entry, and one call may be several acts.
func TestActsOfOneCall(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.must(422, "POST", "/v1/campaigns", strings.Replace(sale, "promo", "none", 1))
	b.must(404, "POST", "/v1/campaigns/5511987654321/pause", "")
	b.must(204, "DELETE", "/v1/tokens/5511987654321", "")
	for _, e := range b.entries() {
		if e.Outcome != audit.Refused || e.Act != "create" {
			t.Errorf("%+v", e)
		}
	}
	b.must(201, "POST", "/v1/campaigns?launch=true", strings.Replace(sale, `"default_country":"BR"`, `"default_country":"BR","rows":[{"phone":"11987654321","name":"Ana"}]`, 1))
	var acts []string
	for _, e := range b.entries() {
		if e.Campaign == "sale" && e.Outcome == audit.Done {
			acts = append(acts, e.Act)
		}
	}
	if want := []string{"launch", "put_part", "create"}; !slices.Equal(acts, want) {
		t.Errorf("%v, not %v", acts, want)
	}
}

// The audit is read in pages, and a token of some senders reads what is of those.
func TestAuditPages(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, id := range []string{"a", "b", "c"} {
		b.must(201, "POST", "/v1/campaigns", strings.Replace(sale, `"sale"`, `"`+id+`"`, 1))
	}
	b.must(201, "POST", "/v1/campaigns", strings.Replace(strings.Replace(sale, `"sale"`, `"d"`, 1), "promo", "other", 1))
	b.must(200, "POST", "/v1/suppressions", `{"phone":"+5511987654321"}`)
	of := func(query string) (acts []string, next string) {
		page := b.must(200, "GET", "/v1/audit?"+query, "")
		for _, e := range page["entries"].([]any) {
			acts = append(acts, e.(map[string]any)["act"].(string)+" "+e.(map[string]any)["campaign"].(string))
		}
		next, _ = page["next"].(string)
		return acts, next
	}
	var all []string
	for cursor := ""; ; {
		acts, next := of("limit=2&cursor=" + cursor)
		all = append(all, acts...)
		if cursor = next; next == "" {
			break
		}
	}
	if want := []string{"suppress ", "create d", "create c", "create b", "create a"}; !slices.Equal(all, want) {
		t.Errorf("%v, not %v", all, want)
	}
	for query, n := range map[string]int{"campaign=b": 1, "act=suppress": 1, "actor=test": 5, "actor=token:none": 0, "since=2100-01-01T00:00:00Z": 0} {
		if acts, _ := of(query); len(acts) != n {
			t.Errorf("%s: %v", query, acts)
		}
	}
	b.must(400, "GET", "/v1/audit?since=yesterday", "")
	b.must(400, "GET", "/v1/audit?cursor=eA", "")
	b.token = b.newToken(token.Scopes, "other")
	if acts, _ := of(""); !slices.Equal(acts, []string{"create d"}) {
		t.Errorf("a token of another sender reads %v", acts)
	}
	b.token = b.newToken([]string{"read", "write", "send", "pii", "suppress"})
	b.must(403, "GET", "/v1/audit", "")
}

func (b *bench) entries() (all []audit.Entry) {
	b.t.Helper()
	if _, err := b.desk.Audit(b.t.Context(), audit.Query{}, func(e *audit.Entry) bool { all = append(all, *e); return true }); err != nil {
		b.t.Fatal(err)
	}
	return all
}

// act is a route's act, as the specification names it.
func (b *bench) act(pattern string) string {
	method, path, _ := strings.Cut(pattern, " ")
	act, _ := b.doc.Paths.Value(path).GetOperation(method).Extensions["x-act"].(string)
	return act
}
