package phone

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/nyaruka/phonenumbers"
)

// A trunk takes off what is dialled before a number inside its country, such as
// 0, 8 or 06, and puts right what some countries turn around (Argentina's 15). It
// does what phonenumbers does when it parses.
type trunk struct {
	plan    *plan
	country int    // its place among the plan's
	lengths uint32 // of what can be dialled, and of more than that, as bits
	prefix  *automaton
	whole   *regexp.Regexp // the prefix where it is not just cut off
	rule    string         // how it is turned around then
}

func newTrunk(p *plan, m *phonenumbers.PhoneMetadata) (*trunk, error) {
	t := &trunk{plan: p, country: slices.Index(p.regions, m), rule: m.GetNationalPrefixTransformRule()}
	desc := m.GetGeneralDesc()
	longest := 0
	for _, n := range desc.GetPossibleLength() {
		if n > 0 {
			t.lengths |= 1 << n
			longest = max(longest, int(n))
		}
	}
	for n := longest + 1; n < 32; n++ {
		t.lengths |= 1 << n
	}
	for _, n := range desc.GetPossibleLengthLocalOnly() {
		t.lengths &^= 1 << n
	}
	text := m.GetNationalPrefixForParsing()
	if text == "" {
		return t, nil
	}
	var err error
	if t.prefix, err = newAutomaton([]pattern{{text: text}}); err != nil {
		return nil, err
	}
	if t.rule != "" {
		if t.whole, err = regexp.Compile("^(?:" + text + ")"); err != nil {
			return nil, fmt.Errorf("reading a prefix of the numbering plan: %w", err)
		}
	}
	return t, nil
}

// strip is digits as they are dialled from abroad, behind the country's code, and
// whether that is something else than they were.
func (t *trunk) strip(digits []byte) ([]byte, bool) {
	n := t.cut(digits)
	if n == 0 {
		return digits, false
	}
	stripped := digits[n:]
	if t.whole != nil {
		at := t.whole.FindSubmatchIndex(digits)
		if at == nil {
			return digits, false
		}
		stripped = digits[at[1]:]
		if last := len(at) - 2; last > 0 && at[last] >= 0 {
			stripped = t.whole.ReplaceAll(digits, []byte(t.rule))
		}
	}
	switch {
	case len(stripped) >= 32 || t.lengths&(1<<len(stripped)) == 0:
		return digits, false
	case !t.plan.viable(stripped, t.country) && t.plan.viable(digits, t.country):
		return digits, false
	}
	return stripped, len(stripped) != len(digits) || string(stripped) != string(digits)
}

// cut is the length of the longest prefix that digits begin with.
func (t *trunk) cut(digits []byte) int {
	if t.prefix == nil {
		return 0
	}
	longest, at := 0, start
	for i, c := range digits {
		next := t.prefix.next[at+int32(c-'0')]
		if next == 0 {
			next = t.prefix.step(at, c-'0')
		}
		if at = next; at == dead {
			break
		}
		if len(t.prefix.at(at).matches) > 0 {
			longest = i + 1
		}
	}
	return longest
}
