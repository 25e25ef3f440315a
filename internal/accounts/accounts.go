// Package accounts opens the senders of a senders file: it has the one table of
// the providers there are.
package accounts

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"sluice/internal/config"
	"sluice/internal/ratelimit"
	"sluice/internal/sender"
	"sluice/internal/sender/innopaas"
	"sluice/internal/sender/nxcloud"
	"sluice/internal/strictyaml"
)

// A Table is the providers by the name that the senders file gives them.
type Table map[string]sender.Open

// Providers are all there are. A new one is a line here, a folder of its own and
// its documentation.
func Providers() Table {
	return Table{
		"nxcloud":    nxcloud.Open,
		"nxcloud-mt": nxcloud.OpenMT,
		"innopaas":   innopaas.Open,
	}
}

// Load reads a senders file and has each sender's provider look at its settings.
// Its errors name file, line, sender and key, and hold no secret.
func (t Table) Load(path string, getenv func(string) string) (config.Senders, error) {
	senders, err := config.LoadSenders(path, getenv)
	faults := []error{err}
	for _, name := range slices.Sorted(maps.Keys(senders)) {
		p, err := t.Open(senders[name], time.Now)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		Close(p)
	}
	if err := strictyaml.Join(faults...); err != nil {
		return nil, err
	}
	return senders, nil
}

// Open makes the provider that speaks for a sender. Its errors are Load's.
func (t Table) Open(s config.Sender, now func() time.Time) (sender.Provider, error) {
	open, found := t[s.Provider]
	if !found {
		return nil, s.Own.At("provider", fmt.Sprintf("%q is not one of %s", s.Provider, strings.Join(slices.Sorted(maps.Keys(t)), ", ")))
	}
	account := sender.Account{Timeout: s.Timeout, InFlight: s.Limits.InFlight, Now: now}
	ofReceipts := receipts(s, &account)
	p, err := open(s.Own, account)
	if err := strictyaml.Join(ofReceipts, located(s.Own, err)); err != nil {
		if p != nil {
			Close(p)
		}
		return nil, err
	}
	return p, nil
}

// located gives what a provider says of its settings their places in the file.
func located(own *config.Own, err error) error {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, err := range several.Unwrap() {
			all = append(all, located(own, err))
		}
		return errors.Join(all...)
	}
	var setting *sender.SettingError
	if errors.As(err, &setting) {
		return own.At(setting.Key, setting.Text)
	}
	return err
}

// Close ends a provider's connections, where it has any.
func Close(p sender.Provider) {
	if c, ok := p.(interface{ Close() }); ok {
		c.Close()
	}
}

// An Asker asks the provider of one sender about its account.
type Asker struct {
	Provider sender.Provider
	Name     string // of the sender, for errors
}

// Preflight holds a message against the templates of the sender's account, as
// sender.Preflighter says. Asked is false for a provider that publishes no way
// to ask.
func (a Asker) Preflight(ctx context.Context, m sender.Message) (warnings []string, asked bool, err error) {
	asks, ok := a.Provider.(sender.Preflighter)
	if !ok {
		return nil, false, nil
	}
	warnings, asked, err = asks.Preflight(ctx, m)
	if unfit := (*sender.UnfitError)(nil); err != nil && !errors.As(err, &unfit) {
		err = fmt.Errorf("asking %s for its templates: %w", a.Name, err)
	}
	return warnings, asked, err
}

// TemplateText is how the template that m names reads, as sender.TemplateTeller
// says. Asked is false for a provider that publishes no way to ask.
func (a Asker) TemplateText(ctx context.Context, m sender.Message) (text string, asked bool, err error) {
	tells, ok := a.Provider.(sender.TemplateTeller)
	if !ok {
		return "", false, nil
	}
	if text, asked, err = tells.TemplateText(ctx, m); err != nil {
		err = fmt.Errorf("asking %s for the template: %w", a.Name, err)
	}
	return text, asked, err
}

// Limits are a sender's limits as the pace takes them.
func Limits(s config.Sender) ratelimit.Limits {
	return ratelimit.Limits{
		MessagesPerSecond: s.Limits.MessagesPerSecond, RequestsPerSecond: s.Limits.RequestsPerSecond,
		InFlight: s.Limits.InFlight, MessagesPerDay: s.Limits.MessagesPerDay,
		MaxBurst: time.Duration(s.Limits.MaxBurstSeconds * float64(time.Second)),
		MaxPause: time.Duration(s.Limits.MaxPauseSeconds * float64(time.Second)), Stamp: s.Stamp,
	}
}
