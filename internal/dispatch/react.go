package dispatch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"sluice/internal/ratelimit"
	"sluice/internal/sender"
)

// atFirst puts off what may concern one recipient or all, as long as nobody of the
// campaign was accepted, by any worker: it is tried again when that is known. Ten in
// a row halt, and nobody has lost their place.
func (d *Dispatcher) atFirst(out []sender.Result) {
	for k := range out {
		switch {
		case out[k].Outcome == sender.Accepted:
			if !d.accepted.Load() {
				d.accepted.Store(true)
			}
		case out[k].AtFirst && !d.anyAccepted():
			out[k].Outcome = sender.Failed
		}
	}
}

// anyAccepted says whether anybody of the campaign is known to be accepted.
func (d *Dispatcher) anyAccepted() bool {
	if d.accepted.Load() {
		return true
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if any, err := d.host.Campaigns.AnyAccepted(ctx, d.id); err != nil || !any {
		return false // to try again for nothing loses nobody
	}
	d.accepted.Store(true)
	return true
}

// applySenderWide slows the sender down, halts the campaign or counts a streak, by
// what the results say of the recipients of a unit. Those that ended alike count
// once, however many they are.
func (d *Dispatcher) applySenderWide(recipients []recipient, unit []int, out []sender.Result) {
	for len(out) > 0 {
		row := recipients[unit[0]].Row
		res, n := out[0], 1
		for n < len(out) && out[n].Outcome == res.Outcome && out[n].Code == res.Code {
			n++
		}
		out, unit = out[n:], unit[n:]
		d.host.Metrics.submitted(d.sender.Name, res, n)
		switch res.Outcome {
		case sender.Throttled:
			if !res.Pair {
				d.throttle(res)
			}
		case sender.Denied:
			d.Halt(row, res.Code, d.sender.Provider.Meaning(res.Code))
		case sender.Accepted, sender.Rejected, sender.Failed, sender.Unknown:
		}
		if why := d.streak.add(res); why != "" {
			d.Halt(row, res.Code, why)
		}
	}
}

// optOut puts someone who wants no more marketing from the sender on the list of those.
func (d *Dispatcher) optOut(phone string) {
	if d.host.OptedOut == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if _, err := d.host.OptedOut.Add(ctx, []string{phone}); err != nil {
		d.host.Log.Error().Err(err).Str("campaign", d.id).Msg("an opt-out could not be put on the suppression list; it stands in the export")
	}
}

func (d *Dispatcher) throttle(res sender.Result) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := d.sender.Pace.Throttled(ctx, res.RetryAfter)
	var tooLong *ratelimit.PauseTooLongError
	switch {
	case errors.As(err, &tooLong):
		d.Halt(0, res.Code, tooLong.Error()+", limits.max_pause_seconds of the sender; ask the provider why")
	case err != nil:
		d.host.Log.Warn().Err(err).Str("campaign", d.id).Msg("could not slow the sender down")
	}
}

// Halt stops the campaign here at once and everywhere as soon as Redis knows. Row
// is whom it was last about, 0 if nobody.
func (d *Dispatcher) Halt(row int, code sender.Code, meaning string) {
	d.stop()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	about := ""
	if row > 0 {
		about = fmt.Sprintf(" (last about row %d)", row)
	}
	reason := fmt.Sprintf("%s: %s%s; then `producer resume %s`", code, remedyText(meaning, d.id), about, d.id)
	moved, err := d.host.Campaigns.HaltAt(ctx, d.id, row, string(code), reason)
	switch {
	case err != nil:
		d.host.Log.Error().Err(err).Str("campaign", d.id).Str("code", string(code)).Msg("could not record that the campaign halted")
	case moved:
		d.host.Log.Error().Str("campaign", d.id).Str("code", string(code)).Str("reason", reason).Msg("campaign halted")
	}
}

// remedyText is what a code means, with the commands in it as they are to be given
// for a campaign; that to resume is said behind it.
func remedyText(meaning, id string) string {
	meaning = strings.TrimSuffix(strings.TrimRight(meaning, ". "), ", then resume")
	return strings.ReplaceAll(meaning, "`producer amend`", "`producer amend "+id+" FILE`")
}
