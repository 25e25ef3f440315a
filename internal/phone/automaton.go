package phone

import (
	"encoding/binary"
	"fmt"
	"regexp/syntax"
	"slices"
)

// An automaton runs digits through many patterns at once. It is made as it is
// used: a state is what is left to match of all patterns, so that all digits that
// end in one state are the same to each of them, and whatever is learned of the
// state holds for all. It is for one goroutine.
type automaton struct {
	insts  []inst
	starts []uint32
	next   []int32 // of each state and digit, where it leads; 0: not made yet
	states []state
	index  map[string]int32 // of the states, by depth and what is left
	marks  []bool           // of insts, while a state is made
	key    []byte
}

// An inst is one step of a pattern.
type inst struct {
	op      syntax.InstOp
	out     uint32
	arg     uint32
	digits  uint16 // the ones that it takes, as bits
	pattern int
}

// A state is where digits have led so far.
type state struct {
	left    []uint32 // the insts that take the next digit, or match
	depth   int
	matches []int    // the patterns that match here
	verdict *verdict // of digits that end here; nil: not asked yet
}

// A state is known by the place of its row in next: no multiplication stands in
// the way from digit to digit.
const (
	width = 16               // of a row, a cache line
	dead  = int32(width)     // the state of digits that nothing can match any more
	start = int32(2 * width) // the state before the first digit
)

// A pattern is a regular expression that digits must match from their start: to
// their end, or, if open, up to any place.
type pattern struct {
	text string
	open bool
}

func newAutomaton(patterns []pattern) (*automaton, error) {
	a := &automaton{index: map[string]int32{}, next: make([]int32, 2*width), states: make([]state, 2)}
	for i, p := range patterns {
		if p.text == "" {
			continue // as a description without a pattern: nothing matches it
		}
		re, err := syntax.Parse(p.text, syntax.Perl)
		if err != nil {
			return nil, fmt.Errorf("reading a pattern of the numbering plan: %w", err)
		}
		prog, err := syntax.Compile(re.Simplify())
		if err != nil {
			return nil, fmt.Errorf("reading a pattern of the numbering plan: %w", err)
		}
		a.add(prog, i, p.open)
	}
	a.marks = make([]bool, len(a.insts))
	a.grow(a.make(a.starts, 0))
	return a, nil
}

// at is a state by its place.
func (a *automaton) at(place int32) *state { return &a.states[place/width] }

// grow takes a state in, and returns its place.
func (a *automaton) grow(s state) int32 {
	place := int32(len(a.next))
	a.next, a.states = append(a.next, make([]int32, width)...), append(a.states, s)
	return place
}

// add takes a compiled pattern in. One that is open goes on with any digits once
// it matches.
func (a *automaton) add(prog *syntax.Prog, number int, open bool) {
	first := uint32(len(a.insts))
	end := first + uint32(len(prog.Inst)) // a program has one match
	var ends []inst
	for i := range prog.Inst {
		from := &prog.Inst[i]
		to := inst{op: from.Op, out: first + from.Out, arg: first + from.Arg, pattern: number}
		switch op := from.Op; {
		case op == syntax.InstRune, op == syntax.InstRune1, op == syntax.InstRuneAny, op == syntax.InstRuneAnyNotNL:
			to.op = syntax.InstRune
			for d := range rune(10) {
				if from.MatchRune('0' + d) {
					to.digits |= 1 << d
				}
			}
		case op == syntax.InstMatch && open: // a match, or any digit and here again
			to.op, to.out, to.arg = syntax.InstAlt, end, end+1
			ends = append(ends,
				inst{op: syntax.InstMatch, pattern: number},
				inst{op: syntax.InstRune, out: first + uint32(i), digits: 1<<10 - 1, pattern: number})
		}
		a.insts = append(a.insts, to)
	}
	a.insts = append(a.insts, ends...)
	a.starts = append(a.starts, first+uint32(prog.Start))
}

// make is the state of which insts are the beginning.
func (a *automaton) make(begin []uint32, depth int) state {
	s := state{depth: depth}
	var seen []uint32
	stack := slices.Clone(begin)
	for len(stack) > 0 {
		pc := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if a.marks[pc] {
			continue
		}
		a.marks[pc] = true
		seen = append(seen, pc)
		in := &a.insts[pc]
		switch in.op {
		case syntax.InstAlt, syntax.InstAltMatch:
			stack = append(stack, in.out, in.arg)
		case syntax.InstCapture, syntax.InstNop, syntax.InstEmptyWidth:
			stack = append(stack, in.out)
		case syntax.InstMatch:
			s.matches = append(s.matches, in.pattern)
			s.left = append(s.left, pc)
		case syntax.InstRune:
			s.left = append(s.left, pc)
		case syntax.InstFail, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
		}
	}
	for _, pc := range seen {
		a.marks[pc] = false
	}
	slices.Sort(s.left)
	slices.Sort(s.matches)
	return s
}

// run is the state in which digits end.
func (a *automaton) run(digits []byte) int32 {
	at := start
	for _, c := range digits {
		next := a.next[at+int32(c-'0')]
		if next == 0 {
			next = a.step(at, c-'0')
		}
		if at = next; at == dead {
			break
		}
	}
	return at
}

// step makes the state that a digit leads to.
func (a *automaton) step(at int32, digit byte) int32 {
	var begin []uint32
	for _, pc := range a.at(at).left {
		if in := &a.insts[pc]; in.op == syntax.InstRune && in.digits&(1<<digit) != 0 {
			begin = append(begin, in.out)
		}
	}
	next := dead
	if len(begin) > 0 {
		s := a.make(begin, a.at(at).depth+1)
		a.key = append(a.key[:0], byte(s.depth))
		for _, pc := range s.left {
			a.key = binary.LittleEndian.AppendUint32(a.key, pc)
		}
		there, ok := a.index[string(a.key)]
		if !ok {
			there = a.grow(s)
			a.index[string(a.key)] = there
		}
		next = there
	}
	a.next[at+int32(digit)] = next
	return next
}
