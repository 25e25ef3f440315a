package main

import (
	"fmt"
	"time"

	"github.com/schollz/progressbar/v3"

	"sluice/internal/campaign"
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
		err = printStatus(a.out, st, a.desk.Meaning(st.Sender))
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
	var bar *progressbar.ProgressBar
	lastLine := a.now()
	for {
		st, err := a.desk.Status(a.ctx, id)
		if err != nil {
			return nil, err
		}
		settled := st.Rows - st.Pending
		switch {
		case isTerminal(a.err):
			if bar == nil {
				bar = newBar(a.err, id, int64(st.Rows), false)
			}
			bar.Describe(fmt.Sprintf("%s %s%s", id, st.State, holdsText(st)))
			bar.Set(settled)
		case a.now().Sub(lastLine) >= lineEvery:
			lastLine = a.now()
			fmt.Fprintf(a.err, "%s %s: %d of %d rows, %d accepted, %d rejected, %d in doubt%s\n",
				id, st.State, settled, st.Rows, st.Accepted, st.Rejected, st.InDoubt, holdsText(st))
		}
		if st.Over() || st.State == string(campaign.Halted) {
			if bar != nil {
				fmt.Fprintln(a.err)
			}
			return st, nil
		}
		select {
		case <-tick.C:
		case <-a.ctx.Done():
			return nil, fmt.Errorf("no longer waiting; the campaign goes on: %w", a.ctx.Err())
		}
	}
}
