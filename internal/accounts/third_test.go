package accounts

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"sluice/internal/batch"
	"sluice/internal/config"
	"sluice/internal/sender"
)

// carrier is a third provider, as a folder of its own would have it: what it
// takes, and what it can. It sends nothing.
type carrier struct {
	settings carrierSettings
	account  sender.Account
}

type carrierSettings struct {
	Region string        `yaml:"region"`
	Pin    sender.Secret `yaml:"pin" file:"pin_file"`
	Lines  int           `yaml:"lines"`
}

func openCarrier(own sender.Settings, a sender.Account) (sender.Provider, error) {
	c := &carrier{account: a}
	if err := own.Decode(&c.settings); err != nil {
		return nil, err
	}
	if c.settings.Region == "" {
		return nil, sender.BadSetting("region", "is missing; the vendor says which")
	}
	if c.settings.Pin == "" {
		return nil, sender.BadSetting("pin", "is missing; give it or pin_file")
	}
	return c, nil
}

func (*carrier) Compile(sender.Message, []batch.Column) (sender.Submitter, error) {
	return nil, errors.New("message.type: the carrier sends nothing")
}

func (*carrier) Meaning(sender.Code) string { return "" }

func (*carrier) Templates(context.Context, string) ([]sender.ListedTemplate, error) {
	return []sender.ListedTemplate{{Name: "only"}}, nil
}

func (c *carrier) Preflight(_ context.Context, m sender.Message) (warnings []string, asked bool, err error) {
	if m.Template.Name != "only" {
		return nil, true, &sender.UnfitError{Err: errors.New("message.template.name: there is only one")}
	}
	return []string{"in " + c.settings.Region}, true, nil
}

// One line more in the table, and everything that asks for what a provider takes
// and can has it of the third: its settings, strictly, with line, sender and key;
// its templates; its preflight. No other file of the house knows its name.
func TestThirdProviderIsOneLine(t *testing.T) {
	t.Parallel()
	table := Providers()
	table["carrier"] = openCarrier
	dir := t.TempDir()
	write(t, dir, "pin", marker+"\n")
	loaded := func(settings string) (config.Senders, error) {
		return table.Load(write(t, dir, "senders.yaml", nx+"  third:\n    provider: carrier\n"+settings), environment)
	}
	senders, err := loaded("    region: ${HOST}\n    pin_file: pin\n    lines: 3\n    timeout: 3s\n    limits: {in_flight: 5}\n")
	if err != nil {
		t.Fatal(err)
	}
	p, err := table.Open(senders["third"], now)
	if err != nil {
		t.Fatal(err)
	}
	c := p.(*carrier)
	if c.settings != (carrierSettings{"127.0.0.1:8099", marker, 3}) || c.account.Timeout != 3*time.Second || c.account.InFlight != 5 || c.account.Now() != now() {
		t.Errorf("settings %v, account %v", c.settings, c.account)
	}
	if _, lists := p.(sender.TemplateLister); !lists {
		t.Error("its templates cannot be listed")
	}
	for name, fits := range map[string]bool{"only": true, "other": false} {
		warnings, asked, err := Asker{p, "third"}.Preflight(t.Context(), sender.Message{Type: "template", Template: &sender.Template{Name: name}})
		if unfit := (*sender.UnfitError)(nil); !asked || errors.As(err, &unfit) == fits || fits && len(warnings) != 1 {
			t.Errorf("%s: %v, %t, %v", name, warnings, asked, err)
		}
	}
	for settings, want := range map[string]string{
		"    region: x\n": ":9: senders.third.pin: is missing; give it or pin_file",
		"    pin: x\n":    ":9: senders.third.region: is missing; the vendor says which",
		"    region: x\n    pin: y\n    color: red\n":    ":13: senders.third.color: carrier has no such key",
		"    region: [x]\n    pin: " + marker + "\n":     ":11: senders.third.region: must be a text, not a list",
		"    region: x\n    pin: y\n    lines: 0.5\n":    ":13: senders.third.lines: must be a whole number",
		"    region: x\n    pin: y\n    pin_file: pin\n": ":12: senders.third.pin: give it or pin_file, not both",
		"    region: ${NONE}\n    pin: y\n":              ":11: senders.third.region: the environment variable NONE is not set",
	} {
		if _, err := loaded(settings); err == nil || !strings.HasSuffix(lineOnly(err), want) || strings.Contains(err.Error(), marker) {
			t.Errorf("%q: %v; want it to end with %q", settings, err, want)
		}
	}
	if _, err := Providers().Load(write(t, dir, "s.yaml", "senders: {a: {provider: carrier}}"), environment); err == nil ||
		!strings.HasSuffix(lineOnly(err), `:1: senders.a.provider: "carrier" is not one of innopaas, nxcloud, nxcloud-mt`) {
		t.Errorf("without the line: %v", err)
	}
}
