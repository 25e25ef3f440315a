package api

import (
	"strings"
	"testing"
)

// A campaign that is launched to stand paused is imported, begins nothing, says who had
// it so and why, and begins once it is resumed. The same launch again changes nothing,
// whatever became of it; another launch is refused.
func TestLaunchPaused(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.must(201, "POST", "/v1/campaigns", sale)
	b.must(201, "PUT", "/v1/campaigns/sale/parts/1", "phone,name\n11987654321,Ana\n", "Content-Type", "text/csv")
	launch := func(status int, body string) map[string]any {
		t.Helper()
		return b.must(status, "POST", "/v1/campaigns/sale/launch", body)
	}
	launch(202, `{"paused":true}`)
	launch(202, `{"paused":true,"rows":1}`)
	if p := launch(409, "{}"); p["type"] != "/problems/state" || p["state"] != "importing" {
		t.Errorf("%v", p)
	}
	if p := b.must(409, "POST", "/v1/campaigns/sale/resume", ""); p["state"] != "importing" {
		t.Errorf("%v", p)
	}
	if err := b.desk.Import(t.Context(), "sale"); err != nil {
		t.Fatal(err)
	}
	status := launch(202, `{"paused":true}`)["status"].(map[string]any)
	if hold := status["holds"].([]any)[0].(map[string]any); status["state"] != "paused" || status["started_at"] != nil || hold["what"] != "paused" || !strings.Contains(hold["text"].(string), "token test") || !strings.Contains(status["reason"].(string), "launched") {
		t.Errorf("%v", status)
	}
	b.must(200, "POST", "/v1/campaigns/sale/resume", "")
	if err := b.campaigns.StartIfDue(t.Context(), "sale"); err != nil { // as a worker does
		t.Fatal(err)
	}
	if status := launch(202, `{"paused":true}`)["status"].(map[string]any); status["state"] != "running" || status["reason"] != "" {
		t.Errorf("%v", status)
	}

	small := strings.Replace(strings.Replace(sale, `"sale"`, `"small"`, 1), `"recipients":{`, `"recipients":{"rows":[{"phone":"11987654321","name":"Ana"}],`, 1)
	for _, code := range []int{201, 200} {
		b.must(code, "POST", "/v1/campaigns?launch=true&paused=true", small)
	}
	b.must(409, "POST", "/v1/campaigns?launch=true", small)
	if err := b.desk.Import(t.Context(), "small"); err != nil {
		t.Fatal(err)
	}
	if got := b.must(200, "GET", "/v1/campaigns/small", "")["status"].(map[string]any); got["state"] != "paused" {
		t.Errorf("%v", got)
	}
}
