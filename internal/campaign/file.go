package campaign

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"sluice/internal/batch"
	"sluice/internal/phone"
	"sluice/internal/sender"
	"sluice/internal/strictyaml"
)

// What a campaign does about a recipient in doubt.
const (
	Hold   = "hold"   // never submit again by itself
	Resend = "resend" // treat as failed: it may be sent twice
)

// Bounds and defaults of a campaign file.
const (
	defaultMaxAttempts = 5
	mostAttempts       = 20
	defaultPhone       = "phone"
	mostKept           = 50 // columns beside those of the message
)

// A File is a campaign file.
type File struct {
	ID          string         `yaml:"id"`
	Sender      string         `yaml:"sender"`
	Message     sender.Message `yaml:"message"`
	Recipients  Recipients     `yaml:"recipients"`
	OnDoubt     string         `yaml:"on_doubt"`     // hold if empty
	MaxAttempts int            `yaml:"max_attempts"` // of each recipient; 5 if 0
	Rate        Rate           `yaml:"rate"`
	Priority    string         `yaml:"priority"` // high, normal or low; normal if empty
	StartAt     time.Time      `yaml:"start_at"` // not before; at once if zero
	Window      *Window        `yaml:"window"`

	// imported is the message that the list was imported for, where it was amended
	// since.
	imported *sender.Message
}

// Columns are those of the values that the campaign's recipients have, in order.
func (f *File) Columns() ([]batch.Column, error) {
	message := f.Message
	if f.imported != nil {
		message = *f.imported
	}
	columns, err := message.Columns()
	for _, name := range f.Recipients.Keep {
		i := slices.IndexFunc(columns, func(c batch.Column) bool { return c.Name == name })
		if i < 0 {
			i, columns = len(columns), append(columns, batch.Column{Name: name})
		}
		columns[i].Kept = true
	}
	return columns, err
}

// Recipients say where the recipients are and how to read them.
type Recipients struct {
	File string `yaml:"file"` // relative to the campaign file; - is standard input
	// Files are several files in order, in the place of File: one list.
	Files []string `yaml:"files"`
	// Only and Except say who of the list gets it by other campaigns; nil: everybody.
	Only   *Only   `yaml:"only"`
	Except *Except `yaml:"except"`
	// Keep are columns that are kept beside those of the message, for the export.
	Keep           []string `yaml:"keep"`
	Phone          string   `yaml:"phone"`           // the column; phone if empty
	DefaultCountry string   `yaml:"default_country"` // for national numbers; those are refused if empty
	Encoding       string   `yaml:"encoding"`        // any name that batch.ParseEncoding knows; auto if empty
	Numbers        string   `yaml:"numbers"`         // how numbers are written that could be read in two ways; auto if empty
	Strict         bool     `yaml:"strict"`          // numbers behind + or 00 must be valid too
}

// Rate is the campaign's own limit, below the sender's.
type Rate struct {
	MessagesPerSecond float64 `yaml:"messages_per_second"` // 0: none
}

var (
	idPattern  = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)
	isoCountry = regexp.MustCompile(`^[A-Z]{2}$`)
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

func (f *File) setDefaults(name string) {
	if f.OnDoubt == "" {
		f.OnDoubt = Hold
	}
	if f.MaxAttempts == 0 {
		f.MaxAttempts = defaultMaxAttempts
	}
	if f.Priority == "" {
		f.Priority = normal
	}
	if f.Recipients.Phone == "" {
		f.Recipients.Phone = defaultPhone
	}
	if f.Recipients.Encoding == "" {
		f.Recipients.Encoding = batch.Auto
	}
	if f.Recipients.Numbers == "" {
		f.Recipients.Numbers = string(phone.Auto) // likewise
	}
	beside := func(p string) string {
		if p == "" || p == "-" || filepath.IsAbs(p) {
			return p
		}
		return filepath.Join(filepath.Dir(name), p)
	}
	f.Recipients.File = beside(f.Recipients.File)
	for i, p := range f.Recipients.Files {
		f.Recipients.Files[i] = beside(p)
	}
}

// CheckID says what is wrong with a campaign's id.
func CheckID(id string) error {
	if !idPattern.MatchString(id) {
		return bad("id", "needed, up to 40 of a-z, 0-9 and -, beginning with a letter or digit")
	}
	return nil
}

