package main

import (
	"fmt"
	"time"

	"sluice/internal/campaign"
	"sluice/internal/progress"
	"sluice/internal/status"
)

// waitEvery is how often the campaign is looked at while waiting for its end.
const waitEvery = 250 * time.Millisecond

// wait waits until the campaign is over and prints its account. A campaign that
// halts is an error: it waits for a person.
func (c *sendCommand) wait(a *app, id string) error {
	st, err := a.watch(id)
	if err != nil {
		return err
	}
	if c.JSON {
		err = printJSON(a.out, st)
	} else {
		err = printStatus(a.out, a.colour(), st, a.desk.Meaning(st.Sender))
	}
	switch {
	case err != nil:
		return err
	case st.State == string(campaign.Halted):
		return fmt.Errorf("%s %w: %s", id, errHalted, st.Reason)
	case st.Accepted < st.Recipients(), c.StrictExit && st.Accepted < st.Rows:
		return errNotAllAccepted
	}
	return nil
}

// watch shows progress until the campaign is over or halted.
func (a *app) watch(id string) (*status.Status, error) {
	tick := time.NewTicker(waitEvery)
	defer tick.Stop()
	line := progress.New(a.err, a.getenv)
	defer line.Done()
	for {
		st, err := a.desk.Status(a.ctx, id)
		if err != nil {
			return nil, err
		}
		line.Show(a.now(), lookAt(st))
		if st.Over() || st.State == string(campaign.Halted) {
			return st, nil
		}
		select {
		case <-tick.C:
		case <-a.ctx.Done():
			return nil, fmt.Errorf("no longer waiting; the campaign goes on: %w", a.ctx.Err())
		}
	}
}

// lookAt is how far a campaign is.
func lookAt(st *status.Status) progress.Look {
	settled := st.Rows - st.Pending
	return progress.Look{
		What: st.ID + " " + st.State, Part: float64(settled) / float64(max(1, st.Rows)), Rows: settled, Of: st.Rows,
		Tally: &progress.Tally{Accepted: st.Accepted, Rejected: st.Rejected, InDoubt: st.InDoubt},
		Note:  holdsText(st),
	}
}
