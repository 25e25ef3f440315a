package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"sluice/internal/accounts"
	"sluice/internal/batch"
	"sluice/internal/campaign"
	"sluice/internal/config"
	"sluice/internal/jobs"
	"sluice/internal/ledger"
	"sluice/internal/sender"
	"sluice/internal/suppress"
)

type sendCommand struct {
	Campaign   string `arg:"" help:"The campaign file (YAML)." placeholder:"CAMPAIGN.yaml"`
	Recipients string `help:"Read the recipients from this file instead of the campaign file's; - is standard input." placeholder:"FILE"`
	DryRun     bool   `help:"Read and check everything and print the plan; write nothing to Redis."`
	Wait       bool   `help:"Wait until the campaign is over; exit code 3 if not every row was accepted."`
	Preflight  bool   `default:"true" negatable:"" help:"Hold the message against the account's templates first, where the provider can be asked."`
	JSON       bool   `help:"Print the account as one JSON object at the end, and nothing else on standard output."`
}

// Run imports a campaign and launches it.
func (c *sendCommand) Run(a *app) error {
	s, err := c.prepare(a)
	if err != nil {
		return &usageError{err}
	}
	defer s.close()
	if c.DryRun {
		return c.dryRun(a, s)
	}
	if err := a.connect(); err != nil {
		return err
	}
	imported, err := a.imported(s.file.ID)
	if err != nil {
		return err
	}
	if !imported { // else there is nothing to do, whatever became of the template
		if err := c.preflight(a, s); err != nil {
			return err
		}
	}
	if err := c.importAll(a, s); err != nil {
		return err
	}
	if c.Wait {
		return c.wait(a, s.file.ID)
	}
	if c.JSON {
		st, err := a.source().Get(a.ctx, s.file.ID)
		if err != nil {
			return err
		}
		return printJSON(a.out, st)
	}
	_, err = fmt.Fprintf(a.out, "%s is launched; watch it with `producer status %s`\n", s.file.ID, s.file.ID)
	return err
}

// A shipment is a campaign that has been checked as far as files can tell.
type shipment struct {
	raw     []byte
	file    *campaign.File
	sender  config.Sender
	columns []batch.Column
	input   *input
	reader  *batch.Reader
	plan    planSeen
}

func (s *shipment) close() { s.input.Close() }

// prepare reads the files and refuses what does not hold, before anything is
// written anywhere.
func (c *sendCommand) prepare(a *app) (*shipment, error) {
	raw, err := os.ReadFile(c.Campaign)
	if err != nil {
		return nil, fmt.Errorf("reading the campaign file: %w", err)
	}
	s := &shipment{raw: raw}
	if s.file, err = campaign.Parse(raw, c.Campaign); err != nil {
		return nil, err
	}
	if c.Recipients != "" {
		s.file.Recipients.File = c.Recipients
	}
	senders, err := config.LoadSenders(a.Senders, a.getenv)
	if err != nil {
		return nil, err
	}
	if s.sender, err = senders.Get(s.file.Sender); err != nil {
		return nil, fmt.Errorf("%s: sender: %w", c.Campaign, err)
	}
	provider, err := accounts.Open(s.sender, a.now)
	if err != nil {
		return nil, err
	}
	if s.columns, err = s.file.Message.Columns(); err != nil {
		return nil, fmt.Errorf("%s: %w", c.Campaign, err)
	}
	submitter, err := provider.Compile(s.file.Message, s.columns)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Campaign, err)
	}
	return s, c.openInput(a, s, submitter)
}

