package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"sluice/internal/batch"
	"sluice/internal/campaign"
	"sluice/internal/desk"
	"sluice/internal/events"
	"sluice/internal/idempotency"
	"sluice/internal/keys"
	"sluice/internal/outbox"
	"sluice/internal/redistest"
	"sluice/internal/sender"
	"sluice/internal/token"
)

// provider takes any message of which each body is not "bad".
type provider struct{}

func (provider) Compile(m sender.Message, _ []batch.Column) (sender.Submitter, error) {
	if m.Template != nil && slices.Contains(m.Template.Body, "bad") {
		return nil, errors.New("message.template.body[0]: too bad")
	}
	return submitter{}, nil
}
func (provider) Meaning(sender.Code) string { return "" }

type submitter struct{}

func (submitter) MaxRecipients() int { return 1 }

func (submitter) Key(*batch.Recipient) string { return "" }

func (submitter) Check(*batch.Recipient) error { return nil }

func (submitter) Alone(sender.Code) bool { return false }

func (submitter) Submit(context.Context, sender.Ref, []batch.Recipient, []sender.Result) {
}

// A bench is a Server of its own, whose answers are held against the specification.
type bench struct {
	t      testing.TB
	server *Server
	desk   *desk.Desk
	doc    *openapi3.T
	redis  *redis.Client
	// campaigns are for what workers do.
	campaigns *campaign.Store
	open      func(string) (*desk.Sender, error)
	router    routers.Router
	log       *journal
	token     string
}

// A journal is a log that many write to.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func newBench(t testing.TB) *bench {
	t.Helper()
	rdb := redistest.New(t).Client(t)
	b := &bench{t: t, log: &journal{}, redis: rdb, campaigns: campaign.NewStore(rdb, time.Now)}
	b.open = func(name string) (*desk.Sender, error) {
		if name != "promo" && name != "other" {
			return nil, fmt.Errorf("there is no sender %q", name)
		}
		return &desk.Sender{Provider: provider{}, Name: name, Kind: "fake", Preflight: func(context.Context, sender.Message) ([]string, bool, error) { return nil, false, nil }}, nil
	}
	b.desk = desk.New(desk.Options{Redis: rdb, Open: b.open, Now: time.Now})
	b.server = New(Options{
		Events: events.New(events.Options{Redis: rdb, Ask: Look(b.desk), Log: zerolog.Nop(), Every: 20 * time.Millisecond}),
		Outbox: outbox.NewStore(rdb, time.Now), Ping: func(context.Context, string) (int, error) { return 204, nil },
		Desk: b.desk, Tokens: token.NewStore(rdb, time.Now), Idempotency: idempotency.NewStore(rdb), Now: time.Now, Log: zerolog.New(b.log),
		Senders: func() ([]string, error) { return []string{"other", "promo"}, nil },
	})
	doc, err := openapi3.NewLoader().LoadFromData(specification)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.doc = doc
	if b.router, err = gorillamux.NewRouter(doc); err != nil {
		t.Fatal(err)
	}
	b.token = b.newToken(token.Scopes)
	return b
}

func (b *bench) newToken(scopes []string, senders ...string) string {
	b.t.Helper()
	text, _, err := b.server.Tokens.Create(context.Background(), token.Order{Name: "test", Scopes: scopes, Senders: senders})
	if err != nil {
		b.t.Fatal(err)
	}
	return text
}

// A leaver is gone once an answer has begun.
type leaver struct {
	*httptest.ResponseRecorder
	leave func()
}

func (l *leaver) Write(b []byte) (int, error) {
	defer l.leave()
	return l.ResponseRecorder.Write(b)
}

// asked marks what is done for a request.
type asked struct{}

type fatal interface {
	Helper()
	Fatalf(format string, args ...any)
}

