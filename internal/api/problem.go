package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"sluice/internal/campaign"
	"sluice/internal/desk"
	"sluice/internal/idempotency"
	"sluice/internal/ledger"
	"sluice/internal/parts"
	"sluice/internal/phone"
)

// A Problem is an error as it is answered, by RFC 9457. It shows nothing of a row
// and no number.
type Problem struct {
	Type       string         `json:"type"`
	Title      string         `json:"title"`
	Status     int            `json:"status"`
	Detail     string         `json:"detail,omitempty"`
	Instance   string         `json:"instance,omitempty"`
	RequestID  string         `json:"request_id"`
	Errors     []Fault        `json:"errors,omitempty"`
	State      campaign.State `json:"state,omitempty"`
	RetryAfter int            `json:"retry_after,omitempty"`
}

// A Fault is one thing that is wrong with a request.
type Fault struct {
	Pointer string `json:"pointer,omitempty"` // into the body, by RFC 6901
	Part    int    `json:"part,omitempty"`
	Line    int    `json:"line,omitempty"`
	Detail  string `json:"detail"`
}

// Error is its detail.
func (p *Problem) Error() string { return p.Title + ": " + p.Detail }

// titles are what each kind of problem is called.
func titles() map[string]string {
	return map[string]string{
		"bad-request":             "The request cannot be read",
		"unauthorized":            "A token is needed",
		"forbidden":               "The token may not do that",
		"not-found":               "There is no such thing",
		"method-not-allowed":      "Not by this method",
		"campaign-exists":         "There is another campaign of this id",
		"callback-exists":         "There is another endpoint of this name",
		"state":                   "Not possible in the campaign's state",
		"part-differs":            "There are other bytes in this part",
		"list-differs":            "The list is another one",
		"changed":                 "It was changed meanwhile",
		"expired":                 "The rows have expired",
		"too-large":               "The request is too large",
		"media-type":              "Not of this media type",
		"invalid":                 "The request is invalid",
		"idempotency-key":         "An Idempotency-Key is needed",
		"idempotency-mismatch":    "The Idempotency-Key was used for another request",
		"idempotency-in-progress": "The same request is being answered",
		"too-many-requests":       "Too many requests",
		"provider":                "The provider could not be asked",
		"unavailable":             "Not possible now",
		"full":                    "There is no room",
		"internal":                "A fault of the server",
	}
}

func refusal(status int, slug, detail string) *Problem {
	return &Problem{Type: "/problems/" + slug, Title: titles()[slug], Status: status, Detail: detail}
}

// errNoCampaign is also of a campaign whose sender is none of the token's.
var errNoCampaign = refusal(http.StatusNotFound, "not-found", "there is no campaign of this id")

func problemOfStatus(status int) *Problem {
	if status == http.StatusMethodNotAllowed {
		return refusal(status, "method-not-allowed", "the header Allow names those that there are")
	}
	return refusal(http.StatusNotFound, "not-found", "there is no such route")
}

// problemOf is what an error is told as. One that is nobody's but ours is told
// without its text, which stands in the log.
func problemOf(err error) *Problem {
	var (
		p        *Problem
		invalid  *desk.InvalidError
		part     *parts.InvalidError
		settings *campaign.SettingsError
		tooLarge *http.MaxBytesError
	)
	switch {
	case errors.As(err, &p):
		copied := *p
		return &copied
	case errors.As(err, &tooLarge):
		return refusal(http.StatusRequestEntityTooLarge, "too-large", fmt.Sprintf("at most %d bytes are taken here", tooLarge.Limit))
	case errors.Is(err, campaign.ErrNotFound):
		return refusal(http.StatusNotFound, "not-found", "there is no campaign of this id")
	case errors.Is(err, campaign.ErrOtherCampaign), errors.As(err, &settings):
		return refusal(http.StatusConflict, "campaign-exists", "a campaign of this id was created with other content; an id is unique for ever")
	case errors.Is(err, campaign.ErrChanged):
		return refusal(http.StatusPreconditionFailed, "changed", "the draft is not what it was; read it again")
	case errors.Is(err, campaign.ErrBegun):
		return refusal(http.StatusConflict, "state", "it has begun: start_at cannot change any more")
	case errors.Is(err, campaign.ErrNotAllowed), errors.Is(err, ledger.ErrNotImporting):
		return refusal(http.StatusConflict, "state", "its state does not allow this")
	case errors.Is(err, parts.ErrDiffers):
		return refusal(http.StatusConflict, "part-differs", "other bytes came before under this number; ?replace=true puts these in their place")
	case errors.Is(err, desk.ErrListDiffers):
		return refusal(http.StatusConflict, "list-differs", err.Error())
	case errors.Is(err, parts.ErrFull):
		return refusal(http.StatusInsufficientStorage, "full", parts.ErrFull.Error())
	case errors.Is(err, desk.ErrExpired):
		return refusal(http.StatusGone, "expired", "the rows have expired; the status has the account that is left of them")
	case errors.Is(err, desk.ErrNotAsked):
		return later(refusal(http.StatusServiceUnavailable, "provider", "the template could not be checked; preflight=false goes on without asking"), 10)
	case errors.As(err, &part):
		p := refusal(http.StatusUnprocessableEntity, "invalid", part.Text)
		p.Errors = []Fault{{Part: part.Part, Line: part.Line, Detail: part.Text}}
		return p
	case errors.As(err, &invalid):
		p := refusal(http.StatusUnprocessableEntity, "invalid", "")
		p.Errors = faults(invalid.Error())
		p.Detail = p.Errors[0].Detail
		return p
	case errors.Is(err, idempotency.ErrMismatch):
		return refusal(http.StatusUnprocessableEntity, "idempotency-mismatch", "this key came with another request before")
	case errors.Is(err, idempotency.ErrInProgress):
		return later(refusal(http.StatusConflict, "idempotency-in-progress", "the request that came with this key before is being answered"), 1)
	case errors.Is(err, errRead):
		return refusal(http.StatusBadRequest, "bad-request", "the body ended early or did not come in time")
	case isAway(err):
		return later(refusal(http.StatusServiceUnavailable, "unavailable", "Redis does not answer"), 2)
	}
	return refusal(http.StatusInternalServerError, "internal", "see the log, by request_id")
}

