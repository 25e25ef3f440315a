package desk

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"sluice/internal/audit"
	"sluice/internal/outbox"
	"sluice/internal/suppress"
	"sluice/internal/token"
)

// The orders that are of no campaign, each with its entry in the audit.

// Act carries out somebody else's order with its entry in the audit. Do says whether
// anything changed.
func (d *Desk) Act(ctx context.Context, a audit.Act, do func(*audit.Act) (changed bool, err error)) error {
	return d.act(ctx, a, do)
}

// Suppress puts numbers on the list of those that get no message, and returns how
// many were not on it before. Country is that of numbers in national form; those
// are invalid if it is empty. Where one of them is invalid nothing is
// changed: the error is an *InvalidError.
func (d *Desk) Suppress(ctx context.Context, numbers []string, country string) (int, error) {
	return d.change(ctx, "suppress", "", numbers, country, suppress.New(d.redis).Add)
}

// Unsuppress takes numbers off the list, and returns how many were on it. They are
// read as those of Suppress.
func (d *Desk) Unsuppress(ctx context.Context, numbers []string, country string) (int, error) {
	return d.change(ctx, "unsuppress", "", numbers, country, suppress.New(d.redis).Remove)
}

// OptOut puts numbers on the list of those who want no marketing from a sender, and
// returns how many were not on it before. Numbers are read as those of Suppress. What
// is sent with a template of another category they get.
func (d *Desk) OptOut(ctx context.Context, sender string, numbers []string, country string) (int, error) {
	return d.change(ctx, "suppress", sender, numbers, country, suppress.New(d.redis).OptedOut(sender).Add)
}

// OptIn takes numbers off that list, and returns how many were on it.
func (d *Desk) OptIn(ctx context.Context, sender string, numbers []string, country string) (int, error) {
	return d.change(ctx, "unsuppress", sender, numbers, country, suppress.New(d.redis).OptedOut(sender).Remove)
}

func (d *Desk) change(ctx context.Context, name, sender string, numbers []string, country string, with func(context.Context, []string) (int, error)) (n int, err error) {
	err = d.act(ctx, audit.Act{Name: name, Sender: sender}, func(a *audit.Act) (bool, error) {
		n, err = change(ctx, numbers, country, with)
		a.Detail = fmt.Sprintf("%d of %d numbers", n, len(numbers))
		return n > 0, err
	})
	return n, err
}

// SuppressAll suppresses the numbers of a list. It may be given again.
func (d *Desk) SuppressAll(ctx context.Context, s *Suppressing) (all SuppressedAll, err error) {
	err = d.act(ctx, audit.Act{Name: "suppress", Sender: s.order.Sender}, func(a *audit.Act) (bool, error) {
		all, err = d.suppressAll(ctx, s)
		a.Detail = fmt.Sprintf("%d of a list of %d rows", all.Added, all.Rows)
		return all.Added > 0, err
	})
	return all, err
}

// Replay applies callbacks again that a receiver has kept, with all that follows from
// them. What is known it changes nothing of, so that it may be repeated, and receivers
// may be at work meanwhile, also on the same folder.
func (d *Desk) Replay(ctx context.Context, o ReplayOrder) (r Replayed, err error) {
	if o.DryRun {
		return d.replay(ctx, o)
	}
	err = d.act(ctx, audit.Act{Name: "replay_receipts", Sender: o.Sender}, func(a *audit.Act) (bool, error) {
		r, err = d.replay(ctx, o)
		a.Detail = fmt.Sprintf("%d callbacks, %d receipts", r.Callbacks, r.Receipts)
		return r.Receipts > 0, err
	})
	return r, err
}

// CreateToken makes a token and returns its text, which nobody can be told again.
// Where the order is invalid the error is an *InvalidError.
func (d *Desk) CreateToken(ctx context.Context, o token.Order) (text string, t *token.Token, err error) {
	if err := o.Check(); err != nil {
		return "", nil, &InvalidError{err}
	}
	err = d.act(ctx, audit.Act{Name: "create_token"}, func(a *audit.Act) (bool, error) {
		if text, t, err = d.tokens.Create(ctx, o); err != nil {
			return false, err
		}
		senders := "all senders"
		if len(t.Senders) > 0 {
			senders = strings.Join(t.Senders, ",")
		}
		a.Detail = fmt.Sprintf("%s (%s): %s; %s", t.ID, t.Name, strings.Join(t.Scopes, ","), senders)
		return true, nil
	})
	return text, t, err
}

var tokenID = regexp.MustCompile(`^[a-z0-9]{8}$`)

// RevokeToken ends a token; false: there was none of this id.
func (d *Desk) RevokeToken(ctx context.Context, id string) (gone bool, err error) {
	if !tokenID.MatchString(id) { // whatever it is, it stands in no entry
		return false, nil
	}
	err = d.act(ctx, audit.Act{Name: "revoke_token", Detail: id}, func(*audit.Act) (bool, error) {
		gone, err = d.tokens.Revoke(ctx, id)
		return gone, err
	})
	return gone, err
}

// CreateEndpoint makes an endpoint for callbacks, and returns its secret, which nobody
// can be told again.
func (d *Desk) CreateEndpoint(ctx context.Context, e outbox.Endpoint) (secret string, err error) {
	err = d.act(ctx, audit.Act{Name: "create_callback", Detail: e.Name}, func(a *audit.Act) (bool, error) {
		if len(e.Senders) > 0 {
			a.Detail += "; " + strings.Join(e.Senders, ",")
		}
		secret, err = d.endpoints.Create(ctx, e)
		return true, err
	})
	return secret, err
}

// DeleteEndpoint ends an endpoint. What was to be told to it is dropped.
func (d *Desk) DeleteEndpoint(ctx context.Context, name string) error {
	return d.act(ctx, audit.Act{Name: "delete_callback", Detail: name}, func(*audit.Act) (bool, error) { return true, d.endpoints.Delete(ctx, name) })
}

// RotateEndpoint gives an endpoint another secret, and returns it. What is sent is
// signed by both, until the next time.
func (d *Desk) RotateEndpoint(ctx context.Context, name string) (secret string, err error) {
	err = d.act(ctx, audit.Act{Name: "rotate_callback", Detail: name}, func(*audit.Act) (bool, error) {
		secret, err = d.endpoints.Rotate(ctx, name)
		return true, err
	})
	return secret, err
}

// Redeliver has an endpoint be told again all that was given up, and returns how many
// events that are.
func (d *Desk) Redeliver(ctx context.Context, name string) (n int, err error) {
	err = d.act(ctx, audit.Act{Name: "redeliver", Detail: name}, func(a *audit.Act) (bool, error) {
		n, err = d.endpoints.Redeliver(ctx, name)
		a.Detail = fmt.Sprintf("%s; %d events", name, n)
		return n > 0, err
	})
	return n, err
}
