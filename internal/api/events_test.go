package api

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"sluice/internal/token"
)

// A heard event is one as it came in a stream.
type heard struct{ id, kind, data string }

// A stream is an event stream that a test reads.
type stream struct {
	t     *testing.T
	resp  *http.Response
	lines *bufio.Scanner
}

// stream opens a stream over a real connection.
func (b *bench) stream(t *testing.T, url, path string, header ...string) *stream {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+b.token)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%s: %s", path, resp.Status)
	}
	return &stream{t: t, resp: resp, lines: bufio.NewScanner(resp.Body)}
}

// next is the next event of a kind.
func (s *stream) next(kind string) heard {
	s.t.Helper()
	var h heard
	for s.lines.Scan() {
		name, value, _ := strings.Cut(s.lines.Text(), ": ")
		switch name {
		case "id":
			h.id = value
		case "event":
			h.kind = value
		case "data":
			h.data = value
		case "":
			if h.kind == kind {
				return h
			}
			h = heard{}
		}
	}
	s.t.Fatalf("the stream ends before a %s: %v", kind, s.lines.Err())
	return h
}

// running has the bench's events told for as long as the test.
func (b *bench) running(t *testing.T) (url string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); b.server.Events.Run(ctx) }()
	at := httptest.NewServer(b.server)
	t.Cleanup(at.Close)
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return at.URL, stop
}

func TestEvents(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	url, stop := b.running(t)
	all := b.stream(t, url, "/v1/events")
	b.must(201, "POST", "/v1/campaigns", sale)
	b.must(201, "PUT", "/v1/campaigns/sale/parts/1", "phone,name\n11987654321,Ana\n", "Content-Type", "text/csv")
	s := b.stream(t, url, "/v1/campaigns/sale/events")
	first := s.next("campaign.state")
	b.must(202, "POST", "/v1/campaigns/sale/launch", "")
	frozen := s.next("campaign.state")
	var state struct {
		Campaign, From, To string
		At                 time.Time
	}
	if err := json.Unmarshal([]byte(frozen.data), &state); err != nil || state.Campaign != "sale" || state.From != "draft" || state.To != "importing" || time.Since(state.At).Abs() > time.Hour {
		t.Errorf("%s, %v", frozen.data, err)
	}
	s.resp.Body.Close()
	if err := b.desk.Import(t.Context(), "sale"); err != nil {
		t.Fatal(err)
	}
	b.must(200, "POST", "/v1/campaigns/sale/pause", "")
	// It goes on behind what it was told, by header and by query.
	for _, from := range [][]string{{"?after=" + first.id, "Last-Event-ID", frozen.id}, {"?after=" + frozen.id}} {
		again := b.stream(t, url, "/v1/campaigns/sale/events"+from[0], from[1:]...)
		for _, want := range []string{`"to":"scheduled"`, `"to":"running"`, `"to":"paused"`} {
			if got := again.next("campaign.state"); !strings.Contains(got.data, want) || got.id == "" {
				t.Errorf("%+v, not %s", got, want)
			}
		}
		if got := again.next("campaign.progress"); !strings.Contains(got.data, `"state":"paused"`) || got.id != "" {
			t.Errorf("%+v", got)
		}
		if got := again.next("sender.pace"); !strings.Contains(got.data, `"sender":"promo"`) {
			t.Errorf("%+v", got)
		}
	}
	for _, want := range []string{"draft", "importing", "scheduled", "running", "paused"} {
		if got := all.next("campaign.state"); !strings.Contains(got.data, `"to":"`+want+`"`) {
			t.Errorf("%s, not %s", got.data, want)
		}
	}
	stop()
	for all.lines.Scan() {
	}
	if err := all.lines.Err(); err != nil {
		t.Errorf("the stream does not end in order when the process stops: %v", err)
	}
}

// The data of each event is as specified.
func TestEventsAreTheSpecification(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	url, _ := b.running(t)
	b.must(201, "POST", "/v1/campaigns", sale)
	b.must(201, "PUT", "/v1/campaigns/sale/parts/1", "phone,name\n11987654321,Ana\n", "Content-Type", "text/csv")
	b.must(202, "POST", "/v1/campaigns/sale/launch", "")
	s := b.stream(t, url, "/v1/campaigns/sale/events")
	doc, err := openapi3.NewLoader().LoadFromData(specification)
	if err != nil {
		t.Fatal(err)
	}
	check := func(kind, shape string) {
		t.Helper()
		h := s.next(kind)
		var v any
		if err := json.Unmarshal([]byte(h.data), &v); err != nil {
			t.Fatal(err)
		}
		if err := doc.Components.Schemas[shape].Value.VisitJSON(v); err != nil {
			t.Errorf("%s: %s: %v", kind, h.data, err)
		}
	}
	check("campaign.state", "StateEvent")
	check("campaign.import", "ImportEvent")
	if err := b.desk.Import(t.Context(), "sale"); err != nil {
		t.Fatal(err)
	}
	check("campaign.progress", "ProgressEvent")
	check("sender.pace", "PaceEvent")
}

func TestEventsRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	url, _ := b.running(t)
	b.must(201, "POST", "/v1/campaigns", sale)
	b.must(404, "GET", "/v1/campaigns/none/events", "")
	b.must(400, "GET", "/v1/campaigns/sale/events", "", "Last-Event-ID", "x")
	// Another sender's token is told nothing of it.
	everybody := b.token
	b.token = b.newToken(token.Scopes, "other")
	b.must(404, "GET", "/v1/campaigns/sale/events", "")
	others := b.stream(t, url, "/v1/events?after=0")
	b.token = everybody
	b.must(201, "POST", "/v1/campaigns", strings.Replace(strings.Replace(sale, `"sale"`, `"theirs"`, 1), "promo", "other", 1))
	if got := others.next("campaign.state"); !strings.Contains(got.data, `"campaign":"theirs"`) {
		t.Errorf("%s", got.data)
	}
	// There are only so many.
	b.server.Events.Most = 1
	if p := b.must(503, "GET", "/v1/events", ""); p["retry_after"] != 5.0 {
		t.Errorf("%v", p)
	}
}

// A token that was revoked hears nothing more.
func TestRevokedTokenHearsNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	text, made, err := b.server.Tokens.Create(t.Context(), token.Order{Name: "x", Scopes: token.Scopes})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "/v1/events", http.NoBody)
	r.Header.Set("Authorization", "Bearer "+text)
	c := &call{r: r, ctx: t.Context(), token: made}
	at := time.Now()
	b.server.Now = func() time.Time { return at }
	if !b.server.holds(c) {
		t.Error("the token is good")
	}
	if _, err := b.server.Tokens.Revoke(t.Context(), made.ID); err != nil {
		t.Fatal(err)
	}
	if !b.server.holds(c) {
		t.Error("it was asked just now")
	}
	at = at.Add(beatEvery)
	for range 2 { // asked, and remembered
		if b.server.holds(c) {
			t.Error("the token is none any more")
		}
	}
}
