// Package config reads the settings: the senders file, the address of Redis and
// the form of the log. It refuses what is invalid, naming file, line, sender and
// field and what to do, and never prints a secret. What a provider's own
// settings are it leaves to the provider.
package config

import (
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
// errors name file, line, sender and field, and hold no secret; beside one there are
// the senders of whom more can be said, and of nobody else's use. Whether there is such
// a provider, and what it takes, is not looked at.
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
	for name, s := range senders {
		s.Stamp = info.ModTime().UnixMilli()
		senders[name] = s
	}
	return senders, err
}

func parseSenders(data []byte, path string, getenv func(string) string) (Senders, error) {
	d, err := strictyaml.Parse(data, path)
	if err != nil {
		return nil, err
	}
	var file struct {
		Senders map[string]any `yaml:"senders"`
	}
	faults := []error{d.Decode(&file)}
	if len(file.Senders) == 0 {
		faults = append(faults, d.At("senders", "there is none"))
	}
	senders := Senders{}
	for _, name := range slices.Sorted(maps.Keys(file.Senders)) {
		if !senderName.MatchString(name) {
			faults = append(faults, d.At("senders", fmt.Sprintf("the name %q is not up to 60 of letters, digits, - and _", name)))
			continue
		}
		s, err := parseSender(d, name, path, getenv)
		faults = append(faults, err)
		if s.Own != nil {
			senders[name] = s
		}
	}
	return senders, strictyaml.Join(faults...)
}

// A sender's name is part of Redis keys and of metrics.
var senderName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,59}$`)

// parseSender returns all that is wrong with a sender, and the sender all the same, so
// that its provider can say more; without its own settings there is nobody to ask.
func parseSender(d *strictyaml.Document, name, path string, getenv func(string) string) (Sender, error) {
	field := "senders." + name
	if _, group := d.Keys(field); !group {
		return Sender{}, d.At(field+".provider", "is missing, and so is all else of this sender")
	}
	var c common
	faults := []error{d.Group(field, isCommon).Decode(&c)}
	s := Sender{Name: name, Provider: c.Provider, Timeout: c.Timeout, Limits: c.Limits}
	s.setDefaults()
	for _, fault := range s.faults() {
		faults = append(faults, d.At(field+"."+fault.field, fault.text))
	}
	var err error
	if c.Receipts != nil {
		if _, group := d.Keys(field + ".receipts"); !group {
			faults = append(faults, d.Instead(field+".receipts", "must be a group of fields"))
		}
		s.Receipts, err = newOwn(d, field+".receipts", "receipts", path, getenv)
		faults = append(faults, err)
	}
	s.Own, err = newOwn(d, field, c.Provider, path, getenv)
	return s, strictyaml.Join(append(faults, err)...)
}

func isCommon(key string) bool { return slices.Contains(commonKeys, key) }

// A fieldError is what is wrong with one field of a sender.
type fieldError struct {
	field, text string
}

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

// faults are all that is out of bounds of what every sender has.
func (s *Sender) faults() []fieldError {
	var found []fieldError
	l := s.Limits
	rate := func(perSecond float64) bool { return perSecond == 0 || perSecond >= 0.1 && perSecond <= 10_000 }
	for _, bound := range []struct {
		kept        bool
		field, text string
	}{
		{s.Timeout >= time.Second && s.Timeout <= 2*time.Minute, "timeout", "between 1s and 2m, such as 15s"},
		{rate(l.MessagesPerSecond), "limits.messages_per_second", "between 0.1 and 10000, or 0 for none"},
		{rate(l.RequestsPerSecond), "limits.requests_per_second", "between 0.1 and 10000, or 0 for none"},
		{l.MessagesPerDay >= 0, "limits.messages_per_day", "above 0, or 0 for none"},
		{l.InFlight >= 1 && l.InFlight <= 10_000, "limits.in_flight", "between 1 and 10000"},
		{l.MaxBurstSeconds > 0 && l.MaxBurstSeconds <= 10, "limits.max_burst_seconds", "above 0 and at most 10"},
		{l.MaxPauseSeconds >= 1 && l.MaxPauseSeconds <= 86_400, "limits.max_pause_seconds", "between 1 and 86400"},
	} {
		if !bound.kept {
			found = append(found, fieldError{bound.field, bound.text})
		}
	}
	return found
}
