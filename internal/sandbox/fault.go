package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// Do is what a fault does instead of an orderly answer.
type Do string

// The kinds of trouble.
const (
	Answer     Do = ""           // an orderly answer: Code or Status
	Unanswered Do = "unanswered" // never answer, until the client gives up
	CutAfter   Do = "cut_after"  // close the connection after reading
	CutBefore  Do = "cut_before" // close it before reading: never taken
	Half       Do = "half"       // half an answer: shorter than it says
	HalfChunk  Do = "half_chunk" // half an answer: broken off within a chunk
	Huge       Do = "huge"       // an answer without end
	Reset      Do = "reset"      // a TCP reset after reading
)

// A Fault is a rule: whom it strikes, when, and what then happens.
type Fault struct {
	// Whom. All that are set must hold; none set strikes everybody.
	Provider string  `yaml:"provider" json:"provider"` // nxcloud or innopaas
	Phone    string  `yaml:"phone" json:"phone"`       // this number
	Suffix   string  `yaml:"suffix" json:"suffix"`     // numbers that end so
	Every    int     `yaml:"every" json:"every"`       // one number in so many
	Rate     float64 `yaml:"rate" json:"rate"`         // this part of all submissions

	// When. Times bounds how often a number is struck; Count how often the fault
	// strikes at all; From and Until are times since the sandbox began.
	Times int           `yaml:"times" json:"times"`
	Count int           `yaml:"count" json:"count"`
	From  time.Duration `yaml:"from" json:"from"`
	Until time.Duration `yaml:"until" json:"until"`

	// What. Taken says that the provider has the message all the same.
	Do         Do            `yaml:"do" json:"do"`
	Code       string        `yaml:"code" json:"code"`
	Message    string        `yaml:"message" json:"message"`
	Status     int           `yaml:"status" json:"status"`
	Body       string        `yaml:"body" json:"body"`
	RetryAfter string        `yaml:"retry_after" json:"retry_after"`
	Latency    time.Duration `yaml:"latency" json:"latency"`
	Taken      bool          `yaml:"taken" json:"taken"`
}

// ParseFaults reads a script of faults: YAML, a list under faults.
func ParseFaults(data []byte) ([]Fault, error) {
	var script struct {
		Faults []Fault `yaml:"faults"`
	}
	if err := yaml.NewDecoder(bytes.NewReader(data), yaml.Strict()).Decode(&script); err != nil {
		return nil, fmt.Errorf("reading the script of faults: %w", err)
	}
	for i, f := range script.Faults {
		if err := f.check(); err != nil {
			return nil, fmt.Errorf("faults[%d]: %w", i, err)
		}
	}
	return script.Faults, nil
}

func (f *Fault) check() error {
	switch f.Do {
	case Answer:
		if f.Code == "" && f.Status == 0 && f.Latency == 0 {
			return errors.New("it does nothing: give do, code, status or latency")
		}
	case CutBefore:
		if f.Phone+f.Suffix != "" || f.Every+f.Times > 0 {
			return errors.New("cut_before is before the number is known: it goes by rate, count, from and until alone")
		}
	case Unanswered, CutAfter, Half, HalfChunk, Huge, Reset:
	default:
		return fmt.Errorf("do: %q is not known", f.Do)
	}
	if f.Rate < 0 || f.Rate > 1 {
		return errors.New("rate: between 0 and 1")
	}
	if f.Provider != "" && f.Provider != nxcloud && f.Provider != innopaas {
		return errors.New("provider: nxcloud or innopaas")
	}
	return nil
}

// pick is the first fault that strikes a submission. Before the body is read
// only those count that need no number.
func (s *Sandbox) pick(provider string, phones []string, at time.Duration, before bool) (Fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.faults {
		f := &s.faults[i]
		if before != (f.Do == CutBefore) || f.Provider != "" && f.Provider != provider {
			continue
		}
		if at < f.From || f.Until > 0 && at >= f.Until || f.Count > 0 && s.fired[i] >= f.Count {
			continue
		}
		if f.Rate > 0 && s.chance() >= f.Rate {
			continue
		}
		if !f.strikes(i, phones, &s.book) {
			continue
		}
		s.fired[i]++
		return *f, true
	}
	return Fault{}, false
}

// strikes says whether the fault is meant for one of the numbers, and counts it.
func (f *Fault) strikes(rule int, phones []string, b *book) bool {
	if f.Phone == "" && f.Suffix == "" && f.Every == 0 && f.Times == 0 {
		return true
	}
	for _, p := range phones {
		if f.Phone != "" && p != f.Phone || !strings.HasSuffix(p, f.Suffix) || f.Every > 0 && spread(p)%uint64(f.Every) != 0 {
			continue
		}
		if f.Times == 0 || b.struck(rule, p) <= f.Times {
			return true
		}
	}
	return false
}

// spread is a number that looks random and is the same for a phone every time.
func spread(phone string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(phone))
	return h.Sum64() >> 8
}

// chance is a number in [0, 1), the same sequence for the same seed.
func (s *Sandbox) chance() float64 {
	s.book.dice++
	x := s.o.Seed + s.book.dice*0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return float64((x^x>>31)>>11) / (1 << 53)
}

// apply turns the answer that would have been into the fault's.
func (f *Fault) apply(answer reply, provider string) reply {
	was := answer
	switch {
	case f.Code != "" && provider == nxcloud:
		answer = nxError(f.Code, f.Message)
	case f.Code != "":
		answer = innoError(f.Code, f.Message)
	case f.Status != 0:
		answer = reply{status: f.Status, body: []byte(f.Body), code: fmt.Sprint("http ", f.Status)}
	case f.Do != Answer:
		answer.code = string(f.Do)
	}
	if f.Status != 0 {
		answer.status = f.Status
	}
	// What is cut off or never answered was taken all the same: that is the point.
	answer.taken = was.taken && (f.Taken || f.Do != Answer || f.Code == "" && f.Status == 0)
	answer.ids = was.ids
	answer.then = f.Do
	answer.latency = f.Latency
	if f.RetryAfter != "" {
		answer.header = map[string][]string{"Retry-After": {f.RetryAfter}}
	}
	return answer
}
