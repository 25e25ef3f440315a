package main

import (
	"errors"
	"fmt"

	"sluice/internal/campaign"
)

// errExpired says that a campaign's rows are gone. It is no fault of anyone's:
// the worker's --keep says how long they stay.
var errExpired = errors.New("its rows have expired; `producer status` has the account that is left of them")

// withRows reads the record of a campaign whose rows are still there, or returns
// errExpired.
func (a *app) withRows(id string) (*campaign.Record, error) {
	rec, err := a.campaigns.Get(a.ctx, id)
	if err != nil {
		return nil, err
	}
	expired, err := a.source().Expired(a.ctx, rec)
	if err != nil {
		return nil, err
	}
	if expired {
		return nil, fmt.Errorf("%s: %w", id, errExpired)
	}
	return rec, nil
}
