package callback

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"sluice/internal/sender"
	"sluice/internal/spool"
)

// signer takes a header sign for a signature, true if it is "good".
type signer struct{ sender.CallbackReader }

func (signer) Signed(h http.Header, _ []byte, _ time.Time) (signed, ok bool) {
	return h.Get("sign") != "", h.Get("sign") == "good"
}

const first, second = "first-secret-of-it", "second-secret-of-it"

func prefixes(texts ...string) (all []netip.Prefix) {
	for _, t := range texts {
		all = append(all, netip.MustParsePrefix(t))
	}
	return all
}

// Each request, what it is answered, whether it is kept, and which check it does
// not pass.
func TestAnswers(t *testing.T) {
	t.Parallel()
	base := Sender{Name: "promo", Secrets: []sender.Secret{first, second}, Reader: signer{}, Verify: Log, Ack: "success"}
	with := func(f func(*Sender)) Sender { s := base; f(&s); return s }
	require := with(func(s *Sender) { s.Verify = Require })
	told := with(func(s *Sender) {
		s.Verify, s.Headers = Require, map[string]sender.Secret{"Authorization": "agreed", "UserName": "us"}
	})
	fenced := with(func(s *Sender) { s.Allow = prefixes("203.0.113.0/24") })
	proxied := with(func(s *Sender) { s.Allow, s.Proxies = prefixes("203.0.113.0/24"), prefixes("192.0.2.0/24") })
	for name, tt := range map[string]struct {
		sender Sender
		method string
		path   string
		header map[string]string
		body   string
		full   bool
		status int
		failed string
		kept   bool
	}{
		"good":                   {path: first, status: 200, failed: "unsigned", kept: true},
		"the other secret":       {path: second, status: 200, failed: "unsigned", kept: true},
		"wrong secret":           {path: "third-secret-of-it", status: 404},
		"part of a secret":       {path: "first", status: 404},
		"empty body":             {path: first, body: " ", status: 200, failed: "unsigned", kept: true},
		"tried by a console":     {method: "GET", path: first, status: 200},
		"tried by HEAD":          {method: "HEAD", path: first, status: 200},
		"tried, wrong":           {method: "GET", path: "wrong", status: 404},
		"too long":               {path: first, body: strings.Repeat("x", maxBody+1), status: 413, failed: "size"},
		"longest":                {path: first, body: strings.Repeat("x", maxBody), status: 200, failed: "unsigned", kept: true},
		"signed":                 {sender: require, path: first, header: map[string]string{"Sign": "good"}, status: 200, kept: true},
		"signed wrongly, log":    {path: first, header: map[string]string{"Sign": "bad"}, status: 200, failed: "signature", kept: true},
		"signed wrongly":         {sender: require, path: first, header: map[string]string{"Sign": "bad"}, status: 401, failed: "signature"},
		"unsigned":               {sender: require, path: first, status: 401, failed: "unsigned"},
		"off":                    {sender: with(func(s *Sender) { s.Verify = Off }), path: first, status: 200, kept: true},
		"told headers":           {sender: told, path: first, header: map[string]string{"Authorization": "agreed", "Username": "us"}, status: 200, kept: true},
		"told headers, one lost": {sender: told, path: first, header: map[string]string{"Authorization": "agreed"}, status: 401, failed: "header"},
		"from elsewhere":         {sender: fenced, path: first, status: 403, failed: "network"},
		"believes nobody":        {sender: fenced, path: first, header: map[string]string{"X-Forwarded-For": "203.0.113.9"}, status: 403, failed: "network"},
		"behind a proxy":         {sender: proxied, path: first, header: map[string]string{"X-Forwarded-For": "198.51.100.1, 203.0.113.9"}, status: 200, failed: "unsigned", kept: true},
		"behind two":             {sender: proxied, path: first, header: map[string]string{"X-Forwarded-For": "203.0.113.9, 192.0.2.77"}, status: 200, failed: "unsigned", kept: true},
		"claims it itself":       {sender: proxied, path: first, header: map[string]string{"X-Forwarded-For": "203.0.113.9, 198.51.100.1"}, status: 403, failed: "network"},
		"spool is full":          {path: first, full: true, status: 503, failed: "spool"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.sender.Name == "" {
				tt.sender = base
			}
			var kept []*spool.Record
			var failed string
			h := New(Options{
				Senders: []Sender{tt.sender}, Now: time.Now,
				Answered: func(_ string, _ int, check string) { failed = check },
				Append: func(r *spool.Record) error {
					if tt.full {
						return errors.New("full")
					}
					kept = append(kept, r)
					return nil
				},
			})
			method := tt.method
			if method == "" {
				method = http.MethodPost
			}
			r := httptest.NewRequest(method, "/r/promo/"+tt.path, strings.NewReader(tt.body))
			r.RemoteAddr = "192.0.2.1:1234"
			for k, v := range tt.header {
				r.Header.Set(k, v)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != tt.status || failed != tt.failed || (len(kept) == 1) != tt.kept {
				t.Errorf("%d, %q, %d kept; want %d, %q, %v", w.Code, failed, len(kept), tt.status, tt.failed, tt.kept)
			}
			if tt.status == 200 && method != http.MethodHead && (w.Body.String() != "success" || w.Header().Get("Content-Type") != "text/plain") {
				t.Errorf("answered %q", w.Body)
			}
			if tt.status == 503 && w.Header().Get("Retry-After") == "" {
				t.Error("it does not say when to come again")
			}
			if tt.kept && (kept[0].Sender != "promo" || string(kept[0].Body) != tt.body) {
				t.Errorf("%+v", kept[0])
			}
		})
	}
}