// ask makes a request and holds request and answer against the specification.
func (b *bench) ask(t fatal, method, path, body string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+b.token)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	again := r.Clone(context.Background())
	again.Body = io.NopCloser(strings.NewReader(body))
	r = r.WithContext(context.WithValue(r.Context(), asked{}, true))
	w := httptest.NewRecorder()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	if strings.HasSuffix(r.URL.Path, "/events") { // without end
		b.server.ServeHTTP(&leaver{w, cancel}, r.WithContext(ctx))
	} else {
		b.server.ServeHTTP(w, r)
	}
	rt, params, err := b.router.FindRoute(again)
	if err != nil {
		if w.Code != 404 && w.Code != 405 {
			t.Fatalf("%s %s: %d of a route that the specification has not", method, path, w.Code)
		}
		return w
	}
	o := &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true, ExcludeRequestBody: strings.Contains(path, "/parts/") || strings.Contains(path, "/import")}
	in := &openapi3filter.RequestValidationInput{Request: again, PathParams: params, Route: rt, Options: o}
	if err := openapi3filter.ValidateRequest(context.Background(), in); err != nil && w.Code < 300 {
		t.Fatalf("%s %s %s: %d of a request that the specification refuses: %v", method, path, body, w.Code, err)
	}
	media, _, _ := strings.Cut(w.Header().Get("Content-Type"), ";")
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: w.Code, Header: w.Header(), Options: o}
	if media != "application/x-ndjson" && media != "text/csv" && media != "text/event-stream" {
		out.SetBodyBytes(w.Body.Bytes())
		if err := openapi3filter.ValidateResponse(context.Background(), out); err != nil {
			t.Fatalf("%s %s: %d is not as specified: %v\n%s", method, path, w.Code, err, w.Body)
		}
	}
	return w
}

func (b *bench) must(status int, method, path, body string, header ...string) map[string]any {
	b.t.Helper()
	w := b.ask(b.t, method, path, body, header...)
	if w.Code != status {
		b.t.Fatalf("%s %s: %d, not %d\n%s", method, path, w.Code, status, w.Body)
	}
	var v map[string]any
	_ = json.Unmarshal(w.Body.Bytes(), &v)
	return v
}

const sale = `{"id":"sale","sender":"promo","message":{"type":"template","template":{"name":"order_update","language":"en_US","body":["{{name}}"]}},"recipients":{"default_country":"BR"}}`

// Every route stands in the specification, with its scope, and none but them.
func TestRoutesAreTheSpecification(t *testing.T) {
	t.Parallel()
	doc, err := openapi3.NewLoader().LoadFromData(specification)
	if err != nil {
		t.Fatal(err)
	}
	var specified, there []string
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			scope, _ := op.Extensions["x-scope"].(string)
			specified = append(specified, method+" "+path+" "+scope)
		}
	}
	for _, r := range New(Options{}).routes() {
		there = append(there, r.pattern+" "+r.scope)
	}
	slices.Sort(specified)
	slices.Sort(there)
	if !slices.Equal(specified, there) {
		t.Errorf("specified\n%s\nthere\n%s", strings.Join(specified, "\n"), strings.Join(there, "\n"))
	}
}

