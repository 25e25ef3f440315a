package api

import (
	"context"
	"strings"
	"testing"

	"sluice/internal/campaign"
	"sluice/internal/outbox"
	"sluice/internal/token"
)

// No number of a list is told to a token that may not see numbers, nor to an endpoint:
// not where the list has no header, so that its first row names the columns, not where
// somebody's words in a halt or a pause hold one, and not where an import fails.
func TestNoNumberWithoutPII(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	const marker = "977778888"
	url, _ := b.running(t)
	b.must(201, "POST", "/v1/callbacks", `{"name":"crm","url":"https://crm.example/hook"}`)
	called := strings.Replace(sale, `"sender"`, `"callback":{"endpoint":"crm","events":["import_failed","imported","started","paused","halted","resumed","in_doubt","progress"]},"sender"`, 1)
	list := "phone,name\n5511" + marker + ",Ana\n"
	for id, text := range map[string]string{"sale": list, "bare": "5511" + marker + ",Ana\n5511" + marker + ",Bia\n", "nobody": "phone,name\n" + marker + marker + marker + ",Ana\n"} {
		b.must(201, "POST", "/v1/campaigns", strings.Replace(called, `"sale"`, `"`+id+`"`, 1))
		b.must(201, "PUT", "/v1/campaigns/"+id+"/parts/1", text, "Content-Type", "text/csv")
	}
	tried := b.must(202, "POST", "/v1/campaigns/sale/test", `{"to":"+5511`+marker+`","row":1}`, "Idempotency-Key", "k")["id"].(string)
	for _, id := range []string{"sale", "nobody"} {
		b.must(202, "POST", "/v1/campaigns/"+id+"/launch", "")
		if err := b.desk.Import(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.campaigns.StartIfDue(t.Context(), "sale"); err != nil {
		t.Fatal(err)
	}
	said := "131026: +55 11 97777-8888 and 5511" + marker + " are not to be reached"
	for range 2 { // halted, and paused
		if moved, err := b.campaigns.Halt(t.Context(), "sale", "131026", said); err != nil || !moved {
			t.Fatal(moved, err)
		}
		b.must(200, "POST", "/v1/campaigns/sale/resume", "")
	}
	if _, err := b.campaigns.PauseFor(t.Context(), "sale", "queue_paused", said); err != nil {
		t.Fatal(err)
	}

	b.rest()
	whole := b.token
	b.token = b.newToken([]string{token.Read, token.Write, token.Send, token.Suppress})
	found := func(where, text string) {
		t.Helper()
		for _, form := range []string{marker, "97777-8888"} {
			if strings.Contains(text, form) {
				t.Errorf("%s holds a number: %s", where, text)
			}
		}
	}
	for _, id := range []string{"sale", "bare", "nobody", tried} {
		for _, path := range []string{"", "/parts", "/plan", "/funnel", "/series"} {
			w := b.ask(t, "GET", "/v1/campaigns/"+id+path, "")
			found("GET "+id+path, w.Body.String())
		}
		b.rest()
		w := b.ask(t, "POST", "/v1/campaigns/"+id+"/launch", "")
		found("launching "+id, w.Body.String())
		for _, path := range []string{"/recipients", "/preview"} {
			b.must(403, "GET", "/v1/campaigns/"+id+path, "")
		}
	}
	for _, path := range []string{"/v1/campaigns", "/v1/workers", "/v1/senders", "/v1/callbacks"} {
		found(path, b.ask(t, "GET", path, "").Body.String())
	}
	b.must(200, "POST", "/v1/suppressions", `{"phones":["+5511`+marker+`"]}`)
	found("suppressions", b.ask(t, "GET", "/v1/suppressions", "").Body.String())

	// The stream of the campaign from its beginning, up to how it is now.
	s := b.stream(t, url, "/v1/campaigns/sale/events?after=0")
	for range 8 {
		h := s.next("campaign.state")
		found("an event", h.data)
		if strings.Contains(h.data, "queue_paused") {
			break
		}
	}
	found("the account", s.next("campaign.progress").data)
	all := b.stream(t, url, "/v1/events?after=0")
	for h := (heard{}); !strings.Contains(h.data, "queue_paused"); {
		h = all.next("campaign.state")
		found("an event of all", h.data)
	}
	for _, id := range []string{"sale", "nobody"} {
		for _, kind := range campaign.Events {
			m, err := b.desk.Told(context.Background(), outbox.Event{Campaign: id, Seq: 1, Type: string(kind)})
			if err != nil {
				t.Fatal(err)
			}
			found("a callback", string(m.Body))
		}
	}
	b.token = whole
	found("the audit", b.ask(t, "GET", "/v1/audit", "").Body.String())
	found("the log", b.log.String())
}
