package nxcloud

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/sender"
)

// The documents' tables, row by row, written out from them and not from the
// code.
func documented() map[sender.Code]sender.Result {
	accountOrTemplate := []int{
		1001, 1003, 1005, 1000, 1006, 1007, 1008, 1009, 21058, 21059, 21060, 21062, 21063, 22020, 22049, 22089, 22092, 22093,
		22123, 22124, 22125, 22126,
	}
	all := map[sender.Code]sender.Result{
		"-1":    {Outcome: sender.Failed},
		"1002":  {Outcome: sender.Rejected, Repeats: true, AtFirst: true},
		"21061": {Outcome: sender.Rejected},
		"22041": {Outcome: sender.Failed},
		"22042": {Outcome: sender.Failed},
		"22090": {Outcome: sender.Rejected, Repeats: true},
		"22091": {Outcome: sender.Rejected},
		"22122": {Outcome: sender.Rejected},
	}
	for _, n := range accountOrTemplate {
		all[sender.Code(strconv.Itoa(n))] = sender.Result{Outcome: sender.Denied}
	}
	for c, r := range all {
		r.Code = c
		all[c] = r
	}
	return all
}

// documentedMeta is the table of Meta's codes.
func documentedMeta() map[int]sender.Result {
	all := map[int]sender.Result{}
	put := func(r sender.Result, codes ...int) {
		for _, c := range codes {
			r.Code = sender.MetaCode(c)
			all[c] = r
		}
	}
	put(sender.Result{Outcome: sender.Failed}, 1, 2, 131000, 131016, 133004)
	put(sender.Result{Outcome: sender.Throttled, RetryAfter: time.Minute}, 131057, 2494100)
	put(sender.Result{Outcome: sender.Throttled, RetryAfter: 10 * time.Minute}, 134101)
	put(sender.Result{Outcome: sender.Throttled}, 4, 80007, 130429)
	put(sender.Result{Outcome: sender.Throttled, Pair: true}, 131056)
	put(sender.Result{Outcome: sender.Rejected}, 131049, 130472, 131026, 130403, 131021, 131047, 470, 130497)
	put(sender.Result{Outcome: sender.Rejected, OptOut: true}, 131050)
	put(sender.Result{Outcome: sender.Rejected, Repeats: true}, 131009, 132000, 132005, 132012, 100, 131008, 132018)
	put(sender.Result{Outcome: sender.Denied}, 131048, 131064, 0, 3, 10, 190, 131005, 368, 131031, 131042, 33, 131037, 131045, 133010,
		134011, 131063, 131055, 134100, 134102, 135000, 131051, 132001, 132007, 132015, 132016, 132068, 132069,
		131053, 131014)
	for n := 200; n <= 299; n++ {
		put(sender.Result{Outcome: sender.Denied}, n)
	}
	return all
}

func TestEveryDocumentedCode(t *testing.T) {
	t.Parallel()
	p := newProvider(t, options())
	for c, want := range documented() {
		for _, form := range []string{
			`{"code":%s,"message":"x","data":null}`, `{"code":"%s","message":"x"}`, `{"code":%s}`,
			`{"data":{},"message":null,"code": %s ,"traceId":"1"}`, `{"code":%s,"message":{"a":1},"data":"x"}`,
		} {
			body := []byte(fmt.Sprintf(form, c))
			for _, status := range []int{200, 400, 401, 403, 500} {
				got := saas(sender.Answer{Status: status, Body: body}, 1)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("HTTP %d %s: %s", status, body, diff)
				}
			}
		}
		if m := p.Meaning(c); m == "" {
			t.Errorf("%s has no meaning", c)
		} else if want.Outcome == sender.Denied && !strings.ContainsAny(m, ";") {
			t.Errorf("%s: %q does not say what to do", c, m)
		}
	}
}

func TestEveryMetaCode(t *testing.T) {
	t.Parallel()
	p := newProvider(t, options())
	for n, want := range documentedMeta() {
		for _, outer := range []int{22042, 22141} {
			body := []byte(fmt.Sprintf(`{"code":%d,"message":"WhatsApp: (#%d) what happened","data":null}`, outer, n))
			if diff := cmp.Diff(want, saas(sender.Answer{Status: 200, Body: body}, 1)); diff != "" {
				t.Errorf("%s: %s", body, diff)
			}
		}
		if p.Meaning(want.Code) == "" {
			t.Errorf("%s has no meaning", want.Code)
		}
		if got, found := sender.MetaResult(n); !found || got != want {
			t.Errorf("%d: %+v, %t", n, got, found)
		}
	}
	if got, found := sender.MetaResult(999999); found || got != (sender.Result{Outcome: sender.Failed, Code: "meta_999999", Unlisted: true}) {
		t.Errorf("unlisted: %+v, %t", got, found)
	}
	if m := p.Meaning("no_message_id"); !strings.Contains(m, "`producer resolve`") {
		t.Errorf("no_message_id does not say what to do: %q", m)
	}
	for _, c := range []sender.Code{"meta_", "meta_x", "meta_-1", "131026x"} {
		if m := p.Meaning(c); m != "" {
			t.Errorf("%s means %q", c, m)
		}
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	const ok = `{"code":0,"message":"","data":{"message_id":"msg-0001"},"traceId":"t1"}`
	accepted := sender.Result{Outcome: sender.Accepted, MessageID: "msg-0001"}
	unknown := func(code sender.Code) sender.Result { return sender.Result{Outcome: sender.Unknown, Code: code} }
	failed := func(code sender.Code) sender.Result { return sender.Result{Outcome: sender.Failed, Code: code} }
	withID := func(code sender.Code) sender.Result {
		return sender.Result{Outcome: sender.Unknown, Code: code + "_with_id", Unlisted: true}
	}
	tests := []struct {
		name   string
		answer sender.Answer
		try    int
		want   sender.Result
	}{
		{"the documented success", sender.Answer{Status: 200, Body: []byte(ok)}, 1, accepted},
		{"201", sender.Answer{Status: 201, Body: []byte(ok)}, 1, accepted},
		{"code as string", sender.Answer{Status: 200, Body: []byte(`{"code":"0","data":{"message_id":"msg-0001"}}`)}, 1, accepted},
		{"id as number", sender.Answer{Status: 200, Body: []byte(`{"code":0,"data":{"message_id":901234567890123456}}`)}, 1, sender.Result{Outcome: sender.Accepted, MessageID: "901234567890123456"}},
		{"no data", sender.Answer{Status: 200, Body: []byte(`{"code":0}`)}, 1, unknown("no_message_id")},
		{"data null", sender.Answer{Status: 200, Body: []byte(`{"code":0,"data":null}`)}, 1, unknown("no_message_id")},
		{"data string", sender.Answer{Status: 200, Body: []byte(`{"code":0,"data":"x"}`)}, 1, unknown("no_message_id")},
		{"data array", sender.Answer{Status: 200, Body: []byte(`{"code":0,"data":[]}`)}, 1, unknown("no_message_id")},
		{"empty id", sender.Answer{Status: 200, Body: []byte(`{"code":0,"data":{"message_id":""}}`)}, 1, unknown("no_message_id")},
		{"null id", sender.Answer{Status: 200, Body: []byte(`{"code":0,"data":{"message_id":null}}`)}, 1, unknown("no_message_id")},
		{"blank id", sender.Answer{Status: 200, Body: []byte(`{"code":0,"data":{"message_id":" "}}`)}, 1, unknown("no_message_id")},
		{"endless id", sender.Answer{Status: 200, Body: []byte(`{"code":0,"data":{"message_id":"` + strings.Repeat("x", 257) + `"}}`)}, 1, unknown("bad_answer")},
		{"no code", sender.Answer{Status: 200, Body: []byte(`{"data":{"message_id":"x"}}`)}, 1, unknown("bad_answer")},
		{"code null", sender.Answer{Status: 200, Body: []byte(`{"code":null}`)}, 1, unknown("bad_answer")},
		{"code true", sender.Answer{Status: 200, Body: []byte(`{"code":true}`)}, 1, unknown("bad_answer")},
		{"code 0.5", sender.Answer{Status: 200, Body: []byte(`{"code":0.5}`)}, 1, unknown("bad_answer")},
		{"code without end", sender.Answer{Status: 200, Body: []byte(`{"code":99999999999999999999}`)}, 1, unknown("bad_answer")},
		{"not JSON", sender.Answer{Status: 200, Body: []byte(`<html>`)}, 1, unknown("bad_answer")},
		{"two values", sender.Answer{Status: 200, Body: []byte(ok + ok)}, 1, unknown("bad_answer")},
		{"half", sender.Answer{Status: 200, Body: []byte(ok[:40])}, 1, unknown("bad_answer")},
		{"empty", sender.Answer{Status: 200}, 1, unknown("bad_answer")},
		{"success under 500", sender.Answer{Status: 500, Body: []byte(ok)}, 1, unknown("http_500")},
		{"success under 503", sender.Answer{Status: 503, Body: []byte(ok)}, 1, unknown("http_503")},
		{"success under 403", sender.Answer{Status: 403, Body: []byte(ok)}, 1, unknown("http_403")},
		{"HTML 502", sender.Answer{Status: 502, Body: []byte(`<html>`)}, 1, unknown("http_502")},
		{"HTML 503", sender.Answer{Status: 503, Body: []byte(`<html>`)}, 1, failed("http_503")},

		{"unlisted", sender.Answer{Status: 200, Body: []byte(`{"code":77777,"message":"x"}`)}, 1, sender.Result{Outcome: sender.Failed, Code: "77777", Unlisted: true}},
		{"22041 and an id", sender.Answer{Status: 200, Body: []byte(`{"code":22041,"data":{"message_id":"msg-0001"}}`)}, 1, withID("22041")},
		{"22091 and an id", sender.Answer{Status: 200, Body: []byte(`{"code":"22091","data":{"message_id":7}}`)}, 1, withID("22091")},
		{"22125 and an id", sender.Answer{Status: 403, Body: []byte(`{"code":22125,"message_id":"x"}`)}, 1, withID("22125")},
		{"Meta's code and an id", sender.Answer{Status: 200, Body: []byte(`{"code":22042,"message":"(#130429)","data":{"messages":[{"id":"wamid.1"}]}}`)}, 1, withID("meta_130429")},
		{"429 and an id", sender.Answer{Status: 429, Body: []byte(`{"data":{"messageId":"x"}}`), RetryAfter: time.Second}, 1, withID("http_429")},
		{"503 and half an id", sender.Answer{Status: 503, Body: []byte(`{"code":-1,"data":{"message_id":"msg-`)}, 1, withID("http_503")},
		{"an empty id is none", sender.Answer{Status: 200, Body: []byte(`{"code":22041,"data":{"message_id":" ","messageId":null,"msgId":0,"messages":[]}}`)}, 1, failed("22041")},
		{"unlisted, limited", sender.Answer{Status: 200, Body: []byte(`{"code":77777,"message":"Appkey access Rate Limit"}`)}, 1, sender.Result{Outcome: sender.Throttled, Code: "77777"}},
		{"limited in Chinese", sender.Answer{Status: 200, Body: []byte(`{"code":-1,"message":"请求频率过高"}`)}, 1, sender.Result{Outcome: sender.Throttled, Code: "-1"}},
		{"limited, another word", sender.Answer{Status: 200, Body: []byte(`{"code":22041,"message":"已限流"}`)}, 1, sender.Result{Outcome: sender.Throttled, Code: "22041"}},
		{"limited, as a sibling product says it", sender.Answer{Status: 200, Body: []byte(`{"code":28,"message":"TPS limit reached"}`)}, 1, sender.Result{Outcome: sender.Throttled, Code: "28"}},
		{"limit exceeded", sender.Answer{Status: 200, Body: []byte(`{"code":22042,"message":"Limit exceeded"}`)}, 1, sender.Result{Outcome: sender.Throttled, Code: "22042"}},
		{"Meta's code before the words", sender.Answer{Status: 200, Body: []byte(`{"code":22042,"message":"(#131048) limit reached"}`)}, 1, sender.Result{Outcome: sender.Denied, Code: "meta_131048"}},
		{"no balance is no pace", sender.Answer{Status: 200, Body: []byte(`{"code":22125,"message":"credit limit exceeded"}`)}, 1, sender.Result{Outcome: sender.Denied, Code: "22125"}},
		{"a template that is limited is no pace", sender.Answer{Status: 200, Body: []byte(`{"code":22093,"message":"template limit reached"}`)}, 1, sender.Result{Outcome: sender.Denied, Code: "22093"}},
		{"a state is no limit", sender.Answer{Status: 200, Body: []byte(`{"code":-1,"message":"LIMIT_EXCEEDED"}`)}, 1, failed("-1")},
		{"a documented refusal stays one", sender.Answer{Status: 200, Body: []byte(`{"code":22125,"message":"rate limit"}`)}, 1, sender.Result{Outcome: sender.Denied, Code: "22125"}},
		{"a gateway's code", sender.Answer{Status: 500, Body: []byte(`{"code":500,"message":"Internal Server Error"}`)}, 1, unknown("http_500")},
		{"a gateway's refusal", sender.Answer{Status: 401, Body: []byte(`{"code":401}`)}, 1, sender.Result{Outcome: sender.Denied, Code: "http_401"}},
		{"a gateway's limit", sender.Answer{Status: 429, Body: []byte(`{"code":429}`), RetryAfter: time.Second}, 1, sender.Result{Outcome: sender.Throttled, Code: "http_429", RetryAfter: time.Second}},
		{"429 and -1", sender.Answer{Status: 429, Body: []byte(`{"code":-1}`), RetryAfter: time.Second}, 1, sender.Result{Outcome: sender.Throttled, Code: "-1", RetryAfter: time.Second}},
		{"503 and -1", sender.Answer{Status: 503, Body: []byte(`{"code":-1}`)}, 1, failed("-1")},
		{"429 and 22091", sender.Answer{Status: 429, Body: []byte(`{"code":22091}`), RetryAfter: time.Second}, 1, sender.Result{Outcome: sender.Rejected, Code: "22091"}},

		{"22141, first", sender.Answer{Status: 200, Body: []byte(`{"code":22141,"message":"x"}`)}, 1, failed("22141")},
		{"22141, again", sender.Answer{Status: 200, Body: []byte(`{"code":22141,"message":"x"}`)}, 2, sender.Result{Outcome: sender.Rejected, Code: "22141"}},
		{"22141, limited", sender.Answer{Status: 200, Body: []byte(`{"code":22141,"message":"rate limit hit"}`)}, 1, sender.Result{Outcome: sender.Throttled, Code: "22141"}},
		{"bare Meta code", sender.Answer{Status: 200, Body: []byte(`{"code":22042,"message":"error 131050, stopped"}`)}, 1, sender.Result{Outcome: sender.Rejected, Code: "meta_131050", OptOut: true}},
		{"a number that is none", sender.Answer{Status: 200, Body: []byte(`{"code":22042,"message":"131050123456 and 13105"}`)}, 1, failed("22042")},
		{"not closed", sender.Answer{Status: 200, Body: []byte(`{"code":22042,"message":"(#1310"}`)}, 1, failed("22042")},
		{"unlisted Meta code", sender.Answer{Status: 200, Body: []byte(`{"code":22141,"message":"(#139999) new"}`)}, 3, sender.Result{Outcome: sender.Failed, Code: "meta_139999", Unlisted: true}},
		{"Meta code elsewhere", sender.Answer{Status: 200, Body: []byte(`{"code":22091,"message":"(#131050)"}`)}, 1, sender.Result{Outcome: sender.Rejected, Code: "22091"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, saas(test.answer, test.try)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEveryStatus(t *testing.T) {
	t.Parallel()
	for status := 200; status <= 599; status++ {
		for _, body := range []string{"", "<html>", "{}", "[]", "null", `{"status":500}`} {
			a := sender.Answer{Status: status, Body: []byte(body)}
			if diff := cmp.Diff(a.ResultByStatus(), saas(a, 1)); diff != "" {
				t.Errorf("%d %q: %s", status, body, diff)
			}
		}
	}
}

// Whatever comes, it is read as something true: Accepted has an id and no code,
// anything else a code and no id, and a status that is no success accepts nothing.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"code":0,"message":"","data":{"message_id":"msg-0001"},"traceId":"t1"}`), 200, 1)
	f.Add([]byte(`{"code":"22141","message":"(#131026) x","data":null}`), 200, 2)
	f.Add([]byte(`{"code":-1,"message":"rate limit"}`), 429, 1)
	f.Add([]byte(`<html>`), 502, 1)
	f.Add([]byte(`{"code":22042,"message":"(#-1)"}`), 200, 1)
	f.Fuzz(func(t *testing.T, body []byte, status, try int) {
		got := saas(sender.Answer{Status: status, Body: body}, try)
		switch {
		case got.Outcome < sender.Accepted || got.Outcome > sender.Denied:
			t.Errorf("no outcome: %+v", got)
		case got.Outcome == sender.Accepted && (got.MessageID == "" || got.Code != "" || status/100 != 2):
			t.Errorf("accepted: %+v", got)
		case got.Outcome != sender.Accepted && (got.Code == "" || got.MessageID != ""):
			t.Errorf("not accepted: %+v", got)
		case got.Outcome != sender.Throttled && (got.RetryAfter != 0 || got.Pair):
			t.Errorf("not throttled: %+v", got)
		case len(got.Code) > 24:
			t.Errorf("a code of %d bytes", len(got.Code))
		}
	})
}

// saas reads an answer as of the SaaS product.
func saas(a sender.Answer, try int) sender.Result {
	p := &Provider{}
	return p.read(a, p.openReply(a.Body), try)
}
