package page

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"sluice/internal/audit"
	"sluice/internal/desk"
	"sluice/internal/export"
	"sluice/internal/ledger"
	"sluice/internal/status"
	"sluice/internal/token"
)

// mostDoubts is how many of those in doubt one page shows.
const mostDoubts = 200

// doubts is the page of those in doubt.
type doubts struct {
	*status.Status
	Rows     []export.Row
	Codes    []codeRow // of those that are shown
	More     int       // that are not shown
	Told     int       // of those accepted, in percent: how many have a receipt
	Hears    bool
	MayWrite bool
	Wrong    string
	Words    []audit.Entry // that people have said on them so far, the latest first
}

// asking is the page that asks whether a word on them is meant.
type asking struct {
	ID     string
	Choice string
	Rows   []string // empty: all of them
	N      int
	Note   string
	Most   int // of its characters
}

// choices are a person's words, as forms have them.
func choices() map[string]ledger.Choice {
	return map[string]ledger.Choice{"accept": ledger.Accept, "reject": ledger.Reject, "resend": ledger.Resend}
}

// doubts shows who is in doubt, and what speaks for what.
func (s *Server) doubts(c *call) error {
	return s.showDoubts(c, "", http.StatusOK)
}

func (s *Server) showDoubts(c *call, wrong string, code int) error {
	rec, err := c.record()
	if err != nil {
		return err
	}
	st, err := c.desk.Status(c.ctx, rec.ID)
	if err != nil {
		return err
	}
	d := &doubts{Status: st, MayWrite: c.token.May(token.Send), Wrong: wrong}
	if r := st.Receipts; r != nil && r.LastAt != nil && st.Accepted > 0 {
		d.Hears, d.Told = true, 100*(st.Accepted-r.Awaiting)/st.Accepted
	}
	if d.Words, err = s.wordsOn(c, rec.ID); err != nil {
		return err
	}
	if st.InDoubt > 0 {
		if d.Rows, err = s.rows(c, desk.ExportOrder{ID: rec.ID, States: []string{"in_doubt"}}, mostDoubts); err != nil {
			return err
		}
	}
	codes := map[string]int{}
	for _, r := range d.Rows {
		codes[r.Code]++
	}
	d.Codes = codesOf(c.words, codes, len(d.Rows), c.desk.Meaning(rec.Sender))
	d.More = max(0, st.InDoubt-len(d.Rows))
	return s.show(c, sheet{Name: "doubts", Title: c.words.say("doubt.title", rec.ID), Section: "campaigns", Status: code, Data: d})
}

// mostWords is how many of what people said before one page shows.
const mostWords = 20

// wordsOn are what people have said on those in doubt of a campaign, each with its note.
func (s *Server) wordsOn(c *call, id string) ([]audit.Entry, error) {
	v, err := s.shared.get(c.ctx, "words "+id, func(ctx context.Context) (any, time.Duration, error) {
		var all []audit.Entry
		_, err := s.Desk.Audit(ctx, audit.Query{Campaign: id, Act: "resolve"}, func(e *audit.Entry) bool {
			if e.Outcome == audit.Done || e.Outcome == audit.Begun {
				all = append(all, *e)
			}
			return len(all) < mostWords
		})
		return all, wordsFor, err
	})
	if err != nil {
		return nil, err
	}
	return v.([]audit.Entry), nil
}

// wordsFor is how long they may be kept: to find them is to look through the audit.
const wordsFor = 30 * time.Second

// errEnough ends an export of which enough has been read.
var errEnough = errors.New("enough")

