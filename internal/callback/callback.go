// Package callback takes the providers' callbacks over HTTP. It answers with
// success only what is durable in the spool, whatever it says: what cannot be read
// is kept as well, so that no provider turns a webhook off for it. It knows no
// Redis.
package callback

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"sluice/internal/sender"
	"sluice/internal/spool"
)

// maxBody is the longest callback that is taken.
const maxBody = 1 << 20

// What is done about a request that is not as it should be.
const (
	Off     = "off"     // it is not looked at
	Log     = "log"     // it is counted, and taken
	Require = "require" // it is refused
)

// A Sender is whose callbacks are taken, and what is asked of them.
type Sender struct {
	Name    string
	Secrets []sender.Secret // of the path; two while one is changed for another
	Reader  sender.CallbackReader
	// Verify is Off, Log or Require: of the signature and of Headers.
	Verify string
	// Allow are the networks that requests may come from; all if empty. Proxies are
	// those whose X-Forwarded-For is believed.
	Allow, Proxies []netip.Prefix
	// Headers are values that the provider was told to send.
	Headers map[string]sender.Secret
	// Ack is the body of a success.
	Ack string
}

// Options are what a Handler works with.
type Options struct {
	Senders []Sender
	Append  func(*spool.Record) error
	Now     func() time.Time
	// Answered is told of each request of a known path: the sender, the status, and
	// which check failed or "".
	Answered func(sender string, status int, failed string)
}

// kept are the headers that the spool keeps, as http.Header has them.
var kept = [...]string{"Accesskey", "Action", "Biztype", "Ts", "Sign", "Content-Type", "X-Callback-Id"}

// New makes the handler of POST /r/{sender}/{secret}. To GET and HEAD of the same
// path it answers with success, for consoles try an address when it is saved.
func New(o Options) http.Handler {
	h := &handler{o: o, senders: map[string]*Sender{}}
	for i := range o.Senders {
		h.senders[o.Senders[i].Name] = &o.Senders[i]
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /r/{sender}/{secret}", h.post)
	mux.HandleFunc("GET /r/{sender}/{secret}", h.get)
	return mux
}

type handler struct {
	o       Options
	senders map[string]*Sender
}

// sender is whose path it is, nil where the path is nobody's. It takes as long for
// a wrong secret as for a true one.
func (h *handler) sender(r *http.Request) *Sender {
	s := h.senders[r.PathValue("sender")]
	if s == nil {
		return nil
	}
	given, same := sha256.Sum256([]byte(r.PathValue("secret"))), 0
	for _, secret := range s.Secrets {
		want := sha256.Sum256([]byte(secret))
		same |= subtle.ConstantTimeCompare(given[:], want[:])
	}
	if same == 0 {
		return nil
	}
	return s
}

func (h *handler) get(w http.ResponseWriter, r *http.Request) {
	s := h.sender(r)
	if s == nil {
		http.NotFound(w, r)
		return
	}
	h.success(w, s)
}

func (h *handler) success(w http.ResponseWriter, s *Sender) {
	w.Header().Set("Content-Type", "text/plain")
	_, _ = io.WriteString(w, s.Ack) // the client may have left
}

func (h *handler) post(w http.ResponseWriter, r *http.Request) {
	s := h.sender(r)
	if s == nil {
		http.NotFound(w, r)
		return
	}
	refuse := func(status int, failed, text string) {
		h.o.Answered(s.Name, status, failed)
		http.Error(w, text, status)
	}
	if !s.allowed(r) {
		refuse(http.StatusForbidden, "network", "not from here")
		return
	}
	body, err := read(w, r)
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		refuse(http.StatusRequestEntityTooLarge, "size", "too long")
		return
	}
	if err != nil {
		refuse(http.StatusBadRequest, "broken", "broken off")
		return
	}
	now := h.o.Now()
	failed := ""
	if s.Verify != Off {
		failed = s.verify(r.Header, body, now)
	}
	if failed != "" && s.Verify == Require {
		refuse(http.StatusUnauthorized, failed, "not as agreed")
		return
	}
	if err := h.o.Append(&spool.Record{At: now, Sender: s.Name, Headers: headers(r.Header), Body: body}); err != nil {
		w.Header().Set("Retry-After", "5")
		refuse(http.StatusServiceUnavailable, "spool", "cannot keep it now")
		return
	}
	h.o.Answered(s.Name, http.StatusOK, failed)
	h.success(w, s)
}

// atOnce is how much memory a request gets for what it says that it will send.
const atOnce = 64 << 10

// read reads a body, into no more memory than it takes.
func read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	in := http.MaxBytesReader(w, r.Body, maxBody)
	if r.ContentLength < 0 || r.ContentLength > atOnce {
		return io.ReadAll(in)
	}
	body := make([]byte, r.ContentLength)
	_, err := io.ReadFull(in, body)
	return body, err
}

// verify says which check fails, or "".
func (s *Sender) verify(h http.Header, body []byte, now time.Time) string {
	for name, want := range s.Headers {
		if subtle.ConstantTimeCompare([]byte(h.Get(name)), []byte(want)) == 0 {
			return "header"
		}
	}
	if len(s.Headers) > 0 {
		return "" // a provider that is told what to send signs nothing
	}
	switch signed, ok := s.Reader.Signed(h, body, now); {
	case !signed:
		return "unsigned"
	case !ok:
		return "signature"
	}
	return ""
}

func headers(h http.Header) []spool.Header {
	var some []spool.Header
	for _, name := range kept {
		if v := h[name]; len(v) > 0 && v[0] != "" {
			some = append(some, spool.Header{Name: strings.ToLower(name), Value: v[0]})
		}
	}
	return some
}

// allowed says whether a request comes from where it may.
func (s *Sender) allowed(r *http.Request) bool {
	if len(s.Allow) == 0 {
		return true
	}
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	from := at.Addr().Unmap()
	// From the nearest proxy outwards, as long as each is one of ours.
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && within(from, s.Proxies); i-- {
		next, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		from = next.Unmap()
	}
	return within(from, s.Allow)
}

func within(a netip.Addr, networks []netip.Prefix) bool {
	for _, n := range networks {
		if n.Contains(a) {
			return true
		}
	}
	return false
}
