// Package sendertest is the suite that every provider passes: whatever the
// network and the other end do, each recipient gets an outcome that is true,
// nothing is sent twice, and no credential, number or text comes back in it.
package sendertest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice/internal/batch"
	"sluice/internal/sender"
)

// Timeout is what a Subject gives its providers: long enough for a machine
// under load, short enough to wait for.
const Timeout = 2 * time.Second

// A Subject is the provider under test.
type Subject struct {
	// New makes a provider that talks to baseURL with the given timeout.
	New func(t testing.TB, baseURL string, timeout time.Duration) sender.Provider
	// Message needs the columns "name" alone.
	Message sender.Message
	// Accepted is the body of a success for n recipients, whose message_ids
	// are then as the provider's documents say.
	Accepted func(n int) []byte
	// Refused is the body of an answer with a code that is no success, which
	// names a message_id all the same; Codes are some of every sort, among them
	// one that is in no table.
	Refused func(code string) []byte
	Codes   []string
	// Answers are bodies to meet beside those that the suite brings.
	Answers []string
	// Secrets must be in no Result and no Meaning.
	Secrets []string
}

// Run runs the suite.
func Run(t *testing.T, s Subject) {
	t.Run("accepted", s.accepted)
	t.Run("refused", s.refused)
	t.Run("hung up", s.hungUp)
	t.Run("timeout", s.timeout)
	t.Run("cancelled", s.cancelled)
	t.Run("redirect", s.redirect)
	t.Run("any status", s.anyStatus)
	t.Run("any answer", s.anyAnswer)
	t.Run("refused, with a message_id", s.refusedWithID)
	t.Run("broken off, with a message_id", s.brokenWithID)
	t.Run("concurrent", s.concurrent)
	t.Run("previewed", s.previewed)
}

// Fuzz feeds answers to a submission of one recipient.
func Fuzz(f *testing.F, s Subject) {
	var mu sync.Mutex
	status, body := 200, []byte(nil)
	url := listen(f, func(c net.Conn, r *bufio.Reader) bool {
		if !readRequest(r) {
			return false
		}
		mu.Lock()
		defer mu.Unlock()
		writeAnswer(c, status, "", body)
		return true
	})
	submitter := s.compile(f, url, Timeout)
	f.Add(200, s.Accepted(1))
	for _, answer := range append(answers(), s.Answers...) {
		f.Add(200, []byte(answer))
	}
	f.Fuzz(func(t *testing.T, withStatus int, answer []byte) {
		if withStatus < 200 || withStatus > 599 || withStatus == 204 || withStatus == 304 {
			t.Skip() // the last two have no body by HTTP
		}
		mu.Lock()
		status, body = withStatus, answer
		mu.Unlock()
		s.check(t, s.submit(submitter, recipients(1), 1))
	})
}

func (s Subject) accepted(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	submitter := s.compile(t, listen(t, func(c net.Conn, r *bufio.Reader) bool {
		if !readRequest(r) {
			return false
		}
		requests.Add(1)
		writeAnswer(c, 200, "", s.Accepted(1))
		return true
	}), Timeout)
	if n := submitter.MaxRecipients(); n < 1 || n > batch.MaxRecipients {
		t.Errorf("%d recipients a submission", n)
	}
	rs := recipients(1)
	if err := submitter.Check(&rs[0]); err != nil {
		t.Errorf("checking a good recipient: %v", err)
	}
	for _, result := range s.submit(submitter, rs, 1) {
		if result.Outcome != sender.Accepted {
			t.Errorf("got %+v, want accepted", result)
		}
		s.check(t, []sender.Result{result})
	}
	if n := requests.Load(); n != 1 {
		t.Errorf("%d requests for one submission", n)
	}
}

func (s Subject) refused(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	submitter := s.compile(t, "http://"+l.Addr().String(), Timeout)
	s.want(t, s.submit(submitter, s.several(submitter), 1), sender.Failed, "refused")
}

func (s Subject) hungUp(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	submitter := s.compile(t, listen(t, func(_ net.Conn, r *bufio.Reader) bool {
		if readRequest(r) {
			requests.Add(1)
		}
		return false
	}), Timeout)
	s.want(t, s.submit(submitter, s.several(submitter), 1), sender.Unknown, "reset")
	if n := requests.Load(); n != 1 {
		t.Errorf("%d requests for one submission", n)
	}
}

func (s Subject) timeout(t *testing.T) {
	t.Parallel()
	submitter := s.compile(t, listen(t, func(_ net.Conn, r *bufio.Reader) bool {
		_, _ = io.Copy(io.Discard, r)
		return false
	}), 100*time.Millisecond)
	s.want(t, s.submit(submitter, s.several(submitter), 1), sender.Unknown, "timeout")
}

// cancelled wants the answer that comes in spite of it, or a doubt.
func (s Subject) cancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	submitter := s.compile(t, listen(t, func(c net.Conn, r *bufio.Reader) bool {
		if !readRequest(r) {
			return false
		}
		cancel() // the provider has it
		writeAnswer(c, 200, "", s.Accepted(1))
		return true
	}), Timeout)
	rs := recipients(1)
	out := poisoned(1)
	submitter.Submit(ctx, ref(1), rs, out)
	if out[0].Outcome != sender.Accepted && out[0].Outcome != sender.Unknown {
		t.Errorf("got %+v after the provider had the message", out[0])
	}
}

func (s Subject) redirect(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	submitter := s.compile(t, listen(t, func(c net.Conn, r *bufio.Reader) bool {
		if !readRequest(r) {
			return false
		}
		requests.Add(1)
		writeAnswer(c, 307, "Location: /elsewhere\r\n", nil)
		return true
	}), Timeout)
	s.want(t, s.submit(submitter, s.several(submitter), 1), sender.Denied, "http_307")
	if n := requests.Load(); n != 1 {
		t.Errorf("%d requests: the redirect was followed", n)
	}
}

func (s Subject) anyStatus(t *testing.T) {
	t.Parallel()
	var status atomic.Int32
	submitter := s.compile(t, listen(t, func(c net.Conn, r *bufio.Reader) bool {
		if !readRequest(r) {
			return false
		}
		writeAnswer(c, int(status.Load()), "", []byte("<html>"))
		return true
	}), Timeout)
	for code := 200; code <= 599; code++ {
		if code == 204 || code == 304 {
			continue // have no body by HTTP
		}
		status.Store(int32(code))
		want := sender.Answer{Status: code}.ResultByStatus()
		for _, got := range s.submit(submitter, s.several(submitter), 1) {
			if got != want {
				t.Errorf("HTTP %d: got %+v, want %+v", code, got, want)
			}
		}
	}
}

func (s Subject) anyAnswer(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var body []byte
	status := 0
	submitter := s.compile(t, listen(t, func(c net.Conn, r *bufio.Reader) bool {
		if !readRequest(r) {
			return false
		}
		mu.Lock()
		defer mu.Unlock()
		writeAnswer(c, status, "Retry-After: 1\r\n", body)
		return true
	}), Timeout)
	for _, answer := range append(append(answers(), string(s.Accepted(1))), s.Answers...) {
		for _, code := range []int{200, 400, 429, 500, 503} {
			for try := 1; try <= 2; try++ {
				mu.Lock()
				status, body = code, []byte(answer)
				mu.Unlock()
				s.check(t, s.submit(submitter, s.several(submitter), try))
			}
		}
	}
}

// refusedWithID wants a doubt wherever a failure names a message: what has an id
// may be on its way, and is not sent again. And one request, whatever the code.
func (s Subject) refusedWithID(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var body []byte
	status, requests := 0, 0
	submitter := s.compile(t, listen(t, func(c net.Conn, r *bufio.Reader) bool {
		if !readRequest(r) {
			return false
		}
		mu.Lock()
		defer mu.Unlock()
		requests++
		writeAnswer(c, status, "Retry-After: 1\r\n", body)
		return true
	}), Timeout)
	if len(s.Codes) == 0 {
		t.Fatal("the subject has no codes")
	}
	for _, code := range s.Codes {
		for _, with := range []int{200, 400, 403, 429, 500, 503} {
			for try := 1; try <= 2; try++ {
				mu.Lock()
				status, body, requests = with, s.Refused(code), 0
				mu.Unlock()
				for _, got := range s.submit(submitter, s.several(submitter), try) {
					s.check(t, []sender.Result{got})
					if got.Outcome != sender.Accepted && got.Outcome != sender.Unknown {
						t.Errorf("HTTP %d, code %s and a message_id: %+v, want accepted or unknown", with, code, got)
					}
					if got.Outcome == sender.Unknown && submitter.provider.Meaning(got.Code) == "" {
						t.Errorf("HTTP %d, code %s and a message_id: %s has no meaning", with, code, got.Code)
					}
				}
				mu.Lock()
				if requests != 1 {
					t.Errorf("HTTP %d, code %s and a message_id: %d requests", with, code, requests)
				}
				mu.Unlock()
			}
		}
	}
}

