// Package innopaas speaks to InnoPaaS's API v3 for WhatsApp: one message of any
// of ten types, the same for up to 1000 numbers, a request. What of the API no
// public document tells is a setting of Options or is read both ways. No
// credential, number or text reaches an error or a Result.
package innopaas

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"sluice/internal/sender"
)

// Options are a sender's own settings, by the keys of the senders file, and
// what every sender has.
type Options struct {
	// BaseURL is where messages go; "" means https://api.innopaas.com.
	BaseURL       string        `yaml:"base_url"`
	AppKey        string        `yaml:"app_key"`
	Authorization sender.Secret `yaml:"authorization" file:"authorization_file"` // the token of the console, sent as it is
	WabaID        string        `yaml:"waba_id"`                                 // the WhatsApp Business account
	SendNumber    string        `yaml:"send_number"`                             // the sending number: digits with the country code

	// Endpoint is standard, which is also what "" means, or mmlite.
	Endpoint string `yaml:"endpoint"`
	// MMLitePath is the path below BaseURL for mmlite, beginning with a slash.
	// The vendor publishes none.
	MMLitePath string `yaml:"mmlite_path"`

	// SuccessCodes are the codes that say that the message was taken; nil means
	// 0 alone. The answer of v3 is not published; a sibling product of the
	// vendor says 000000.
	SuccessCodes []string `yaml:"success_codes"`
	// PartialReject says what a refusal that concerns one number (108, 115, 125)
	// means for a submission of several, where the provider does not say whose
	// number it is, nor whether the others were sent to. "hold", which is also
	// what "" means, trusts in nothing: all of them are in doubt. "split" takes
	// it that nobody was sent to: all are Failed, and go alone the next time,
	// see Alone.
	PartialReject string `yaml:"partial_reject"`
	// ContactArrays says whether name and org of a contact are arrays of one
	// object; nil means true. The vendor's table has Object[], an example of
	// its older API single objects.
	ContactArrays *bool `yaml:"contact_arrays"`
	// ButtonParams says which buttons of a template have a place in the list of
	// their parameters. "dynamic", which is also what "" means: those with a
	// variable. "all": every button up to the last that has a variable, and one
	// without has an empty value. No document tells.
	ButtonParams string `yaml:"button_params"`

	// Account is what every sender has; its clock is not asked.
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
	defaultBaseURL = "https://api.innopaas.com"
	submitPath     = "/api/whatsapp/v3/msg/submit"
)

// A Provider is one sender's account. It is safe for use by many goroutines.
type Provider struct {
	options Options
	http    *sender.HTTP
	url     string
	header  http.Header // the same for every request, and never changed
}

var _ sender.Provider = (*Provider)(nil)

// New checks the options; it connects to nothing.
func New(o Options) (*Provider, error) {
	var err error
	o.BaseURL, err = baseURL(o.BaseURL)
	faults := append(checkAccount(o), err)
	path, err := path(o)
	faults = append(faults, err)
	if o.SuccessCodes == nil {
		o.SuccessCodes = []string{"0"}
	}
	for i, c := range o.SuccessCodes {
		if c == "" || c != strings.TrimSpace(c) || len(c) > maxCode {
			faults = append(faults, sender.BadSetting(fmt.Sprintf("success_codes[%d]", i), "must be a code such as 0 or 000000, in quotes"))
			continue
		}
		if _, documented := lookup(sender.Code(c)); documented {
			faults = append(faults, sender.BadSetting(fmt.Sprintf("success_codes[%d]", i), "%s is documented as a failure", c))
		}
	}
	o.SuccessCodes = slices.Clone(o.SuccessCodes)
	if o.PartialReject != "" && o.PartialReject != "hold" && o.PartialReject != "split" {
		faults = append(faults, sender.BadSetting("partial_reject", "must be hold or split"))
	}
	if o.ButtonParams != "" && o.ButtonParams != "dynamic" && o.ButtonParams != "all" {
		faults = append(faults, sender.BadSetting("button_params", "must be dynamic or all"))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return &Provider{
		options: o,
		http:    sender.NewHTTP(sender.HTTPOptions{Timeout: o.Timeout, InFlight: o.InFlight}),
		url:     o.BaseURL + path,
		header: http.Header{
			// Spelled as documented, which net/http keeps.
			"Content-Type":  {"application/json;charset=utf-8"},
			"AppKey":        {o.AppKey},
			"Authorization": {string(o.Authorization)},
			"User-Agent":    {"sluice"},
		},
	}, nil
}

// Close closes the connections that are idle.
func (p *Provider) Close() { p.http.Close() }

func baseURL(given string) (string, error) {
	if given == "" {
		return defaultBaseURL, nil
	}
	u, err := url.Parse(given)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return "", sender.BadSetting("base_url", "must be an http or https address without user or password, such as %s", defaultBaseURL)
	}
	return strings.TrimRight(given, "/"), nil
}

func checkAccount(o Options) (faults []error) {
	for _, s := range []struct{ name, value string }{
		{"app_key", o.AppKey},
		{"authorization", string(o.Authorization)},
		{"waba_id", o.WabaID},
		{"send_number", o.SendNumber},
	} {
		// A space may stand in the token, for some paste a scheme before it.
		first := rune('!')
		if s.name == "authorization" {
			first = ' '
		}
		switch {
		case s.value == "":
			faults = append(faults, sender.BadSetting(s.name, "is missing"))
		case strings.TrimSpace(s.value) != s.value, strings.ContainsFunc(s.value, func(r rune) bool { return r < first || r > '~' }):
			faults = append(faults, sender.BadSetting(s.name, "holds a space, a line break or a character beyond ASCII"))
		case s.name == "send_number" && !sender.IsNumber(s.value):
			faults = append(faults, sender.BadSetting(s.name, "must be digits alone, 8 to 15 of them in quotes, with the country code and without + or 00"))
		}
	}
	return faults
}

func path(o Options) (string, error) {
	switch o.Endpoint {
	case "", "standard":
		if o.MMLitePath != "" {
			return "", sender.BadSetting("mmlite_path", "goes with endpoint mmlite alone; set that, or remove it")
		}
		return submitPath, nil
	case "mmlite":
		u, err := url.Parse(o.MMLitePath)
		if err != nil || !strings.HasPrefix(o.MMLitePath, "/") || u.Host != "" || strings.ContainsAny(o.MMLitePath, "?# \t\r\n") {
			return "", sender.BadSetting("mmlite_path", "must be a path that begins with /; ask the vendor for it, no public document has it")
		}
		return o.MMLitePath, nil
	}
	return "", sender.BadSetting("endpoint", "%q is neither standard nor mmlite", o.Endpoint)
}

// Addresses implements sender.Addressed.
func (p *Provider) Addresses() []string { return []string{p.url} }
