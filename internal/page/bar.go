package page

import "sluice/internal/status"

// A member is one part of an account: so many rows are there.
type member struct {
	Name  string // its class, and its key in the catalogue
	N     int
	Of    int
	X, W  float64 // where it is in the bar, in thousandths
	Quiet bool    // of rows that never were to get a message
}

// barWidth is a whole bar's, and leastWidth is what anybody still sees of one that
// counts few.
const (
	barWidth   = 1000
	leastWidth = 4
)

// accountOf is a campaign's account: its rows are the sum of the members at every
// moment.
func accountOf(st *status.Status) []member {
	return lay(st.Rows, []member{
		{Name: "accepted", N: st.Accepted},
		{Name: "rejected", N: st.Rejected},
		{Name: "in_doubt", N: st.InDoubt},
		{Name: "pending", N: st.Pending},
		{Name: "cancelled", N: st.Cancelled},
		{Name: "invalid", N: st.Invalid, Quiet: true},
		{Name: "duplicate", N: st.Duplicate, Quiet: true},
		{Name: "suppressed", N: st.Suppressed, Quiet: true},
	})
}

// funnelOf is what became of those who are accepted.
func funnelOf(st *status.Status) []member {
	r := st.Receipts
	if r == nil {
		return nil
	}
	return lay(st.Accepted, []member{
		{Name: "read", N: r.Read},
		{Name: "delivered", N: r.Delivered},
		{Name: "sent", N: r.Sent},
		{Name: "undelivered", N: r.Undelivered},
		{Name: "awaiting", N: r.Awaiting},
	})
}

// lay gives each member its place in a bar of whole. A few who are there are seen,
// whatever they are of, at the cost of those who are many.
func lay(whole int, all []member) []member {
	wide, few := 0, 0.0
	width := func(n int) float64 { return barWidth * float64(n) / float64(max(1, whole)) }
	for _, m := range all {
		if w := width(m.N); m.N > 0 && w < leastWidth {
			few += leastWidth
		} else {
			wide += m.N
		}
	}
	x := 0.0
	for i := range all {
		m := &all[i]
		m.Of = whole
		switch w := width(m.N); {
		case m.N == 0:
		case w < leastWidth:
			m.W = leastWidth
		default:
			m.W = (barWidth - few) * float64(m.N) / float64(max(1, wide))
		}
		m.X = x
		x += m.W
	}
	return all
}
