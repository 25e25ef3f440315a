package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"sluice/internal/campaign"
	"sluice/internal/status"
)

type listCommand struct {
	JSON bool `help:"Print one JSON object a line."`
}

// A listing is one campaign of the list, in JSON.
type listing struct {
	ID         string     `json:"id"`
	State      string     `json:"state"`
	Sender     string     `json:"sender"`
	Rows       int        `json:"rows"`
	Pending    int        `json:"pending"`
	Accepted   int        `json:"accepted"`
	Rejected   int        `json:"rejected"`
	InDoubt    int        `json:"in_doubt"`
	CreatedAt  *time.Time `json:"created_at"`
	StartedAt  *time.Time `json:"started_at"`
	GoesOnAt   *time.Time `json:"goes_on_at"`
	EndsAt     *time.Time `json:"ends_at"`
	FinishedAt *time.Time `json:"finished_at"`
}

// Run lists the campaigns, newest first.
func (c *listCommand) Run(a *app) error {
	if err := a.connect(); err != nil {
		return err
	}
	t := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	if !c.JSON {
		fmt.Fprintf(t, "ID\t%s\tSENDER\tROWS\tDONE\tACCEPTED\tWHEN\n", a.colour().Plain("STATE"))
	}
	err := a.desk.Statuses(a.ctx, func(st *status.Status) error {
		if c.JSON {
			return printJSON(a.out, listing{
				ID: st.ID, State: st.State, Sender: st.Sender, Rows: st.Rows, Pending: st.Pending, Accepted: st.Accepted, Rejected: st.Rejected, InDoubt: st.InDoubt,
				CreatedAt: st.CreatedAt, StartedAt: st.StartedAt, GoesOnAt: st.GoesOnAt, EndsAt: st.EndsAt, FinishedAt: st.FinishedAt,
			})
		}
		_, err := fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%d %%\t%d\t%s\n", st.ID, a.colour().State(st.State), st.Sender, st.Rows,
			100*(st.Rows-st.Pending)/max(1, st.Rows), st.Accepted, whenText(st))
		return err
	})
	if err != nil {
		return err
	}
	return t.Flush()
}

// whenText is the time that matters of a campaign.
func whenText(st *status.Status) string {
	for _, when := range []struct {
		word string
		at   *time.Time
	}{
		{endWord(st.State), st.FinishedAt},
		{"goes on", st.GoesOnAt},
		{"ends", st.EndsAt},
		{"began", st.StartedAt},
		{"created", st.CreatedAt},
	} {
		if when.at != nil {
			return when.word + " " + atText(*when.at)
		}
	}
	return ""
}

func endWord(state string) string {
	if state == string(campaign.Cancelled) {
		return "cancelled"
	}
	return "finished"
}
