package phone

import (
	"strconv"
	"strings"
)

// scientific says that text is what a spreadsheet makes of a long number.
func scientific(text string) bool {
	if !strings.ContainsAny(text, "eE") {
		return false
	}
	mantissa, exponent, found := strings.Cut(strings.ToUpper(text), "E")
	if !found || exponent == "" {
		return false
	}
	_, err1 := strconv.ParseFloat(strings.Replace(mantissa, ",", ".", 1), 64)
	_, err2 := strconv.Atoi(exponent)
	return err1 == nil && err2 == nil
}

// cutDecimals takes the .0 or .00 off that a spreadsheet or a program writes
// behind a number that it takes for a quantity. Other decimals than none could be
// digits as well: they are refused.
func cutDecimals(text string) (string, error) {
	at := strings.IndexAny(text, ".,")
	if at < 0 || strings.ContainsAny(text[at+1:], ".,") {
		return text, nil
	}
	whole, part := strings.TrimPrefix(text[:at], "+"), text[at+1:]
	if len(whole) < minDigits || !allDigits(whole) || part == "" || !allDigits(part) {
		return text, nil
	}
	zeros := strings.Trim(part, "0") == ""
	switch {
	case zeros && len(part) <= 2:
		return text[:at], nil
	case zeros || len(part) <= 2:
		return "", ErrDecimals
	}
	return text, nil
}

func allDigits(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return true
}
