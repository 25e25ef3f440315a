package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"sluice/internal/desk"
)

type exportCommand struct {
	ID      string   `arg:"" help:"The campaign."`
	States  []string `help:"Only rows in these states: pending, accepted, rejected, in_doubt, invalid, duplicate, suppressed, cancelled." placeholder:"STATE,..."`
	Codes   []string `help:"Only rows with one of these codes, such as 22091 or exhausted/http_503." placeholder:"CODE,..."`
	Receipt []string `help:"Only rows with these receipts: awaiting (accepted, and none has come), sent, undelivered, delivered, read, probable (in doubt, and a receipt came that names the number alone)." placeholder:"RECEIPT,..."`
	Columns []string `help:"Columns of the list beside ours, so that a customer key comes back: all, or some of the message's and those that recipients.keep names. Such an export is a list again." placeholder:"all|COLUMN,..."`
	Format  string   `help:"csv or ndjson." enum:"csv,ndjson" default:"csv" placeholder:"FORMAT"`
	JSON    bool     `help:"Print one JSON object a row, as --format ndjson does."`
	Output  string   `short:"o" help:"Write to this file, which appears only when it is whole; standard output if not given." placeholder:"FILE"`
}

// Run exports a campaign.
func (c *exportCommand) Run(a *app) error {
	if c.JSON {
		c.Format = desk.NDJSON
	}
	if err := a.connect(); err != nil {
		return err
	}
	e, err := a.desk.Export(a.ctx, desk.ExportOrder{ID: c.ID, States: c.States, Codes: c.Codes, Receipts: c.Receipt, Format: c.Format, Columns: c.Columns})
	if err != nil {
		return err
	}
	if c.Output == "" {
		return e.Write(a.ctx, shown(a.out))
	}
	return writeFile(c.Output, func(w io.Writer) error { return e.Write(a.ctx, w) })
}

// writeFile has write fill a new file beside path, which then takes path's
// place and keeps its mode: a full disk or a kill leaves what was there before. A
// file that was not there is its owner's alone to read, for it holds a list of
// people. What is there and is no file, such as a pipe or a device, is written
// to as it is.
func writeFile(path string, write func(io.Writer) error) error {
	if to, err := filepath.EvalSymlinks(path); err == nil {
		path = to
	}
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return fmt.Errorf("writing the export: %s is a folder", path)
	case err == nil && !info.Mode().IsRegular():
		return writeDevice(path, write)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("creating the export: %w", err)
	}
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if err == nil && info != nil {
		err = f.Chmod(info.Mode().Perm())
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		if at := new(fs.PathError); errors.As(err, &at) && at.Path == f.Name() {
			err = fmt.Errorf("writing the export: %s: %w", path, at.Err)
		}
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

func writeDevice(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("writing the export: %w", err)
	}
	return errors.Join(write(f), f.Close())
}
