package sender

import (
	"fmt"
	"io"
)

// A Secret is a credential. It prints as *** in every verb, in JSON, YAML and
// logs; only string(s) tells it.
type Secret string

const hidden = "***"

// String hides the secret.
func (Secret) String() string { return hidden }

// GoString hides the secret.
func (Secret) GoString() string { return hidden }

// MarshalText hides the secret.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// Format hides the secret, whatever the verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }
