package desk

import (
	"context"
	"errors"
	"fmt"
	"io"

	"sluice/internal/batch"
	"sluice/internal/phone"
	"sluice/internal/suppress"
)

// suppressAtOnce is how many numbers go to Redis in one call.
const suppressAtOnce = 5000

func change(ctx context.Context, numbers []string, country string, change func(context.Context, []string) (int, error)) (int, error) {
	r, err := phone.NewReader(phone.Options{Country: country})
	if err != nil {
		return 0, &InvalidError{err}
	}
	phones := make([]string, len(numbers))
	for i, given := range numbers {
		n, err := r.Read([]byte(given))
		if err != nil {
			return 0, invalid("number %d: %w", i+1, err)
		}
		phones[i] = string(n.Append(nil))
	}
	return change(ctx, phones)
}

// Suppressed tells each of every number on the list, in no order.
func (d *Desk) Suppressed(ctx context.Context, each func(phone string) error) error {
	return suppress.New(d.redis).Each(ctx, each)
}

// A SuppressOrder is a list of numbers to suppress: a CSV file with a header, or
// numbers alone, one a line, as `suppress list` prints them.
type SuppressOrder struct {
	File     string        // - is Stdin
	Stdin    io.Reader     //
	Sender   string        // who want no marketing from this one; "": who get nothing from anybody
	Phone    string        // the column with the number
	Country  string        // of numbers in national form; those are invalid if empty
	Numbers  phone.Numbers // how numbers are written that could be read in two ways; "" is phone.Auto
	Encoding string        // as recipients.encoding; "" is the default
}

// A Suppressing is a list of numbers that has been opened. It is to be closed.
type Suppressing struct {
	order  SuppressOrder
	input  *input
	reader *batch.Reader
	read   reading
}

// SuppressList opens a list of numbers to suppress, of any length. Each error of it
// is an *InvalidError.
func (d *Desk) SuppressList(o SuppressOrder) (*Suppressing, error) {
	in, err := openInput([]string{o.File}, o.Stdin)
	if err != nil {
		return nil, &InvalidError{err}
	}
	r, err := batch.NewReader(in, batch.Options{Phone: o.Phone, DefaultCountry: o.Country, Numbers: o.Numbers, Encoding: o.Encoding, Bare: true})
	if err != nil {
		in.Close()
		return nil, invalid("%s: %w", o.File, err)
	}
	return &Suppressing{order: o, input: in, reader: r}, nil
}

// Close closes the list.
func (s *Suppressing) Close() { s.input.Close() }

// Progress says how far SuppressAll is; any goroutine may ask.
func (s *Suppressing) Progress() Progress { return s.read.progress(s.input) }

// SuppressedAll is what came of a SuppressAll.
type SuppressedAll struct {
	Added, Invalid, Rows int
}

func (d *Desk) suppressAll(ctx context.Context, s *Suppressing) (SuppressedAll, error) {
	s.read.begin("suppressing")
	var all SuppressedAll
	list := suppress.New(d.redis)
	if s.order.Sender != "" {
		list = list.OptedOut(s.order.Sender)
	}
	var phones []string
	flush := func() error {
		n, err := list.Add(ctx, phones)
		all.Added += n
		phones = phones[:0]
		return err
	}
	for {
		b, err := s.reader.Next()
		if errors.Is(err, io.EOF) {
			all.Rows = s.reader.Rows()
			return all, flush()
		}
		if err != nil {
			return all, fmt.Errorf("%s: %w", s.order.File, err)
		}
		s.read.saw(b)
		for i := range b.Recipients {
			phones = append(phones, b.Recipients[i].Phone)
		}
		for i := range b.Skipped {
			if b.Skipped[i].Kind == batch.Invalid {
				all.Invalid++
			}
		}
		if len(phones) >= suppressAtOnce {
			if err := flush(); err != nil {
				return all, fmt.Errorf("%s: %w", s.order.File, err)
			}
		}
	}
}
