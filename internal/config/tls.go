package config

import (
	"crypto/tls"
	"strings"
)

// tlsFor is the TLS that a scheme asks for: the host is checked as usual.
func tlsFor(scheme string) *tls.Config {
	if !strings.HasPrefix(scheme, "rediss") {
		return nil
	}
	return &tls.Config{MinVersion: tls.VersionTLS12}
}
