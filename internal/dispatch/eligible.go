package dispatch

import (
	"context"
	"slices"
	"time"

	"sluice/internal/campaign"
)

// recheckWindowsEvery is how often the recipients of a batch that is under way are held
// against their windows.
const recheckWindowsEvery = time.Second

// An eligibility is what a run knows of who may be sent to just now.
type eligibility struct {
	suppressionVersion int64 // of the list that was asked
	windowsChecked     time.Time
	zones              map[int]*time.Location
}

// eligible are the units that may be begun now: the suppressed are settled as
// such, and those whose window has closed stay pending.
func (r *batchRun) eligible(ctx context.Context, units [][]int) ([][]int, error) {
	if len(units) == 0 {
		return nil, nil
	}
	if version := r.host.SuppressionVersion(); version != r.eligibility.suppressionVersion {
		var err error
		if units, err = r.unsuppressed(ctx, units); err != nil {
			return nil, err
		}
		r.eligibility.suppressionVersion = version
	}
	now := r.host.Now()
	if r.d.set.Load().window == nil || now.Sub(r.eligibility.windowsChecked) < recheckWindowsEvery {
		return units, nil
	}
	r.eligibility.windowsChecked = now
	return filterUnits(units, func(i int) bool { return !r.opens(i, now).After(now) }), nil
}

// closed says that the window of one of the recipients has closed since they were
// eligible: they waited for their slots, at a slow pace for long. All others are
// looked at anew then.
func (r *batchRun) closed(indexes []int) bool {
	if r.d.set.Load().window == nil {
		return false
	}
	now := r.host.Now()
	if !slices.ContainsFunc(indexes, func(i int) bool { return r.opens(i, now).After(now) }) {
		return false
	}
	r.eligibility.windowsChecked = time.Time{}
	return true
}

// named says that the suppression list names one of the recipients by now: it has
// changed since they were eligible, and they waited for their slots, at a slow pace or
// in a pause for long.
func (r *batchRun) named(ctx context.Context, indexes []int) (bool, error) {
	if r.host.SuppressionVersion() == r.eligibility.suppressionVersion {
		return false, nil
	}
	found, err := r.host.Suppressed.Contains(ctx, r.phones(indexes))
	return slices.Contains(found, true), err
}

// phones are the recipients' numbers.
func (r *batchRun) phones(indexes []int) []string {
	phones := make([]string, len(indexes))
	for k, i := range indexes {
		phones[k] = r.claim.Recipients[i].Phone
	}
	return phones
}

// unsuppressed asks the suppression list. A recipient that it names is
// suppressed from then on.
func (r *batchRun) unsuppressed(ctx context.Context, units [][]int) ([][]int, error) {
	all := slices.Concat(units...)
	found, err := r.host.Suppressed.Contains(ctx, r.phones(all))
	if err != nil {
		return nil, err
	}
	named := map[int]bool{}
	var indexes []int
	for k, i := range all {
		if found[k] {
			named[i] = true
			indexes = append(indexes, i)
		}
	}
	if len(indexes) == 0 {
		return units, nil
	}
	if err := r.claim.Suppress(ctx, indexes); err != nil {
		return nil, r.d.beginFailed(err)
	}
	return filterUnits(units, func(i int) bool { return !named[i] }), nil
}

// filterUnits are the units with the recipients for which ok holds; none is empty.
func filterUnits(units [][]int, ok func(int) bool) [][]int {
	var kept [][]int
	for _, unit := range units {
		var some []int
		for _, i := range unit {
			if ok(i) {
				some = append(some, i)
			}
		}
		if len(some) > 0 {
			kept = append(kept, some)
		}
	}
	return kept
}

// opens is when recipient i may be sent to by the window of their own zone: zero
// where there is no such window.
func (r *batchRun) opens(i int, now time.Time) time.Time {
	window := r.d.set.Load().window
	if window == nil {
		return time.Time{}
	}
	if r.eligibility.zones == nil {
		r.eligibility.zones = map[int]*time.Location{}
	}
	zone, ok := r.eligibility.zones[i]
	if !ok {
		zone = campaign.ZoneOf(r.claim.Recipients[i].Phone, now)
		r.eligibility.zones[i] = zone
	}
	return window.Opens(now, zone)
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
