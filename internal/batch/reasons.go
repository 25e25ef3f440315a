package batch

import (
	"cmp"
	"slices"
)

const (
	// ReasonLines is how many lines a Reason names.
	ReasonLines = 5
	// maxReasons bounds the reasons that are told apart; the text of each has no
	// part of a row, but a file may be wrong in many ways.
	maxReasons = 100
)

// otherReasons gathers what is beyond maxReasons.
const otherReasons = "other reasons"

// A Reason is why rows are invalid, how many are and where the first of them are.
type Reason struct {
	Reason string `json:"reason"`
	Rows   int    `json:"rows"`
	Lines  []int  `json:"lines"` // of the first ReasonLines
}

// Reasons gather the invalid rows of batches by their reason.
type Reasons struct {
	all map[string]*Reason
}

// Add adds the invalid rows of a batch.
func (rs *Reasons) Add(b *Batch) {
	for i := range b.Skipped {
		s := &b.Skipped[i]
		if s.Kind != Invalid {
			continue
		}
		r := rs.all[s.Reason]
		if r == nil {
			r = rs.begin(s.Reason)
		}
		if r.Rows++; len(r.Lines) < ReasonLines {
			r.Lines = append(r.Lines, s.Line)
		}
	}
}

func (rs *Reasons) begin(text string) *Reason {
	if rs.all == nil {
		rs.all = map[string]*Reason{}
	}
	if len(rs.all) >= maxReasons {
		text = otherReasons
	}
	r := rs.all[text]
	if r == nil {
		r = &Reason{Reason: text}
		rs.all[text] = r
	}
	return r
}

// List is the reasons, those of most rows first.
func (rs *Reasons) List() []Reason {
	list := make([]Reason, 0, len(rs.all))
	for _, r := range rs.all {
		list = append(list, *r)
	}
	slices.SortFunc(list, func(a, b Reason) int {
		return cmp.Or(cmp.Compare(b.Rows, a.Rows), cmp.Compare(a.Lines[0], b.Lines[0]))
	})
	return list
}
