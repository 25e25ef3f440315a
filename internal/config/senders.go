// Package config reads the settings: the senders file, the address of Redis and
// the form of the log. It refuses what does not hold, naming file, sender, field
// and what to do, and never prints a secret.
package config

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"sluice/internal/strictyaml"
)

// The providers there are.
const (
	NXCloud  = "nxcloud"
	InnoPaaS = "innopaas"
)

// Defaults of a sender.
const (
	DefaultTimeout  = 15 * time.Second
	DefaultInFlight = 64
	DefaultMaxBurst = 1.0
)

// A Sender is a named account at a provider.
type Sender struct {
	Name     string        `yaml:"-"`
	Provider string        `yaml:"provider"`
	BaseURL  string        `yaml:"base_url"` // the provider's own if empty
	Timeout  time.Duration `yaml:"timeout"`  // of one submission; 15 s if not set
	Limits   Limits        `yaml:"limits"`

	// Of nxcloud.
	TemplateBaseURL  string `yaml:"template_base_url"`
	TenantID         int64  `yaml:"tenant_id"`
	AppKeyNX         string `yaml:"appkey"`
	BusinessPhone    string `yaml:"business_phone"`
	AccessKey        string `yaml:"access_key"`
	AccessSecret     Secret `yaml:"access_secret"`
	AccessSecretFile string `yaml:"access_secret_file"`
	Algorithm        string `yaml:"algorithm"` // md5 or sha256; md5 if empty

	// Of innopaas.
	AppKey            string   `yaml:"app_key"`
	Authorization     Secret   `yaml:"authorization"`
	AuthorizationFile string   `yaml:"authorization_file"`
	WabaID            string   `yaml:"waba_id"`
	SendNumber        string   `yaml:"send_number"`
	Endpoint          string   `yaml:"endpoint"`       // standard or mmlite; standard if empty
	MMLitePath        string   `yaml:"mmlite_path"`    // the vendor publishes none, so there is no default
	SuccessCodes      []string `yaml:"success_codes"`  // "0" if empty
	PartialReject     string   `yaml:"partial_reject"` // hold or split; hold if empty
	ContactArrays     *bool    `yaml:"contact_arrays"` // the documents' form if not set
	ButtonParams      string   `yaml:"button_params"`  // dynamic or all; dynamic if empty

	// Stamp is when the file was changed, in ms: of two settings the newer wins.
	Stamp int64 `yaml:"-"`
}

// Limits bound a sender. Zero means no limit, but for InFlight.
type Limits struct {
	MessagesPerSecond float64 `yaml:"messages_per_second"`
	RequestsPerSecond float64 `yaml:"requests_per_second"`
	MessagesPerDay    int     `yaml:"messages_per_day"` // in any 24 hours
	InFlight          int     `yaml:"in_flight"`        // submissions; 64 if not set
	MaxBurstSeconds   float64 `yaml:"max_burst_seconds"`
}

// Senders are all senders of a file by name.
type Senders map[string]Sender

// Get is the sender of a name, or an error that names those that there are.
func (s Senders) Get(name string) (Sender, error) {
	if found, ok := s[name]; ok {
		return found, nil
	}
	return Sender{}, fmt.Errorf("there is no sender %q in the senders file; there are: %s",
		name, strings.Join(slices.Sorted(maps.Keys(s)), ", "))
}

// LoadSenders reads a senders file. ${VAR} stands for a variable of getenv. Its
// errors name file, line, sender and field, and hold no secret.
func LoadSenders(path string, getenv func(string) string) (Senders, error) {
	// Before the content: a file that changes in between has the older stamp and
	// is read again, never the newer stamp with the older content.
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("reading the senders file (--senders): %w", err)
	}
	data, err := strictyaml.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the senders file (--senders): %w", err)
	}
	senders, err := parseSenders(data, path, getenv)
	if err != nil {
		return nil, err
	}
	for name, s := range senders {
		s.Stamp = info.ModTime().UnixMilli()
		senders[name] = s
	}
	return senders, nil
}

