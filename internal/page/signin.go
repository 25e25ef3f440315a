package page

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"sluice/internal/audit"
	"sluice/internal/session"
	"sluice/internal/token"
)

// The session's cookie. One that begins with __Host- is taken by browsers over TLS
// alone, and from this very host; the plain one is for a browser on this machine.
const (
	secureCookie = "__Host-sluice"
	plainCookie  = "sluice-session"
)

// maxForm is how long a form may be, but for those that carry a list.
const maxForm = 1 << 20

// form is a field of what was sent.
func (c *call) form(name string) string {
	c.r.Body = http.MaxBytesReader(c.w, c.r.Body, maxForm)
	return strings.TrimSpace(c.r.PostFormValue(name))
}

// secure says that the browser is asked over TLS, here or at the proxy before us. Who
// says so without having it harms nobody: their browser keeps no cookie.
func (c *call) secure() bool {
	return c.r.TLS != nil || strings.EqualFold(c.r.Header.Get("X-Forwarded-Proto"), "https") || !onThisMachine(c.r.Host)
}

// onThisMachine says that a Host is this machine's own to the browser.
func onThisMachine(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.Trim(host, "[]")
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// secret is what the browser says that it is signed in with; "" is nothing.
func (c *call) secret() string {
	cookie, err := c.r.Cookie(c.cookie().Name)
	if err != nil {
		return ""
	}
	return cookie.Value
}

func (c *call) cookie() *http.Cookie {
	k := &http.Cookie{Name: plainCookie, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if c.secure() {
		k.Name, k.Secure = secureCookie, true
	}
	return k
}

// A signIn is what the page to sign in shows.
type signIn struct {
	To      string
	Wrong   string // why the last attempt was refused
	NotSafe bool   // no browser will keep the cookie
}

// signInPage asks for a token.
func (s *Server) signInPage(c *call) error {
	if c.token != nil {
		return c.goTo("/")
	}
	return s.showSignIn(c, local(c.r.URL.Query().Get("to")), "", http.StatusOK)
}

func (s *Server) showSignIn(c *call, to, wrong string, status int) error {
	plain := c.r.TLS == nil && !strings.EqualFold(c.r.Header.Get("X-Forwarded-Proto"), "https")
	return s.show(c, sheet{
		Name: "signin", Title: c.words.say("signin.title"), Status: status, Data: signIn{To: to, Wrong: wrong, NotSafe: plain && !onThisMachine(c.r.Host)},
	})
}

// signIn begins a session for who has a token.
func (s *Server) signIn(c *call) error {
	to := local(c.form("to"))
	if !s.attempts.allowed(c.r.RemoteAddr, s.Now()) {
		return errTooOften
	}
	secret, t, err := s.Sessions.Begin(c.ctx, c.form("token"))
	switch {
	case errors.Is(err, token.ErrUnknown):
		s.attempts.failed(c.r.RemoteAddr, s.Now())
		return s.showSignIn(c, to, "signin.unknown", http.StatusUnauthorized)
	case err != nil:
		return err
	case !t.From(c.r.RemoteAddr):
		if err := s.Sessions.End(c.ctx, secret); err != nil {
			return err
		}
		s.attempts.failed(c.r.RemoteAddr, s.Now())
		return s.showSignIn(c, to, "signin.unknown", http.StatusUnauthorized)
	case !t.May(token.Read):
		if err := s.Sessions.End(c.ctx, secret); err != nil {
			return err
		}
		return s.showSignIn(c, to, "signin.no_read", http.StatusForbidden)
	}
	c.as(t, s.Desk)
	if err := c.desk.Act(c.ctx, audit.Act{Name: "sign_in"}, func(*audit.Act) (bool, error) { return true, nil }); err != nil {
		return errors.Join(err, s.Sessions.End(c.ctx, secret))
	}
	if err := s.Tokens.Touch(c.ctx, t.ID); err != nil {
		s.Log.Warn().Err(err).Str("token", t.ID).Msg("could not note the use of a token")
	}
	k := c.cookie() //nolint:gosec // secure wherever a browser would keep it so
	k.Value, k.MaxAge = secret, int(session.Most.Seconds())
	http.SetCookie(c.w, k)
	return c.goTo(to)
}

// signOut ends the session.
func (s *Server) signOut(c *call) error {
	if secret := c.secret(); secret != "" {
		if err := s.Sessions.End(c.ctx, secret); err != nil {
			return err
		}
	}
	k := c.cookie() //nolint:gosec // secure wherever a browser would keep it so
	k.MaxAge = -1
	http.SetCookie(c.w, k)
	return c.goTo("/sign-in")
}

// Bounds of attempts to sign in that fail: so many at once from one address, and one
// more each attemptEvery.
const (
	attemptsAtOnce = 10
	attemptEvery   = 6 * time.Second
	mostAddresses  = 10_000
)

// attempts are those that failed lately, by address.
type attempts struct {
	mu sync.Mutex
	by map[string]*rate.Limiter
}

func newAttempts() *attempts { return &attempts{by: map[string]*rate.Limiter{}} }

func (a *attempts) of(addr string) *rate.Limiter {
	if host, _, err := net.SplitHostPort(addr); err == nil {
		addr = host
	}
	if ip, err := netip.ParseAddr(addr); err == nil && ip.Is6() && !ip.Is4In6() {
		if p, err := ip.WithZone("").Prefix(64); err == nil { // one subscriber's
			addr = p.String()
		}
	}
	l := a.by[addr]
	if l == nil {
		if len(a.by) >= mostAddresses {
			clear(a.by)
		}
		l = rate.NewLimiter(rate.Every(attemptEvery), attemptsAtOnce)
		a.by[addr] = l
	}
	return l
}

func (a *attempts) allowed(addr string, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.of(addr).TokensAt(now) >= 1
}

func (a *attempts) failed(addr string, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.of(addr).AllowN(now, 1)
}
