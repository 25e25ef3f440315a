// Package accounts opens the senders of a senders file: it knows which provider
// speaks for which.
package accounts

import (
	"fmt"
	"time"

	"sluice/internal/config"
	"sluice/internal/ratelimit"
	"sluice/internal/sender"
	"sluice/internal/sender/innopaas"
	"sluice/internal/sender/nxcloud"
)

// Open makes the provider that speaks for a sender. Its errors name the sender.
func Open(s config.Sender, now func() time.Time) (sender.Provider, error) {
	var p sender.Provider
	var err error
	switch s.Provider {
	case config.NXCloud:
		p, err = OpenNXCloud(s, now)
	case config.InnoPaaS:
		p, err = innopaas.New(innopaas.Options{
			BaseURL: s.BaseURL, AppKey: s.AppKey, Authorization: sender.Secret(s.Authorization.Reveal()),
			WabaID: s.WabaID, SendNumber: s.SendNumber, Endpoint: s.Endpoint, MMLitePath: s.MMLitePath,
			Timeout: s.Timeout, InFlight: s.Limits.InFlight, SuccessCodes: s.SuccessCodes,
			PartialReject: s.PartialReject, ContactArrays: s.ContactArrays, ButtonParams: s.ButtonParams,
		})
	default:
		err = fmt.Errorf("provider %q is not known", s.Provider)
	}
	if err != nil {
		return nil, fmt.Errorf("senders.%s: %w", s.Name, err)
	}
	return p, nil
}

// OpenNXCloud is Open for a sender of nxcloud, whose templates can be asked for.
func OpenNXCloud(s config.Sender, now func() time.Time) (*nxcloud.Provider, error) {
	return nxcloud.New(nxcloud.Options{
		BaseURL: s.BaseURL, TemplateBaseURL: s.TemplateBaseURL, TenantID: s.TenantID, AppKey: s.AppKeyNX,
		BusinessPhone: s.BusinessPhone, AccessKey: s.AccessKey, AccessSecret: sender.Secret(s.AccessSecret.Reveal()),
		Algorithm: s.Algorithm, Timeout: s.Timeout, InFlight: s.Limits.InFlight, Now: now,
	})
}

// Limits are a sender's limits as the pace takes them.
func Limits(s config.Sender) ratelimit.Limits {
	return ratelimit.Limits{
		MessagesPerSecond: s.Limits.MessagesPerSecond, RequestsPerSecond: s.Limits.RequestsPerSecond,
		InFlight: s.Limits.InFlight, MessagesPerDay: s.Limits.MessagesPerDay,
		MaxBurst: time.Duration(s.Limits.MaxBurstSeconds * float64(time.Second)), Stamp: s.Stamp,
	}
}
