package campaign

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Settings are what a campaign's identity leaves out: when and how fast it is
// sent. They may be set anew while it is.
type Settings struct {
	Rate        float64   `json:"rate"` // messages a second; 0: the sender's own
	Priority    string    `json:"priority"`
	Window      *Window   `json:"window"` // nil: at any time
	StartAt     time.Time `json:"start_at"`
	MaxAttempts int       `json:"max_attempts"`
}

// Settings are the file's.
func (f *File) Settings() Settings {
	return Settings{
		Rate: f.Rate.MessagesPerSecond, Priority: f.Priority, Window: f.Window,
		StartAt: f.StartAt, MaxAttempts: f.MaxAttempts,
	}
}

// Apply puts settings in the place of the file's own.
func (f *File) Apply(s Settings) {
	f.Rate.MessagesPerSecond, f.Priority, f.Window = s.Rate, s.Priority, s.Window
	f.StartAt, f.MaxAttempts = s.StartAt, s.MaxAttempts
}

// Weight is the campaign's share among those of its sender.
func (s Settings) Weight() int {
	switch s.Priority {
	case High:
		return 4
	case low:
		return 1
	}
	return 2
}

// The priorities.
const (
	// High is the priority of what goes before all else.
	High   = "high"
	normal = "normal"
	low    = "low"
)

// Check says which of the settings is invalid, the first one by its name in the
// campaign file.
func (s Settings) Check() error {
	if found := s.faults(); len(found) > 0 {
		return found[0]
	}
	return nil
}

// faults are all settings that are invalid.
func (s Settings) faults() []error {
	var found []error
	if s.MaxAttempts < 1 || s.MaxAttempts > mostAttempts {
		found = append(found, bad("max_attempts", "between 1 and %d", mostAttempts))
	}
	if s.Priority != High && s.Priority != normal && s.Priority != low {
		found = append(found, bad("priority", "%q is not one of high, normal, low", s.Priority))
	}
	if s.Rate < 0 || s.Rate > 10_000 || s.Rate > 0 && s.Rate < 0.1 {
		found = append(found, bad("rate.messages_per_second", "between 0.1 and 10000, or 0 for the sender's own"))
	}
	return append(found, s.Window.faults()...)
}

// A Difference is a setting that two campaigns, or two times, have in different
// ways.
type Difference struct {
	Name          string // as in the campaign file
	Before, After string
}

// Differences are what after has in another way.
func (s Settings) Differences(after Settings) []Difference {
	var found []Difference
	a, b := s.texts(), after.texts()
	for i := range a {
		if a[i][1] != b[i][1] {
			found = append(found, Difference{Name: a[i][0], Before: a[i][1], After: b[i][1]})
		}
	}
	return found
}

// texts are the settings' names and values, for a person.
func (s Settings) texts() [][2]string {
	rate, window, start := "the sender's own", "at any time", "at once"
	if s.Rate > 0 {
		rate = fmt.Sprintf("%g messages a second", s.Rate)
	}
	if s.Window != nil {
		window = fmt.Sprintf("%s-%s %s", s.Window.From, s.Window.To, s.Window.Timezone)
	}
	if !s.StartAt.IsZero() {
		start = s.StartAt.UTC().Format(time.RFC3339)
	}
	return [][2]string{
		{"rate", rate},
		{"priority", s.Priority},
		{"window", window},
		{"start_at", start},
		{"max_attempts", fmt.Sprint(s.MaxAttempts)},
	}
}

// ParseWindow reads a window as it is written in one line: "09:00-20:00
// America/Sao_Paulo"; nil for "none".
func ParseWindow(text string) (*Window, error) {
	if text == "none" {
		return nil, nil //nolint:nilnil // no window is a value: at any time
	}
	hours, zone, _ := strings.Cut(text, " ")
	from, to, ok := strings.Cut(hours, "-")
	if !ok {
		return nil, bad("window", "%q is not a window such as \"09:00-20:00 America/Sao_Paulo\", nor none", text)
	}
	w := &Window{From: from, To: to, Timezone: strings.TrimSpace(zone)}
	if found := w.faults(); len(found) > 0 {
		return nil, found[0]
	}
	return w, nil
}

// encode is how a record holds settings that were set.
func (s Settings) encode() string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // plain structs always marshal
	}
	return string(text)
}

// ParseSettings reads what a record holds.
func ParseSettings(text string) (Settings, error) {
	var s Settings
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return s, fmt.Errorf("reading the settings of a campaign: %w", err)
	}
	return s, nil
}

// changes are the settings of f that differ from those there, on_doubt among
// them, which cannot be set.
func (f *File) changes(there *File) []Difference {
	found := there.Settings().Differences(f.Settings())
	if f.OnDoubt != there.OnDoubt {
		found = append(found, Difference{Name: "on_doubt", Before: there.OnDoubt, After: f.OnDoubt})
	}
	return found
}

// A SettingsError says that a campaign exists with other settings than those of
// a file that is given for it, which so changes nothing.
type SettingsError struct {
	ID      string
	Changes []Difference
}

// Error names each setting with what it was given as, and what the file says.
func (e *SettingsError) Error() string {
	texts := make([]string, len(e.Changes))
	for i, c := range e.Changes {
		texts[i] = fmt.Sprintf("%s: %s, and not %s", c.Name, c.Before, c.After)
	}
	return fmt.Sprintf("campaign %s was given with other settings (%s); nothing was changed", e.ID, strings.Join(texts, "; "))
}
