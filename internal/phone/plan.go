package phone

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/nyaruka/phonenumbers"
)

// A kind is what the numbering plan says of a number: whether it is valid, and
// whether it may be a mobile's.
type kind uint8

const (
	none   kind = iota // not valid
	other              // valid, and no mobile's: fixed, toll-free, voip and the like
	mobile             // valid, of a mobile or of what may be one
)

// A verdict is what the plan says of all numbers that are the same to it.
type verdict struct {
	kind   kind
	region string // the country; of a number that is not valid, the main one of its code
}

// The longest number that E.164 has, and the longest that the metadata looks at
// without its country's code.
const (
	maxDigits   = 15
	maxNational = 17
)

// brazil is the calling code of the country whose mobiles had a digit less before.
const brazil = 55

// A plan is the numbering plan of one calling code, for all the countries that
// share it.
type plan struct {
	code      int
	automaton *automaton
	regions   []*phonenumbers.PhoneMetadata // the first is the main one
	possible  uint32                        // the lengths that can be dialled from anywhere, as bits
	lengths   uint32                        // those that a valid number may have, likewise
	invalid   *verdict
	trunk     *trunk // of the main country
	scratch   [maxNational]byte
}

// Plans are the numbering plans of the world, each made when it is first asked
// for. They are for one goroutine.
type plans struct {
	codes   [1000]bool
	plans   [1000]*plan
	regions map[string]*phonenumbers.PhoneMetadata
	others  map[int]*phonenumbers.PhoneMetadata // of codes that are no country's
}

func newPlans() (*plans, error) {
	all, err := phonenumbers.MetadataCollection()
	if err != nil {
		return nil, fmt.Errorf("reading the numbering plans: %w", err)
	}
	p := &plans{regions: map[string]*phonenumbers.PhoneMetadata{}, others: map[int]*phonenumbers.PhoneMetadata{}}
	for _, m := range all.GetMetadata() {
		if m.GetId() == phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY {
			p.others[int(m.GetCountryCode())] = m
		} else {
			p.regions[m.GetId()] = m
		}
	}
	for code := range phonenumbers.GetSupportedCallingCodes() {
		p.codes[code] = true
	}
	return p, nil
}

// split is the calling code that full digits begin with, and what follows it; 0
// if there is none. No code is the beginning of another.
func (p *plans) split(digits []byte) (code int, rest []byte) {
	for i, c := range digits[:min(3, len(digits))] {
		if code = code*10 + int(c-'0'); code == 0 {
			break
		}
		if p.codes[code] {
			return code, digits[i+1:]
		}
	}
	return 0, nil
}

// of is the plan of a calling code, which must be one.
func (p *plans) of(code int) (*plan, error) {
	if pl := p.plans[code]; pl != nil {
		return pl, nil
	}
	pl := &plan{code: code}
	var patterns []pattern
	for _, region := range phonenumbers.GetRegionCodesForCountryCode(code) {
		m := p.regions[region]
		if region == phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY {
			m = p.others[code]
		}
		pl.regions = append(pl.regions, m)
		for _, n := range m.GetGeneralDesc().GetPossibleLength() {
			pl.lengths |= 1 << max(n, 0)
		}
		patterns = append(patterns, pattern{text: m.GetGeneralDesc().GetNationalNumberPattern()})
	}
	for _, m := range pl.regions {
		patterns = append(patterns, pattern{text: m.GetLeadingDigits(), open: true})
		for _, d := range []*phonenumbers.PhoneNumberDesc{
			m.GetFixedLine(), m.GetMobile(), m.GetTollFree(), m.GetPremiumRate(), m.GetSharedCost(),
			m.GetPersonalNumber(), m.GetVoip(), m.GetPager(), m.GetUan(), m.GetVoicemail(),
		} {
			patterns = append(patterns, pattern{text: d.GetNationalNumberPattern()})
		}
	}
	pl.invalid = &verdict{region: pl.regions[0].GetId()}
	var err error
	if pl.automaton, err = newAutomaton(patterns); err != nil {
		return nil, err
	}
	if pl.trunk, err = newTrunk(pl, pl.regions[0]); err != nil {
		return nil, err
	}
	for n := 1; n <= maxNational; n++ {
		number := proto(code, []byte("22222222222222222"[:n]))
		if phonenumbers.IsPossibleNumberWithReason(number) == phonenumbers.IS_POSSIBLE {
			pl.possible |= 1 << n
		}
	}
	p.plans[code] = pl
	return pl, nil
}

