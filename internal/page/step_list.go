package page

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"sluice/internal/campaign"
	"sluice/internal/parts"
)

// A listStep is the first step: a name, a sender and the list.
type listStep struct {
	Name, Sender, Country string
	Senders               []string
}

// newCampaign begins one.
func (s *Server) newCampaign(c *call) error { return s.showNew(c, &listStep{}, "") }

func (s *Server) showNew(c *call, l *listStep, wrong string) error {
	var err error
	if l.Senders, err = s.senderNames(c); err != nil {
		return err
	}
	return s.showStep(c, "list", nil, &draft{}, wrong, l)
}

const (
	// maxField is how long a field beside a list may be.
	maxField = 4 << 10
	// stallAfter is how long a list may stand still on its way here.
	stallAfter = 30 * time.Second
)

// upload takes a list, as it comes, with the fields that stand before it in the form.
func (s *Server) upload(c *call) error {
	r, err := c.r.MultipartReader()
	if err != nil {
		return invalid("no form with a file")
	}
	l, once := &listStep{}, ""
	fields := map[string]*string{"name": &l.Name, "sender": &l.Sender, "country": &l.Country, onceField: &once}
	for {
		p, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			return s.showNew(c, l, c.words.say("new.no_file"))
		}
		if err != nil {
			return invalid("the form broke off")
		}
		if into := fields[p.FormName()]; into != nil {
			text, err := io.ReadAll(io.LimitReader(p, maxField))
			if err != nil {
				return invalid("the form broke off")
			}
			*into = strings.TrimSpace(string(text))
			continue
		}
		if p.FormName() == "file" {
			return s.once(c, once, l.Name, func(c *call) error { return s.begin(c, l, p) })
		}
	}
}

var notInID = regexp.MustCompile(`[^a-z0-9]+`)

// idOf makes an id of what a person calls a campaign.
func idOf(name string) string {
	return strings.Trim(notInID.ReplaceAllString(strings.ToLower(name), "-"), "-")
}

// begin makes a draft, and keeps its list as the one part of it.
func (s *Server) begin(c *call, l *listStep, file *multipart.Part) error {
	names, err := s.senderNames(c)
	if err != nil {
		return err
	}
	l.Country = strings.ToUpper(l.Country)
	id := idOf(l.Name)
	switch {
	case campaign.CheckID(id) != nil:
		return s.showNew(c, l, c.words.say("new.name.wrong"))
	case !slices.Contains(names, l.Sender):
		return s.showNew(c, l, c.words.say("new.no_sender"))
	case file.FileName() == "":
		return s.showNew(c, l, c.words.say("new.no_file"))
	}
	media, open := listOf(file.FileName())
	if media == "" {
		return s.showNew(c, l, c.words.say("new.no_csv"))
	}
	top := map[string]any{
		"id": id, "sender": l.Sender, "message": map[string]any{"type": "template", "template": map[string]any{"name": notChosen, "language": "en_US", "category": "marketing"}},
		"recipients": map[string]any{},
	}
	put(object(top, "recipients"), "default_country", l.Country)
	g, err := s.given(c, top, nil, nil)
	if err != nil {
		return s.newWrong(c, l, err)
	}
	if _, err := c.desk.Record(c.ctx, id); err == nil {
		return s.showNew(c, l, c.words.say("new.name.taken", id))
	}
	rec, _, err := c.desk.Draft(c.ctx, g)
	if errors.Is(err, campaign.ErrOtherCampaign) {
		return s.showNew(c, l, c.words.say("new.name.taken", id))
	}
	if err != nil {
		return s.newWrong(c, l, err)
	}
	p, err := s.take(c, rec, media, open, file)
	if err != nil {
		return errors.Join(s.newWrong(c, l, err), c.desk.Discard(c.ctx, id))
	}
	if rec, err = c.desk.Record(c.ctx, id); err != nil {
		return err
	}
	if phone := guessPhone(p.Columns); phone != "" {
		if _, err := s.keep(c, rec, func(top map[string]any) { object(top, "recipients")["phone"] = phone }); err != nil {
			return err
		}
	}
	return c.goTo("/campaigns/" + id + "/columns")
}

func (s *Server) newWrong(c *call, l *listStep, err error) error {
	wrong, err := wrongOf(err)
	if err != nil {
		return err
	}
	return s.showNew(c, l, wrong)
}

// listOf says how a list is read, by its file's name.
func listOf(name string) (media string, open func(io.Reader) (io.Reader, error)) {
	name = strings.ToLower(name)
	open = func(r io.Reader) (io.Reader, error) { return r, nil }
	switch path.Ext(name) {
	case ".gz":
		name, open = strings.TrimSuffix(name, ".gz"), func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }
	case ".zst":
		name, open = strings.TrimSuffix(name, ".zst"), func(r io.Reader) (io.Reader, error) {
			return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(8<<20))
		}
	}
	switch path.Ext(name) {
	case ".ndjson", ".jsonl":
		return parts.NDJSON, open
	case ".xlsx", ".xls", ".ods", ".numbers", ".pdf", ".zip", ".docx":
		return "", nil
	}
	return parts.CSV, open
}

// take keeps a file as the list of a draft. It may be long, and each piece of it has its
// time.
func (s *Server) take(c *call, rec *campaign.Record, media string, open func(io.Reader) (io.Reader, error), file io.Reader) (parts.Part, error) {
	control := http.NewResponseController(c.w)
	defer func() { _ = control.SetReadDeadline(time.Time{}) }() // a recorder in a test has none
	body, err := open(&patient{body: file, control: control})
	if err != nil {
		return parts.Part{}, invalid(fmt.Sprintf("the file is damaged: %v", err))
	}
	p, _, err := c.desk.PutPart(c.ctx, rec, parts.Delivery{N: 1, Media: media, Body: body, Replace: true})
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) {
		return p, invalid("the file is damaged, or did not come to its end")
	}
	return p, err
}

// patient gives a body time as long as it moves on.
type patient struct {
	body    io.Reader
	control *http.ResponseController
}

// Read reads on, within its time.
func (p *patient) Read(b []byte) (int, error) {
	_ = p.control.SetReadDeadline(time.Now().Add(stallAfter)) // a recorder in a test has none
	return p.body.Read(b)
}

// guessPhone is the column that is named like one of phone numbers.
func guessPhone(columns []string) string {
	for _, known := range []string{"phone", "mobile", "msisdn", "whatsapp", "celular", "telefon", "tel", "number", "手机", "电话"} {
		for _, name := range columns {
			if strings.Contains(strings.ToLower(name), known) {
				return name
			}
		}
	}
	return ""
}

// relist puts another list in the place of a draft's.
func (s *Server) relist(c *call) error {
	rec, _, err := s.draftOf(c)
	if err != nil {
		return err
	}
	r, err := c.r.MultipartReader()
	if err != nil {
		return invalid("no form with a file")
	}
	p, err := r.NextPart()
	for err == nil && p.FormName() != "file" {
		p, err = r.NextPart()
	}
	if err != nil || p.FileName() == "" {
		return invalid(c.words.say("new.no_file"))
	}
	media, open := listOf(p.FileName())
	if media == "" {
		return invalid(c.words.say("new.no_csv"))
	}
	if _, err := s.take(c, rec, media, open, p); err != nil { // the same one twice is the same list
		return err
	}
	return c.goTo("/campaigns/" + rec.ID + "/columns")
}
