package phone

// share is how many in a hundred of those that say how they are written must say
// the same, for the others to be read so.
const share = 95

// Learn takes a cell as evidence of how the list is written: bare digits that have
// one valid reading alone, or behind a trunk prefix. What is behind + says nothing
// of those that are not.
func (r *Reader) Learn(text []byte) {
	if r.o.Numbers != Auto || r.home == nil || r.cell.take(text) != nil || r.cell.form != bare {
		return
	}
	home, full, err := r.readings()
	switch {
	case err != nil, home.number.E164 == full.number.E164:
	case home.kind != none && (full.kind == none || home.trunk):
		r.national++
	case home.kind == none && full.kind != none:
		r.full++
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
	switch all := r.national + r.full; {
	case all == 0:
	case r.national*100 >= all*share:
		r.decided = National
	case r.full*100 >= all*share:
		r.decided = Full
	}
	return r.decided
}
