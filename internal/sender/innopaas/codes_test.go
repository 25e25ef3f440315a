package innopaas

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/batch"
	"sluice/internal/sender"
)

// several are n recipients with the numbers 4910, 4911 and so on.
func several(n int) []batch.Recipient {
	rs := make([]batch.Recipient, n)
	for i := range rs {
		rs[i] = batch.Recipient{Row: i + 1, Phone: fmt.Sprint(4910 + i)}
	}
	return rs
}

func (r reader) results(a sender.Answer, rs []batch.Recipient) []sender.Result {
	out := make([]sender.Result, len(rs))
	r.read(a, rs, out)
	return out
}

func ok(body string) sender.Answer { return sender.Answer{Status: 200, Body: []byte(body)} }

func result(o sender.Outcome, code sender.Code) sender.Result {
	return sender.Result{Outcome: o, Code: code}
}

func repeats(code sender.Code) sender.Result {
	return sender.Result{Outcome: sender.Rejected, Code: code, Repeats: true}
}

func everybody(n int, r sender.Result) []sender.Result {
	all := make([]sender.Result, n)
	fill(all, r)
	return all
}

// A row of the documents' tables, written out from them and not from the code:
// what it is for one recipient of a template, one of a free text, and each of
// three of a template.
type documented struct{ template, text, three sender.Result }

func table() map[sender.Code]documented {
	all := map[sender.Code]documented{}
	same := func(o sender.Outcome, codes ...sender.Code) {
		for _, c := range codes {
			all[c] = documented{result(o, c), result(o, c), result(o, c)}
		}
	}
	// Of WhatsApp.
	same(sender.Denied, "101", "102", "103", "104", "105", "110", "112", "114", "118", "143")
	// Of SMS alone.
	same(sender.Denied, "116", "117", "119", "126", "128", "129", "132", "135")
	same(sender.Failed, "130")
	same(sender.Throttled, "133")
	daily := sender.Result{Outcome: sender.Throttled, Code: "131", RetryAfter: 15 * time.Minute}
	all["131"] = documented{daily, daily, daily}
	for _, c := range []sender.Code{"106", "123", "124"} { // what is sent
		all[c] = documented{repeats(c), repeats(c), result(sender.Denied, c)}
	}
	for _, c := range []sender.Code{"108", "115", "125"} { // one number
		all[c] = documented{result(sender.Rejected, c), result(sender.Rejected, c), result(sender.Unknown, c)}
	}
	all["134"] = documented{repeats("134"), repeats("134"), result(sender.Unknown, "134")}
	all["109"] = documented{repeats("109"), repeats("109"), result(sender.Denied, "109")}
	return all
}

func TestEveryDocumentedCode(t *testing.T) {
	t.Parallel()
	p := newProvider(t, options())
	success := []string{"0"}
	for c, want := range table() {
		for _, form := range []string{
			`{"code":"%s","message":"x","data":null}`, `{"code":%s,"message":"x"}`, `{"code":" %s "}`,
			`{"data":{},"message":null,"code": %s }`, `{"code":"%s","message":{"a":1},"data":"余额不足 0"}`,
		} {
			body := fmt.Sprintf(form, c)
			for _, status := range []int{200, 201, 400, 401, 403, 500} {
				a := sender.Answer{Status: status, Body: []byte(body)}
				for _, test := range []struct {
					reader reader
					n      int
					want   sender.Result
				}{
					{reader{success: success, template: true}, 1, want.template},
					{reader{success: success}, 1, want.text},
					{reader{success: success, template: true}, 3, want.three},
				} {
					if diff := cmp.Diff(everybody(test.n, test.want), test.reader.results(a, several(test.n))); diff != "" {
						t.Errorf("HTTP %d %s, %d recipients, template %t: %s", status, body, test.n, test.reader.template, diff)
					}
				}
			}
		}
		m := p.Meaning(c)
		if m == "" {
			t.Errorf("%s has no meaning", c)
		}
		if want.template.Outcome == sender.Denied && !strings.Contains(m, ";") {
			t.Errorf("%s: %q does not say what to do", c, m)
		}
	}
}

