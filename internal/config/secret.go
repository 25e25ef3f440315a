package config

import "fmt"

// A Secret is a text that shows itself nowhere but where it is asked for by
// Reveal: not in a log, an error or a dump of the settings.
type Secret string

const hidden = "***"

// Reveal is the text itself, for the provider alone.
func (s Secret) Reveal() string { return string(s) }

// String hides the text.
func (Secret) String() string { return hidden }

// GoString hides the text.
func (Secret) GoString() string { return hidden }

// Format hides the text under every verb.
func (Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, hidden) }

// MarshalText hides the text.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }
