package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"sluice/internal/batch"
	"sluice/internal/suppress"
)

// suppressAtOnce is how many numbers go to Redis in one call.
const suppressAtOnce = 5000

type suppressCommand struct {
	Add    suppressAdd    `cmd:"" help:"Suppress numbers: no campaign submits to them any more."`
	Remove suppressRemove `cmd:"" help:"Take numbers off the list."`
	List   suppressList   `cmd:"" help:"Print the list, one number a line, in no order."`
	Import suppressImport `cmd:"" help:"Suppress the numbers of a CSV file, of any length."`
}

type suppressAdd struct {
	Numbers []string `arg:"" help:"Numbers with their country's code."`
}

// Run adds numbers.
func (c *suppressAdd) Run(a *app) error { return a.suppressChange(c.Numbers, true) }

type suppressRemove struct {
	Numbers []string `arg:"" help:"Numbers with their country's code."`
}

// Run removes numbers.
func (c *suppressRemove) Run(a *app) error { return a.suppressChange(c.Numbers, false) }

func (a *app) suppressChange(numbers []string, add bool) error {
	phones := make([]string, len(numbers))
	for i, n := range numbers {
		var err error
		if phones[i], err = batch.NormalisePhone(n, ""); err != nil {
			return &usageError{fmt.Errorf("number %d: %w", i+1, err)}
		}
	}
	if err := a.connect(); err != nil {
		return err
	}
	list := suppress.New(a.redis)
	change, word := list.Add, "suppressed"
	if !add {
		change, word = list.Remove, "taken off the list"
	}
	n, err := change(a.ctx, phones)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.out, "%d of %d numbers %s\n", n, len(phones), word)
	return err
}

type suppressList struct{}

// Run prints the list.
func (c *suppressList) Run(a *app) error {
	if err := a.connect(); err != nil {
		return err
	}
	w := bufio.NewWriter(a.out)
	err := suppress.New(a.redis).Each(a.ctx, func(phone string) error {
		_, err := fmt.Fprintln(w, phone)
		return err
	})
	return errors.Join(err, w.Flush())
}

type suppressImport struct {
	File    string `arg:"" help:"A CSV file; - is standard input; .gz and .zst are read as they are." placeholder:"FILE"`
	Phone   string `default:"phone" help:"The column with the number." placeholder:"COLUMN"`
	Country string `help:"The country of numbers in national form, such as BR." placeholder:"XX"`
}

// Run imports a list.
func (c *suppressImport) Run(a *app) error {
	in, err := openInput(c.File, a.in)
	if err != nil {
		return &usageError{err}
	}
	defer in.Close()
	r, err := batch.NewReader(in, batch.Options{Phone: c.Phone, DefaultCountry: c.Country})
	if err != nil {
		return &usageError{fmt.Errorf("%s: %w", c.File, err)}
	}
	if err := a.connect(); err != nil {
		return err
	}
	p := startProgress(a, "suppressing", in)
	added, invalid, err := c.load(a, r)
	p.stop()
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	_, err = fmt.Fprintf(a.out, "%d numbers suppressed, %d rows invalid, of %d rows\n", added, invalid, r.Rows())
	return err
}

func (c *suppressImport) load(a *app, r *batch.Reader) (added, invalid int, err error) {
	list := suppress.New(a.redis)
	var phones []string
	flush := func() error {
		n, err := list.Add(a.ctx, phones)
		added += n
		phones = phones[:0]
		return err
	}
	for {
		b, err := r.Next()
		if errors.Is(err, io.EOF) {
			return added, invalid, flush()
		}
		if err != nil {
			return added, invalid, err
		}
		for i := range b.Recipients {
			phones = append(phones, b.Recipients[i].Phone)
		}
		for i := range b.Skipped {
			if b.Skipped[i].Kind == batch.Invalid {
				invalid++
			}
		}
		if len(phones) >= suppressAtOnce {
			if err := flush(); err != nil {
				return added, invalid, err
			}
		}
	}
}