// imported says whether an earlier run has imported the campaign to its end.
func (a *app) imported(id string) (bool, error) {
	rec, err := a.campaigns.Get(a.ctx, id)
	if errors.Is(err, campaign.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return rec.State != campaign.Importing, nil
}

// preflight refuses a message that its template does not fit, before a single
// key is written.
func (c *sendCommand) preflight(a *app, s *shipment) error {
	if !c.Preflight {
		return nil
	}
	warnings, asked, err := accounts.Preflight(a.ctx, s.sender, a.now, s.file.Message)
	var unfit *sender.UnfitError
	switch {
	case errors.As(err, &unfit):
		return &usageError{fmt.Errorf("%s: %w", c.Campaign, err)}
	case err != nil:
		return fmt.Errorf("%w; --no-preflight sends without asking", err)
	}
	s.plan.preflight = "the template is approved and fits"
	if !asked {
		s.plan.preflight = "not asked: " + s.sender.Provider + " publishes no way to ask for a template"
	}
	for _, w := range warnings {
		fmt.Fprintf(a.err, "producer: warning: %s\n", w)
	}
	return nil
}

// openInput opens the recipients and reads their header.
func (c *sendCommand) openInput(a *app, s *shipment, submitter sender.Submitter) error {
	r := s.file.Recipients
	var err error
	if s.input, err = openInput(r.File, a.in); err != nil {
		return err
	}
	s.reader, err = batch.NewReader(s.input, batch.Options{
		Phone: r.Phone, Columns: s.columns, DefaultCountry: r.DefaultCountry,
		Encoding: r.Encoding, Strict: r.Strict, Check: submitter.Check,
	})
	if err != nil {
		s.input.Close()
		return fmt.Errorf("%s: %w", r.File, err)
	}
	if !s.reader.HasRows() { // its id would be used up
		s.input.Close()
		return fmt.Errorf("%s: there is a header and no row below it: nothing to send", r.File)
	}
	return nil
}

// dryRun does all but writing.
func (c *sendCommand) dryRun(a *app, s *shipment) error {
	if err := c.preflight(a, s); err != nil {
		return err
	}
	s.plan.dry = true
	im := &jobs.Import{Saw: s.plan.saw}
	p := startProgress(a, "reading", s.input)
	plan, err := im.Count(a.ctx, s.reader)
	p.stop()
	if err != nil {
		return inputError(s, err)
	}
	if c.JSON {
		return printJSON(a.out, planStatus(s, plan))
	}
	if err := s.plan.print(a.out, s, plan); err != nil {
		return err
	}
	_, err = fmt.Fprintln(a.out, "dry run: nothing was written")
	return err
}

// importAll imports the campaign, or finds that an earlier run has.
func (c *sendCommand) importAll(a *app, s *shipment) error {
	rec, err := a.campaigns.Create(a.ctx, s.raw, s.file)
	if errors.Is(err, campaign.ErrOtherCampaign) {
		return &usageError{err}
	}
	if err != nil {
		return err
	}
	im := &jobs.Import{
		Ledger: a.ledger, Campaigns: a.campaigns, Queue: jobs.NewQueue(a.redis), Saw: s.plan.saw,
	}
	list := suppress.New(a.redis)
	if version, err := list.Version(a.ctx); err != nil {
		return err
	} else if version > 0 { // a list that was never used costs nothing
		im.Suppress = list.Contains
	}
	if rec.State != campaign.Importing {
		return c.compare(a, s, im, rec)
	}
	p := startProgress(a, "importing", s.input)
	plan, err := im.Run(a.ctx, s.file.ID, s.reader)
	p.stop()
	if err != nil {
		return inputError(s, err)
	}
	if c.JSON {
		return nil
	}
	return s.plan.print(a.out, s, plan)
}

// compare reads the input of a campaign that is imported already: the same one
// is nothing to do, another is refused.
func (c *sendCommand) compare(a *app, s *shipment, im *jobs.Import, rec *campaign.Record) error {
	p := startProgress(a, "comparing", s.input)
	plan, err := im.Count(a.ctx, s.reader)
	p.stop()
	if err != nil {
		return inputError(s, err)
	}
	if plan.Fingerprint != rec.Plan.Fingerprint {
		return inputError(s, ledger.ErrDiffers)
	}
	if c.JSON {
		return nil
	}
	_, err = fmt.Fprintf(a.out, "%s was imported before, with the same recipients; nothing to do (it is %s)\n", rec.ID, rec.State)
	return err
}

// inputError says what to do about an input that cannot be imported.
func inputError(s *shipment, err error) error {
	switch {
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("interrupted; run the same command again to go on where it ended: %w", err)
	case errors.Is(err, ledger.ErrDiffers):
		return &usageError{fmt.Errorf("%s: campaign %s was imported from other recipients; a changed list needs a new id: %w",
			s.file.Recipients.File, s.file.ID, err)}
	case errors.Is(err, batch.ErrDamaged):
		return &usageError{fmt.Errorf("%s: %w", s.file.Recipients.File, err)}
	}
	return fmt.Errorf("%s: %w", s.file.Recipients.File, err)
}
