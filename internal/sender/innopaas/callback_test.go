package innopaas

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sluice/internal/sender"
)

func TestReadCallback(t *testing.T) {
	t.Parallel()
	const about = `{"id":"e","type":"whatsapp_message_status_updated","eventTime":"2023-05-25T10:31:08.167Z","body":{"id":"356139161272397824","accountName":"a","wabaId":"1","wamid":"wamid.x",%s}}`
	at := time.Date(2023, 5, 25, 10, 31, 8, 167_000_000, time.UTC)
	const id = "356139161272397824"
	for name, tt := range map[string]struct {
		body  string
		want  sender.Callback
		fails bool
	}{
		"delivered": {
			body: fmt.Sprintf(about, `"status":"delivered","sendPhone":"6281234567890","uid":"abcdefghijkl-1-0-1","currency":"USD"`),
			want: sender.Callback{Receipts: []sender.Receipt{{MessageID: id, Phone: "6281234567890", Reference: "abcdefghijkl-1-0-1", Status: sender.Delivered, Time: at}}},
		},
		"read, of the older page": {
			body: fmt.Sprintf(about, `"status":"read"`),
			want: sender.Callback{Receipts: []sender.Receipt{{MessageID: id, Status: sender.Read, Time: at}}},
		},
		"failed": {
			body: fmt.Sprintf(about, `"status":"failed","sendPhone":6281234567890,"errorData":{"errorCode":"131014","errorMessage":"x"}`),
			want: sender.Callback{Receipts: []sender.Receipt{{MessageID: id, Phone: "6281234567890", Status: sender.Undelivered, Code: "meta_131014", Time: at}}},
		},
		"the vendor's own failure": {
			body: fmt.Sprintf(about, `"status":"SMECL:FAILED"`),
			want: sender.Callback{Receipts: []sender.Receipt{{MessageID: id, Status: sender.Undelivered, Code: "smecl", Time: at}}},
		},
		"unknown status": {body: fmt.Sprintf(about, `"status":"warped"`), want: sender.Callback{Invalid: 1}},
		"template":       {body: `{"type":"whatsapp_template_status_update","body":{}}`, want: sender.Callback{Others: []string{"message_template_status_update"}}},
		"inbound":        {body: `{"type":"whatsapp_mo_message_received","body":{"text":"hi"}}`, want: sender.Callback{Others: []string{"message"}}},
		"no type":        {body: `{"body":{}}`, fails: true},
		"no JSON":        {body: `success`, fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := new(Provider).ReadCallback([]byte(tt.body))
			if diff := cmp.Diff(tt.want, got); diff != "" && !tt.fails || (err != nil) != tt.fails {
				t.Errorf("%v %s", err, diff)
			}
		})
	}
}

// A uid says which submission it was, whatever submission that is.
func TestLocates(t *testing.T) {
	t.Parallel()
	p := new(Provider)
	rapid.Check(t, func(t *rapid.T) {
		ref := sender.Ref{
			Campaign: rapid.StringMatching(`[a-z0-9][a-z0-9-]{0,39}`).Draw(t, "campaign"), Batch: rapid.IntRange(0, 1<<22).Draw(t, "batch"),
			Index: rapid.IntRange(0, 999).Draw(t, "index"), Try: rapid.IntRange(1, 1<<16).Draw(t, "try"),
		}
		got, ok := p.Locates(UID(ref))
		if want := (sender.Located{Tag: p.Tag(ref.Campaign), Batch: ref.Batch, Index: ref.Index, Try: ref.Try}); !ok || got != want {
			t.Fatalf("%s: %+v %v, want %+v", UID(ref), got, ok, want)
		}
	})
	for _, foreign := range []string{"", "x", "c42-000017", "a-1-2", "a-b-c-d-e", "a-1-2-0", "a-1-2--3", "abcdefghijklmnopqrstuvwxyz234567"} {
		if l, ok := p.Locates(foreign); ok {
			t.Errorf("%q: %+v", foreign, l)
		}
	}
}

func FuzzReadCallback(f *testing.F) {
	f.Add([]byte(`{"id":"e","type":"whatsapp_message_status_updated","eventTime":"2023-05-25T10:31:08.167Z","body":{"id":"3","status":"read","sendPhone":"62812345678","uid":"u"}}`))
	p := new(Provider)
	f.Fuzz(func(t *testing.T, body []byte) {
		c, err := p.ReadCallback(body)
		for _, r := range c.Receipts {
			if err != nil || r.Status < sender.Sent || r.Status > sender.Read || r.Phone != "" && !sender.IsNumber(r.Phone) {
				t.Fatalf("%v %+v", err, r)
			}
			_, _ = p.Locates(r.Reference)
		}
	})
}