func later(p *Problem, seconds int) *Problem {
	p.RetryAfter = seconds
	return p
}

// isAway says that it was Redis that did not answer.
func isAway(err error) bool {
	var said redis.Error
	var timeout interface{ Timeout() bool }
	text := err.Error()
	return errors.As(err, &said) && (strings.HasPrefix(text, "LOADING") || strings.Contains(text, "READONLY") || strings.Contains(text, "CLUSTERDOWN")) ||
		errors.As(err, &timeout) || strings.Contains(text, "connection refused") || strings.Contains(text, "connection pool") || errors.Is(err, redis.ErrClosed)
}

// located is how the desk says what is wrong with a campaign: its name, line and
// field.
var located = regexp.MustCompile(`^campaign:\d+(?::\d+)?: (?:([a-z_]+(?:[.\[][a-z0-9_.\[\]]*)?): )?(.*)$`)

// faults are what a text of the desk says, with pointers in the place of fields.
func faults(text string) []Fault {
	var all []Fault
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		m := located.FindStringSubmatch(line)
		if m == nil {
			all = append(all, Fault{Detail: strings.TrimPrefix(strings.TrimPrefix(line, "campaign: "), "the list: ")})
			continue
		}
		all = append(all, Fault{Pointer: pointer(m[1]), Detail: m[2]})
	}
	if all == nil {
		return []Fault{{Detail: "invalid"}}
	}
	return all
}

// pointer makes a JSON pointer of a field such as message.template.body[0].
func pointer(field string) string {
	if field == "" {
		return ""
	}
	field = strings.NewReplacer("[", ".", "]", "").Replace(field)
	return "/" + strings.ReplaceAll(field, ".", "/")
}

// digitsAlone is a step of a path that may be a phone number.
var digitsAlone = regexp.MustCompile(`/\+?[0-9]{9,}(/|$)`)

// refuse writes a problem.
func (s *Server) refuse(c *call, p *Problem, pattern string) {
	if p.Status >= http.StatusInternalServerError && p.Status != http.StatusInsufficientStorage {
		s.Log.Warn().Str("request", c.id).Str("route", pattern).Str("problem", p.Type).Msg("refused")
	}
	if c.begun() { // the answer is cut off, so that nobody takes it for whole
		panic(http.ErrAbortHandler)
	}
	p.RequestID, p.Instance = c.id, c.r.URL.Path
	// No text has one; what a stranger named a column, or put in the path, may be one.
	p.Detail, p.Instance = phone.Hide(p.Detail), digitsAlone.ReplaceAllString(p.Instance, "/***$1")
	p.Errors = slices.Clone(p.Errors)
	for i := range p.Errors {
		p.Errors[i].Detail, p.Errors[i].Pointer = phone.Hide(p.Errors[i].Detail), phone.Hide(p.Errors[i].Pointer)
	}
	h := c.w.Header()
	h.Set("Content-Type", "application/problem+json")
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="sluice"`)
	}
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	c.w.WriteHeader(p.Status)
	_ = json.NewEncoder(c.w).Encode(p) // whoever is gone needs no answer
}

// problem says what a kind of problem is.
func (s *Server) problem(c *call) error {
	title, ok := titles()[c.r.PathValue("slug")]
	if !ok {
		return refusal(http.StatusNotFound, "not-found", "there is no such problem")
	}
	return c.answer(http.StatusOK, map[string]string{"type": c.r.URL.Path, "title": title})
}
