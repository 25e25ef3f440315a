package page

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/redis/go-redis/v9"

	"sluice/internal/campaign"
	"sluice/internal/desk"
	"sluice/internal/outbox"
	"sluice/internal/parts"
)

// A fault is an error as a person is told it: the catalogue has its title and what to do
// under its key, and Detail says what it is about. It shows nothing of a row.
type fault struct {
	Status int
	Key    string
	Detail string
}

// Error is for the log.
func (f *fault) Error() string { return f.Key + ": " + f.Detail }

var (
	errNoCampaign  = &fault{Status: http.StatusNotFound, Key: "no_campaign"}
	errNowhere     = &fault{Status: http.StatusNotFound, Key: "nowhere"}
	errForeign     = &fault{Status: http.StatusForbidden, Key: "foreign"}
	errTooOften    = &fault{Status: http.StatusTooManyRequests, Key: "too_often"}
	errUnderWay    = &fault{Status: http.StatusConflict, Key: "under_way"}
	errDoneAlready = &fault{Status: http.StatusConflict, Key: "done_already"}
	errNoEndpoint  = &fault{Status: http.StatusNotFound, Key: "no_endpoint"}
)

func forbidden(scope string) *fault {
	return &fault{Status: http.StatusForbidden, Key: "forbidden", Detail: scope}
}

func invalid(detail string) *fault {
	return &fault{Status: http.StatusUnprocessableEntity, Key: "invalid", Detail: detail}
}

// faultOf is what an error is told as. One that is nobody's but ours is told without its
// text, which stands in the log.
func faultOf(err error) *fault {
	var (
		f        *fault
		wrong    *desk.InvalidError
		part     *parts.InvalidError
		tooLarge *http.MaxBytesError
	)
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &tooLarge):
		return &fault{Status: http.StatusRequestEntityTooLarge, Key: "too_large"}
	case errors.Is(err, campaign.ErrNotFound):
		return errNoCampaign
	case errors.Is(err, outbox.ErrNotFound):
		return errNoEndpoint
	case errors.Is(err, campaign.ErrOtherCampaign):
		return &fault{Status: http.StatusConflict, Key: "campaign_exists"}
	case errors.Is(err, campaign.ErrChanged), errors.Is(err, desk.ErrListDiffers):
		return &fault{Status: http.StatusConflict, Key: "changed"}
	case errors.Is(err, campaign.ErrNotAllowed):
		return &fault{Status: http.StatusConflict, Key: "state"}
	case errors.Is(err, desk.ErrExpired):
		return &fault{Status: http.StatusGone, Key: "expired"}
	case errors.Is(err, desk.ErrNotAsked):
		return &fault{Status: http.StatusServiceUnavailable, Key: "provider"}
	case errors.Is(err, parts.ErrFull):
		return &fault{Status: http.StatusInsufficientStorage, Key: "full"}
	case errors.As(err, &part):
		return invalid(part.Error())
	case errors.As(err, &wrong):
		return invalid(plain(wrong.Error()))
	case away(err):
		return &fault{Status: http.StatusServiceUnavailable, Key: "away"}
	}
	return &fault{Status: http.StatusInternalServerError, Key: "internal"}
}

// plain is an error of a campaign without the name of a file that nobody here has.
func plain(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		rest, ok := strings.CutPrefix(line, "campaign:")
		if !ok {
			continue
		}
		if _, after, ok := strings.Cut(rest, ": "); ok {
			lines[i] = strings.TrimSpace(after)
		}
	}
	return strings.Join(lines, "\n")
}

// away says that Redis does not answer.
func away(err error) bool {
	var netErr net.Error
	return errors.As(err, &netErr) || errors.Is(err, redis.ErrClosed) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, redis.ErrPoolTimeout)
}

// refuse answers with an error.
func (s *Server) refuse(c *call, err error) {
	if errors.Is(err, context.Canceled) && c.ctx.Err() != nil {
		return // nobody waits for the answer
	}
	if errors.Is(err, errSignIn) {
		to := "/sign-in"
		if c.r.Method == http.MethodGet && c.r.URL.Path != "/" {
			to += "?" + url.Values{"to": {c.r.URL.RequestURI()}}.Encode()
		}
		if c.r.Header.Get("Accept") == streamType {
			c.w.WriteHeader(http.StatusNoContent) // a browser asks for no stream again then
			return
		}
		_ = c.goTo(to)
		return
	}
	f := faultOf(err)
	if f.Status >= http.StatusInternalServerError {
		s.Log.Error().Err(err).Str("path", c.r.Pattern).Msg("the page could not answer")
	}
	if c.r.Header.Get("Accept") == streamType {
		c.w.WriteHeader(f.Status)
		return
	}
	if err := s.show(c, sheet{Name: "fault", Title: c.words.say("fault." + f.Key), Status: f.Status, Data: f}); err != nil {
		s.Log.Error().Err(err).Msg("the page could not answer")
	}
}
