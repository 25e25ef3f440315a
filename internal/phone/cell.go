package phone

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/nyaruka/phonenumbers"
)

// How a cell is written decides how its digits can be read.
type form uint8

const (
	bare form = iota // digits alone: national, or with a country's code
	plus             // behind + or 00: with a country's code
	link             // of WhatsApp's own: with a country's code too, and nobody dialled it
)

// Bounds of a cell: what is longer is no number, whatever it holds.
const (
	maxCell    = 256
	mostDigits = maxNational + 8 // country's code, trunk zeros, carrier
)

// A cell is one cell of a list, taken apart.
type cell struct {
	digits []byte
	form   form
	zeros  bool // it is 00 that stands for its plus
	buf    [mostDigits + 1]byte
}

// take reads the digits of a cell, without what people and programs put around
// and between them.
func (c *cell) take(text []byte) error {
	c.digits, c.form, c.zeros = c.buf[:0], bare, false
	if len(text) > mostDigits {
		return c.spelled(text)
	}
	n := 0
	for i, b := range text {
		if b-'0' <= 9 {
			c.buf[n] = b
			n++
			continue
		}
		if b != '+' || i > 0 {
			return c.spelled(text)
		}
		c.form = plus
	}
	c.digits = c.buf[:n]
	if len(c.digits) == 0 {
		return ErrNone
	}
	c.cutZeros()
	return nil
}

// cutZeros takes the 00 off that stands for a plus.
func (c *cell) cutZeros() {
	if c.form == bare && len(c.digits) > 2 && c.digits[0] == '0' && c.digits[1] == '0' {
		c.digits, c.form, c.zeros = c.digits[2:], plus, true
	}
}

// spelled is take for a cell that has more than digits.
func (c *cell) spelled(text []byte) error {
	c.digits, c.form = c.buf[:0], bare
	text = bytes.TrimFunc(text, surrounds)
	if len(text) == 0 {
		return ErrNone
	}
	if len(text) > maxCell {
		if bytes.IndexFunc(text, func(r rune) bool { _, _, ok := digit(r); return ok }) < 0 {
			return ErrLetters
		}
		return ErrLong
	}
	number := c.unwrap(string(text))
	if scientific(number) {
		return ErrScientific
	}
	number, err := cutDecimals(number)
	if err != nil {
		return err
	}
	if err := c.scan(number); err != nil {
		return err
	}
	if len(c.digits) == 0 {
		return ErrNone
	}
	c.cutZeros()
	return nil
}

// surrounds are the characters that stand around a number: white space, marks
// that nobody sees, and what a spreadsheet takes for text: '… and ="…".
func surrounds(r rune) bool {
	return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) || strings.ContainsRune(`'"=,;`, r)
}

// The wrappings that programs write around a number. A link has it with its
// country's code.
var (
	prefixes = []string{"tel:", "whatsapp:", "p:"}
	links    = []string{"https://wa.me/", "http://wa.me/", "wa.me/"}
	ends     = []string{"@s.whatsapp.net"}
)

// unwrap takes one wrapping off.
func (c *cell) unwrap(text string) string {
	if !strings.ContainsAny(text, ":/@") {
		return text
	}
	lower := strings.ToLower(text)
	if len(lower) != len(text) {
		return text // letters of other scripts: there is none of these
	}
	for _, p := range prefixes {
		if strings.HasPrefix(lower, p) {
			return text[len(p):]
		}
	}
	for _, p := range links {
		if strings.HasPrefix(lower, p) {
			c.form = link
			return strings.TrimSuffix(text[len(p):], "/")
		}
	}
	for _, e := range ends {
		if strings.HasSuffix(lower, e) {
			c.form = link
			return text[:len(text)-len(e)]
		}
	}
	return text
}

// scan reads digits and what may stand between them.
func (c *cell) scan(text string) error {
	script := rune(-1)
	slashed := false
	for i, r := range text {
		value, zero, ok := digit(r)
		switch {
		case ok && script >= 0 && zero != script:
			return ErrScripts
		case ok && len(c.digits) == mostDigits:
			return ErrLong
		case ok:
			script, c.digits = zero, append(c.digits, value)
		case r == '+' || r == '＋':
			if len(c.digits) > 0 {
				return ErrSeveral
			}
			if c.form == plus {
				return ErrLetters
			}
			c.form = plus
		case between(r):
		case r == '/' || r == '／':
			if slashed || !c.areaBefore(text[i+utf8.RuneLen(r):]) {
				return ErrSeveral
			}
			slashed = true
		default:
			return c.foreign(r, text, text[i:])
		}
	}
	return nil
}

// between are the characters that people put between digits: spaces, dashes,
// brackets, dots, and marks that nobody sees.
func between(r rune) bool {
	switch r {
	case ' ', '-', '.', '(', ')', '\u2212', '\u30fc', '．': // minus, the long mark that is Japan's dash
		return true
	}
	return r >= utf8.RuneSelf && unicode.In(r, unicode.Zs, unicode.Pd, unicode.Cf, unicode.Ps, unicode.Pe) || r == '[' || r == ']' || r == '{' || r == '}'
}

// areaBefore says that what stands before a slash is an area's code, as in
// 0151/1234567: it begins with a zero or a country's code and is short, and what
// follows begins with no zero and no plus. Else it stands between two numbers.
func (c *cell) areaBefore(rest string) bool {
	most := 6
	if c.form == plus || bytes.HasPrefix(c.digits, []byte("00")) {
		most = 9
	} else if !bytes.HasPrefix(c.digits, []byte("0")) {
		return false
	}
	after := 0
	for _, r := range rest {
		value, _, ok := digit(r)
		switch {
		case r == '+' || r == '＋' || ok && after == 0 && value == '0':
			return false
		case ok:
			after++
		}
	}
	return len(c.digits) <= most && after > 2
}

// foreign says why a character cannot be in a number.
func (c *cell) foreign(r rune, text, rest string) error {
	after := 0
	for _, r := range rest {
		if _, _, ok := digit(r); ok {
			after++
		}
	}
	switch {
	case len(c.digits) == 0:
		return ErrLetters
	case after >= minDigits:
		return ErrSeveral
	}
	if _, extension := phonenumbers.MaybeSeparateExtensionFromPhone(text); extension != "" {
		return ErrExtension
	}
	if after > 0 && !unicode.IsLetter(r) && !unicode.IsControl(r) || r == '\n' || r == '\r' || r == '\t' {
		return ErrSeveral
	}
	return ErrLetters
}

// digit is the value of a decimal digit of any script, and its script's zero. The
// full-width ones are of the same script as the plain.
func digit(r rune) (value byte, zero rune, ok bool) {
	switch {
	case r >= '0' && r <= '9':
		return byte(r), '0', true
	case r < utf8.RuneSelf:
		return 0, 0, false
	case r >= '０' && r <= '９':
		return '0' + byte(r-'０'), '0', true
	case !unicode.Is(unicode.Nd, r):
		return 0, 0, false
	}
	for _, t := range unicode.Nd.R16 {
		if rune(t.Lo) <= r && r <= rune(t.Hi) {
			return '0' + byte((r-rune(t.Lo))%10), r - (r-rune(t.Lo))%10, true
		}
	}
	for _, t := range unicode.Nd.R32 {
		if rune(t.Lo) <= r && r <= rune(t.Hi) {
			return '0' + byte((r-rune(t.Lo))%10), r - (r-rune(t.Lo))%10, true
		}
	}
	return 0, 0, false
}
