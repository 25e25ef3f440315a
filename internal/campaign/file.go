package campaign

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"time"

	"github.com/goccy/go-yaml"

	"sluice/internal/sender"
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
}

// Recipients say where the recipients are and how to read them.
type Recipients struct {
	File           string `yaml:"file"`            // relative to the campaign file; - is standard input
	Phone          string `yaml:"phone"`           // the column; phone if empty
	DefaultCountry string `yaml:"default_country"` // for national numbers; those are refused if empty
	Encoding       string `yaml:"encoding"`        // utf-8, gbk or utf-16; utf-8 if empty
	Strict         bool   `yaml:"strict"`          // check every number in full, at a cost
}

// Rate is the campaign's own limit, below the sender's.
type Rate struct {
	MessagesPerSecond float64 `yaml:"messages_per_second"` // 0: none
}

// Weight is the campaign's share among those of its sender.
func (f *File) Weight() int {
	switch f.Priority {
	case "high":
		return 4
	case "low":
		return 1
	}
	return 2
}

var (
	idPattern  = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)
	isoCountry = regexp.MustCompile(`^[A-Z]{2}$`)
)

// Parse reads a campaign file. Name is its path: the recipients' file is
// relative to it, and errors name it with the line or the field at fault.
func Parse(data []byte, name string) (*File, error) {
	var f File
	if err := yaml.NewDecoder(bytes.NewReader(data), yaml.Strict()).Decode(&f); err != nil {
		var y yaml.Error
		if errors.As(err, &y) && y.GetToken() != nil {
			return nil, fmt.Errorf("%s:%d: %s", name, y.GetToken().Position.Line, y.GetMessage())
		}
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	f.setDefaults(name)
	if err := f.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &f, nil
}

func (f *File) setDefaults(name string) {
	if f.OnDoubt == "" {
		f.OnDoubt = Hold
	}
	if f.MaxAttempts == 0 {
		f.MaxAttempts = defaultMaxAttempts
	}
	if f.Priority == "" {
		f.Priority = "normal"
	}
	if f.Recipients.Phone == "" {
		f.Recipients.Phone = defaultPhone
	}
	if p := f.Recipients.File; p != "" && p != "-" && !filepath.IsAbs(p) {
		f.Recipients.File = filepath.Join(filepath.Dir(name), p)
	}
}

func (f *File) check() error {
	r := f.Recipients
	switch {
	case !idPattern.MatchString(f.ID):
		return errors.New("id: needed, up to 40 of a-z, 0-9 and -, beginning with a letter or digit")
	case f.Sender == "":
		return errors.New("sender: needed, a name of the senders file")
	case f.Message.Type == "":
		return errors.New("message.type: needed, such as template")
	case f.OnDoubt != Hold && f.OnDoubt != Resend:
		return fmt.Errorf("on_doubt: %q is not one of hold, resend", f.OnDoubt)
	case f.MaxAttempts < 1 || f.MaxAttempts > mostAttempts:
		return fmt.Errorf("max_attempts: between 1 and %d", mostAttempts)
	case f.Priority != "high" && f.Priority != "normal" && f.Priority != "low":
		return fmt.Errorf("priority: %q is not one of high, normal, low", f.Priority)
	case f.Rate.MessagesPerSecond < 0 || f.Rate.MessagesPerSecond > 10_000 || f.Rate.MessagesPerSecond > 0 && f.Rate.MessagesPerSecond < 0.1:
		return errors.New("rate.messages_per_second: between 0.1 and 10000, or 0 for the sender's own")
	case r.File == "":
		return errors.New("recipients.file: needed; - is standard input")
	case r.DefaultCountry != "" && !isoCountry.MatchString(r.DefaultCountry):
		return errors.New("recipients.default_country: two capital letters, such as BR")
	case r.Encoding != "" && r.Encoding != "utf-8" && r.Encoding != "gbk" && r.Encoding != "utf-16":
		return fmt.Errorf("recipients.encoding: %q is not one of utf-8, gbk, utf-16", r.Encoding)
	}
	if _, err := f.Message.Columns(); err != nil {
		return err
	}
	return f.Window.check()
}

// Identity is a digest of what makes the campaign itself: to whom it sends what,
// by which sender. Pace, priority and times are not of it.
func (f *File) Identity() string {
	r := f.Recipients
	r.File = ""
	text, err := json.Marshal(struct {
		Sender     string
		Message    sender.Message
		Recipients Recipients
	}{f.Sender, f.Message, r})
	if err != nil {
		panic(err) // plain structs always marshal
	}
	return fmt.Sprintf("%x", sha256.Sum256(text))
}
