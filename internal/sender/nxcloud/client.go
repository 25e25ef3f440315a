// Package nxcloud speaks to NXCloud's two APIs for WhatsApp, SaaS and the plain one:
// one message to one recipient a request, beside the list of the account's templates.
// What is signed is what is sent, byte for byte, at the moment of sending. No
// credential, number or text reaches an error or a Result.
package nxcloud

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"sluice/internal/sender"
)

// Options are a sender's own settings, by the keys of the senders file, and
// what every sender has.
type Options struct {
	// BaseURL is where messages go, TemplateBaseURL where templates are asked
	// for; "" means https://api.nxcloud.com and https://api2.nxcloud.com.
	BaseURL         string        `yaml:"base_url"`
	TemplateBaseURL string        `yaml:"template_base_url"`
	TenantID        int64         `yaml:"tenant_id"`
	AppKey          string        `yaml:"appkey"`
	BusinessPhone   string        `yaml:"business_phone"` // the sending number: digits with the country code
	AccessKey       string        `yaml:"access_key"`
	AccessSecret    sender.Secret `yaml:"access_secret" file:"access_secret_file"`
	// Algorithm is md5, which is also what "" means, or sha256. md5 sends no
	// header algorithm: it is the default, and older revisions know no other.
	Algorithm string `yaml:"algorithm"`
	// Plain is of the plain product; nil for the SaaS product.
	Plain *Plain `yaml:"-" json:"-"`
	// Account is what every sender has. A Submit can take twice its timeout, see
	// Submit.
	sender.Account `yaml:"-" json:"-"`
}

// Open is New with a sender's own settings.
func Open(own sender.Settings, a sender.Account) (sender.Provider, error) {
	var o Options
	unread := own.Decode(&o)
	o.Account = a
	p, err := New(o)
	if err := errors.Join(unread, err); err != nil {
		return nil, err
	}
	return p, nil
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
	macs      sync.Pool // of hash.Hash, for references
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
	var faults []error
	fault := func(err error) { faults = append(faults, err) }
	var err error
	fallback, path := defaultBaseURL, "/saas/wa/send"
	if o.Plain != nil {
		fallback, path = defaultTemplateBaseURL, "/api/wa/mt"
	}
	o.BaseURL, err = baseURL("base_url", o.BaseURL, fallback)
	fault(err)
	o.TemplateBaseURL, err = baseURL("template_base_url", o.TemplateBaseURL, defaultTemplateBaseURL)
	fault(err)
	if o.TenantID <= 0 && o.Plain == nil {
		fault(sender.BadSetting("tenant_id", "must be a number above 0"))
	}
	for _, s := range []struct{ key, value string }{
		{"appkey", o.AppKey},
		{"business_phone", o.BusinessPhone},
		{"access_key", o.AccessKey},
		{"access_secret", string(o.AccessSecret)},
	} {
		switch {
		case s.value == "":
			fault(sender.BadSetting(s.key, "is missing"))
		case strings.ContainsFunc(s.value, func(r rune) bool { return r <= ' ' || r > '~' }):
			fault(sender.BadSetting(s.key, "holds a space, a line break or a character beyond ASCII"))
		case s.key == "business_phone" && !sender.IsNumber(s.value):
			fault(sender.BadSetting(s.key, "must be digits alone, 8 to 15 of them in quotes, with the country code and without + or 00"))
		}
	}
	p := &Provider{options: o, http: sender.NewHTTP(sender.HTTPOptions{Timeout: o.Timeout, InFlight: o.InFlight})}
	p.send, err = newEndpoint(o, o.BaseURL+path, "mt")
	fault(err)
	if err := errors.Join(faults...); err != nil {
		p.Close()
		return nil, err
	}
	if p.templates, err = newEndpoint(o, o.TemplateBaseURL+"/api/wa/getTemplate", "getTemplate"); err != nil {
		return nil, err
	}
	return p, nil
}

// Close closes the connections that are idle.
func (p *Provider) Close() { p.http.Close() }

func baseURL(key, given, fallback string) (string, error) {
	if given == "" {
		return fallback, nil
	}
	u, err := url.Parse(given)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return "", sender.BadSetting(key, "must be an http or https address without user or password, such as %s", fallback)
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

// Addresses implements sender.Addressed.
func (p *Provider) Addresses() []string { return []string{p.send.url, p.templates.url} }