// dialled says that a number of n digits behind the code can be dialled from
// anywhere.
func (p *plan) dialled(n int) bool { return n < 32 && p.possible&(1<<n) != 0 }

// judge is the verdict on the digits behind the code. It asks phonenumbers, once
// for all numbers that are the same to every pattern that it has of the code.
func (p *plan) judge(national []byte) *verdict {
	if len(national) > maxNational || p.lengths&(1<<len(national)) == 0 {
		return p.invalid
	}
	at := p.automaton.at(p.automaton.run(national))
	if at.verdict != nil {
		return at.verdict
	}
	v := p.invalid
	if number := proto(p.code, national); phonenumbers.IsValidNumber(number) {
		v = &verdict{kind: other, region: phonenumbers.GetRegionCodeForNumber(number)}
		switch phonenumbers.GetNumberType(number) {
		case phonenumbers.MOBILE, phonenumbers.FIXED_LINE_OR_MOBILE:
			v.kind = mobile
		case phonenumbers.FIXED_LINE, phonenumbers.TOLL_FREE, phonenumbers.PREMIUM_RATE, phonenumbers.SHARED_COST, phonenumbers.VOIP,
			phonenumbers.PERSONAL_NUMBER, phonenumbers.PAGER, phonenumbers.UAN, phonenumbers.VOICEMAIL, phonenumbers.UNKNOWN:
		}
	}
	at.verdict = v
	return v
}

// full is what follows the code as it is dialled, and the verdict on it: as it is
// where that is valid, or is how WhatsApp reports a number that is; else without
// the trunk zero that people leave in. Where nothing is valid it is as it was.
func (p *plan) full(rest []byte) ([]byte, *verdict) {
	v := p.judge(rest)
	if v.kind != none {
		return rest, v
	}
	if as := p.reported(rest); as != nil {
		return rest, as
	}
	if stripped, ok := p.trunk.strip(rest); ok {
		if without := p.judge(stripped); without.kind != none {
			return stripped, without
		}
	}
	return rest, v
}

// reported is the verdict on a number that WhatsApp reports in a form which the
// plan does not have; nil if it is none. They are those that Identity puts right.
func (p *plan) reported(rest []byte) *verdict {
	var v *verdict
	switch {
	case p.code == brazil && len(rest) == 10 && rest[2] >= '6': // without its ninth digit
		v = p.judge(append(append(append(p.scratch[:0], rest[:2]...), '9'), rest[2:]...))
	case p.code == 52 && len(rest) == 11 && rest[0] == '1':
		v = p.judge(rest[1:])
	case p.code == 54 && len(rest) == 10:
		v = p.judge(append(append(p.scratch[:0], '9'), rest...))
	}
	if v == nil || v.kind != mobile {
		return nil
	}
	return v
}

// viable says that digits match the general pattern of a country of the plan.
func (p *plan) viable(national []byte, country int) bool {
	_, ok := slices.BinarySearch(p.automaton.at(p.automaton.run(national)).matches, country)
	return ok
}

// proto is a number as phonenumbers has it.
func proto(code int, national []byte) *phonenumbers.PhoneNumber {
	zeros := 0
	for zeros < len(national)-1 && national[zeros] == '0' {
		zeros++
	}
	value, _ := strconv.ParseUint(string(national), 10, 64) // at most maxNational digits
	cc, leading, count := int32(code), zeros > 0, int32(zeros)
	return &phonenumbers.PhoneNumber{CountryCode: &cc, NationalNumber: &value, ItalianLeadingZero: &leading, NumberOfLeadingZeros: &count}
}
