package main

import (
	"errors"
	"fmt"
	"slices"

	"sluice/internal/campaign"
	"sluice/internal/desk"
	"sluice/internal/strictyaml"
)

type sendCommand struct {
	Campaign   string   `arg:"" help:"The campaign file (YAML); - is standard input." placeholder:"CAMPAIGN.yaml"`
	ID         string   `help:"The campaign's id, in place of the file's: the same file for another campaign." placeholder:"ID"`
	Recipients []string `sep:"none" help:"Read the recipients from this file instead of the campaign file's; - is standard input. Given again, the files are one list, in order." placeholder:"FILE"`
	DryRun     bool     `help:"Read and check everything and print the plan; write nothing to Redis."`
	Wait       bool     `help:"Wait until the campaign is over; exit code 3 if somebody who was to get it was not accepted."`
	StrictExit bool     `help:"With --wait: exit code 3 for invalid, duplicate and suppressed rows too."`
	Preflight  bool     `default:"true" negatable:"" help:"Hold the message against the account's templates first, where the provider can be asked."`
	JSON       bool     `help:"Print the account as one JSON object at the end, and nothing else on standard output."`
}

// Run imports a campaign and launches it.
func (c *sendCommand) Run(a *app) error {
	p, err := a.prepare(desk.Order{Name: c.Campaign, ID: c.ID, Lists: c.Recipients, SkipPreflight: !c.Preflight})
	if err != nil {
		return err
	}
	defer p.Close()
	if c.DryRun {
		return c.dryRun(a, p)
	}
	if err := a.connect(); err != nil {
		return err
	}
	bar := startProgress(a, p.Progress)
	launched, err := unlessStalled(a.ctx, func() (*desk.Launched, error) { return a.desk.Launch(a.ctx, p) })
	bar.stop()
	if err != nil {
		return hint(err)
	}
	return c.finish(a, launched)
}

// prepare reads the campaign file that an order names, and prepares it.
func (a *app) prepare(o desk.Order) (*desk.Prepared, error) {
	switch stdin := slices.Contains(o.Lists, "-"); {
	case stdin && o.Name == "-":
		return nil, &usageError{errors.New("only one of the campaign file and the recipients can be standard input")}
	case stdin && len(o.Lists) > 1:
		return nil, &usageError{errors.New("--recipients: standard input can only be the one file")}
	}
	var err error
	if o.Text, err = a.readCampaign(o.Name); err != nil {
		return nil, err
	}
	o.Stdin = a.in
	o.Warn = func(warning string) { fmt.Fprintf(shown(a.err), "producer: warning: %s\n", warning) }
	return unlessStalled(a.ctx, func() (*desk.Prepared, error) { return a.desk.Prepare(o) })
}

// readCampaign reads a campaign file, or standard input for -; a list that is named
// there is relative to the working folder.
func (a *app) readCampaign(path string) ([]byte, error) {
	read := func() ([]byte, error) { return strictyaml.ReadFile(path) }
	if path == "-" {
		read = func() ([]byte, error) { return strictyaml.Read(a.in) }
	}
	text, err := read()
	if err != nil {
		return nil, &usageError{fmt.Errorf("reading the campaign file: %w", err)}
	}
	return text, nil
}

// finish says what came of it, now or when the campaign is over.
func (c *sendCommand) finish(a *app, l *desk.Launched) error {
	var err error
	switch {
	case c.JSON:
	case l.Before:
		_, err = fmt.Fprintf(a.out, "%s was imported before, with the same recipients; nothing to do (it is %s)\n", l.ID, l.State)
	default:
		err = printPlan(a.out, &l.Plan)
	}
	switch {
	case err != nil:
		return err
	case c.Wait:
		return c.wait(a, l.ID)
	case c.JSON:
		st, err := a.desk.Status(a.ctx, l.ID)
		if err != nil {
			return err
		}
		return printJSON(a.out, st)
	}
	if !l.Before {
		_, err = fmt.Fprintln(a.out, launchedText(l))
	}
	return err
}

// launchedText says what a campaign does now that it is launched.
func launchedText(l *desk.Launched) string {
	switch l.State {
	case campaign.Finished:
		return l.ID + " is finished: nobody of the list is to get it"
	case campaign.Scheduled:
		return fmt.Sprintf("%s is launched, and begins at %s; watch it with `producer status %s`", l.ID, atText(l.StartAt), l.ID)
	case campaign.Draft, campaign.Importing, campaign.Running, campaign.Paused, campaign.Halted, campaign.Cancelled:
	}
	if l.State != campaign.Running {
		return fmt.Sprintf("%s is imported, and %s", l.ID, l.State)
	}
	return fmt.Sprintf("%s is launched; watch it with `producer status %s`", l.ID, l.ID)
}

// dryRun does all but writing. Without Redis it asks nobody who is suppressed.
func (c *sendCommand) dryRun(a *app, p *desk.Prepared) error {
	var usage *usageError
	if err := a.connectToRead(); errors.As(err, &usage) || err != nil && p.NamesOthers() {
		return err
	} else if err != nil {
		fmt.Fprintf(shown(a.err), "producer: warning: the suppression list is not asked: %v\n", err)
	}
	bar := startProgress(a, p.Progress)
	plan, err := unlessStalled(a.ctx, func() (*desk.Plan, error) { return a.desk.Count(a.ctx, p) })
	bar.stop()
	if plan == nil {
		return hint(err)
	}
	if c.JSON {
		return errors.Join(printJSON(a.out, planStatus(plan)), err)
	}
	if err := printPlan(a.out, plan); err != nil {
		return err
	}
	if err == nil { // else of a list of nobody
		_, err = fmt.Fprintln(a.out, "dry run: nothing was written")
	}
	return err
}

// hint adds what to do on the command line about an error of the desk's.
func hint(err error) error {
	var settings *campaign.SettingsError
	switch {
	case errors.Is(err, desk.ErrNotAsked):
		return fmt.Errorf("%w; --no-preflight sends without asking", err)
	case errors.As(err, &settings):
		return fmt.Errorf("%w; `producer set %s` changes what can be changed, and `producer status %s` says how far it is", err, settings.ID, settings.ID)
	}
	return err
}