// rows are the first rows of an export. Without the scope pii numbers are masked.
func (s *Server) rows(c *call, o desk.ExportOrder, most int) ([]export.Row, error) {
	o.Format = desk.NDJSON
	e, err := c.desk.Export(c.ctx, o)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(c.ctx, readWithin)
	defer cancel()
	r, w := io.Pipe()
	go func() {
		_ = w.CloseWithError(e.Write(ctx, w)) // never fails, by its contract
	}()
	defer func() { _ = r.CloseWithError(errEnough) }()
	var all []export.Row
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for len(all) < most && lines.Scan() {
		var row export.Row
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			return nil, fmt.Errorf("reading an export: %w", err)
		}
		row.Phone = c.mask(row.Phone)
		all = append(all, row)
	}
	return all, lines.Err()
}

// mask hides the middle of a number from who may not see it.
func (c *call) mask(phone string) string {
	const begin, end = 5, 3
	if c.token.May(token.PII) {
		return phone
	}
	if len(phone) <= begin+end {
		return strings.Repeat("*", len(phone))
	}
	return phone[:begin] + strings.Repeat("*", len(phone)-begin-end) + phone[len(phone)-end:]
}

// decide takes a person's word on those in doubt: first it asks whether it is meant.
func (s *Server) decide(c *call) error {
	rec, err := c.record()
	if err != nil {
		return err
	}
	choice, ok := choices()[c.form("choice")]
	if !ok {
		return s.showDoubts(c, "doubt.no_choice", http.StatusUnprocessableEntity)
	}
	rows := c.r.PostForm["row"]
	if c.form("all") != "" {
		rows = nil
	} else if len(rows) == 0 {
		return s.showDoubts(c, "doubt.no_row", http.StatusUnprocessableEntity)
	}
	if c.form("sure") == "" {
		a := &asking{ID: rec.ID, Choice: c.form("choice"), Rows: rows, N: len(rows), Most: desk.MaxNote}
		if rows == nil {
			st, err := c.desk.Status(c.ctx, rec.ID)
			if err != nil {
				return err
			}
			a.N = st.InDoubt
		}
		return s.show(c, sheet{Name: "doubtask", Title: c.words.say("doubt.ask." + a.Choice + ".title"), Section: "campaigns", Data: a})
	}
	o := desk.ResolveOrder{ID: rec.ID, Others: choice, Note: c.form("note")}
	if rows != nil {
		o.Others = 0
		if o.Decisions, err = decisions(rows, c.form("choice")); err != nil {
			return err
		}
	}
	got, err := c.desk.Resolve(c.ctx, o)
	s.changed(rec.ID)
	s.shared.forget("words " + rec.ID)
	if err != nil {
		return err
	}
	to := url.Values{"said": {"resolved"}}
	if got.Choices[choice] == 0 {
		to.Set("said", "resolved-none")
	}
	return c.goTo("/campaigns/" + rec.ID + "?" + to.Encode())
}

// decisions are a word on rows, in the form that the command line takes.
func decisions(rows []string, choice string) (*desk.Decisions, error) {
	var text strings.Builder
	text.WriteString("row,choice\n")
	for _, row := range rows {
		if n, err := strconv.Atoi(row); err != nil || n < 1 {
			return nil, invalid("a row that is none")
		}
		text.WriteString(row + "," + choice + "\n")
	}
	return desk.ReadDecisions("-", strings.NewReader(text.String()))
}

// exported streams what became of every row, or of those in some states.
func (s *Server) exported(c *call) error {
	rec, err := c.record()
	if err != nil {
		return err
	}
	q := c.r.URL.Query()
	e, err := c.desk.Export(c.ctx, desk.ExportOrder{ID: rec.ID, Format: desk.CSV, States: q["state"], Codes: q["code"], Receipts: q["receipt"]})
	if err != nil {
		return err
	}
	c.w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	c.w.Header().Set("Content-Disposition", `attachment; filename="`+rec.ID+`.csv"`)
	if err := e.Write(c.ctx, c.w); err != nil {
		if c.ctx.Err() == nil {
			s.Log.Error().Err(err).Msg("an export broke off")
		}
		panic(http.ErrAbortHandler) // what is cut off must not look whole
	}
	return nil
}
