package estimate

import "time"

// day bounds the rate by what the 24 hours have left, and says when that changes.
func (r *run) day(total float64, next time.Time) (float64, time.Time) {
	live := r.used[:0]
	left := float64(r.sender.Day)
	for _, u := range r.used {
		if u.To.Add(day).After(r.now) {
			live = append(live, u)
			left -= float64(u.N)
		}
	}
	if r.used = live; len(live) > 0 {
		next = sooner(next, live[0].To.Add(day))
	}
	switch {
	case left < 1:
		for _, c := range r.all {
			c.rate = 0
		}
		return 0, next
	case total > 0:
		next = sooner(next, r.now.Add(seconds(left/total)))
		next = sooner(next, r.now.Truncate(bucket).Add(bucket))
	}
	return total, next
}

// use counts messages that went out until a time.
func (r *run) use(until time.Time, n float64) {
	r.fraction += n
	whole := int(r.fraction + crumb)
	r.fraction -= float64(whole)
	to := until.Add(-1).Truncate(bucket).Add(bucket)
	if last := len(r.used) - 1; last >= 0 && r.used[last].To.Equal(to) {
		r.used[last].N += whole
		return
	}
	r.used = append(r.used, Used{To: to, N: whole})
}
