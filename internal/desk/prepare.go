package desk

import (
	"cmp"
	"fmt"
	"io"
	"os"

	"sluice/internal/batch"
	"sluice/internal/campaign"
	"sluice/internal/phone"
	"sluice/internal/sender"
)

// An Order is a campaign that somebody wants sent.
type Order struct {
	Text []byte // the campaign file's
	Name string // its path: errors name it, and the list is relative to it
	// ID is the campaign's in place of the file's, where it is not empty.
	ID string
	// Lists are read instead of the campaign file's list, one after the other, where
	// there are any.
	Lists []string
	Stdin io.Reader // what a list named - is read from
	// SkipPreflight leaves the account's templates unasked.
	SkipPreflight bool
	// Warn is told what does not stop the order. It may be nil.
	Warn func(string)
	// composed is the campaign in the place of Text, and input its list, where it was
	// composed in parts.
	composed *campaign.File
	input    io.ReadCloser
	encoding string // of input, where it is not that of the campaign
}

// A Prepared order has been checked as far as files can tell. It is good for one
// Count, Launch, Preview or Test, and is to be closed.
type Prepared struct {
	order     Order
	file      *campaign.File
	sender    *Sender
	columns   []batch.Column
	submitter sender.Submitter
	input     *input
	reader    *batch.Reader
	plan      Plan
	reasons   batch.Reasons
	read      reading
	shape     shape
}

// File is the campaign file.
func (p *Prepared) File() *campaign.File { return p.file }

// NamesOthers says that other campaigns say who of the list gets it.
func (p *Prepared) NamesOthers() bool {
	return p.file.Recipients.Only != nil || p.file.Recipients.Except != nil
}

// Close closes the list.
func (p *Prepared) Close() { p.input.Close() }

// Prepare reads the files and refuses what is invalid, before anything is written
// anywhere. Each error of it is an *InvalidError.
func (d *Desk) Prepare(o Order) (*Prepared, error) {
	p, err := d.prepare(o)
	if err != nil {
		return nil, &InvalidError{err}
	}
	return p, nil
}

func (d *Desk) prepare(o Order) (*Prepared, error) {
	p := &Prepared{order: o}
	var err error
	checked := &bySender{desk: d}
	if p.file = o.composed; p.file != nil {
		if err := checked.rules().Check(p.file); err != nil {
			return nil, fmt.Errorf("%s: %w", o.Name, err)
		}
	} else if p.file, err = campaign.ParseFor(checked.rules(), o.Text, o.Name); err != nil {
		return nil, err
	}
	p.sender, p.columns, p.submitter = checked.sender, checked.columns, checked.submitter
	if o.ID != "" {
		if err := campaign.CheckID(o.ID); err != nil {
			return nil, err
		}
		p.file.ID = o.ID
	}
	if len(o.Lists) > 0 {
		p.file.Recipients.File, p.file.Recipients.Files = "", o.Lists
	}
	p.plan = Plan{ID: p.file.ID, Sender: p.file.Sender, Limit: lower(p.sender.Limits.MessagesPerSecond, p.file.Rate.MessagesPerSecond)}
	p.shape = newShape(p.file, p.sender, p.submitter, d.now())
	p.plan.LateStart = !p.file.StartAt.IsZero() && !p.file.StartAt.After(d.now())
	return p, p.openList()
}

// openList opens the recipients and reads their headers.
func (p *Prepared) openList() error {
	r := p.file.Recipients
	files := r.Lists()
	options := batch.Options{
		Phone: r.Phone, Columns: p.columns, DefaultCountry: r.DefaultCountry,
		Numbers: phone.Numbers(r.Numbers), Encoding: cmp.Or(p.order.encoding, r.Encoding), Strict: r.Strict, Check: p.submitter.Check,
	}
	var err error
	if in := p.order.input; in != nil {
		p.input = newInput(in)
	} else if p.input, err = openInput(files, p.order.Stdin); err != nil {
		return err
	}
	if len(files) > 1 {
		// Before anything is written: that the third file lacks a column is not to be
		// found in the middle of an import.
		if err := checkHeaders(files[1:], options); err != nil {
			p.input.Close()
			return err
		}
		options.More = p.input.next
	}
	p.reader, err = batch.NewReader(p.input, options)
	if err != nil {
		p.input.Close()
		return fmt.Errorf("%s: %w", files[0], err)
	}
	if len(files) == 1 && !p.reader.HasRows() {
		p.input.Close()
		return fmt.Errorf("%s: there is a header and no row below it: nothing to send", files[0])
	}
	return nil
}

// checkHeaders refuses a file whose header is not one of this list.
func checkHeaders(files []string, o batch.Options) error {
	for _, path := range files {
		info, err := os.Stat(path)
		if err == nil && !info.IsDir() && !info.Mode().IsRegular() {
			continue // a pipe, which is read once
		}
		in, _, err := batch.Open(path, nil)
		if err != nil {
			return err
		}
		err = batch.CheckHeader(in, o)
		in.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

// list is the file that is read, for an error.
func (p *Prepared) list() string {
	if file := p.reader.File(); file != "" {
		return file
	}
	return p.file.Recipients.Lists()[0]
}

// lower is the lower of two limits, 0 being none.
func lower(a, b float64) float64 {
	if a == 0 || b > 0 && b < a {
		return b
	}
	return a
}
