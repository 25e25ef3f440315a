package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// fewDays is how long a certificate should be good for at least, in days.
const fewDays = 7

// origins are the different servers of some addresses.
func origins(addresses []string) []string {
	var all []string
	for _, a := range addresses {
		if u, err := url.Parse(a); err == nil {
			all = append(all, u.Scheme+"://"+u.Host)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// origin asks a provider's server for anything: whether its name is known, TLS works,
// and what its clock says.
func (e *examination) origin(ctx context.Context, name, origin string) bool {
	const check = "provider.reach"
	short, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	began := time.Now()
	resp, err := e.ask(short, origin+"/")
	if err != nil {
		text, remedy := unreachable(err)
		e.fail(check, name, origin+": "+text, remedy)
		return false
	}
	defer resp.Body.Close()
	e.ok(check, name, fmt.Sprintf("%s answers in %s", origin, time.Since(began).Round(time.Millisecond)))
	if resp.TLS == nil {
		e.warn("provider.tls", name, origin+" is asked without TLS: keys and numbers go as they are", "write https:// in base_url, unless it is the sandbox")
	} else {
		e.certificate(name, resp.TLS)
	}
	if at, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		e.apart("provider.clock", name, origin, at)
	}
	return true
}

// ask makes one request that follows no redirect.
func (e *examination) ask(ctx context.Context, address string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, err
	}
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, Proxy: http.ProxyFromEnvironment},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return client.Do(req)
}

func (e *examination) certificate(name string, state *tls.ConnectionState) {
	days := int(state.PeerCertificates[0].NotAfter.Sub(e.Now()).Hours() / 24)
	text := fmt.Sprintf("its certificate is good for %d days", days)
	if days < fewDays {
		e.warn("provider.tls", name, text, "ask the provider: from then on nothing goes out")
		return
	}
	e.ok("provider.tls", name, text)
}

// unreachable says why a server cannot be asked, without the address, in which a
// secret may be.
func unreachable(err error) (text, remedy string) {
	var dns *net.DNSError
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var expired x509.CertificateInvalidError
	var record tls.RecordHeaderError
	var inside *url.Error
	switch {
	case errors.As(err, &dns):
		return "the name is not known here", "see that the name is right, and this machine's DNS"
	case errors.As(err, &unknown), errors.As(err, &host), errors.As(err, &expired):
		return "its certificate is not trusted here", "see that nothing stands between; SSL_CERT_FILE names a file of authorities"
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return "it does not speak TLS on this port", "write http:// or name its TLS port"
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time", "see the firewall and the proxy (HTTPS_PROXY) of this machine"
	case errors.As(err, &inside):
		return inside.Err.Error(), "see that it runs, and the firewall and the proxy (HTTPS_PROXY) of this machine"
	}
	return err.Error(), "see that it runs"
}
