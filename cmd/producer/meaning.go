package main

import (
	"strings"

	"sluice/internal/accounts"
	"sluice/internal/config"
)

// meaning explains a sender's codes. Without the senders file, which an account
// does not need, codes stand without their meaning.
func (a *app) meaning(senderName string) func(code string) string {
	none := func(string) string { return "" }
	senders, err := config.LoadSenders(a.Senders, a.getenv)
	if err != nil {
		return none
	}
	s, err := senders.Get(senderName)
	if err != nil {
		return none
	}
	provider, err := accounts.Open(s, a.now)
	if err != nil {
		return none
	}
	return func(code string) string {
		last, exhausted := strings.CutPrefix(code, "exhausted/")
		if exhausted {
			return "all attempts failed; the last: " + provider.Meaning(last)
		}
		return provider.Meaning(code)
	}
}