func (f *File) check(d *strictyaml.Document) []error {
	r := f.Recipients
	found := []error{CheckID(f.ID)}
	wrong := func(is bool, field, format string, args ...any) {
		if is {
			found = append(found, bad(field, format, args...))
		}
	}
	wrong(f.Sender == "", "sender", "needed, a name of the senders file")
	wrong(f.Message.Type == "", "message.type", "needed, such as template")
	wrong(f.OnDoubt != Hold && f.OnDoubt != Resend, "on_doubt", "%q is not one of hold, resend", f.OnDoubt)
	wrong(r.File == "" && len(r.Files) == 0, "recipients.file", "needed; - is standard input, and several are recipients.files")
	wrong(r.File != "" && len(r.Files) > 0, "recipients.files", "either recipients.file or recipients.files, and not both")
	eachEmpty(r.Files, func(i int) { wrong(true, fmt.Sprintf("recipients.files[%d]", i), "a file has no name") })
	wrong(len(r.Files) > 1 && slices.Contains(r.Files, "-"), "recipients.files", "standard input (-) can only be the one file")
	wrong(len(r.Keep) > mostKept, "recipients.keep", "at most %d columns", mostKept)
	eachEmpty(r.Keep, func(i int) { wrong(true, fmt.Sprintf("recipients.keep[%d]", i), "a column has no name") })
	wrong(r.DefaultCountry != "" && !isoCountry.MatchString(r.DefaultCountry), "recipients.default_country", "two capital letters, such as BR")
	wrong(!slices.Contains(phone.All(), phone.Numbers(r.Numbers)), "recipients.numbers", "%q is not one of auto, national, full, mixed", r.Numbers)
	_, err := batch.ParseEncoding(r.Encoding)
	wrong(err != nil, "recipients.encoding", "%v", err)
	found = append(found, r.checkOthers(f.ID)...)
	if text, ok := d.Text("start_at"); ok {
		// The decoder takes a time without a zone for UTC, and anything that is no
		// time for none, which would send at once.
		_, err := time.Parse(time.RFC3339, text)
		wrong(err != nil, "start_at", "not a time with its zone such as 2026-11-22T09:00:00-03:00")
	}
	found = append(found, f.Settings().faults()...)
	_, err = f.Message.Columns()
	return append(found, err)
}

// eachEmpty calls f with the place of each text that is empty.
func eachEmpty(texts []string, f func(i int)) {
	for i, text := range texts {
		if text == "" {
			f(i)
		}
	}
}

// Identity is a digest of what makes the campaign itself: to whom it sends what,
// by which sender. Pace, priority and times are not of it.
func (f *File) Identity() string {
	text, err := json.Marshal(struct {
		Sender     string
		Message    sender.Message
		Recipients Recipients
	}{f.Sender, f.Message, f.Recipients.reading()})
	if err != nil {
		panic(err) // plain structs always marshal
	}
	return fmt.Sprintf("%x", sha256.Sum256(text))
}

// Lists are the files of the recipients, in order.
func (r Recipients) Lists() []string {
	if len(r.Files) > 0 {
		return r.Files
	}
	return []string{r.File}
}

// reading is how the recipients are read, wherever they are: what is in the file
// is told apart by the import's own fingerprint.
func (r Recipients) reading() Recipients {
	r.File, r.Files = "", nil
	if name, err := batch.ParseEncoding(r.Encoding); err == nil {
		r.Encoding = name // by whatever name, it is the same campaign
	}
	if r.Encoding == batch.Auto {
		r.Encoding = "utf-8" // whoever says so reads the same
	}
	return r
}

// BesidesMessage names what of f, beside the message, is another than there; empty if
// nothing is.
func (f *File) BesidesMessage(there *File) string {
	var names []string
	if f.Sender != there.Sender {
		names = append(names, "sender")
	}
	if !reflect.DeepEqual(f.Recipients.reading(), there.Recipients.reading()) {
		names = append(names, "the way to read its recipients")
	}
	for _, c := range f.changes(there) {
		names = append(names, c.Name)
	}
	return strings.Join(names, " and ")
}

// differences names what makes f another campaign than there.
func (f *File) differences(there *File) string {
	var names []string
	if f.Sender != there.Sender {
		names = append(names, "sender")
	}
	if !reflect.DeepEqual(f.Message, there.Message) {
		names = append(names, "message")
	}
	if !reflect.DeepEqual(f.Recipients.reading(), there.Recipients.reading()) {
		names = append(names, "way to read its recipients")
	}
	return strings.Join(names, " and another ")
}
