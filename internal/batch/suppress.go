package batch

import (
	"cmp"
	"slices"
)

// Suppress moves the recipients for which suppressed holds to the skipped rows,
// in the order of the input. The digest stays that of the input as it was read.
func (b *Batch) Suppress(suppressed []bool) {
	reasons := make([]string, len(suppressed))
	for i, is := range suppressed {
		if is {
			reasons[i] = "on the suppression list"
		}
	}
	b.Bar(reasons)
}

// Bar is Suppress for a reason each; who has none stays.
func (b *Batch) Bar(reasons []string) {
	kept := b.Recipients[:0]
	moved := false
	for i, reason := range reasons {
		r := b.Recipients[i]
		if reason == "" {
			kept = append(kept, r)
			continue
		}
		moved = true
		b.Skipped = append(b.Skipped, Skipped{Row: r.Row, Kind: Suppressed, Reason: reason, Phone: r.Phone, Vars: keptVars(r.Vars, b.Kept)})
	}
	b.Recipients = kept
	if moved {
		slices.SortFunc(b.Skipped, func(a, c Skipped) int { return cmp.Compare(a.Row, c.Row) })
	}
}
