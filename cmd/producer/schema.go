package main

import "sluice/internal/jsonschema"

type schemaCommand struct {
	Name string `arg:"" enum:"status,plan,export,campaign,senders,doctor" help:"status: an account, as status --json and send --json print it; plan: as send --dry-run --json; export: a row of export --json; campaign and senders: the files; doctor: as doctor --json."`
}

// Run prints a schema.
func (c *schemaCommand) Run(a *app) error {
	text, err := jsonschema.Get(c.Name)
	if err != nil {
		return &usageError{err}
	}
	_, err = a.out.Write(text)
	return err
}
