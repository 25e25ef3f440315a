package main

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"sluice/internal/accounts"
	"sluice/internal/callback"
	"sluice/internal/config"
	"sluice/internal/sender"
)

// settings are what a sender has under the key receipts.
type settings struct {
	// Secret is the last part of the address that the provider is given.
	// PreviousSecret is taken beside it while the one is changed for the other.
	Secret         sender.Secret `yaml:"secret" file:"secret_file"`
	PreviousSecret sender.Secret `yaml:"previous_secret" file:"previous_secret_file"`
	// Verify is off, log or require; log if empty.
	Verify string `yaml:"verify"`
	// Allow are the networks that callbacks may come from, TrustedProxies those whose
	// X-Forwarded-For is believed.
	Allow          []string `yaml:"allow"`
	TrustedProxies []string `yaml:"trusted_proxies"`
	// AckBody is what a success is answered with; success if empty.
	AckBody string `yaml:"ack_body"`
	// UserName and Authorization are the values that the provider was told to send
	// in the headers of these names.
	UserName      sender.Secret `yaml:"user_name"`
	Authorization sender.Secret `yaml:"authorization" file:"authorization_file"`
	// SoleUser says that nobody else sends from the sender's number, so that a
	// receipt which names a number alone may resolve a doubt.
	SoleUser bool `yaml:"sole_user"`
	// HaltUndelivered is the share of the last messages above which that are
	// undelivered halt a campaign; 0: none.
	HaltUndelivered float64 `yaml:"halt_undelivered"`
	// URL and Opaque are for those who submit.
	URL     any `yaml:"url"`
	URLFile any `yaml:"url_file"`
	Opaque  any `yaml:"opaque"`
}

// shortestSecret keeps an address from being guessed.
const shortestSecret = 16

// receivers are what takes the callbacks of each sender that has settings for it,
// and what is to be known for applying them.
type receivers struct {
	senders []callback.Sender
	readers map[string]sender.CallbackReader
	sole    map[string]bool
	halts   map[string]float64
}

func (r *receivers) reader(name string) (sender.CallbackReader, bool) {
	reader, ok := r.readers[name]
	return reader, ok
}

func (r *receivers) soleUser(name string) bool { return r.sole[name] }

func (r *receivers) haltsAt(name string) float64 { return r.halts[name] }

// open makes the receivers of a senders file.
func open(all config.Senders) (*receivers, error) {
	r := &receivers{readers: map[string]sender.CallbackReader{}, sole: map[string]bool{}, halts: map[string]float64{}}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		s := all[name]
		provider, err := accounts.Providers().Open(s, time.Now)
		if err != nil {
			return nil, err
		}
		reader, ok := provider.(sender.CallbackReader)
		if ok {
			r.readers[name] = reader
		}
		if s.Receipts == nil {
			continue
		}
		if !ok {
			return nil, s.Receipts.At("secret", "the callbacks of "+s.Provider+" are not known")
		}
		var set settings
		if err := s.Receipts.Decode(&set); err != nil {
			return nil, err
		}
		one, err := openOne(s, set, reader)
		if err != nil {
			return nil, err
		}
		r.senders = append(r.senders, one)
		r.sole[name], r.halts[name] = set.SoleUser, set.HaltUndelivered
	}
	if len(r.senders) == 0 {
		return nil, errors.New("no sender of the senders file has receipts: give it receipts: {secret: ...}")
	}
	return r, nil
}

func openOne(s config.Sender, set settings, reader sender.CallbackReader) (callback.Sender, error) {
	one := callback.Sender{Name: s.Name, Reader: reader, Verify: set.Verify, Ack: set.AckBody, Headers: map[string]sender.Secret{}}
	for _, secret := range []struct {
		key   string
		value sender.Secret
	}{{"secret", set.Secret}, {"previous_secret", set.PreviousSecret}} {
		switch {
		case secret.value == "" && secret.key == "secret":
			return one, s.Receipts.At("secret", "is missing; give it or secret_file: it is the last part of the address that the provider calls")
		case secret.value == "":
		case len(secret.value) < shortestSecret || !pathSafe(string(secret.value)):
			return one, s.Receipts.At(secret.key, fmt.Sprintf("must be %d or more of letters, digits, - and _", shortestSecret))
		default:
			one.Secrets = append(one.Secrets, secret.value)
		}
	}
	switch set.Verify {
	case "":
		one.Verify = callback.Log
	case callback.Off, callback.Log, callback.Require:
	default:
		return one, s.Receipts.At("verify", "must be off, log or require")
	}
	if set.HaltUndelivered < 0 || set.HaltUndelivered >= 1 {
		return one, s.Receipts.At("halt_undelivered", "must be a share from 0 to below 1, such as 0.3")
	}
	if one.Ack == "" {
		one.Ack = "success"
	}
	for name, value := range map[string]sender.Secret{"UserName": set.UserName, "Authorization": set.Authorization} {
		if value != "" {
			one.Headers[name] = value
		}
	}
	var err error
	if one.Allow, err = networks(s.Receipts, "allow", set.Allow); err != nil {
		return one, err
	}
	one.Proxies, err = networks(s.Receipts, "trusted_proxies", set.TrustedProxies)
	return one, err
}

func pathSafe(secret string) bool {
	for _, c := range secret {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

func networks(own *config.Own, key string, texts []string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, text := range texts {
		n, err := netip.ParsePrefix(text)
		if err != nil {
			a, addrErr := netip.ParseAddr(text)
			if addrErr != nil {
				return nil, own.At(key, "must be addresses or networks such as 203.0.113.0/24")
			}
			n = netip.PrefixFrom(a, a.BitLen())
		}
		all = append(all, n)
	}
	return all, nil
}
