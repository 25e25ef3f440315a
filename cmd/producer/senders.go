package main

import (
	"context"

	"sluice/internal/accounts"
	"sluice/internal/desk"
	"sluice/internal/sender"
	"sluice/internal/told"
)

// openSender opens a sender of the senders file, as it is now, for the desk.
func (a *app) openSender(name string) (*desk.Sender, error) {
	senders, err := a.providers.Load(a.Senders, a.getenv)
	if err != nil {
		return nil, err
	}
	s, err := senders.Get(name)
	if err != nil {
		return nil, err
	}
	provider, err := a.providers.Open(s, a.now)
	if err != nil {
		return nil, err
	}
	ask := accounts.Asker{Provider: provider, Name: name}
	return &desk.Sender{
		Provider: provider, Name: name, Kind: s.Provider, Limits: accounts.Limits(s),
		Preflight: func(ctx context.Context, m sender.Message) ([]string, bool, error) {
			warnings, asked, err := ask.Preflight(ctx, m)
			if !asked && err == nil && a.redis != nil {
				err = told.Fit(ctx, a.redis, name, m) // nothing else is to be known
			}
			return warnings, asked, err
		},
		TemplateText: ask.TemplateText,
	}, nil
}
