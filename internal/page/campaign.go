package page

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"sluice/internal/campaign"
	"sluice/internal/series"
	"sluice/internal/status"
	"sluice/internal/token"
)

// An account is the page of one campaign.
type account struct {
	*status.Status
	Bar, Funnel []member
	Codes       []codeRow
	Acts        []act
	Given       bool // it was composed here or over the API
	Settings    *campaign.Settings
	Message     string // what it sends, in a word
	Numbers     bool   // who looks may see numbers, and so export
	Late        []codeRow
	Done        int
	Elapsed     int     // seconds since it began
	Mean        float64 // messages a second since then
	Granted     float64 // what throttling has left of the limit
	GrantedW    float64 // as a part of the bar
	Charts      []chart
	Held        []held
	Settable    bool
	Revision    int // of its message; 0: it was never amended
}

// A codeRow is a code with what it means.
type codeRow struct {
	Code    string
	N, Of   int
	Meaning string
	English bool // it is in no other language
}

// both is a record with its account, as they were read one after the other.
type both struct {
	rec *campaign.Record
	st  *status.Status
}

// campaign shows one campaign.
func (s *Server) campaign(c *call) (sheet, error) {
	id := c.r.PathValue("id")
	if campaign.CheckID(id) != nil {
		return sheet{}, errNoCampaign
	}
	v, err := s.shared.get(c.ctx, "record "+id, func(ctx context.Context) (any, time.Duration, error) {
		rec, err := s.Desk.Record(ctx, id)
		return rec, freshFor, err
	})
	if errors.Is(err, campaign.ErrNotFound) {
		return sheet{}, errNoCampaign
	}
	if err != nil {
		return sheet{}, err
	}
	rec := v.(*campaign.Record)
	if !c.token.Knows(rec.Sender) {
		return sheet{}, errNoCampaign
	}
	st, err := s.glance(c.ctx, id)
	if err != nil {
		return sheet{}, err
	}
	points, err := s.shared.get(c.ctx, "series "+id, func(ctx context.Context) (any, time.Duration, error) {
		all, err := s.Desk.Series(ctx, id)
		return all, seriesFor, err
	})
	if err != nil {
		return sheet{}, err
	}
	a := s.accountFor(c, both{rec, st})
	a.Charts = chartsOf(points.([]series.Point))
	return sheet{Name: "campaign", Title: id, Section: "campaigns", Data: a}, nil
}

// seriesFor is how long a series may be kept: points are further apart.
const seriesFor = 5 * time.Second

func (s *Server) accountFor(c *call, b both) *account {
	st := b.st
	a := &account{
		Status: st, Bar: accountOf(st), Funnel: funnelOf(st), Given: b.rec.Composed(), Numbers: c.token.May(token.PII),
		Done: st.Recipients() - st.Pending, Settable: settable(campaign.State(st.State)),
	}
	if len(b.rec.Amended) > 0 {
		a.Revision = b.rec.Revision
	}
	meaning := s.Desk.Meaning(st.Sender)
	a.Held = c.words.heldIn(st, b.rec)
	a.Codes = codesOf(c.words, st.Codes, st.Recipients(), meaning)
	if st.Receipts != nil {
		a.Late = codesOf(c.words, st.Receipts.Codes, st.Accepted, meaning)
	}
	if file, err := b.rec.File(); err == nil {
		settings := file.Settings()
		a.Settings, a.Message = &settings, file.Message.Type
		if file.Message.Template != nil {
			a.Message = file.Message.Template.Name + " (" + file.Message.Template.Language + ")"
		}
	}
	if c.token.May(token.Send) {
		a.Acts = actsIn(campaign.State(st.State), b.rec.Composed())
	}
	a.pace(s.Now())
	return a
}

// pace says how fast it was, and how fast it may be.
func (a *account) pace(now time.Time) {
	if a.StartedAt == nil {
		return
	}
	end := now
	if a.FinishedAt != nil {
		end = *a.FinishedAt
	}
	a.Elapsed = max(1, int(end.Sub(*a.StartedAt).Seconds()))
	a.Mean = float64(a.Accepted+a.Rejected+a.InDoubt) / float64(a.Elapsed)
	a.Granted = a.Pace.Limit * min(1, a.Pace.Factor)
	if a.Pace.Limit > 0 {
		a.GrantedW = barWidth * min(1, a.Pace.Factor)
	}
}

func codesOf(l *language, codes map[string]int, of int, meaning func(string) string) []codeRow {
	var rows []codeRow
	for _, code := range slices.SortedFunc(maps.Keys(codes), func(x, y string) int {
		return cmp.Or(codes[y]-codes[x], cmp.Compare(x, y))
	}) {
		row := codeRow{Code: code, N: codes[code], Of: of}
		row.Meaning, row.English = l.meaning(code, meaning(code))
		rows = append(rows, row)
	}
	return rows
}
