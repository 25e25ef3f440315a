package phone

import "regexp"

// digits is what may be a phone number in a text, with what people write between.
var digits = regexp.MustCompile(`\+?[0-9][0-9 ().-]{5,}[0-9]`)

var date = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`)

// fewest is how many digits a number has at least that is hidden: more than a count
// of rows, fewer than any number with its country's code.
const fewest = 9

// Hide is a text that others wrote, without what may be phone numbers in it. Dates and
// counts stay.
func Hide(text string) string {
	return digits.ReplaceAllStringFunc(text, func(found string) string {
		n := 0
		for _, c := range []byte(found) {
			if c >= '0' && c <= '9' {
				n++
			}
		}
		if n < fewest || date.MatchString(found) {
			return found
		}
		return "***"
	})
}
