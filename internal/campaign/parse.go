package campaign

import (
	"errors"
	"fmt"
	"strings"

	"sluice/internal/strictyaml"
)

// Rules are what a file must also be by the sender that it names; the zero Rules say
// nothing. An error begins with the field at fault, or is of other files.
type Rules struct {
	Sender func(name string) error
	// Message is asked where there is such a sender and nothing else is wrong with the
	// message.
	Message func(f *File) error
}

// Parse reads a campaign file. Name is its path: the recipients' file is
// relative to it, and errors name it with the line and the field at fault, all of them
// at once.
func Parse(data []byte, name string) (*File, error) { return parse(data, name, inFile, Rules{}) }

// ParseFor is Parse for a sender: what is wrong by the rules is said with all else.
func ParseFor(rules Rules, data []byte, name string) (*File, error) {
	return parse(data, name, inFile, rules)
}

// ParseComposed is ParseFor for a campaign whose list comes in parts: it names no file.
func ParseComposed(rules Rules, data []byte, name string) (*File, error) {
	return parse(data, name, inParts, rules)
}

// ParseAmendment is Parse for a file of which only the message counts: it may name a
// list or none.
func ParseAmendment(data []byte, name string) (*File, error) {
	return parse(data, name, either, Rules{})
}

// A source is where a campaign file has its list.
type source int

const (
	inFile  source = iota // it names one
	inParts               // it names none
	either                // it has been parsed before as one of the two
)

func parse(data []byte, name string, list source, rules Rules) (*File, error) {
	d, err := strictyaml.Parse(data, name)
	if err != nil {
		return nil, err
	}
	var f File
	faults := []error{d.Decode(&f)}
	if list == inParts {
		if f.Recipients.File != "" {
			faults = append(faults, d.At("recipients.file", "not here: the list comes in parts"))
		}
		if len(f.Recipients.Files) > 0 {
			faults = append(faults, d.At("recipients.files", "not here: the list comes in parts"))
		}
		f.Recipients.File, f.Recipients.Files = "-", nil
	}
	if f.Recipients.File == "" && len(f.Recipients.Files) == 0 && (list == either || strictyaml.About(faults[0], "recipients.files")) {
		f.Recipients.File = "-"
	}
	f.Message.Fold()
	f.setDefaults(name)
	if err := strictyaml.Join(rules.faults(&f, d, append(faults, located(d, f.check(d)...)...))...); err != nil {
		return nil, err
	}
	return &f, nil
}

// Check is the first thing that is wrong with a file by the rules.
func (r Rules) Check(f *File) error {
	if err := r.Sender(f.Sender); err != nil {
		return err
	}
	return r.Message(f)
}

// faults are those found, and what the rules say beside.
func (r Rules) faults(f *File, d *strictyaml.Document, found []error) []error {
	all := strictyaml.Join(found...)
	sound := func(field string) bool { return !strictyaml.About(all, field) }
	if r.Sender == nil || f.Sender == "" || !sound("sender") {
		return found
	}
	if err := r.Sender(f.Sender); err != nil {
		return append(found, located(d, err)...)
	}
	if sound("message") {
		found = append(found, located(d, r.Message(f))...)
	}
	return found
}

// located are errors with their places in a file, but for those of other files.
func located(d *strictyaml.Document, errs ...error) []error {
	var found []error
	for _, err := range errs {
		var fault *fieldError
		several, joined := err.(interface{ Unwrap() []error })
		switch {
		case err == nil:
		case joined:
			found = append(found, located(d, several.Unwrap()...)...)
		case errors.As(err, &fault):
			found = append(found, d.At(fault.field, fault.text))
		case errors.As(err, new(*strictyaml.Fault)), errors.As(err, new(strictyaml.Faults)):
			found = append(found, err)
		default:
			field, text, is := strings.Cut(err.Error(), ": ") // as a placeholder's, it begins with its field
			if !is {
				field, text = "message", field
			}
			found = append(found, d.At(field, text))
		}
	}
	return found
}

// A fieldError is what is wrong with one field.
type fieldError struct {
	field, text string
}

func (e *fieldError) Error() string { return e.field + ": " + e.text }

func bad(field, format string, args ...any) error {
	return &fieldError{field: field, text: fmt.Sprintf(format, args...)}
}
