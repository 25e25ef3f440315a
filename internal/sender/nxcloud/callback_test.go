package nxcloud

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/sender"
)

func receiver(t testing.TB) *Provider {
	t.Helper()
	p, err := New(Options{TenantID: 1, AppKey: "a", BusinessPhone: "8615800001795", AccessKey: "fme2na3kdi3ki", AccessSecret: "abciiiko2k3"})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Bodies as the documents have them, old and new, and what is in none.
func TestReadCallback(t *testing.T) {
	t.Parallel()
	at := time.Unix(1_657_622_222, 0)
	for name, tt := range map[string]struct {
		body  string
		want  sender.Callback
		fails bool
	}{
		"sent": {
			body: `{"statuses":[{"id":"gBGG1","status":"sent","timestamp":"1657622222","recipient_id":"5511987654321","conversation":{"id":"c","expiration_timestamp":"1657708680","origin":{"type":"marketing"}}}]}`,
			want: sender.Callback{Receipts: []sender.Receipt{{MessageID: "gBGG1", Phone: "5511987654321", Status: sender.Sent, Time: at}}},
		},
		"newest, several, plain": {
			body: `{"app_id":"x","channel":2,"contacts":[{"wa_id":"5511987654321","user_id":"BR.1"}],"wabaId":"1","statuses":[` +
				`{"id":"wamid.1","status":"delivered","timestamp":1657622222,"recipient_id":"+5511987654321","meta_message_id":"m","biz_opaque_callback_data":"ours","costs":[{"price":1}]},` +
				`{"id":"wamid.2","status":"read","timestamp":"1657622222000"}]}`,
			want: sender.Callback{Receipts: []sender.Receipt{
				{MessageID: "wamid.1", Phone: "5511987654321", Status: sender.Delivered, Time: at, Reference: "ours"},
				{MessageID: "wamid.2", Status: sender.Read, Time: at},
			}},
		},
		"failed": {
			body: `{"statuses":[{"errors":[{"code":470,"title":"outside the window"}],"id":"a","recipient_id":"5511987654321","status":"failed","timestamp":"1657622222"},` +
				`{"id":"b","recipient_id":"HK.73374","status":"failed","timestamp":"1657622222","errors":[{"code":"131026"}]},{"id":"c","status":"failed","timestamp":"1657622222"}]}`,
			want: sender.Callback{Receipts: []sender.Receipt{
				{MessageID: "a", Phone: "5511987654321", Status: sender.Undelivered, Code: "meta_470", Time: at},
				{MessageID: "b", Status: sender.Undelivered, Code: "meta_131026", Time: at},
				{MessageID: "c", Status: sender.Undelivered, Code: "other", Time: at},
			}},
		},
		"deleted": {
			body: `{"statuses":[{"id":"a","status":"deleted","timestamp":"1657622222","type":"message","message":{"recipient_id":"1"}}]}`,
			want: sender.Callback{Receipts: []sender.Receipt{{MessageID: "a", Status: sender.Sent, Deleted: true, Time: at}}},
		},
		"one that cannot be read costs no other": {
			body: `{"statuses":[7,{"id":"","status":"sent","timestamp":"1"},{"id":"x","status":"warped","timestamp":"1"},{"id":"x","status":"sent","timestamp":"soon"},{"id":"a","status":"sent","timestamp":"1657622222"}]}`,
			want: sender.Callback{Invalid: 4, Receipts: []sender.Receipt{{MessageID: "a", Status: sender.Sent, Time: at}}},
		},
		"button":   {body: `{"messages":[{"from":"1","type":"button"}]}`, want: sender.Callback{Others: []string{"message"}}},
		"template": {body: `{"field":"message_template_status_update","value":{"event":"PAUSED"}}`, want: sender.Callback{Others: []string{"message_template_status_update"}}},
		"unheard":  {body: `{"field":"something new"}`, want: sender.Callback{Others: []string{"other_event"}}},
		"empty":    {body: `{}`, fails: true},
		"list":     {body: `[]`, fails: true},
		"no JSON":  {body: `<html>`, fails: true},
		"nothing":  {body: ``, fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := receiver(t).ReadCallback([]byte(tt.body))
			if diff := cmp.Diff(tt.want, got); diff != "" && !tt.fails || (err != nil) != tt.fails {
				t.Errorf("%v %s", err, diff)
			}
		})
	}
}

// The vendor's own vectors, with its headers in any case, within five minutes.
func TestSigned(t *testing.T) {
	t.Parallel()
	p := receiver(t)
	body := `{"name":"牛小信","id":10001}`
	at := time.UnixMilli(1_655_710_885_431)
	for name, tt := range map[string]struct {
		sign, body string
		now        time.Time
		signed, ok bool
	}{
		"md5":     {"87c3560d3331ae23f1021e2025722354", body, at, true, true},
		"capital": {"87C3560D3331AE23F1021E2025722354", body, at.Add(4 * time.Minute), true, true},
		"sha256":  {"e0eec2c99ef80f269a82795e2223f618ebfc0616c8b6c8c7d438021ec38ad0eb", body, at, true, true},
		"changed": {"87c3560d3331ae23f1021e2025722354", body + "\n", at, true, false},
		"old":     {"87c3560d3331ae23f1021e2025722354", body, at.Add(6 * time.Minute), true, false},
		"none":    {"", body, at, false, false},
	} {
		h := http.Header{}
		for k, v := range map[string]string{"accesskey": "fme2na3kdi3ki", "action": "send", "biztype": "1", "ts": "1655710885431", "sign": tt.sign} {
			h.Set(k, v)
		}
		if signed, ok := p.Signed(h, []byte(tt.body), tt.now); signed != tt.signed || ok != tt.ok {
			t.Errorf("%s: %v %v", name, signed, ok)
		}
	}
}

func FuzzReadCallback(f *testing.F) {
	f.Add([]byte(`{"statuses":[{"id":"gBGG1","status":"sent","timestamp":"1657622222","recipient_id":"5511987654321"}]}`))
	f.Add([]byte(`{"field":"account_update","value":{}}`))
	p := receiver(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		c, err := p.ReadCallback(body)
		for _, r := range c.Receipts {
			if err != nil || r.MessageID == "" || r.Status < sender.Sent || r.Status > sender.Read || r.Phone != "" && !sender.IsNumber(r.Phone) {
				t.Fatalf("%v %+v", err, r)
			}
		}
	})
}
