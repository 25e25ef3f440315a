package phone

// share is how many in a hundred of those that say how they are written must say
// the same, for the others to be read so.
const share = 95

// Learns says that what a list's numbers are like decides anything.
func (r *Reader) Learns() bool { return r.o.Numbers == Auto && r.plan != nil }

// Learn takes a cell as evidence of how the list is written: bare digits that have
// one valid reading alone, or behind a trunk prefix. What is behind + says nothing
// of those that are not.
func (r *Reader) Learn(text []byte) {
	if !r.Learns() || r.cell.take(text) != nil || r.cell.form != bare {
		return
	}
	if r.readings() != nil {
		return
	}
	switch home, full := &r.home, &r.full; {
	case home.e164 == full.e164, r.inOldForm():
	case home.kind != none && (full.kind == none || home.trunk):
		r.learned.national++
	case home.kind == none && full.kind != none:
		r.learned.full++
	}
}

// Decide ends learning, and says how what has two readings is read from now on:
// as 95 in a hundred of the others are, else not at all. It is for Auto; else it
// says what the owner said.
func (r *Reader) Decide() Numbers {
	if r.o.Numbers != Auto {
		return r.o.Numbers
	}
	r.decided = Mixed
	switch all := r.learned.national + r.learned.full; {
	case all == 0:
	case r.learned.national*100 >= all*share:
		r.decided = National
	case r.learned.full*100 >= all*share:
		r.decided = Full
	}
	return r.decided
}
