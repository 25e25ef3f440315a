package e2e

import (
	"encoding/json"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice/internal/desk"
)

// A preview shows what a row gets: each text, the request without the account's keys,
// and the template's own text. It writes nothing.
func TestPreviewShowsWhatARowGets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	keys := w.rdb.DBSize(t.Context()).Val()
	w.file("list.csv", "phone,name\nnobody,x\n5511987654321,\"Ana \"\"A\"\"\"\n5511987654322,\n5511987654321,again\n")
	file := w.nxCampaign("sale", "list.csv", "")
	look := func(row string, more ...string) (p desk.Preview) {
		t.Helper()
		out, code := w.run("producer", append([]string{"preview", file, "--row", row, "--json"}, more...)...)
		if err := json.Unmarshal([]byte(out), &p); err != nil || code != 0 {
			t.Fatalf("exit code %d, %v, %q\n%s", code, err, out, w.logs.tail(2000))
		}
		return p
	}
	p := look("0")
	const body = `{"tenant_id":"***","appkey":"***","business_phone":"8615800001795","messaging_product":"whatsapp","recipient_type":"individual","to":"5511987654321",` +
		`"type":"template","template":{"name":"order_update","language":{"code":"en_US","policy":"deterministic"},"components":[{"type":"body","parameters":[{"type":"text","text":"Ana \"A\""}]}]}}`
	if p.Row != 2 || p.Phone != "5511987654321" || p.Values["name"] != `Ana "A"` || p.Message.Template.Body[0] != `Ana "A"` ||
		p.Request.Method != "POST" || p.Request.URL != w.sandbox+"/saas/wa/send" || string(p.Request.Body) != body {
		t.Errorf("%+v %s", p, p.Request.Body)
	}
	if p.TemplateText == nil || *p.TemplateText != `Hello Ana "A", your order is on its way.` || p.Invalid != nil {
		t.Errorf("the template's text: %+v", p)
	}
	if p := look("3", "--no-preflight"); p.Message.Template.Body[0] != "friend" || p.TemplateText != nil {
		t.Errorf("a fallback: %+v", p)
	}
	if p := look("4"); p.Invalid == nil || p.Message != nil || !strings.Contains(*p.Invalid, "a row before") {
		t.Errorf("a duplicate: %+v", p)
	}
	if _, code := w.run("producer", "preview", file, "--row", "9"); code != 2 || !strings.Contains(w.logs.tail(500), "there is no row 9: it has 4 rows") {
		t.Errorf("a row that is not there: exit code %d\n%s", code, w.logs.tail(500))
	}
	out, _ := w.run("producer", "preview", file)
	for _, want := range []string{"row 2 of sale, by promo-br", `message.template.body[0]: Ana "A"`, "Hello Ana \"A\", your order", "POST " + w.sandbox} {
		if !strings.Contains(out, want) {
			t.Errorf("without %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, "sandbox-app") || strings.Contains(out, "sandbox-key") || strings.Contains(out, "sandbox-secret") {
		t.Errorf("a key of the account:\n%s", out)
	}
	out, code := w.run("producer", "preview", w.innoCampaign("news", "list.csv", ""), "--json")
	if code != 0 || !strings.Contains(out, `"template_text":null`) || !strings.Contains(out, `"recipientNumber":"5511987654321"`) {
		t.Errorf("innopaas: exit code %d, %s", code, out)
	}
	if n := w.rdb.DBSize(t.Context()).Val(); n != keys || w.report().Taken > 0 {
		t.Errorf("%d keys were written, %d messages sent", n-keys, w.report().Taken)
	}
}

// A test goes out at once to the number that is named, whatever window and start the
// campaign has, is accounted for, and leaves the campaign's id free.
func TestTestSendsOneMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("worker")
	shut := time.Now().UTC().Add(12 * time.Hour)
	file := w.nxCampaign("sale", w.list("list.csv", 3), "priority: low\nstart_at: 2099-01-01T00:00:00Z\nwindow: {from: \""+
		shut.Format("15:04")+"\", to: \""+shut.Add(time.Hour).Format("15:04")+"\", timezone: UTC}")
	out, code := w.run("producer", "test", file, "--to", "+55 11 98765-4321", "--row", "2", "--json")
	var got struct {
		ID, Phone, State string
		MessageID        string `json:"message_id"`
		Row              int
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != 0 {
		t.Fatalf("exit code %d, %v, %q\n%s", code, err, out, w.logs.tail(3000))
	}
	if got.Phone != "5511987654321" || got.State != "accepted" || got.MessageID == "" || got.Row != 2 || !strings.HasPrefix(got.ID, "test-sale-") {
		t.Errorf("%+v", got)
	}
	sent := w.log()
	if len(sent) != 1 || sent[0].Phone != "5511987654321" {
		t.Errorf("%+v", sent)
	}
	w.judge(got.ID)
	if _, there := w.look("sale"); there {
		t.Error("the campaign's id is used")
	}
	if out, code := w.run("producer", "send", file); code != 0 {
		t.Errorf("send: exit code %d, %s\n%s", code, out, w.logs.tail(500))
	}
	// Nobody gets a test that is refused.
	if _, code := w.run("producer", "suppress", "add", "5511987654321"); code != 0 {
		t.Fatal("suppress failed")
	}
	for want, args := range map[string][]string{
		"is suppressed":        {"--to", "5511987654321"},
		"the number to send":   {"--to", "12"},
		"there is no row 4":    {"--to", "5511987654320", "--row", "4"},
		"the first row below":  {"--to", "5511987654320", "--row=-1"},
		"missing flags: --to=": nil,
	} {
		if _, code := w.run("producer", append([]string{"test", file}, args...)...); code != 2 || !strings.Contains(w.logs.tail(300), want) {
			t.Errorf("%v: exit code %d\n%s", args, code, w.logs.tail(300))
		}
	}
	if n := w.report().Taken; n != 1 {
		t.Errorf("%d messages were sent", n)
	}
}

// A test that nobody waits for any longer is never sent.
func TestTestIsDroppedWhenInterrupted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	file := w.nxCampaign("sale", w.list("list.csv", 1), "")
	p := w.start("producer", "test", file, "--to", "5511987654321")
	var id string
	w.await("the test's campaign is running", time.Minute, func() bool {
		out, _ := w.run("producer", "list")
		for line := range strings.Lines(out) {
			if f := strings.Fields(line); strings.HasPrefix(line, "test-sale-") && strings.Contains(line, "running") {
				id = f[0]
			}
		}
		return id != ""
	})
	p.cmd.Process.Signal(syscall.SIGINT)
	<-p.done
	if a := w.status(id); a.State != "cancelled" || a.Cancelled != 1 {
		t.Errorf("%+v", a)
	}
}
