package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"

	"sluice/internal/desk"
	"sluice/internal/phone"
)

type suppressCommand struct {
	Add    suppressAdd    `cmd:"" help:"Suppress numbers: no campaign submits to them any more."`
	Remove suppressRemove `cmd:"" help:"Take numbers off the list."`
	List   suppressList   `cmd:"" help:"Print the list, one number for each person, in no order."`
	Import suppressImport `cmd:"" help:"Suppress the numbers of a CSV file, of any length."`
}

type suppressNumbers struct {
	Numbers []string `arg:"" help:"Numbers, as a list may have them."`
	Country string   `help:"The country of numbers in national form, such as BR." placeholder:"XX"`
	Sender  string   `help:"Of those who want no marketing from this sender, instead of those who get nothing from anybody." placeholder:"NAME"`
	asJSON
}

type suppressAdd struct{ suppressNumbers }

// Run adds numbers.
func (c *suppressAdd) Run(a *app) error {
	return c.change(a, (*desk.Desk).Suppress, (*desk.Desk).OptOut, "suppressed")
}

type suppressRemove struct{ suppressNumbers }

// Run removes numbers.
func (c *suppressRemove) Run(a *app) error {
	return c.change(a, (*desk.Desk).Unsuppress, (*desk.Desk).OptIn, "taken off the list")
}

func (c *suppressNumbers) change(a *app,
	all func(*desk.Desk, context.Context, []string, string) (int, error),
	one func(*desk.Desk, context.Context, string, []string, string) (int, error), word string,
) error {
	if err := a.connect(); err != nil {
		return err
	}
	var n int
	var err error
	if c.Sender == "" {
		n, err = all(a.desk, a.ctx, c.Numbers, c.Country)
	} else {
		n, err = one(a.desk, a.ctx, c.Sender, c.Numbers, c.Country)
	}
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(a.out, suppression{Changed: n, Numbers: len(c.Numbers)})
	}
	_, err = fmt.Fprintf(a.out, "%d of %d numbers %s\n", n, len(c.Numbers), word)
	return err
}

// A suppression is what came of adding or removing numbers, in JSON.
type suppression struct {
	Changed int `json:"changed"` // that were not, or were, on the list
	Numbers int `json:"numbers"` // that were given
}

type suppressList struct {
	JSON   bool   `help:"Print one JSON object a line."`
	Sender string `help:"Of those who want no marketing from this sender, instead of those who get nothing from anybody." placeholder:"NAME"`
}

// Run prints the list.
func (c *suppressList) Run(a *app) error {
	if err := a.connect(); err != nil {
		return err
	}
	w := bufio.NewWriter(a.out)
	each := func(phone string) error {
		if c.JSON {
			return printJSON(w, listed{phone})
		}
		_, err := fmt.Fprintln(w, phone)
		return err
	}
	var err error
	if c.Sender == "" {
		err = a.desk.Suppressed(a.ctx, each)
	} else {
		err = a.desk.OptedOut(a.ctx, c.Sender, each)
	}
	return errors.Join(err, w.Flush())
}

// A listed is one number of the list, in JSON.
type listed struct {
	Phone string `json:"phone"`
}

type suppressImport struct {
	File     string `arg:"" help:"A CSV file, or one number a line; - is standard input; .gz and .zst are read as they are." placeholder:"FILE"`
	Phone    string `default:"phone" help:"The column with the number." placeholder:"COLUMN"`
	Country  string `help:"The country of numbers in national form, such as BR." placeholder:"XX"`
	Numbers  string `default:"auto" enum:"auto,national,full,mixed" help:"How numbers are written that could be read in two ways: ${enum}."`
	Encoding string `help:"The file's encoding, as recipients.encoding." placeholder:"NAME"`
	asJSON
}

// A suppressed is what came of an import, in JSON.
type suppressed struct {
	Added   int `json:"added"`
	Invalid int `json:"invalid"`
	Rows    int `json:"rows"`
}

// Run imports a list.
func (c *suppressImport) Run(a *app) error {
	order := desk.SuppressOrder{
		File: c.File, Stdin: a.in, Phone: c.Phone, Country: c.Country, Numbers: phone.Numbers(c.Numbers), Encoding: c.Encoding,
	}
	list, err := unlessStalled(a.ctx, func() (*desk.Suppressing, error) { return a.desk.SuppressList(order) })
	if err != nil {
		return err
	}
	defer list.Close()
	if err := a.connect(); err != nil {
		return err
	}
	bar := startProgress(a, list.Progress)
	all, err := unlessStalled(a.ctx, func() (desk.SuppressedAll, error) { return a.desk.SuppressAll(a.ctx, list) })
	bar.stop()
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(a.out, suppressed{Added: all.Added, Invalid: all.Invalid, Rows: all.Rows})
	}
	_, err = fmt.Fprintf(a.out, "%d numbers suppressed, %d rows invalid, of %d rows\n", all.Added, all.Invalid, all.Rows)
	return err
}
