package accounts

import (
	"context"
	"fmt"
	"time"

	"sluice/internal/config"
	"sluice/internal/sender"
	"sluice/internal/sender/nxcloud"
)

// Preflight holds a message against the templates of its sender's account. A
// message that does not fit is a *sender.UnfitError; any other error means that
// the provider could not be asked. Asked is false for a provider that publishes
// no way to ask.
func Preflight(ctx context.Context, s config.Sender, now func() time.Time, m sender.Message) (warnings []string, asked bool, err error) {
	if s.Provider != config.NXCloud || m.Template == nil {
		return nil, false, nil
	}
	p, err := OpenNXCloud(s, now)
	if err != nil {
		return nil, false, err
	}
	defer p.Close()
	templates, err := Templates(ctx, p, m.Template.Name)
	if err != nil {
		return nil, false, fmt.Errorf("asking %s for its templates: %w", s.Name, err)
	}
	warnings, err = p.Preflight(m, templates)
	if err != nil {
		err = &sender.UnfitError{Err: err}
	}
	return warnings, true, err
}

// Templates are those of a name, or all of them if there is none of it, so that
// an error can say what there is.
func Templates(ctx context.Context, p *nxcloud.Provider, name string) ([]nxcloud.Template, error) {
	templates, err := p.Templates(ctx, name)
	if err != nil || len(templates) > 0 {
		return templates, err
	}
	return p.Templates(ctx, "")
}
