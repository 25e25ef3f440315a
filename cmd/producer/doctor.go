package main

import (
	"errors"
	"fmt"
	"strings"

	"sluice/internal/doctor"
)

type doctorCommand struct {
	Dir         string `help:"The receiver's folder, to be looked at too." env:"SLUICE_RECEIVER_DIR" default:"" placeholder:"DIR"`
	ReceiptsURL string `name:"receipts-url" help:"Where providers reach the receiver, such as https://your-host, to be asked too; nothing is delivered there." placeholder:"URL"`
	JSON        bool   `help:"Print one JSON object."`
}

// errUnwell ends `doctor` where something keeps messages from going out. What was
// printed says what.
var errUnwell = errors.New("something keeps messages from going out, or may lose something; see above")

// Run looks at everything, and says what to do.
func (c *doctorCommand) Run(a *app) error {
	findings := doctor.Examine(a.ctx, doctor.Options{
		RedisURL: a.RedisURL, QueuePrefix: a.QueuePrefix, Senders: a.Senders, Providers: a.providers, Getenv: a.getenv,
		Spool: c.Dir, ReceiptsURL: c.ReceiptsURL, Version: version(), Now: a.now,
	})
	if err := a.ctx.Err(); err != nil {
		return err
	}
	failed := doctor.Failed(findings)
	if c.JSON {
		if err := printJSON(a.out, examined{!failed, version(), findings}); err != nil {
			return err
		}
	} else if err := c.print(a, findings); err != nil {
		return err
	}
	if failed {
		return errUnwell
	}
	return nil
}

// An examined is what `doctor --json` prints.
type examined struct {
	OK       bool             `json:"ok"` // nothing failed
	Version  string           `json:"version"`
	Findings []doctor.Finding `json:"findings"`
}

func (c *doctorCommand) print(a *app, findings []doctor.Finding) error {
	out := shown(a.out)
	for _, f := range findings {
		about := ""
		if f.About != "" {
			about = " " + f.About
		}
		if _, err := fmt.Fprintf(out, "%-4s  %s%s: %s\n", f.Level, f.Check, about, strings.ReplaceAll(f.Text, "\n", "\n      ")); err != nil {
			return err
		}
		if f.Remedy == "" {
			continue
		}
		if _, err := fmt.Fprintf(out, "      -> %s\n", f.Remedy); err != nil {
			return err
		}
	}
	return nil
}
