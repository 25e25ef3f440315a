package batch

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/nyaruka/phonenumbers"
)

// A phone turns numbers as people write them into E.164 digits.
type phone struct {
	country string // for numbers in national form; "" refuses them
	calling string // the country's calling code
	strict  bool
	// lengths has, for each calling code, the possible lengths of what follows
	// it, as bits.
	lengths []uint32
}

// Why a number is refused. They hold nothing of the number.
var (
	errNoNumber   = errors.New("there is no phone number")
	errScientific = errors.New("the phone number was turned into something like 8.6138E+12 by a spreadsheet, which lost its last digits; format the column as text and export again")
	errLetters    = errors.New("the phone number has characters that belong to none")
	errTooShort   = errors.New("the phone number is too short")
	errTooLong    = errors.New("the phone number is too long")
	errCountry    = errors.New("the phone number begins with no country's code; write it with one, or set recipients.default_country")
	errLength     = errors.New("the phone number has a length that its country does not have")
	errNational   = errors.New("the phone number is not one of recipients.default_country")
	errNotValid   = errors.New("the phone number is not in use in its country")
)

// The shortest and longest number, in digits with the country code: E.164's 15,
// and fewer than 7 is no country's.
const (
	minDigits = 7
	maxDigits = 15
)

func newPhone(country string, strict bool) (*phone, error) {
	p := &phone{country: country, strict: strict, lengths: make([]uint32, 1000)}
	if country != "" {
		code := phonenumbers.GetCountryCodeForRegion(country)
		if code == 0 {
			return nil, errors.New("recipients.default_country: there is no country " + strconv.Quote(country))
		}
		p.calling = strconv.Itoa(code)
	}
	for code := range phonenumbers.GetSupportedCallingCodes() {
		for n := 3; n <= maxDigits; n++ {
			number := uint64(1)
			for range n - 1 {
				number = number*10 + 2
			}
			cc := int32(code)
			if wholeNumber(&phonenumbers.PhoneNumber{CountryCode: &cc, NationalNumber: &number}) {
				p.lengths[code] |= 1 << n
			}
		}
	}
	return p, nil
}

// wholeNumber says that a number has a length that can be dialled from anywhere,
// not only from its own area.
func wholeNumber(n *phonenumbers.PhoneNumber) bool {
	return phonenumbers.IsPossibleNumberWithReason(n) == phonenumbers.IS_POSSIBLE
}

// normalise appends the E.164 digits of cell to dst, or says why not.
func (p *phone) normalise(dst []byte, cell []byte) ([]byte, error) {
	if len(cell) == 0 {
		return dst, errNoNumber
	}
	n := len(dst)
	dst, international, err := p.digits(dst, cell)
	if err != nil {
		return dst[:n], err
	}
	digits := dst[n:]
	if !international && p.country != "" && !p.fullNumber(digits) {
		dst, err = p.national(dst[:n], string(digits))
		if err != nil {
			return dst[:n], err
		}
		digits = dst[n:]
	}
	switch {
	case len(digits) < minDigits:
		return dst[:n], errTooShort
	case len(digits) > maxDigits:
		return dst[:n], errTooLong
	}
	if err := p.possible(digits); err != nil {
		return dst[:n], err
	}
	if p.strict {
		parsed, err := phonenumbers.Parse("+"+string(digits), "ZZ")
		if err != nil || !phonenumbers.IsValidNumber(parsed) {
			return dst[:n], errNotValid
		}
	}
	return dst, nil
}

// digits appends the digits of cell, without what people put between them, and
// says whether a plus or 00 came before them.
func (p *phone) digits(dst []byte, cell []byte) (_ []byte, international bool, err error) {
	n := len(dst)
	for _, c := range cell {
		if c < '0' || c > '9' {
			return p.punctuated(dst[:n], cell)
		}
		dst = append(dst, c)
	}
	dst, international = cutPrefix(dst, n)
	return dst, international, nil
}

// cutPrefix takes the 00 off that stands for a plus.
func cutPrefix(dst []byte, n int) ([]byte, bool) {
	if len(dst)-n > 2 && dst[n] == '0' && dst[n+1] == '0' {
		return append(dst[:n], dst[n+2:]...), true
	}
	return dst, false
}

