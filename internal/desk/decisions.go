package desk

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"sluice/internal/batch"
	"sluice/internal/ledger"
	"sluice/internal/phone"
)

// mostDecisions bounds what a file of decisions may cost, in bytes.
const mostDecisions = 256 << 20

// Decisions are a person's words on recipients in doubt, by row or by number.
type Decisions struct {
	byRow   map[int]decision
	byPhone map[uint64]decision // by identity
}

// A decision is one line of the file.
type decision struct {
	choice ledger.Choice
	phone  uint64 // the number's identity, where a row has one beside it
	line   int
}

// DecideRows are words on rows by their numbers.
func DecideRows(choices map[int]ledger.Choice) *Decisions {
	d := &Decisions{byRow: map[int]decision{}}
	for row, choice := range choices {
		d.byRow[row] = decision{choice: choice}
	}
	return d
}

// ReadDecisions reads a CSV file with a header: the column row or phone, and choice,
// which is accept, reject, resend, or empty for none. Others are left alone, so that
// an export with such a column is one. Where row and phone are both there, row
// counts, and the number must be that row's. A path of - is stdin. Each error is an
// *InvalidError that names the line.
func ReadDecisions(path string, stdin io.Reader) (*Decisions, error) {
	in, _, err := batch.Open(path, stdin)
	if err != nil {
		return nil, &InvalidError{err}
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, mostDecisions+1))
	if err == nil && len(text) > mostDecisions {
		err = fmt.Errorf("it has more than %d MB", mostDecisions>>20)
	}
	var d *Decisions
	if err == nil {
		d, err = parseDecisions(bytes.TrimPrefix(text, []byte("\ufeff")))
	}
	if err != nil {
		return nil, invalid("%s: %w", path, err)
	}
	return d, nil
}

func parseDecisions(text []byte) (*Decisions, error) {
	header, _, _ := bytes.Cut(text, []byte("\n"))
	for _, delimiter := range ",;\t|" {
		r := csv.NewReader(bytes.NewReader(text))
		r.Comma, r.FieldsPerRecord = delimiter, -1
		names, err := r.Read()
		if err != nil && delimiter != '|' && !errors.Is(err, io.EOF) {
			continue // of another delimiter
		}
		if err != nil {
			return nil, fmt.Errorf("the header: %w", err)
		}
		at := func(name string) int {
			return slices.IndexFunc(names, func(n string) bool { return strings.TrimSpace(n) == name })
		}
		row, number, choice := at("row"), at("phone"), at("choice")
		if choice < 0 || row < 0 && number < 0 {
			continue
		}
		d := &Decisions{byRow: map[int]decision{}, byPhone: map[uint64]decision{}}
		return d, d.read(r, row, number, choice)
	}
	return nil, fmt.Errorf("the header needs the column choice, and row or phone; it has %d characters", len(header))
}

func (d *Decisions) read(r *csv.Reader, row, number, choice int) error {
	numbers, err := phone.NewReader(phone.Options{})
	if err != nil {
		return err
	}
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		line, _ := r.FieldPos(0)
		cell := func(i int) string {
			if i < 0 || i >= len(cells) {
				return ""
			}
			return strings.TrimSpace(cells[i])
		}
		if cell(choice) == "" {
			continue
		}
		c := decision{line: line}
		if c.choice, err = ledger.ParseChoice(cell(choice)); err != nil {
			return fmt.Errorf("line %d: choice: %w", line, err)
		}
		if text := cell(number); text != "" {
			if c.phone, err = identity(numbers, text); err != nil {
				return fmt.Errorf("line %d: phone: %w", line, err)
			}
		}
		if err := d.add(c, cell(row)); err != nil {
			return fmt.Errorf("line %d: %w", line, err)
		}
	}
}

// identity is that of a number as an export has it, or as a list may.
func identity(numbers *phone.Reader, text string) (uint64, error) {
	if strings.Trim(text, "0123456789") == "" {
		return phone.Identity(text), nil
	}
	n, err := numbers.Read([]byte(text))
	return phone.Identity(string(n.Append(nil))), err
}

// add takes a decision in, by its row where it has one.
func (d *Decisions) add(c decision, row string) error {
	if row == "" {
		if c.phone == 0 {
			return errors.New("neither row nor phone")
		}
		if before, twice := d.byPhone[c.phone]; twice && before.choice != c.choice {
			return fmt.Errorf("another choice for the number than in line %d", before.line)
		}
		d.byPhone[c.phone] = c
		return nil
	}
	n, err := strconv.Atoi(row)
	if err != nil || n < 1 {
		return fmt.Errorf("row: %.20q is no number of a row", row)
	}
	if before, twice := d.byRow[n]; twice && before.choice != c.choice {
		return fmt.Errorf("another choice for row %d than in line %d", n, before.line)
	}
	d.byRow[n] = c
	return nil
}

// has says whether somebody is to be resolved so.
func (d *Decisions) has(choice ledger.Choice) bool {
	if d == nil {
		return false
	}
	for _, c := range d.byRow {
		if c.choice == choice {
			return true
		}
	}
	for _, c := range d.byPhone {
		if c.choice == choice {
			return true
		}
	}
	return false
}

// decide is what the ledger asks, and how many decisions it had no use for.
func (d *Decisions) decide(others ledger.Choice) (decide ledger.Decide, unneeded func() int) {
	if d == nil {
		return func(int, string) ledger.Choice { return others }, func() int { return 0 }
	}
	rows, phones := map[int]bool{}, map[uint64]bool{}
	decide = func(row int, number string) ledger.Choice {
		is := phone.Identity(number)
		if c, ok := d.byRow[row]; ok {
			if c.phone != 0 && c.phone != is {
				return 0 // the file is about another list: better nothing than wrong
			}
			rows[row] = true
			return c.choice
		}
		if c, ok := d.byPhone[is]; ok {
			phones[is] = true
			return c.choice
		}
		return others
	}
	return decide, func() int { return len(d.byRow) + len(d.byPhone) - len(rows) - len(phones) }
}
