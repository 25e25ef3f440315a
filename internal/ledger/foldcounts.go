package ledger

import "maps"

// Counts counts the recipients.
func (f *Fold) Counts() Counts {
	f.recount()
	counts := f.counts
	counts.Codes = maps.Clone(counts.Codes)
	return counts
}

func (f *Fold) touch(i int) {
	if !f.seen[i].dirty {
		f.seen[i].dirty = true
		f.dirty = append(f.dirty, i)
	}
}

// recount brings counts up to date, at the cost of the recipients touched.
func (f *Fold) recount() {
	for _, i := range f.dirty {
		st := f.Standing(i)
		now := view{state: st.State, code: string(st.Code)}
		f.count(f.seen[i], -1)
		f.count(now, 1)
		f.seen[i] = now
	}
	f.dirty = f.dirty[:0]
}

func (f *Fold) count(v view, by int) {
	switch v.state {
	case Untouched, Retry, InFlight:
		f.counts.Pending += by
	case InDoubt:
		f.counts.InDoubt += by
	case Rejected:
		f.counts.Rejected += by
	case Suppressed:
		f.counts.Suppressed += by
	case Accepted:
		f.counts.Accepted += by
	}
	if v.code == "" {
		return
	}
	f.counts.Codes[v.code] += by
	if f.counts.Codes[v.code] == 0 {
		delete(f.counts.Codes, v.code)
	}
}
