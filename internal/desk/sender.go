package desk

import (
	"context"
	"time"

	"sluice/internal/phone"
	"sluice/internal/ratelimit"
	"sluice/internal/suppress"
)

// A SenderState is a sender's limits and what is left of them.
type SenderState struct {
	Name              string     `json:"name"`
	Provider          string     `json:"provider"`
	MessagesPerSecond float64    `json:"messages_per_second"` // 0: no limit
	RequestsPerSecond float64    `json:"requests_per_second"`
	MessagesPerDay    int        `json:"messages_per_day"`
	InFlight          int        `json:"in_flight"`
	DayUsed           int        `json:"day_used"` // messages of the last 24 hours
	Factor            float64    `json:"factor"`   // what throttling has left of the pace, up to 1
	Until             *time.Time `json:"until"`    // when it goes on, where its day is used up
}

// SenderState is that of a sender of the senders file.
func (d *Desk) SenderState(ctx context.Context, name string) (*SenderState, error) {
	s, err := d.open(name)
	if err != nil {
		return nil, err
	}
	pace, err := ratelimit.ReadState(ctx, d.redis, name)
	if err != nil {
		return nil, err
	}
	v := &SenderState{
		Name: name, Provider: s.Kind, MessagesPerSecond: s.Limits.MessagesPerSecond, RequestsPerSecond: s.Limits.RequestsPerSecond,
		MessagesPerDay: s.Limits.MessagesPerDay, InFlight: s.Limits.InFlight, Factor: pace.Factor,
	}
	if !pace.Until.IsZero() {
		v.Until = &pace.Until
	}
	if v.MessagesPerDay == 0 {
		return v, nil
	}
	used, err := ratelimit.ReadUsed(ctx, d.redis, name)
	for _, u := range used {
		v.DayUsed += u.N
	}
	return v, err
}

// AreSuppressed says of each number whether it gets no message. They are read as
// those of Suppress.
func (d *Desk) AreSuppressed(ctx context.Context, numbers []string, country string) ([]bool, error) {
	return contained(ctx, numbers, country, suppress.New(d.redis))
}

// AreOptedOut says of each number whether it gets no marketing from a sender, those who
// get nothing from anybody among them.
func (d *Desk) AreOptedOut(ctx context.Context, sender string, numbers []string, country string) ([]bool, error) {
	return contained(ctx, numbers, country, suppress.New(d.redis).OptedOut(sender))
}

func contained(ctx context.Context, numbers []string, country string, list *suppress.List) ([]bool, error) {
	r, err := phone.NewReader(phone.Options{Country: country})
	if err != nil {
		return nil, &InvalidError{err}
	}
	phones := make([]string, len(numbers))
	for i, given := range numbers {
		n, err := r.Read([]byte(given))
		if err != nil {
			return nil, invalid("number %d: %w", i+1, err)
		}
		phones[i] = string(n.Append(nil))
	}
	return list.Contains(ctx, phones)
}
