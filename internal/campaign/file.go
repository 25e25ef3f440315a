package campaign

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
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

// Lists are the files of the recipients, in order.
func (r Recipients) Lists() []string {
	if len(r.Files) > 0 {
		return r.Files
	}
	return []string{r.File}
}