func parseSenders(data []byte, path string, getenv func(string) string) (Senders, error) {
	d, err := strictyaml.Parse(data, path)
	if err != nil {
		return nil, err
	}
	var file struct {
		Senders map[string]Sender `yaml:"senders"`
	}
	if err := d.Decode(&file); err != nil {
		return nil, err
	}
	if len(file.Senders) == 0 {
		return nil, d.At("senders", "there is none")
	}
	for _, name := range slices.Sorted(maps.Keys(file.Senders)) {
		if !senderName.MatchString(name) {
			return nil, d.At("senders", fmt.Sprintf("the name %q is not up to 60 of letters, digits, - and _", name))
		}
		s := file.Senders[name]
		s.Name = name
		var fault *fieldError
		switch err := s.complete(filepath.Dir(path), getenv); {
		case errors.As(err, &fault):
			return nil, d.At("senders."+name+"."+fault.field, fault.text)
		case err != nil:
			return nil, d.At("senders."+name, err.Error())
		}
		file.Senders[name] = s
	}
	return file.Senders, nil
}

// A sender's name is part of Redis keys and of metrics.
var senderName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,59}$`)

// A fieldError is what is wrong with one field of a sender.
type fieldError struct {
	field, text string
}

func (e *fieldError) Error() string { return e.field + ": " + e.text }

func bad(field, format string, args ...any) error {
	return &fieldError{field: field, text: fmt.Sprintf(format, args...)}
}

var variable = regexp.MustCompile(`\$\{([^}]*)\}`)

// complete resolves variables and files, sets defaults and checks.
func (s *Sender) complete(dir string, getenv func(string) string) error {
	secret, auth := string(s.AccessSecret), string(s.Authorization)
	for _, f := range []struct {
		name string
		text *string
	}{
		{"base_url", &s.BaseURL},
		{"template_base_url", &s.TemplateBaseURL},
		{"appkey", &s.AppKeyNX},
		{"business_phone", &s.BusinessPhone},
		{"access_key", &s.AccessKey},
		{"access_secret", &secret},
		{"access_secret_file", &s.AccessSecretFile},
		{"app_key", &s.AppKey},
		{"authorization", &auth},
		{"authorization_file", &s.AuthorizationFile},
		{"waba_id", &s.WabaID},
		{"send_number", &s.SendNumber},
	} {
		if err := expand(f.text, getenv); err != nil {
			return bad(f.name, "%v", err)
		}
	}
	s.AccessSecret, s.Authorization = Secret(secret), Secret(auth)
	if err := fromFile(&s.AccessSecret, s.AccessSecretFile, dir, "access_secret"); err != nil {
		return err
	}
	if err := fromFile(&s.Authorization, s.AuthorizationFile, dir, "authorization"); err != nil {
		return err
	}
	if s.Timeout == 0 {
		s.Timeout = DefaultTimeout
	}
	if s.Limits.InFlight == 0 {
		s.Limits.InFlight = DefaultInFlight
	}
	if s.Limits.MaxBurstSeconds == 0 {
		s.Limits.MaxBurstSeconds = DefaultMaxBurst
	}
	return s.check()
}

func expand(text *string, getenv func(string) string) error {
	var unset string
	*text = variable.ReplaceAllStringFunc(*text, func(v string) string {
		name := v[2 : len(v)-1]
		value := getenv(name)
		if value == "" && unset == "" {
			unset = name
		}
		return value
	})
	if unset != "" {
		return fmt.Errorf("the environment variable %s is not set", unset)
	}
	return nil
}

func fromFile(secret *Secret, file, dir, field string) error {
	if file == "" {
		return nil
	}
	if *secret != "" {
		return bad(field, "give it or %s_file, not both", field)
	}
	if !filepath.IsAbs(file) {
		file = filepath.Join(dir, file)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return bad(field+"_file", "%v", err)
	}
	*secret = Secret(strings.TrimSpace(string(text)))
	if *secret == "" {
		return bad(field+"_file", "the file %s is empty", file)
	}
	return nil
}

func (s *Sender) check() error {
	l := s.Limits
	switch {
	case s.Timeout < time.Second || s.Timeout > 2*time.Minute:
		return bad("timeout", "between 1s and 2m, such as 15s")
	case l.MessagesPerSecond < 0 || l.MessagesPerSecond > 10_000 || l.MessagesPerSecond > 0 && l.MessagesPerSecond < 0.1:
		return bad("limits.messages_per_second", "between 0.1 and 10000, or 0 for none")
	case l.RequestsPerSecond < 0 || l.RequestsPerSecond > 10_000 || l.RequestsPerSecond > 0 && l.RequestsPerSecond < 0.1:
		return bad("limits.requests_per_second", "between 0.1 and 10000, or 0 for none")
	case l.MessagesPerDay < 0:
		return bad("limits.messages_per_day", "above 0, or 0 for none")
	case l.InFlight < 1 || l.InFlight > 10_000:
		return bad("limits.in_flight", "between 1 and 10000")
	case l.MaxBurstSeconds <= 0 || l.MaxBurstSeconds > 10:
		return bad("limits.max_burst_seconds", "above 0 and at most 10")
	}
	for _, u := range [][2]string{{"base_url", s.BaseURL}, {"template_base_url", s.TemplateBaseURL}} {
		if err := checkURL(u[1]); err != nil {
			return bad(u[0], "%v", err)
		}
	}
	switch s.Provider {
	case NXCloud:
		return s.checkNXCloud()
	case InnoPaaS:
		return s.checkInnoPaaS()
	}
	return bad("provider", "%q is not one of nxcloud, innopaas", s.Provider)
}

func checkURL(text string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil {
		return errors.New("must be an http or https address without user or password")
	}
	return nil
}

var digits = regexp.MustCompile(`^[1-9][0-9]{7,14}$`)

func (s *Sender) checkNXCloud() error {
	switch {
	case s.AppKey+s.WabaID+s.SendNumber+s.Endpoint+s.MMLitePath+string(s.Authorization)+s.PartialReject+s.ButtonParams != "" || s.SuccessCodes != nil || s.ContactArrays != nil:
		return bad("provider", "nxcloud has none of the fields app_key, authorization, waba_id, send_number, endpoint, mmlite_path, success_codes, partial_reject, contact_arrays, button_params")
	case s.TenantID <= 0:
		return bad("tenant_id", "needed, the number of the tenant")
	case s.AppKeyNX == "":
		return bad("appkey", "needed")
	case !digits.MatchString(s.BusinessPhone):
		return bad("business_phone", "needed, country code and number in digits, in quotes")
	case s.AccessKey == "":
		return bad("access_key", "needed")
	case s.AccessSecret == "":
		return bad("access_secret", "needed, or access_secret_file")
	case s.Algorithm != "" && s.Algorithm != "md5" && s.Algorithm != "sha256":
		return bad("algorithm", "md5 or sha256")
	}
	return nil
}

func (s *Sender) checkInnoPaaS() error {
	switch {
	case s.AppKeyNX+s.BusinessPhone+s.AccessKey+string(s.AccessSecret)+s.TemplateBaseURL+s.Algorithm != "" || s.TenantID != 0:
		return bad("provider", "innopaas has none of the fields tenant_id, appkey, business_phone, access_key, access_secret, template_base_url, algorithm")
	case s.AppKey == "":
		return bad("app_key", "needed")
	case s.Authorization == "":
		return bad("authorization", "needed, or authorization_file")
	case s.WabaID == "":
		return bad("waba_id", "needed")
	case !digits.MatchString(s.SendNumber):
		return bad("send_number", "needed, country code and number in digits, in quotes")
	case s.Endpoint != "" && s.Endpoint != "standard" && s.Endpoint != "mmlite":
		return bad("endpoint", "standard or mmlite")
	case s.Endpoint == "mmlite" && !strings.HasPrefix(s.MMLitePath, "/"):
		return bad("mmlite_path", "needed with endpoint mmlite, beginning with /; the vendor gives it to you, it publishes none")
	case s.PartialReject != "" && s.PartialReject != "hold" && s.PartialReject != "split":
		return bad("partial_reject", "hold or split")
	case s.ButtonParams != "" && s.ButtonParams != "dynamic" && s.ButtonParams != "all":
		return bad("button_params", "dynamic or all")
	}
	return nil
}