func TestTheWay(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	made := b.must(201, "POST", "/v1/campaigns", sale)
	b.must(201, "PUT", "/v1/campaigns/sale/parts/1", "phone,name\n11987654321,Ana\n12,x\n", "Content-Type", "text/csv")
	b.must(200, "GET", "/v1/campaigns/sale/parts", "")
	other := strings.Replace(sale, "order_update", "other", 1)
	b.must(412, "PUT", "/v1/campaigns/sale", other, "If-Match", `"x"`)
	b.must(428, "PUT", "/v1/campaigns/sale", other)
	b.must(200, "PUT", "/v1/campaigns/sale", other, "If-Match", `"`+made["etag"].(string)+`"`)
	plan := b.must(200, "GET", "/v1/campaigns/sale/plan", "")
	if problems := plan["problems"].([]any); plan["invalid"] != 1.0 || problems[0].(map[string]any)["line"] != 3.0 || plan["countries"].(map[string]any)["BR"] != 1.0 {
		t.Errorf("%v", plan)
	}
	b.must(200, "GET", "/v1/campaigns/sale/preview", "")
	b.must(202, "POST", "/v1/campaigns/sale/test", `{"to":"+5511999990000"}`, "Idempotency-Key", "k")
	b.must(202, "POST", "/v1/campaigns/sale/launch", "")
	if err := b.desk.Import(t.Context(), "sale"); err != nil {
		t.Fatal(err)
	}
	b.must(200, "PUT", "/v1/campaigns/sale/parts/1", "phone,name\n11987654321,Ana\n12,x\n", "Content-Type", "text/csv")
	b.must(409, "PUT", "/v1/campaigns/sale/parts/1", "phone,name\n", "Content-Type", "text/csv")
	b.must(409, "DELETE", "/v1/campaigns/sale", "")
	if m := b.must(200, "POST", "/v1/campaigns/sale/pause", ""); m["state"] != "paused" || m["changed"] != true {
		t.Errorf("%v", m)
	}
	if m := b.must(200, "POST", "/v1/campaigns/sale/pause", "{}"); m["changed"] != false {
		t.Errorf("%v", m)
	}
	if a := b.must(200, "POST", "/v1/campaigns/sale/amend", strings.Replace(sale, "order_update", "corrected", 1)); a["changed"] != true || a["revision"] != 2.0 {
		t.Errorf("%v", a)
	}
	b.must(422, "POST", "/v1/campaigns/sale/amend", strings.Replace(sale, "{{name}}", "{{other}}", 1))
	b.must(200, "PATCH", "/v1/campaigns/sale", `{"rate":{"messages_per_second":5},"window":{"from":"09:00","to":"20:00","timezone":"recipient"}}`)
	if p := b.must(422, "PATCH", "/v1/campaigns/sale", `{"priority":"urgent"}`); pointerOf(p) != "/priority" {
		t.Errorf("%v", p)
	}
	b.must(200, "POST", "/v1/campaigns/sale/resume", `{"skip_rows":[1]}`)
	b.recipients("/v1/campaigns/sale/recipients", 2)
	b.recipients("/v1/campaigns/sale/recipients?limit=1", 1)
	b.recipients("/v1/campaigns/sale/recipients?limit=1&after_row=1", 1)
	b.recipients("/v1/campaigns/sale/recipients?limit=1&after_row=2", 0)
	if got := b.must(200, "POST", "/v1/campaigns/sale/resolve", `{"rows":[{"row":1,"choice":"resend"}]}`); got["unneeded"] != 1.0 || got["recipients"] != 0.0 {
		t.Errorf("%v", got)
	}
	b.must(422, "POST", "/v1/campaigns/sale/resolve", "{}")
	if p := b.must(422, "POST", "/v1/campaigns/sale/resolve", `{"rows":[{"row":1,"choice":"resend"},{"row":0,"choice":"accept"}]}`); pointerOf(p) != "/rows/1/row" {
		t.Errorf("%v", p)
	}
	if err := b.desk.KeepSeries(t.Context(), "test", time.Second); err != nil {
		t.Fatal(err)
	}
	if got := b.must(200, "GET", "/v1/campaigns/sale/series?step=60", ""); len(got["points"].([]any)) != 1 || got["points"].([]any)[0].(map[string]any)["rejected"] != 1.0 {
		t.Errorf("%v", got)
	}
	b.must(400, "GET", "/v1/campaigns/sale/series?step=0", "")
	if got := b.must(200, "GET", "/v1/campaigns/sale/funnel", ""); got["accepted"] != 0.0 || got["awaiting"] != 0.0 {
		t.Errorf("%v", got)
	}
	b.must(200, "POST", "/v1/numbers/lookup", `{"phone":"+5511987654321"}`)
	b.rest()
	b.must(200, "POST", "/v1/suppressions", `{"phones":["+5511987654321","11987654322"],"country":"BR"}`)
	b.must(200, "POST", "/v1/suppressions/lookup", `{"phone":"+5511987654322"}`)
	b.must(200, "GET", "/v1/suppressions", "")
	b.must(200, "POST", "/v1/suppressions/remove", `{"phone":"+5511987654322"}`)
	b.must(200, "GET", "/v1/workers", "")
	b.must(200, "GET", "/v1/senders", "")
	b.must(200, "GET", "/v1/tokens", "")
	b.must(200, "GET", "/v1/audit", "")
	b.must(201, "POST", "/v1/tokens", `{"name":"x","scopes":["read"]}`)
	if made := b.must(201, "POST", "/v1/callbacks", `{"name":"crm","url":"https://crm.example/hook","senders":["promo"]}`); !strings.HasPrefix(made["secret"].(string), "whsec_") {
		t.Errorf("%v", made)
	}
	b.must(409, "POST", "/v1/callbacks", `{"name":"crm","url":"https://crm.example/hook"}`)
	b.must(422, "POST", "/v1/callbacks", `{"name":"x","url":"http://crm.example/hook"}`)
	b.must(200, "GET", "/v1/callbacks", "")
	b.must(200, "POST", "/v1/callbacks/crm/rotate", "")
	b.must(200, "POST", "/v1/callbacks/crm/redeliver", "")
	b.must(200, "POST", "/v1/callbacks/crm/ping", "")
	called := strings.Replace(strings.Replace(sale, "sale", "called", 1), `"sender"`, `"callback":{"endpoint":"crm","events":["finished","progress"],"progress_percent":25},"sender"`, 1)
	b.must(201, "POST", "/v1/campaigns", called)
	b.must(422, "POST", "/v1/campaigns", strings.Replace(strings.Replace(called, "called", "c2", 1), "promo", "other", 1))
	b.must(422, "POST", "/v1/campaigns", strings.Replace(strings.Replace(called, "called", "c3", 1), "finished", "ended", 1))
	for _, wrong := range []string{`"progress_percent":0.5`, `"progress_percent":51`, `"progress_percent":-1`} {
		b.must(422, "POST", "/v1/campaigns", strings.Replace(strings.Replace(called, "called", "c4", 1), `"progress_percent":25`, wrong, 1))
	}
	b.must(422, "POST", "/v1/campaigns", strings.Replace(strings.Replace(called, "called", "c5", 1), `,"progress"`, "", 1))
	b.must(409, "PATCH", "/v1/campaigns/called", `{"labels":null}`)
	b.notes()
	b.rest()
	b.must(204, "DELETE", "/v1/callbacks/crm", "")
	b.must(404, "DELETE", "/v1/callbacks/crm", "")
	b.must(200, "GET", "/v1/campaigns?limit=1", "")
	b.must(200, "GET", "/healthz", "")
	b.must(200, "GET", "/readyz", "")
	b.must(200, "GET", "/openapi.json", "")
	b.must(200, "GET", "/problems/state", "")
	if strings.Contains(b.log.String(), "987654321") {
		t.Error("the log holds a number")
	}
}