// brokenWithID is refusedWithID where the end of the answer never comes.
func (s Subject) brokenWithID(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 400, 429, 503} {
		submitter := s.compile(t, listen(t, func(c net.Conn, r *bufio.Reader) bool {
			if readRequest(r) {
				_, _ = fmt.Fprintf(c, "HTTP/1.1 %d X\r\nContent-Length: 9999\r\n\r\n%s", status, `{"code":-1,"data":{"message_id":"m1"},`)
			}
			return false
		}), Timeout)
		s.want(t, s.submit(submitter, s.several(submitter), 1), sender.Unknown, "bad_answer")
	}
}

func (s Subject) concurrent(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	submitter := s.compile(t, listen(t, func(c net.Conn, r *bufio.Reader) bool {
		if !readRequest(r) {
			return false
		}
		requests.Add(1)
		writeAnswer(c, 200, "", s.Accepted(1))
		return true
	}), 10*Timeout)
	const workers, each = 8, 25
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range each {
				rs := recipients(1)
				_ = submitter.Key(&rs[0])
				for _, result := range s.submit(submitter, rs, 1) {
					if result.Outcome != sender.Accepted {
						t.Errorf("got %+v", result)
					}
				}
			}
		})
	}
	wg.Wait()
	if n := requests.Load(); n != workers*each {
		t.Errorf("%d requests for %d submissions", n, workers*each)
	}
}

// previewed holds what a preview shows against what is sent, byte for byte but
// for the account's keys.
func (s Subject) previewed(t *testing.T) {
	t.Parallel()
	sent := make(chan string, 1)
	submitter := s.compile(t, listen(t, func(c net.Conn, r *bufio.Reader) bool {
		request, err := http.ReadRequest(r)
		if err != nil {
			return false
		}
		body, err := io.ReadAll(request.Body)
		if err != nil {
			return false
		}
		sent <- request.Method + " " + request.URL.Path + " " + string(body)
		writeAnswer(c, 200, "", s.Accepted(1))
		return true
	}), Timeout)
	previewer, ok := submitter.Submitter.(sender.Previewer)
	if !ok {
		t.Fatal("there is no preview")
	}
	rs := recipients(1)
	request := previewer.Preview(sender.Ref{Campaign: "c", Batch: 1, Index: 0, Try: 1}, &rs[0])
	for _, secret := range s.Secrets {
		if !sender.IsNumber(secret) && strings.Contains(string(request.Body), secret) {
			t.Errorf("the preview shows a secret: %s", request.Body)
		}
	}
	out := make([]sender.Result, 1)
	submitter.Submit(t.Context(), sender.Ref{Campaign: "c", Batch: 1, Index: 0, Try: 1}, rs, out)
	address, err := url.Parse(request.URL)
	if err != nil {
		t.Fatal(err)
	}
	shown, really := request.Method+" "+address.Path+" "+string(request.Body), <-sent
	if unmasked(shown) != unmasked(really) {
		t.Errorf("shown:\n%s\nsent:\n%s", shown, really)
	}
	if !json.Valid(request.Body) {
		t.Errorf("no JSON: %s", request.Body)
	}
}

// keysOf are the account's keys in a body.
var keysOf = regexp.MustCompile(`"(tenant_id|appkey|dr_webhook)":("[^"]*"|[0-9]+)`)

func unmasked(request string) string { return keysOf.ReplaceAllString(request, `"$1":0`) }

// compile makes a submitter for a provider at url.
func (s Subject) compile(t testing.TB, url string, timeout time.Duration) checked {
	t.Helper()
	p := s.New(t, url, timeout)
	submitter, err := p.Compile(s.Message, []batch.Column{{Name: "name", Required: true}})
	if err != nil {
		t.Fatalf("compiling: %v", err)
	}
	return checked{Submitter: submitter, provider: p}
}

// A checked is a Submitter and its Provider.
type checked struct {
	sender.Submitter
	provider sender.Provider
}

func (s Subject) submit(c checked, rs []batch.Recipient, try int) []sender.Result {
	out := poisoned(len(rs))
	c.Submit(context.Background(), ref(try), rs, out)
	return out
}

// several are as many recipients as one submission may carry, up to three.
func (s Subject) several(c checked) []batch.Recipient {
	return recipients(min(3, c.MaxRecipients()))
}

