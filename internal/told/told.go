// Package told keeps what providers tell of a sender's account by their callbacks: the
// state of a template, a quality that falls, how many people may be written to in a day.
// Of each thing the latest word by the provider's own time holds, whatever the order in
// which they came and however often.
package told

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
	"sluice/internal/sender"
)

// A Told is what is known of a sender.
type Told struct {
	// DayLimit is to how many people in 24 hours the account may write first: 0 if
	// nobody told, below that where there is no limit.
	DayLimit int
	Warnings []Warning // by time, the latest first
}

// A Warning is what somebody should look at.
type Warning struct {
	What   string // the provider's word, such as NUMBER_QUALITY
	Detail string // such as RED; it may be empty
	At     time.Time
}

// warnFor is how long a warning is shown.
const warnFor = 7 * 24 * time.Hour

// mostFields bounds what is kept of one sender: templates are by name.
const mostFields = 5000

const (
	fieldDay      = "day"
	fieldWarning  = "warning:"
	fieldTemplate = "template:"
)

// noteScript keeps a word unless a later one is known.
//
//	KEYS  told
//	ARGV  field, time in ms, word, most fields
func noteScript() *redis.Script {
	return redis.NewScript(`
local was = redis.call('HGET', KEYS[1], ARGV[1])
if was and tonumber(string.match(was, '^%d+') or 0) > tonumber(ARGV[2]) then return 0 end
if not was and redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[4]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. ARGV[3])
return 1`)
}

// Note keeps an event of a sender, as far as there is something to keep of it.
func Note(ctx context.Context, rdb redis.UniversalClient, name string, e *sender.Event) error {
	field, word := "", strings.TrimSpace(e.Word+" "+e.Detail)
	switch e.Kind {
	case sender.TemplateStops, sender.TemplateGoes:
		field, word = templateField(e.Template, e.Language), e.Word
	case sender.AccountStops, sender.Warning:
		field = fieldWarning + e.Word
	case sender.DayLimit:
		field, word = fieldDay, strconv.Itoa(e.Limit)
	case sender.OptOut, sender.OptIn:
		return nil
	}
	if err := noteScript().Run(ctx, rdb, []string{keys.SenderTold(name)}, field, max(e.Time.UnixMilli(), 0), word, mostFields).Err(); err != nil {
		return fmt.Errorf("noting what is told of %s: %w", name, err)
	}
	return nil
}

func templateField(name, language string) string { return fieldTemplate + language + ":" + name }

// Read reads what is told of a sender, with the warnings that are not old by now.
func Read(ctx context.Context, rdb redis.UniversalClient, name string, now time.Time) (Told, error) {
	var t Told
	fields, err := rdb.HGetAll(ctx, keys.SenderTold(name)).Result()
	if err != nil {
		return t, fmt.Errorf("reading what is told of %s: %w", name, err)
	}
	for field, value := range fields {
		at, word := split(value)
		switch {
		case field == fieldDay:
			t.DayLimit, _ = strconv.Atoi(word) // no number is no limit that is known
		case strings.HasPrefix(field, fieldWarning) && now.Sub(at) < warnFor:
			what, detail, _ := strings.Cut(word, " ")
			t.Warnings = append(t.Warnings, Warning{what, detail, at})
		}
	}
	slices.SortFunc(t.Warnings, func(a, b Warning) int {
		if c := b.At.Compare(a.At); c != 0 {
			return c
		}
		return strings.Compare(a.What, b.What)
	})
	return t, nil
}

// split takes a value apart.
func split(value string) (at time.Time, word string) {
	ms, word, _ := strings.Cut(value, " ")
	n, err := strconv.ParseInt(ms, 10, 64)
	if err != nil {
		return time.Time{}, word
	}
	return time.UnixMilli(n), word
}

// Fit says whether a message may be sent as far as is told: one whose template is
// stopped is a *sender.UnfitError.
func Fit(ctx context.Context, rdb redis.UniversalClient, name string, m sender.Message) error {
	if m.Template == nil {
		return nil
	}
	value, err := rdb.HGet(ctx, keys.SenderTold(name), templateField(m.Template.Name, m.Template.Language)).Result()
	if errors.Is(err, redis.Nil) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading what is told of %s: %w", name, err)
	}
	at, word := split(value)
	if _, kind := sender.TemplateState(word); kind != sender.TemplateStops {
		return nil
	}
	return &sender.UnfitError{Err: fmt.Errorf("template %s (%s) is %s, as the provider told at %s",
		m.Template.Name, m.Template.Language, word, at.UTC().Format(time.RFC3339))}
}
