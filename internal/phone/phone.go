// Package phone reads one cell of a list as the one phone number that it can be,
// or says why it is none. It never guesses: a cell that can be read as two numbers
// is no number, unless the list or its owner says how its numbers are written. It
// is pure: the same cells in the same order give the same numbers.
//
// A number behind + or 00 has its country's code, and a possible length is enough.
// Any other must be valid by the numbering plan. What is judged is what is given
// back. The numbering plans are those of libphonenumber, in automata that are made
// as they are needed, at some ten nanoseconds a number.
package phone

import (
	"fmt"
	"strconv"
)

// minDigits is the length of the shortest number, with its country's code.
const minDigits = 7

// Numbers say how bare digits are written, behind no + or 00, that could be read
// in two ways.
type Numbers string

// The ways to read them.
const (
	Auto     Numbers = "auto"     // as the list's others are; see Decide
	National Numbers = "national" // as numbers of the default country
	Full     Numbers = "full"     // as numbers with their country's code
	Mixed    Numbers = "mixed"    // not at all: they are invalid
)

// All are the ways there are.
func All() []Numbers { return []Numbers{Auto, National, Full, Mixed} }

// Options say how to read a list's numbers.
type Options struct {
	Country string  // two letters: of national numbers; "" reads none
	Numbers Numbers // "" is Auto
	Strict  bool    // numbers behind + or 00 must be valid too
}

// A Number is a cell that was read.
type Number struct {
	E164    uint64 // the digits with the country's code, as a number
	Country string // two letters; 001 for a code that is no country's
	Read    Reading
	Two     bool // it could be read in two ways, and the list decided
}

// A Reading is how a cell was read.
type Reading uint8

// The readings.
const (
	ReadPlus     Reading = iota // behind + or 00, or of a link
	ReadNational                // as a number of the default country
	ReadFull                    // as bare digits with a country's code
)

// Identity is the number's Identity.
func (n Number) Identity() uint64 { return identity(n.E164) }

// Append appends the number's digits.
func (n Number) Append(dst []byte) []byte { return strconv.AppendUint(dst, n.E164, 10) }

// A Reader reads the numbers of one list. It is for one goroutine.
type Reader struct {
	o              Options
	plans          *plans
	code           int // of the default country
	home           *plan
	trunk          *trunk // of the default country
	cell           cell
	decided        Numbers // by the list, with Auto
	national, full int     // what Learn has seen
}

// NewReader makes a Reader. It refuses a country that there is not.
func NewReader(o Options) (*Reader, error) {
	p, err := newPlans()
	if err != nil {
		return nil, err
	}
	r := &Reader{o: o, plans: p, decided: o.Numbers}
	if o.Numbers == Auto || o.Numbers == "" {
		r.o.Numbers, r.decided = Auto, Mixed
	}
	if o.Country == "" {
		return r, nil
	}
	m := p.regions[o.Country]
	if m == nil {
		return nil, fmt.Errorf("there is no country %q", o.Country)
	}
	r.code = int(m.GetCountryCode())
	if r.home, err = p.of(r.code); err == nil {
		r.trunk, err = newTrunk(r.home, m)
	}
	return r, err
}

// Read reads a cell. Its errors are the package's, and hold nothing of the cell.
func (r *Reader) Read(text []byte) (Number, error) {
	if err := r.cell.take(text); err != nil {
		return Number{}, err
	}
	if r.cell.form != bare {
		return r.international()
	}
	home, full, err := r.readings()
	if err != nil {
		return Number{}, err
	}
	return r.choose(home, full)
}

// A way is one reading of digits.
type way struct {
	kind   kind
	number Number
	trunk  bool // a trunk prefix was taken off, which nobody writes behind a country's code
}

// readings are the national and the full reading of bare digits.
func (r *Reader) readings() (home, full way, err error) {
	digits := r.cell.digits
	if r.home != nil {
		national, stripped := r.trunk.strip(digits)
		home = way{number: r.number(r.code, national, ReadNational), trunk: stripped}
		home.judged(r.home.judge(national))
	}
	code, rest := r.plans.split(digits)
	if code == 0 {
		return home, full, nil
	}
	pl, err := r.plans.of(code)
	if err != nil {
		return home, full, err
	}
	national, v := pl.full(rest)
	full = way{number: r.number(code, national, ReadFull)}
	full.judged(v)
	return home, full, nil
}

// judged takes the plan's verdict on a reading. What is longer or shorter than
// E.164 has it is none.
func (w *way) judged(v *verdict) {
	if w.number.E164 != 0 {
		w.kind, w.number.Country = v.kind, v.region
	}
}

// number is a number of its code and what follows it; 0 if it is too long or short.
func (r *Reader) number(code int, national []byte, how Reading) Number {
	n := Number{E164: uint64(code), Read: how}
	switch length := digitsOf(code) + len(national); {
	case length < minDigits, length > maxDigits:
		n.E164 = 0
		return n
	}
	for _, c := range national {
		n.E164 = n.E164*10 + uint64(c-'0')
	}
	return n
}

func digitsOf(code int) int {
	switch {
	case code < 10:
		return 1
	case code < 100:
		return 2
	}
	return 3
}

// choose takes the reading that is right, if exactly one is.
func (r *Reader) choose(home, full way) (Number, error) {
	switch {
	case home.kind == none && full.kind == none:
		return Number{}, r.neither()
	case full.kind == none:
		return home.number, nil
	case home.kind == none, home.number.E164 == full.number.E164: // 1 212… in the USA
		return full.number, nil
	case r.o.Numbers == National:
		return home.decided()
	case r.o.Numbers == Full:
		return full.decided()
	case home.kind > full.kind:
		return home.number, nil
	case full.kind > home.kind:
		return full.number, nil
	case r.decided == National:
		return home.decided()
	case r.decided == Full:
		return full.decided()
	}
	return Number{}, ErrAmbiguous
}

// decided is the reading that was chosen of two.
func (w *way) decided() (Number, error) {
	w.number.Two = true
	return w.number, nil
}

// neither says why bare digits have no reading.
func (r *Reader) neither() error {
	digits := r.cell.digits
	code, rest := r.plans.split(digits)
	switch {
	case len(digits) > maxDigits:
		return ErrLong
	case r.home != nil:
		return ErrNeither
	case len(digits) < minDigits:
		return ErrShort
	case code == 0:
		return ErrCountry
	case !r.plans.plans[code].dialled(len(rest)):
		return ErrLength
	}
	return ErrBare
}

// international reads digits that are said to have their country's code.
func (r *Reader) international() (Number, error) {
	digits := r.cell.digits
	code, rest := r.plans.split(digits)
	switch {
	case len(digits) < minDigits:
		return Number{}, ErrShort
	case code == 0:
		return Number{}, ErrCountry
	}
	pl, err := r.plans.of(code)
	if err != nil {
		return Number{}, err
	}
	national, v := pl.full(rest)
	if v.kind == none {
		switch {
		case r.cell.form == link:
			return Number{}, ErrBare
		case r.o.Strict:
			return Number{}, ErrNotValid
		}
		if stripped, _ := pl.trunk.strip(rest); pl.dialled(len(stripped)) {
			national = stripped
		} else if !pl.dialled(len(rest)) {
			if len(digits) > maxDigits {
				return Number{}, ErrLong
			}
			return Number{}, ErrLength
		}
	}
	n := r.number(code, national, ReadPlus)
	if n.E164 == 0 {
		return Number{}, ErrLength
	}
	n.Country = v.region
	return n, nil
}
