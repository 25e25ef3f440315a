package sender

import (
	"fmt"
	"strings"
	"time"
)

// Settings are a sender's own keys in the senders file, which its provider alone
// knows: all but those that every sender has.
type Settings interface {
	// Decode fills the struct that into points to by its yaml tags, and refuses
	// a key that it does not have. ${NAME} in a text is a variable of the
	// environment by then. A field with a tag file:"KEY" may come from a file of
	// its own, which KEY names. Its errors name line, sender and key; beside one, into
	// has what is right, and is to be looked at all the same.
	Decode(into any) error
}

// An Account is what every sender has beside its own settings.
type Account struct {
	Timeout  time.Duration    // of one HTTP request
	InFlight int              // submissions at a time
	Now      func() time.Time // the clock of what is signed; time.Now if nil
	// CallbackURL is where this account's callbacks are taken, for a provider that is
	// told so with each message; it holds a secret. "" says nothing.
	CallbackURL Secret
	// Opaque has a provider send along what its callbacks may give back.
	Opaque bool
}

// An Open makes the provider that speaks for one sender. It connects to
// nothing. What is wrong with a setting is a *SettingError, and several are joined:
// it says all at once, whatever Decode says too.
type Open func(own Settings, a Account) (Provider, error)

// A SettingError is what is wrong with one of a sender's own settings, and what
// to do about it; it holds no value of one that is secret.
type SettingError struct {
	Key, Text string
}

// Error names the key.
func (e *SettingError) Error() string { return e.Key + ": " + e.Text }

// IsNumber says that s is a phone number as the providers write it: 8 to 15
// digits with the country code, and without + or 00.
func IsNumber(s string) bool {
	return len(s) >= 8 && len(s) <= 15 && s[0] != '0' && strings.Trim(s, "0123456789") == ""
}

// BadSetting makes a *SettingError.
func BadSetting(key, format string, args ...any) error {
	return &SettingError{Key: key, Text: fmt.Sprintf(format, args...)}
}