// Of a refusal of one number, split takes it that nobody was sent to, and has
// each go alone. Nothing else goes alone.
func TestPartialReject(t *testing.T) {
	t.Parallel()
	hold := compile(t, options(), text("x"))
	splits := compile(t, oneOption(func(o *Options) { o.PartialReject = "split" }), text("x"))
	for c := range table() {
		one := c == "108" || c == "115" || c == "125" || c == "134"
		if splits.Alone(c) != one || hold.Alone(c) {
			t.Errorf("%s: goes alone: %t with split, %t with hold", c, splits.Alone(c), hold.Alone(c))
		}
		if !one {
			continue
		}
		a := ok(`{"code":"` + string(c) + `","data":null}`)
		if diff := cmp.Diff(everybody(2, result(sender.Failed, c)), splits.reader.results(a, several(2))); diff != "" {
			t.Error(diff)
		}
		if got := splits.reader.results(a, several(1)); got[0].Outcome != sender.Rejected {
			t.Errorf("%s alone: %+v", c, got[0])
		}
	}
	for _, c := range []sender.Code{"", "0", "999", "timeout", "http_503"} {
		if splits.Alone(c) {
			t.Errorf("%q goes alone", c)
		}
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	const id = "701000000000000042"
	took := sender.Result{Outcome: sender.Accepted, MessageID: id}
	noID, wrong := result(sender.Unknown, "no_message_id"), result(sender.Rejected, "error_phone")
	unlisted := func(o sender.Outcome, c sender.Code) sender.Result {
		return sender.Result{Outcome: o, Code: c, Unlisted: true}
	}
	throttled := func(c sender.Code, wait time.Duration) sender.Result {
		return sender.Result{Outcome: sender.Throttled, Code: c, RetryAfter: wait}
	}
	tests := []struct {
		name   string
		answer sender.Answer
		want   []sender.Result // as many as there are recipients
	}{
		{"the documented success", ok(`{"code":"0","message":"提交成功","data":"` + id + `"}`), []sender.Result{took}},
		{"of three", ok(`{"code":"0","message":"","data":"` + id + `"}`), everybody(3, took)},
		{"code and data as numbers", ok(`{"code":0,"data":` + id + `}`), everybody(2, took)},
		{"201", sender.Answer{Status: 201, Body: []byte(`{"code":"0","data":"` + id + `"}`)}, []sender.Result{took}},
		{"messageId", ok(`{"code":"0","data":{"messageId":"` + id + `","errorPhone":[]}}`), everybody(2, took)},
		{"message_id", ok(`{"code":"0","data":{"messageId":null,"message_id":` + id + `}}`), everybody(2, took)},
		{"id", ok(`{"code":"0","data":{"id":"` + id + `","errorPhone":null}}`), everybody(2, took)},
		{"an array of one", ok(`{"code":"0","data":["` + id + `"]}`), everybody(2, took)},
		{"an id each", ok(`{"code":"0","data":["a",7,{"messageId":"c"}]}`), []sender.Result{
			{Outcome: sender.Accepted, MessageID: "a"}, {Outcome: sender.Accepted, MessageID: "7"}, {Outcome: sender.Accepted, MessageID: "c"},
		}},
		{"an id each, but one", ok(`{"code":"0","data":{"id":["a",null,{}]}}`), []sender.Result{{Outcome: sender.Accepted, MessageID: "a"}, noID, noID}},
		{"an array of two for three", ok(`{"code":"0","data":["a","b"]}`), everybody(3, noID)},
		{"an array of three for two", ok(`{"code":"0","data":["a","b","c"]}`), everybody(2, noID)},
		{"an empty array", ok(`{"code":"0","data":[]}`), everybody(2, noID)},
		{"data null", ok(`{"code":"0","data":null}`), everybody(2, noID)},
		{"no data", ok(`{"code":"0"}`), []sender.Result{noID}},
		{"empty data", ok(`{"code":"0","data":" "}`), []sender.Result{noID}},
		{"data true", ok(`{"code":"0","data":true}`), []sender.Result{noID}},
		{"an object without id", ok(`{"code":"0","data":{"x":1}}`), []sender.Result{noID}},
		{"an endless id", ok(`{"code":"0","data":"` + strings.Repeat("x", 257) + `"}`), []sender.Result{result(sender.Unknown, "bad_answer")}},

		{"a wrong number", ok(`{"code":"0","data":{"messageId":"` + id + `","errorPhone":["4911"]}}`), []sender.Result{took, wrong, took}},
		{"written otherwise", ok(`{"code":"0","data":{"messageId":"` + id + `","errorPhone":["+49 10",4912]}}`), []sender.Result{wrong, took, wrong}},
		{"as one text", ok(`{"code":"0","data":{"messageId":"` + id + `","errorPhone":"4911, 4912"}}`), []sender.Result{took, wrong, wrong}},
		{"all, and no id", ok(`{"code":"0","data":{"messageId":"","errorPhone":["4911","4910"]}}`), []sender.Result{wrong, wrong}},
		{"one, and no id", ok(`{"code":"0","data":{"errorPhone":["4911"]}}`), []sender.Result{noID, wrong}},
		{"nobody's number", ok(`{"code":"0","data":{"messageId":"` + id + `","errorPhone":["0","4911"]}}`), []sender.Result{result(sender.Unknown, "error_phone"), wrong, result(sender.Unknown, "error_phone")}},
		{"of one recipient", ok(`{"code":"0","data":{"messageId":"` + id + `","errorPhone":["10"]}}`), []sender.Result{wrong}},
		{"an empty text", ok(`{"code":"0","data":{"messageId":"` + id + `","errorPhone":""}}`), everybody(2, took)},

		{"no code", ok(`{"data":"` + id + `"}`), []sender.Result{result(sender.Unknown, "bad_answer")}},
		{"code null", ok(`{"code":null}`), []sender.Result{result(sender.Unknown, "bad_answer")}},
		{"code true", ok(`{"code":true}`), []sender.Result{result(sender.Unknown, "bad_answer")}},
		{"a word", ok(`{"code":"ERROR"}`), []sender.Result{result(sender.Unknown, "bad_answer")}},
		{"a fraction", ok(`{"code":0.5}`), []sender.Result{result(sender.Unknown, "bad_answer")}},
		{"a code without end", ok(`{"code":99999999999}`), []sender.Result{result(sender.Unknown, "bad_answer")}},
		{"not JSON", ok(`<html>`), everybody(2, result(sender.Unknown, "bad_answer"))},
		{"two values", ok(`{"code":"0","data":"1"}{"code":"0"}`), []sender.Result{result(sender.Unknown, "bad_answer")}},
		{"half", ok(`{"code":"0","data":"33`), []sender.Result{result(sender.Unknown, "bad_answer")}},
		{"success under 500", sender.Answer{Status: 500, Body: []byte(`{"code":"0","data":"1"}`)}, everybody(2, result(sender.Unknown, "http_500"))},
		{"success under 503", sender.Answer{Status: 503, Body: []byte(`{"code":"0","data":"1"}`)}, []sender.Result{result(sender.Unknown, "http_503")}},

		{"a sibling's success", ok(`{"code":"000000","data":"1"}`), everybody(2, unlisted(sender.Unknown, "000000"))},
		{"without data", ok(`{"code":"000000","data":null}`), []sender.Result{unlisted(sender.Unknown, "000000")}},
		{"unlisted", ok(`{"code":"777","message":"x","data":null}`), everybody(2, unlisted(sender.Failed, "777"))},
		{"unlisted, no data", ok(`{"code":-1,"data":{}}`), []sender.Result{unlisted(sender.Failed, "-1")}},
		{"unlisted, with an id", ok(`{"code":200,"data":"` + id + `"}`), []sender.Result{unlisted(sender.Unknown, "200_with_id")}},
		{"unlisted, with an id in an object", ok(`{"code":200,"data":{"messageId":"1","errorPhone":["4910"]}}`), []sender.Result{unlisted(sender.Unknown, "200_with_id")}},
		{"unlisted, with ids", ok(`{"code":200,"data":["1","2"]}`), everybody(3, unlisted(sender.Unknown, "200_with_id"))},

		{"limited", ok(`{"code":"777","message":"appkey access Rate Limit"}`), everybody(2, throttled("777", 0))},
		{"limited in Chinese", ok(`{"code":"130","message":"请求频率过高"}`), []sender.Result{throttled("130", 0)}},
		{"limited, another word", ok(`{"code":130,"message":"已限流"}`), []sender.Result{throttled("130", 0)}},
		{"limited, in other words", ok(`{"code":"777","message":"TPS limit reached"}`), everybody(2, throttled("777", 0))},
		{"limit exceeded", ok(`{"code":"130","message":"Limit exceeded"}`), []sender.Result{throttled("130", 0)}},
		{"the day's limit waits as the day's", ok(`{"code":"131","message":"daily limit reached"}`), []sender.Result{throttled("131", 15*time.Minute)}},
		{"the month's limit is no pace", ok(`{"code":"132","message":"monthly limit exceeded"}`), []sender.Result{result(sender.Denied, "132")}},
		{"no balance is no pace", ok(`{"code":"110","message":"credit limit exceeded"}`), []sender.Result{result(sender.Denied, "110")}},
		{"a number's own limit is no pace", ok(`{"code":"125","message":"limit exceeded"}`), []sender.Result{result(sender.Rejected, "125")}},
		{"a documented refusal stays one", ok(`{"code":"110","message":"rate limit"}`), []sender.Result{result(sender.Denied, "110")}},
		{"429 and 130", sender.Answer{Status: 429, Body: []byte(`{"code":"130"}`), RetryAfter: time.Second}, []sender.Result{throttled("130", time.Second)}},
		{"503 and 130", sender.Answer{Status: 503, Body: []byte(`{"code":"130"}`)}, []sender.Result{result(sender.Failed, "130")}},
		{"133 with a wait", sender.Answer{Status: 200, Body: []byte(`{"code":"133"}`), RetryAfter: time.Minute}, []sender.Result{throttled("133", time.Minute)}},
		{"131 with a longer wait", sender.Answer{Status: 200, Body: []byte(`{"code":"131"}`), RetryAfter: 2 * time.Hour}, []sender.Result{throttled("131", 2*time.Hour)}},
		{"a gateway's code", sender.Answer{Status: 500, Body: []byte(`{"code":500}`)}, []sender.Result{result(sender.Unknown, "http_500")}},
		{"a gateway's refusal", sender.Answer{Status: 401, Body: []byte(`{"code":"401"}`)}, []sender.Result{result(sender.Denied, "http_401")}},
		{"a gateway's limit", sender.Answer{Status: 429, Body: []byte(`{"code":429}`), RetryAfter: time.Second}, []sender.Result{throttled("http_429", time.Second)}},

		{"Meta's code", ok(`{"code":"130","message":"(#131026) Message undeliverable"}`), []sender.Result{result(sender.Rejected, "meta_131026")}},
		{"Meta's code for several", ok(`{"code":"130","message":"(#131026) Message undeliverable"}`), everybody(2, result(sender.Unknown, "meta_131026"))},
		{"Meta's code of one row's values", ok(`{"code":"130","message":"(#100) Invalid parameter"}`), []sender.Result{repeats("meta_100")}},
		{"Meta's code of values that several share", ok(`{"code":"130","message":"(#132018) x"}`), everybody(2, result(sender.Denied, "meta_132018"))},
		{"Meta's code of a value that may be a number", ok(`{"code":"130","message":"(#131009) x"}`), everybody(2, result(sender.Unknown, "meta_131009"))},
		{"Meta's pair limit", ok(`{"code":"999","message":"x (#131056) y"}`), []sender.Result{{Outcome: sender.Throttled, Code: "meta_131056", Pair: true}}},
		{"Meta's pair limit with a wait", sender.Answer{Status: 200, Body: []byte(`{"code":"999","message":"(#131056)"}`), RetryAfter: time.Second}, []sender.Result{{Outcome: sender.Throttled, Code: "meta_131056", Pair: true}}},
		{"Meta's pair limit for several", ok(`{"code":"999","message":"x (#131056) y"}`), everybody(2, result(sender.Unknown, "meta_131056"))},
		{"Meta's limit for several", ok(`{"code":"999","message":"(#130429)"}`), everybody(2, throttled("meta_130429", 0))},
		{"no code of Meta's", ok(`{"code":"130","message":"(#99999999) x"}`), []sender.Result{result(sender.Failed, "130")}},
		{"not closed", ok(`{"code":"130","message":"(#131026"}`), []sender.Result{result(sender.Failed, "130")}},
		{"Meta's code beside a documented one", ok(`{"code":"110","message":"(#131026)"}`), []sender.Result{result(sender.Denied, "110")}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := reader{success: []string{"0"}, template: true}.results(test.answer, several(len(test.want)))
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A failure that names a message is in doubt, whatever its code and status.
func TestFailuresThatNameAMessage(t *testing.T) {
	t.Parallel()
	p := newProvider(t, options())
	codes := []sender.Code{"77777", "-1"}
	for c := range table() {
		codes = append(codes, c)
	}
	for _, c := range codes {
		for _, form := range []string{
			`{"code":"%s","message":"x","data":"901234567890123456"}`, `{"code":"%s","data":901234567890123456}`,
			`{"code":"%s","data":{"messageId":"a"}}`, `{"code":"%s","data":{"id":7,"errorPhone":["4910"]}}`,
			`{"code":"%s","data":["901234567890123456"]}`, `{"code":"%s","data":[{"message_id":"a"}]}`, `{"code":"%s","messageId":"a"}`,
		} {
			for _, status := range []int{200, 400, 429, 503} {
				for _, r := range []reader{{success: []string{"0"}}, {success: []string{"0"}, split: true, template: true}} {
					a := sender.Answer{Status: status, Body: []byte(fmt.Sprintf(form, c)), RetryAfter: time.Second}
					for _, got := range r.results(a, several(2)) {
						want := sender.Result{Outcome: sender.Unknown, Code: got.Code, Unlisted: true}
						if got != want && got.Code != c {
							t.Errorf("HTTP %d %s: %+v", status, a.Body, got)
						}
						if got.Outcome != sender.Unknown || p.Meaning(got.Code) == "" {
							t.Errorf("HTTP %d %s: %+v, which means %q", status, a.Body, got, p.Meaning(got.Code))
						}
					}
				}
			}
		}
	}
}

func TestSuccessCodes(t *testing.T) {
	t.Parallel()
	r := reader{success: []string{"000000", "OK"}}
	for _, c := range []string{"000000", "OK"} {
		if got := r.results(ok(`{"code":"`+c+`","data":"1"}`), several(1)); got[0] != (sender.Result{Outcome: sender.Accepted, MessageID: "1"}) {
			t.Errorf("%s: %+v", c, got[0])
		}
	}
	if got := r.results(ok(`{"code":"0","data":"1"}`), several(1)); got[0].Outcome != sender.Unknown {
		t.Errorf("0, which is not among the codes of success: %+v", got[0])
	}
}

func TestEveryStatus(t *testing.T) {
	t.Parallel()
	for status := 200; status <= 599; status++ {
		for _, body := range []string{"", "<html>", "{}", "[]", "null", `{"status":500}`, `{"code":"UNAUTHORIZED"}`} {
			a := sender.Answer{Status: status, Body: []byte(body), RetryAfter: time.Second}
			if diff := cmp.Diff(everybody(2, a.ResultByStatus()), (reader{success: []string{"0"}}).results(a, several(2))); diff != "" {
				t.Errorf("%d %q: %s", status, body, diff)
			}
		}
	}
}

func TestMeaning(t *testing.T) {
	t.Parallel()
	p := newProvider(t, options())
	for _, c := range []sender.Code{"no_message_id", "error_phone", "000000", "meta_131026", "timeout", "reset", "refused", "dns", "tls", "bad_answer", "http_503", "http_429"} {
		if p.Meaning(c) == "" {
			t.Errorf("%s has no meaning", c)
		}
	}
	if m := p.Meaning("no_message_id"); !strings.Contains(m, "`producer resolve`") {
		t.Errorf("no_message_id does not say what to do: %q", m)
	}
	for _, c := range []sender.Code{"", "777", "x", "meta_x", token} {
		if m := p.Meaning(c); m != "" {
			t.Errorf("%q means %q", c, m)
		}
	}
}

// Whatever comes, it is read as something true for each recipient.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"code":"0","message":"","data":"701000000000000042"}`), 200, 1, false)
	f.Add([]byte(`{"code":0,"data":{"messageId":"1","errorPhone":["4911","x"]}}`), 200, 3, false)
	f.Add([]byte(`{"code":"0","data":[1,{"id":2},null]}`), 200, 3, true)
	f.Add([]byte(`{"code":"108","message":"(#131026) x","data":null}`), 200, 2, true)
	f.Add([]byte(`{"code":"000000","message":"rate limit"}`), 429, 1, false)
	f.Add([]byte(`<html>`), 502, 1, false)
	f.Fuzz(func(t *testing.T, body []byte, status, n int, split bool) {
		if n < 1 || n > 20 {
			t.Skip()
		}
		for _, got := range (reader{success: []string{"0"}, split: split}).results(sender.Answer{Status: status, Body: body, RetryAfter: time.Second}, several(n)) {
			switch {
			case got.Outcome < sender.Accepted || got.Outcome > sender.Denied:
				t.Errorf("no outcome: %+v", got)
			case got.Outcome == sender.Accepted && (got.MessageID == "" || got.Code != "" || status/100 != 2):
				t.Errorf("accepted: %+v", got)
			case got.Outcome != sender.Accepted && (got.Code == "" || got.MessageID != ""):
				t.Errorf("not accepted: %+v", got)
			case got.Outcome != sender.Throttled && (got.RetryAfter != 0 || got.Pair):
				t.Errorf("not throttled: %+v", got)
			case got.Repeats && got.Outcome != sender.Rejected:
				t.Errorf("repeats: %+v", got)
			case n > 1 && got.Outcome == sender.Rejected && got.Code != codeErrorPhone && !strings.HasPrefix(string(got.Code), "106") && got.Code != "123" && got.Code != "124":
				t.Errorf("one of several is refused for good: %+v", got)
			case len(got.Code) > 24:
				t.Errorf("a code of %d bytes", len(got.Code))
			}
		}
	})
}
