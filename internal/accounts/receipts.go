package accounts

import (
	"net/url"

	"sluice/internal/config"
	"sluice/internal/sender"
	"sluice/internal/strictyaml"
)

// sent are the settings of a sender's receipts that its submissions go by. The others
// are for whoever takes the callbacks, and no file of theirs is read here.
type sent struct {
	URL    sender.Secret `yaml:"url" file:"url_file"`
	Opaque bool          `yaml:"opaque"`

	Secret            any `yaml:"secret"`
	SecretFile        any `yaml:"secret_file"`
	PreviousSecret    any `yaml:"previous_secret"`
	PreviousFile      any `yaml:"previous_secret_file"`
	Verify            any `yaml:"verify"`
	Allow             any `yaml:"allow"`
	TrustedProxies    any `yaml:"trusted_proxies"`
	AckBody           any `yaml:"ack_body"`
	UserName          any `yaml:"user_name"`
	Authorization     any `yaml:"authorization"`
	AuthorizationFile any `yaml:"authorization_file"`
	SoleUser          any `yaml:"sole_user"`
	HaltUndelivered   any `yaml:"halt_undelivered"`
}

// receipts has an account say where its callbacks are taken.
func receipts(s config.Sender, a *sender.Account) error {
	if s.Receipts == nil {
		return nil
	}
	var set sent
	faults := []error{s.Receipts.Decode(&set)}
	if set.URL != "" {
		u, err := url.Parse(string(set.URL))
		switch {
		case s.Provider != "nxcloud-mt":
			faults = append(faults, s.Receipts.At("url", s.Provider+" is told in its console where callbacks go; nxcloud-mt alone takes an address with each message"))
		case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil:
			faults = append(faults, s.Receipts.At("url", "must be the http or https address of this sender's receiver, such as https://your-host/r/"+s.Name+"/SECRET"))
		}
	}
	if set.Opaque && s.Provider != "nxcloud" {
		faults = append(faults, s.Receipts.At("opaque", "goes with nxcloud alone; "+s.Provider+" names its submissions anyway"))
	}
	a.CallbackURL, a.Opaque = set.URL, set.Opaque
	return strictyaml.Join(faults...)
}

// ReceiptsSecret is the last part of the address at which a sender's callbacks are
// taken; "" where they are not.
func ReceiptsSecret(s config.Sender) (sender.Secret, error) {
	if s.Receipts == nil {
		return "", nil
	}
	var set struct {
		Secret sender.Secret `yaml:"secret" file:"secret_file"`
	}
	if err := s.Receipts.Only("secret", "secret_file").Decode(&set); err != nil {
		return "", err
	}
	return set.Secret, nil
}