// punctuated is digits for a cell that has more than digits.
func (p *phone) punctuated(dst []byte, cell []byte) ([]byte, bool, error) {
	n := len(dst)
	text := strings.Trim(string(cell), " \t\u00a0\u3000\u200b\u200e\u202a\u202c\ufeff'\"=")
	if text == "" {
		return dst, false, errNoNumber
	}
	if scientific(text) {
		return dst, false, errScientific
	}
	plus := false
	for rest := text; rest != ""; {
		r, size := utf8.DecodeRuneInString(rest)
		switch {
		case r >= '0' && r <= '9':
			if strings.HasPrefix(rest, "0)") && plus && strings.HasSuffix(text[:len(text)-len(rest)], "(") {
				break // +44 (0)20: the national prefix, which is not dialled from abroad
			}
			dst = append(dst, byte(r))
		case r >= '０' && r <= '９':
			dst = append(dst, '0'+byte(r-'０'))
		case r == '+' || r == '＋':
			if plus || len(dst) > n {
				return dst[:n], false, errLetters
			}
			plus = true
		case strings.ContainsRune(" \t-.()/（）－–—‐\u00a0\u3000\u200b\u200e\u202a\u202c", r):
		default:
			return dst[:n], false, errLetters
		}
		rest = rest[size:]
	}
	if len(dst) == n {
		return dst, false, errNoNumber
	}
	if plus {
		return dst, true, nil
	}
	dst, zeros := cutPrefix(dst, n)
	return dst, zeros, nil
}

// scientific says that text is what a spreadsheet makes of a long number.
func scientific(text string) bool {
	mantissa, exponent, found := strings.Cut(strings.ToUpper(text), "E")
	if !found || exponent == "" {
		return false
	}
	_, err1 := strconv.ParseFloat(strings.Replace(mantissa, ",", ".", 1), 64)
	_, err2 := strconv.Atoi(exponent)
	return err1 == nil && err2 == nil
}

// fullNumber says that bare digits already begin with the default country's
// code: they do, what follows is long enough, and as a national number they
// would be too long. Where both would do, as for Brazil's area 55, they are
// national.
func (p *phone) fullNumber(digits []byte) bool {
	rest, found := strings.CutPrefix(string(digits), p.calling)
	if !found {
		return false
	}
	code, _ := strconv.Atoi(p.calling)
	return p.has(code, len(rest)) && !p.has(code, len(digits))
}

// national reads bare digits as a number of the default country.
func (p *phone) national(dst []byte, digits string) ([]byte, error) {
	parsed, err := phonenumbers.Parse(digits, p.country)
	if err != nil || !wholeNumber(parsed) {
		return dst, errNational
	}
	dst = strconv.AppendInt(dst, int64(parsed.GetCountryCode()), 10)
	for range parsed.GetNumberOfLeadingZeros() {
		if parsed.GetItalianLeadingZero() {
			dst = append(dst, '0')
		}
	}
	return strconv.AppendUint(dst, parsed.GetNationalNumber(), 10), nil
}

// possible says whether digits begin with a country's code and have a length
// that the country has.
func (p *phone) possible(digits []byte) error {
	code := 0
	known := false
	for i := range min(3, len(digits)) {
		code = code*10 + int(digits[i]-'0')
		if code == 0 {
			return errCountry
		}
		if p.lengths[code] != 0 {
			known = true
			if p.has(code, len(digits)-i-1) {
				return nil
			}
		}
	}
	if known {
		return errLength
	}
	return errCountry
}

func (p *phone) has(code, length int) bool {
	return length >= 0 && length < 32 && p.lengths[code]&(1<<length) != 0
}

// number is digits as a number, which is how the set of seen numbers has it.
func number(digits []byte) uint64 {
	n := uint64(0)
	for _, c := range digits {
		n = n*10 + uint64(c-'0')
	}
	return n
}

// NormalisePhone is one number in E.164 digits, or why it is none. Country is
// that of numbers in national form, or "". Its errors hold nothing of the number.
func NormalisePhone(number, country string) (string, error) {
	p, err := newPhone(country, false)
	if err != nil {
		return "", err
	}
	digits, err := p.normalise(nil, []byte(number))
	return string(digits), err
}
