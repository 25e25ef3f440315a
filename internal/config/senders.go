// Package config reads the settings: the senders file, the address of Redis and
// the form of the log. It refuses what is invalid, naming file, line, sender and
// field and what to do, and never prints a secret. What a provider's own
// settings are it leaves to the provider.
package config

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"sluice/internal/strictyaml"
)

// Defaults of a sender.
const (
	DefaultTimeout  = 15 * time.Second
	DefaultInFlight = 64
	DefaultMaxBurst = 1.0
	DefaultMaxPause = 900.0
)

// A Sender is a named account at a provider: what every sender has, and what its
// provider alone knows.
type Sender struct {
	Name     string
	Provider string
	Timeout  time.Duration // of one HTTP request; 15 s if not set
	Limits   Limits
	Own      *Own
	// Receipts are the settings of its receipts, under the key receipts; nil where
	// there are none. Whoever receives knows them.
	Receipts *Own
	// Stamp is when the file was changed, in ms: of two settings the newer wins.
	Stamp int64
}

// common are the keys that every sender has.
type common struct {
	Provider string        `yaml:"provider"`
	Timeout  time.Duration `yaml:"timeout"`
	Limits   Limits        `yaml:"limits"`
	Receipts any           `yaml:"receipts"`
}

var commonKeys = []string{"provider", "timeout", "limits", "receipts"}

// Limits bound a sender. Zero means no limit, but for InFlight.
type Limits struct {
	MessagesPerSecond float64 `yaml:"messages_per_second"`
	RequestsPerSecond float64 `yaml:"requests_per_second"`
	MessagesPerDay    int     `yaml:"messages_per_day"` // in any 24 hours
	InFlight          int     `yaml:"in_flight"`        // submissions; 64 if not set
	MaxBurstSeconds   float64 `yaml:"max_burst_seconds"`
	// MaxPauseSeconds is the longest pause that the provider may ask for; 900 if not set.
	MaxPauseSeconds float64 `yaml:"max_pause_seconds"`
}

// SameButRates says that two readings of a sender differ in nothing but what can
// change while submissions are under way. It compares the own settings as they
// were when they were decoded last.
func (s Sender) SameButRates(other Sender) bool {
	return s.Name == other.Name && s.Provider == other.Provider && s.Timeout == other.Timeout &&
		s.Limits.InFlight == other.Limits.InFlight && s.Own.same(other.Own)
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
// errors name file, line, sender and field, and hold no secret. Whether there is
// such a provider, and what it takes, is not looked at.
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
		Senders map[string]any `yaml:"senders"`
	}
	if err := d.Decode(&file); err != nil {
		return nil, err
	}
	if len(file.Senders) == 0 {
		return nil, d.At("senders", "there is none")
	}
	senders := Senders{}
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(file.Senders)) {
		if !senderName.MatchString(name) {
			faults = append(faults, d.At("senders", fmt.Sprintf("the name %q is not up to 60 of letters, digits, - and _", name)))
			continue
		}
		var err error
		senders[name], err = parseSender(d, name, path, getenv)
		faults = append(faults, err)
	}
	if err := strictyaml.Join(faults...); err != nil {
		return nil, err
	}
	return senders, nil
}

// A sender's name is part of Redis keys and of metrics.
var senderName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,59}$`)

func parseSender(d *strictyaml.Document, name, path string, getenv func(string) string) (Sender, error) {
	field := "senders." + name
	if _, group := d.Keys(field); !group {
		return Sender{}, d.At(field+".provider", "is missing, and so is all else of this sender")
	}
	var c common
	if err := d.Group(field, isCommon).Decode(&c); err != nil {
		return Sender{}, err
	}
	s := Sender{Name: name, Provider: c.Provider, Timeout: c.Timeout, Limits: c.Limits}
	s.setDefaults()
	var fault *fieldError
	if err := s.check(); errors.As(err, &fault) {
		return Sender{}, d.At(field+"."+fault.field, fault.text)
	}
	var err error
	if c.Receipts != nil {
		if s.Receipts, err = newOwn(d, field+".receipts", "receipts", path, getenv); err != nil {
			return s, err
		}
	}
	s.Own, err = newOwn(d, field, c.Provider, path, getenv)
	return s, err
}

func isCommon(key string) bool { return slices.Contains(commonKeys, key) }

// A fieldError is what is wrong with one field of a sender.
type fieldError struct {
	field, text string
}

func (e *fieldError) Error() string { return e.field + ": " + e.text }

func bad(field, text string) error { return &fieldError{field: field, text: text} }

func (s *Sender) setDefaults() {
	if s.Timeout == 0 {
		s.Timeout = DefaultTimeout
	}
	if s.Limits.InFlight == 0 {
		s.Limits.InFlight = DefaultInFlight
	}
	if s.Limits.MaxBurstSeconds == 0 {
		s.Limits.MaxBurstSeconds = DefaultMaxBurst
	}
	if s.Limits.MaxPauseSeconds == 0 {
		s.Limits.MaxPauseSeconds = DefaultMaxPause
	}
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
	case l.MaxPauseSeconds < 1 || l.MaxPauseSeconds > 86_400:
		return bad("limits.max_pause_seconds", "between 1 and 86400")
	}
	return nil
}
