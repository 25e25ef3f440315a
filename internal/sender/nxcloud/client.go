// Package nxcloud speaks to NXCloud's SaaS API for WhatsApp: one template
// message to one recipient a request, and the list of the account's templates.
// What is signed is what is sent, byte for byte, at the moment of sending. No
// credential, number or text reaches an error or a Result.
package nxcloud

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"sluice/internal/sender"
)

// Options are a sender's settings, named in errors as in the senders file.
type Options struct {
	// BaseURL is where messages go, TemplateBaseURL where templates are asked
	// for; "" means https://api.nxcloud.com and https://api2.nxcloud.com.
	BaseURL, TemplateBaseURL string
	TenantID                 int64
	AppKey                   string
	BusinessPhone            string // the sending number: digits with the country code
	AccessKey                string
	AccessSecret             sender.Secret
	// Algorithm is md5, which is also what "" means, or sha256. md5 sends no
	// header algorithm: it is the default, and older revisions know no other.
	Algorithm string
	// Timeout and InFlight are as in sender.HTTPOptions. A Submit can take
	// twice the timeout, see Submit.
	Timeout  time.Duration
	InFlight int
	// Now is the clock of the signatures; nil means time.Now.
	Now func() time.Time
}

const (
	defaultBaseURL         = "https://api.nxcloud.com"
	defaultTemplateBaseURL = "https://api2.nxcloud.com"
	whatsApp               = "2" // bizType
)

// A Provider is one sender's account. It is safe for use by many goroutines.
type Provider struct {
	options   Options
	http      *sender.HTTP
	send      endpoint
	templates endpoint
}

var _ sender.Provider = (*Provider)(nil)

// An endpoint is where requests of one kind go, and how they are signed.
type endpoint struct {
	url    string
	signer signer
	// The headers that are the same every time, in the spelling of the
	// documents, which net/http keeps.
	accessKey, bizType, action, contentType, userAgent, algorithm []string

	now     func() time.Time
	scratch *sync.Pool // of *[]byte
}

// New checks the options; it connects to nothing.
func New(o Options) (*Provider, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	var err error
	if o.BaseURL, err = baseURL(o.BaseURL, defaultBaseURL); err != nil {
		return nil, fmt.Errorf("base_url: %w", err)
	}
	if o.TemplateBaseURL, err = baseURL(o.TemplateBaseURL, defaultTemplateBaseURL); err != nil {
		return nil, fmt.Errorf("template_base_url: %w", err)
	}
	if o.TenantID <= 0 {
		return nil, errors.New("tenant_id: must be a number above 0")
	}
	for _, s := range []struct{ name, value string }{
		{"appkey", o.AppKey},
		{"business_phone", o.BusinessPhone},
		{"access_key", o.AccessKey},
		{"access_secret", string(o.AccessSecret)},
	} {
		switch {
		case s.value == "":
			return nil, fmt.Errorf("%s: is missing", s.name)
		case strings.ContainsFunc(s.value, func(r rune) bool { return r <= ' ' || r > '~' }):
			return nil, fmt.Errorf("%s: holds a space, a line break or a character beyond ASCII", s.name)
		}
	}
	if strings.Trim(o.BusinessPhone, "0123456789") != "" || o.BusinessPhone[0] == '0' {
		return nil, errors.New("business_phone: must be digits alone, with the country code and without + or 00")
	}
	p := &Provider{options: o, http: sender.NewHTTP(sender.HTTPOptions{Timeout: o.Timeout, InFlight: o.InFlight})}
	if p.send, err = newEndpoint(o, o.BaseURL+"/saas/wa/send", "mt"); err != nil {
		return nil, err
	}
	if p.templates, err = newEndpoint(o, o.TemplateBaseURL+"/api/wa/getTemplate", "getTemplate"); err != nil {
		return nil, err
	}
	return p, nil
}

// Close closes the connections that are idle.
func (p *Provider) Close() { p.http.Close() }

func baseURL(given, fallback string) (string, error) {
	if given == "" {
		return fallback, nil
	}
	u, err := url.Parse(given)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return "", fmt.Errorf("must be like %s", fallback)
	}
	return strings.TrimRight(given, "/"), nil
}

func newEndpoint(o Options, url, action string) (endpoint, error) {
	s, err := newSigner(o.Algorithm, o.AccessKey, action, whatsApp, o.AccessSecret)
	if err != nil {
		return endpoint{}, err
	}
	e := endpoint{
		url: url, signer: s, now: o.Now,
		accessKey: []string{o.AccessKey}, bizType: []string{whatsApp}, action: []string{action},
		contentType: []string{"application/json"}, userAgent: []string{"sluice"},
		scratch: &sync.Pool{New: func() any { return new([]byte) }},
	}
	if o.Algorithm != "" && o.Algorithm != "md5" {
		e.algorithm = []string{o.Algorithm}
	}
	return e, nil
}

// post signs body as of now and posts it.
func (e *endpoint) post(h *sender.HTTP, body []byte) (sender.Answer, *sender.Result) {
	scratch := e.scratch.Get().(*[]byte)
	fresh := make([]string, 2)
	fresh[0] = strconv.FormatInt(e.now().UnixMilli(), 10)
	fresh[1], *scratch = e.signer.sign(*scratch, fresh[0], body)
	e.scratch.Put(scratch)
	header := make(http.Header, 8)
	header["accessKey"] = e.accessKey
	header["ts"] = fresh[0:1:1]
	header["bizType"] = e.bizType
	header["action"] = e.action
	header["sign"] = fresh[1:2:2]
	header["Content-Type"] = e.contentType
	header["User-Agent"] = e.userAgent
	if e.algorithm != nil {
		header["algorithm"] = e.algorithm
	}
	return h.Post(e.url, header, body)
}
