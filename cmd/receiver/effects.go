package main

import "github.com/rs/zerolog"

// warns tells the log what somebody should look at.
func warns(log zerolog.Logger) func(name, text string) {
	return func(name, text string) {
		log.Warn().Str("sender", name).Str("event", text).Msg("the provider tells of something that somebody should look at")
	}
}