// recipients are so many lines, each as specified.
func (b *bench) recipients(path string, want int) {
	b.t.Helper()
	w := b.ask(b.t, "GET", path, "")
	n := 0
	for line := range strings.Lines(w.Body.String()) {
		n++
		var row map[string]any
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			b.t.Fatal(err)
		}
		shape := b.doc.Components.Schemas["Recipient"].Value
		if err := shape.VisitJSON(row); err != nil || len(row) != len(shape.Properties) {
			b.t.Errorf("%s is not as specified: %v", line, err)
		}
	}
	if w.Code != 200 || n != want || w.Result().Trailer.Get("Sluice-Complete") != "true" {
		b.t.Errorf("%s: %d with %d rows, complete %q", path, w.Code, n, w.Result().Trailer.Get("Sluice-Complete"))
	}
}

// rest is as if nobody had asked for a while: what one token may ask in a second is
// less than a test does on a fast machine.
func (b *bench) rest() {
	b.server.mu.Lock()
	defer b.server.mu.Unlock()
	clear(b.server.limits)
}

// notes changes what a campaign that runs is known by and whom it tells: from then on
// its moves are told so.
func (b *bench) notes() {
	b.t.Helper()
	b.rest()
	b.must(201, "POST", "/v1/campaigns?launch=true", strings.Replace(strings.Replace(sale, `"sale"`, `"noted"`, 1), `"recipients":{`, `"recipients":{"rows":[{"phone":"11987654399","name":"Ana"}],`, 1))
	if err := b.desk.Import(context.Background(), "noted"); err != nil {
		b.t.Fatal(err)
	}
	b.must(422, "PATCH", "/v1/campaigns/noted", `{"callback":{"endpoint":"none"}}`)
	b.must(200, "PATCH", "/v1/campaigns/noted", `{"labels":{"team":"crm"},"callback":{"endpoint":"crm","events":["cancelled"]}}`)
	b.must(200, "PATCH", "/v1/campaigns/noted", `{"priority":"high"}`)
	if got := b.must(200, "GET", "/v1/campaigns/noted", ""); got["labels"].(map[string]any)["team"] != "crm" {
		b.t.Errorf("%v", got)
	}
	b.must(200, "POST", "/v1/campaigns/noted/pause", "")
	b.must(200, "POST", "/v1/campaigns/noted/cancel", "")
	if told := b.redis.HVals(context.Background(), keys.Outbox("noted")).Val(); len(told) != 1 || !strings.HasPrefix(told[0], "cancelled ") {
		b.t.Errorf("%v are told", told)
	}
	b.must(200, "PATCH", "/v1/campaigns/noted", `{"labels":null,"callback":null}`)
	if got := b.must(200, "GET", "/v1/campaigns/noted", ""); len(got["labels"].(map[string]any)) != 0 {
		b.t.Errorf("%v", got)
	}
}

// What curl calls its -d is read as the JSON that it is.
func TestBodyOfCurl(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for body, want := range map[string]int{sale: 201, "id=sale&sender=promo": 400} {
		r := httptest.NewRequest("POST", "/v1/campaigns", strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+b.token)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		b.server.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%s: %d, not %d: %s", body, w.Code, want, w.Body)
		}
	}
}

// pointerOf is where a problem's first fault is.
func pointerOf(p map[string]any) string {
	all, _ := p["errors"].([]any)
	if len(all) == 0 {
		return "none"
	}
	at, _ := all[0].(map[string]any)["pointer"].(string)
	return at
}

// Pages of campaigns made at one time name each once.
func TestPages(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for i := range 7 {
		b.must(201, "POST", "/v1/campaigns", strings.Replace(sale, `"sale"`, fmt.Sprintf(`"c%d"`, i), 1))
	}
	seen, path := map[string]int{}, "/v1/campaigns?limit=2"
	for range 10 {
		page := b.must(200, "GET", path, "")
		for _, c := range page["campaigns"].([]any) {
			seen[c.(map[string]any)["id"].(string)]++
		}
		next, _ := page["next"].(string)
		if next == "" {
			break
		}
		path = "/v1/campaigns?limit=2&cursor=" + next
	}
	if len(seen) != 7 || seen["c3"] != 1 {
		t.Errorf("%v", seen)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.must(201, "POST", "/v1/campaigns", sale)
	reads, foreign := b.newToken([]string{"read"}), b.newToken(token.Scopes, "other")
	for _, c := range []struct {
		status                     int
		method, path, body, header string
		pointer                    string
	}{
		{401, "GET", "/v1/campaigns", "", "Authorization: Basic x", ""},
		{401, "GET", "/v1/campaigns", "", "Authorization: Bearer slc_00000000_" + strings.Repeat("A", 43), ""},
		{403, "POST", "/v1/campaigns", sale, "Authorization: Bearer " + reads, ""},
		{404, "GET", "/v1/campaigns/sale", "", "Authorization: Bearer " + foreign, ""},
		{422, "POST", "/v1/campaigns", sale, "Authorization: Bearer " + foreign, "/sender"},
		{422, "POST", "/v1/campaigns", strings.Replace(strings.Replace(strings.Replace(sale, `"sale"`, `"four"`, 1), `"promo"`, `"other"`, 1), `"default_country":"BR"`, `"only":{"campaign":"sale","states":["accepted"]}`, 1), "Authorization: Bearer " + foreign, "/recipients"},
		{404, "GET", "/v1/nothing", "", "", ""},
		{405, "DELETE", "/v1/campaigns", "", "", ""},
		{400, "POST", "/v1/campaigns", "{", "", ""},
		{400, "POST", "/v1/campaigns", "{} {}", "", ""},
		{422, "POST", "/v1/campaigns", "", "", ""},
		{422, "POST", "/v1/campaigns", `[]`, "", ""},
		{422, "POST", "/v1/campaigns", `{"id":"x","id":"y"}`, "", "/id"},
		{422, "POST", "/v1/campaigns", strings.Repeat("[", 100) + strings.Repeat("]", 100), "", ""},
		{422, "POST", "/v1/campaigns", strings.Replace(sale, `"id":"sale",`, "", 1), "", "/id"},
		{422, "POST", "/v1/campaigns", strings.Replace(sale, `{{name}}`, "{{#if name}}", 1), "", "/message/template/body/0"},
		{422, "POST", "/v1/campaigns", strings.Replace(sale, `"{{name}}"`, `"bad"`, 1), "", "/message/template/body/0"},
		{422, "POST", "/v1/campaigns", strings.Replace(sale, `"sender"`, `"colour":1,"sender"`, 1), "", "/colour"},
		{422, "POST", "/v1/campaigns", strings.Replace(sale, `"default_country":"BR"`, `"file":"list.csv"`, 1), "", "/recipients/file"},
		{422, "POST", "/v1/campaigns", strings.Replace(sale, `"default_country":"BR"`, `"rows":[]`, 1), "", "/recipients/rows"},
		{422, "POST", "/v1/campaigns?launch=true", strings.Replace(sale, "sale", "two", 1), "", "/recipients/rows"},
		{422, "POST", "/v1/campaigns", strings.Replace(strings.Replace(sale, "sale", "three", 1), `"default_country":"BR"`, `"rows":[{"phone":"1"},{"phone":[]}]`, 1), "", "/recipients/rows/1"},
		{415, "PUT", "/v1/campaigns/sale/parts/1", "x", "Content-Type: text/plain", ""},
		{415, "PUT", "/v1/campaigns/sale/parts/1", "x", "Content-Encoding: br", ""},
		{404, "PUT", "/v1/campaigns/sale/parts/0", "x", "Content-Type: text/csv", ""},
		{400, "POST", "/v1/campaigns/sale/test", `{"to":"+5511987654321"}`, "", ""},
		{422, "POST", "/v1/campaigns/sale/launch", "", "", ""},
		{422, "POST", "/v1/campaigns/sale/launch", `{"when":1}`, "", "/when"},
		{409, "POST", "/v1/campaigns/sale/pause", "", "", ""},
		{422, "POST", "/v1/numbers/lookup", `{"phone":"abc"}`, "", "/phone"},
		{422, "POST", "/v1/suppressions", `{"phones":["+5511987654321","x"]}`, "", "/phones"},
		{400, "GET", "/v1/campaigns?limit=1000", "", "", ""},
		{400, "GET", "/v1/campaigns?cursor=!", "", "", ""},
		{404, "GET", "/v1/campaigns/UPPER", "", "", ""},
		{422, "POST", "/v1/tokens", `{"name":"x","scopes":["all"]}`, "", ""},
	} {
		var header []string
		if name, value, ok := strings.Cut(c.header, ": "); ok {
			header = []string{name, value}
		}
		w := b.ask(t, c.method, c.path, c.body, header...)
		var p map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != c.status || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s %.60s: %d, not %d: %s", c.method, c.path, c.body, w.Code, c.status, w.Body)
			continue
		}
		if c.pointer != "" && pointerOf(p) != c.pointer {
			t.Errorf("%s %s %.60s: at %s, not %s: %s", c.method, c.path, c.body, pointerOf(p), c.pointer, w.Body)
		}
		if strings.Contains(w.Body.String(), "987654321") {
			t.Errorf("%s %s: a number in %s", c.method, c.path, w.Body)
		}
	}
	if w := b.ask(t, "POST", "/v1/suppressions", `{"phones":["`+strings.Repeat("1", maxBody)+`"]}`); w.Code != 413 {
		t.Errorf("%d for a body that is too large", w.Code)
	}
	busy := 0
	b.token = b.newToken([]string{"read"})
	at := time.Now()
	b.server.Now = func() time.Time { return at } // however slow this machine is
	for range 3 * perSecond {
		if b.ask(t, "GET", "/v1/campaigns/none", "").Code == 429 {
			busy++
		}
	}
	if busy == 0 {
		t.Error("a token may ask as often as it likes")
	}
}

func TestIdempotency(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	unnamed := strings.Replace(sale, `"id":"sale",`, "", 1)
	first := b.must(201, "POST", "/v1/campaigns", unnamed, "Idempotency-Key", "k1")
	w := b.ask(t, "POST", "/v1/campaigns", unnamed, "Idempotency-Key", "k1")
	var again map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &again); err != nil || w.Code != 201 || again["id"] != first["id"] || w.Header().Get("Idempotency-Replayed") != "true" || w.Header().Get("Location") == "" {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	b.must(422, "POST", "/v1/campaigns", sale, "Idempotency-Key", "k1")
	// Another token's key is another key, and a refusal is not kept.
	b.token = b.newToken(token.Scopes)
	b.must(201, "POST", "/v1/campaigns", sale, "Idempotency-Key", "k1")
	b.must(409, "POST", "/v1/campaigns/sale/pause", "", "Idempotency-Key", "k2")
	b.must(201, "PUT", "/v1/campaigns/sale/parts/1", "phone,name\n11987654321,Ana\n", "Content-Type", "text/csv")
	b.must(202, "POST", "/v1/campaigns/sale/launch", "", "Idempotency-Key", "k3")
	if err := b.desk.Import(t.Context(), "sale"); err != nil {
		t.Fatal(err)
	}
	b.must(200, "POST", "/v1/campaigns/sale/pause", "", "Idempotency-Key", "k2")
	b.must(400, "POST", "/v1/campaigns/sale/pause", "", "Idempotency-Key", strings.Repeat("k", 256))
	// While it is answered: another process has begun.
	if _, err := b.server.Idempotency.Begin(t.Context(), idempotency.Key("o", "k"), "r"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.server.Idempotency.Begin(t.Context(), idempotency.Key("o", "k"), "r"); !errors.Is(err, idempotency.ErrInProgress) {
		t.Error(err)
	}
}
