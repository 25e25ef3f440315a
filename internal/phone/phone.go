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
	"cmp"
	"fmt"
	"regexp"
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
	o          Options
	plans      *plans
	code       int            // of the default country
	plan       *plan          // likewise; nil: there is none
	trunk      *trunk         // of the default country
	abroad     *regexp.Regexp // what dials abroad from there; nil: 00, or nothing
	cell       cell
	home, full way     // the readings of the cell
	asIs       bool    // the digits of the cell that was read last are its number's
	decided    Numbers // by the list, with Auto
	learned    struct{ national, full int }
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
	if r.plan, err = p.of(r.code); err == nil {
		r.trunk, err = newTrunk(r.plan, m)
	}
	if dials := m.GetInternationalPrefix(); err == nil && dials != "" && dials != "00" {
		if r.abroad, err = regexp.Compile("^(?:" + dials + ")"); err != nil {
			return nil, fmt.Errorf("reading what dials abroad from a country: %w", err)
		}
	}
	return r, err
}

// Read reads a cell. Its errors are the package's, and hold nothing of the cell.
func (r *Reader) Read(text []byte) (Number, error) {
	r.asIs = false
	if err := r.cell.take(text); err != nil {
		return Number{}, err
	}
	if r.cell.form != bare {
		return r.international()
	}
	if err := r.readings(); err != nil {
		return Number{}, err
	}
	return r.choose()
}

// A way is one reading of digits.
type way struct {
	kind   kind // none: there is no such reading
	e164   uint64
	region string
	trunk  bool // a trunk prefix was taken off, which nobody writes behind a country's code
	asIs   bool // its digits are those of the cell
}

// Append is Append of the number that was read last, and faster where its digits
// are those of its cell.
func (r *Reader) Append(dst []byte, n Number) []byte {
	if r.asIs {
		return append(dst, r.cell.digits...)
	}
	return n.Append(dst)
}

// same says that two slices are one.
func same(a, b []byte) bool { return len(a) == len(b) && len(a) > 0 && &a[0] == &b[0] }

// readings makes the national and the full reading of bare digits.
func (r *Reader) readings() error {
	digits := r.cell.digits
	r.home, r.full = way{}, way{}
	if r.plan != nil {
		national, stripped := r.trunk.strip(digits)
		if v := r.plan.judge(national); v.kind != none {
			r.home.is(r.code, national, v)
			r.home.trunk = stripped
		}
	}
	code, rest := r.plans.split(digits)
	if code == 0 {
		return nil
	}
	pl, err := r.plans.of(code)
	if err != nil {
		return err
	}
	if national, v := pl.full(rest); v.kind != none {
		r.full.is(code, national, v)
		r.full.asIs = same(national, rest)
	}
	return nil
}

// is makes a reading of what the plan says is valid. What is longer or shorter than
// E.164 has it is none.
func (w *way) is(code int, national []byte, v *verdict) {
	if w.e164 = number(code, national); w.e164 != 0 {
		w.kind, w.region = v.kind, v.region
	}
}

// number is a number of its code and what follows it; 0 if it is too long or short.
func number(code int, national []byte) uint64 {
	if length := digitsOf(code) + len(national); length < minDigits || length > maxDigits {
		return 0
	}
	n := uint64(code)
	for _, c := range national {
		n = n*10 + uint64(c-'0')
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
func (r *Reader) choose() (Number, error) {
	home, full := &r.home, &r.full
	switch {
	case home.kind == none && full.kind == none:
		return Number{}, r.neither()
	case full.kind == none:
		return home.number(ReadNational, false), nil
	case r.inOldForm() && r.decided != Full:
		return Number{}, ErrOldForm
	case home.kind == none, home.e164 == full.e164: // 1 212… in the USA
		return r.asFull(false), nil
	case r.o.Numbers == National:
		return home.number(ReadNational, true), nil
	case r.o.Numbers == Full:
		return r.asFull(true), nil
	case home.kind > full.kind:
		return home.number(ReadNational, false), nil
	case full.kind > home.kind:
		return r.asFull(false), nil
	case r.decided == National:
		return home.number(ReadNational, true), nil
	case r.decided == Full:
		return r.asFull(true), nil
	}
	return Number{}, ErrAmbiguous
}

// inOldForm says that bare digits which are another country's number may as well be a
// mobile's of the default country, in a form that is no longer dialled there but that
// lists have: without its ninth digit in Brazil, where 65 9112-3456 is a mobile of
// Singapore, too; behind a 1 in Mexico, where 1 55 1234 5684 is a number of the USA. By
// the plan they are not valid there, and so no reading.
func (r *Reader) inOldForm() bool {
	if r.plan == nil || r.home.kind != none || r.full.kind == none {
		return false
	}
	national, _ := r.trunk.strip(r.cell.digits)
	return r.plan.reported(national) != nil
}

// asFull is the number in its full reading.
func (r *Reader) asFull(two bool) Number {
	r.asIs = r.full.asIs
	return r.full.number(ReadFull, two)
}

func (w *way) number(how Reading, two bool) Number {
	return Number{E164: w.e164, Country: w.region, Read: how, Two: two}
}

// neither says why bare digits have no reading.
func (r *Reader) neither() error {
	digits := r.cell.digits
	code, rest := r.plans.split(digits)
	switch {
	case len(digits) > maxDigits:
		return ErrLong
	case r.plan != nil:
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
	if two, err := r.dialledAbroad(code); two || err != nil {
		return Number{}, cmp.Or(err, ErrAbroad)
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
	n := number(code, national)
	if n == 0 {
		return Number{}, ErrLength
	}
	r.asIs = same(national, rest)
	return Number{E164: n, Country: v.region, Read: ReadPlus}, nil
}

// dialledAbroad says that digits behind 00, which begin with another code than the
// default country's, are as well a valid number as it is dialled abroad from there:
// in Singapore 001 65 9123 4567 is one of its own, and no 1 659 of the USA.
func (r *Reader) dialledAbroad(code int) (bool, error) {
	if r.abroad == nil || !r.cell.zeros || code == r.code {
		return false, nil
	}
	dialled := append([]byte("00"), r.cell.digits...)
	prefix := r.abroad.Find(dialled)
	if len(prefix) <= len("00") {
		return false, nil
	}
	other, rest := r.plans.split(dialled[len(prefix):])
	if other == 0 {
		return false, nil
	}
	pl, err := r.plans.of(other)
	if err != nil {
		return false, err
	}
	national, v := pl.full(rest)
	return v.kind != none && number(other, national) != 0, nil
}