func (s Subject) want(t *testing.T, results []sender.Result, outcome sender.Outcome, code sender.Code) {
	t.Helper()
	for _, result := range results {
		if result != (sender.Result{Outcome: outcome, Code: code}) {
			t.Errorf("got %+v, want %v %s", result, outcome, code)
		}
	}
	s.check(t, results)
}

// check holds every Result to what the contract says of all of them.
func (s Subject) check(t testing.TB, results []sender.Result) {
	t.Helper()
	for _, r := range results {
		switch {
		case r.Outcome < sender.Accepted || r.Outcome > sender.Denied:
			t.Errorf("%+v: no outcome", r)
		case r.Code == poison:
			t.Errorf("%+v: was not set", r)
		case r.Outcome == sender.Accepted && (r.MessageID == "" || r.Code != ""):
			t.Errorf("%+v: accepted has a message_id and no code", r)
		case r.Outcome != sender.Accepted && (r.MessageID != "" || r.Code == ""):
			t.Errorf("%+v: what is not accepted has a code and no message_id", r)
		case r.Outcome != sender.Throttled && (r.RetryAfter != 0 || r.Pair):
			t.Errorf("%+v: only Throttled waits", r)
		case r.Repeats && r.Outcome != sender.Rejected:
			t.Errorf("%+v: only Rejected repeats", r)
		}
		for _, secret := range append([]string{firstPhone, varMarker}, s.Secrets...) {
			if strings.Contains(string(r.Code), secret) {
				t.Error("a code holds a credential, a number or a text")
			}
		}
	}
}

const (
	poison     = "was never set"
	firstPhone = "4917012345"
	varMarker  = "marker-value"
)

// poisoned is an out in which it shows what was not set.
func poisoned(n int) []sender.Result {
	out := make([]sender.Result, n)
	for i := range out {
		out[i] = sender.Result{Code: poison, MessageID: poison, Pair: true, RetryAfter: time.Hour}
	}
	return out
}

func recipients(n int) []batch.Recipient {
	rs := make([]batch.Recipient, n)
	for i := range rs {
		rs[i] = batch.Recipient{Row: i + 1, Phone: fmt.Sprintf("%s%03d", firstPhone, i), Vars: []string{varMarker}}
	}
	return rs
}

func ref(try int) sender.Ref {
	return sender.Ref{Campaign: "spring-sale", Batch: 17, Index: 3, Try: try}
}

// answers are what a server may say that is no success.
func answers() []string {
	all := []string{
		"", " ", "null", "true", "0", `""`, "[]", "{}", "{", "[[[[[[", "<html><body>Bad gateway</body></html>", "\xef\xbb\xbf{}", "\x00\x01",
		`{"code":null}`, `{"code":{}}`, `{"code":[]}`, `{"code":""}`, `{"code":"0"}`, `{"code":0}`, `{"code":0,"data":null}`,
		`{"code":0,"data":""}`, `{"code":0,"data":[]}`, `{"code":0,"data":{}}`, `{"code":"0","data":{"message_id":null,"messageId":null}}`,
		`{"code":-1,"message":null,"data":null}`, `{"code":"xyz","message":"` + varMarker + `"}`, `{"code":1e3}`, `{"code":1.5}`,
		`{"code":99999999999999999999999999}`, `{"code":-0}`, `{"code":77777,"message":"\ud800"}`, `{"code":"` + firstPhone + `000"}`,
		strings.Repeat("[", 20_000), `{"code":` + strings.Repeat("9", 10_000) + `}`, `{"message":"` + strings.Repeat("x", 100_000) + `"}`,
	}
	return all
}

// listen serves the connections of a listener on 127.0.0.1; serve is called
// until it returns false, and then the connection is closed.
func listen(t testing.TB, serve func(net.Conn, *bufio.Reader) bool) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			wg.Go(func() {
				defer c.Close()
				for r := bufio.NewReader(c); serve(c, r); {
				}
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range open {
			c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return "http://" + l.Addr().String()
}

func readRequest(r *bufio.Reader) bool {
	request, err := http.ReadRequest(r)
	if err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, request.Body)
	return err == nil
}

func writeAnswer(c net.Conn, status int, headers string, body []byte) {
	_, _ = fmt.Fprintf(c, "HTTP/1.1 %d X\r\n%sContent-Length: %d\r\n\r\n%s", status, headers, len(body), body)
}
