package doctor

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sluice/internal/accounts"
	"sluice/internal/config"
	"sluice/internal/sender"
)

// shortDay is how long a day's messages should last at the sender's pace, in seconds.
const shortDay = 60.0

// senders looks at the senders file and at each sender's provider.
func (e *examination) senders(ctx context.Context) {
	const check = "senders.file"
	all, err := e.Providers.Load(e.Senders, e.Getenv)
	if err != nil {
		e.fail(check, e.Senders, err.Error(), "mend the file; docs/files.md has every key")
		return
	}
	e.ok(check, e.Senders, fmt.Sprintf("%d senders", len(all)))
	e.readers()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		s := all[name]
		e.limits(s)
		provider, err := e.Providers.Open(s, e.Now)
		if err != nil {
			e.fail(check, name, err.Error(), "mend the file; docs/files.md has every key")
			continue
		}
		e.provider(ctx, s, provider)
		accounts.Close(provider)
		e.receipts(ctx, s)
	}
}

// readers looks who may read the senders file, and what lies beside it, for secrets
// are in there.
func (e *examination) readers() {
	const check = "senders.readers"
	text, err := os.ReadFile(e.Senders)
	if err != nil {
		return
	}
	files := []string{e.Senders}
	for line := range strings.Lines(string(text)) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), "_file:")
		if value = strings.Trim(strings.TrimSpace(value), `"'`); !ok || strings.HasPrefix(key, "#") || value == "" {
			continue
		}
		if !filepath.IsAbs(value) {
			value = filepath.Join(filepath.Dir(e.Senders), value)
		}
		files = append(files, value)
	}
	before := len(e.findings)
	for _, file := range files {
		if info, err := os.Stat(file); err == nil && info.Mode().Perm()&0o007 != 0 {
			e.warn(check, file, fmt.Sprintf("everybody on this machine may read it (mode %o)", info.Mode().Perm()), "chmod 600, owned by whoever runs the programs")
		}
	}
	if len(e.findings) == before {
		e.ok(check, "", fmt.Sprintf("%d files, not everybody's to read", len(files)))
	}
}

// limits looks whether a sender's limits are what somebody can have meant.
func (e *examination) limits(s config.Sender) {
	const check = "senders.limits"
	l := s.Limits
	switch rate := l.MessagesPerSecond; {
	case rate == 0 && l.RequestsPerSecond == 0:
		e.warn(check, s.Name, "there is no limit a second: the provider's throttling is the only one", "give it limits: {messages_per_second: ...}, as the provider allows")
	case rate > 0 && l.MessagesPerDay > 0 && float64(l.MessagesPerDay) < shortDay*rate:
		e.warn(check, s.Name, fmt.Sprintf("%d messages a day last %.0f seconds at %g a second", l.MessagesPerDay, float64(l.MessagesPerDay)/rate, rate), "compare both with the provider's tier")
	case rate > 0 && float64(l.InFlight) < rate/10:
		e.warn(check, s.Name, fmt.Sprintf("with %d submissions in flight, %g a second need answers within %.0f ms", l.InFlight, rate, 1000*float64(l.InFlight)/rate), "raise limits.in_flight")
	default:
		e.ok(check, s.Name, "limits are sane")
	}
}

// provider looks whether the provider can be reached, and takes the keys.
func (e *examination) provider(ctx context.Context, s config.Sender, p sender.Provider) {
	reached := true
	if at, ok := p.(sender.Addressed); ok {
		for _, origin := range origins(at.Addresses()) {
			reached = e.origin(ctx, s.Name, origin) && reached
		}
	}
	const check = "provider.keys"
	lister, ok := p.(sender.TemplateLister)
	if !reached {
		return
	}
	if !ok {
		e.warn(check, s.Name, s.Provider+" publishes no way to try the keys without a message", "`producer test CAMPAIGN.yaml --to NUMBER` sends one to a number of your own")
		return
	}
	short, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	templates, err := lister.Templates(short, "")
	if err != nil {
		e.fail(check, s.Name, "the provider does not take these keys, or this number: "+err.Error(), "compare access_key, access_secret, appkey, tenant_id and business_phone with its console, and this machine's clock")
		return
	}
	e.ok(check, s.Name, fmt.Sprintf("the provider takes the keys, and has %d templates", len(templates)))
}
