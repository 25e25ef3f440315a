package innopaas

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The limits of the vendor's page on messages, in characters where they
// concern texts; a character is a code point.
const (
	maxRecipients     = 1000 // numbers a request
	maxContent        = 3000 // of a text, beyond which code 106 comes
	maxTemplateName   = 512
	maxButtons        = 10 // of a template
	maxButtonParam    = 20 // the text on a template's button
	maxReplyTitle     = 20
	maxReplyID        = 256
	maxSectionTitle   = 24
	maxRows           = 10 // of one section: the page limits each list of rows, not their sum
	maxRowTitle       = 24
	maxRowID          = 200
	maxProducts       = 30 // of all sections
	maxProductID      = 100
	maxLatitude       = 90
	maxLongitude      = 180
	typeHome          = "HOME"
	typeWork          = "WORK"
	categoryMarketing = "marketing"
)

// A rule says what is wrong with a value that is not empty, as the end of an
// error that begins with the field, or nil. It repeats nothing of the value.
type rule func(value string) error

func atMost(limit int) rule {
	return func(s string) error {
		if n := utf8.RuneCountInString(s); n > limit {
			return fmt.Errorf("has %d characters, and at most %d are allowed; make it shorter", n, limit)
		}
		return nil
	}
}

// link wants an http scheme, a host, and no white space.
func link(s string) error {
	rest, found := strings.CutPrefix(s, "https://")
	if !found {
		rest, found = strings.CutPrefix(s, "http://")
	}
	host, _, _ := strings.Cut(rest, "/")
	if !found || host == "" || strings.ContainsAny(s, " \t\r\n") {
		return errors.New("is not a link that begins with http:// or https://")
	}
	return nil
}

// place wants HOME or WORK.
func place(s string) error {
	if s != typeHome && s != typeWork {
		return errors.New("must be HOME or WORK")
	}
	return nil
}

// degrees wants a decimal number from -limit to limit.
func degrees(limit float64) rule {
	return func(s string) error {
		n, err := strconv.ParseFloat(s, 64)
		if err != nil || strings.Trim(s, "+-.0123456789") != "" {
			return errors.New("must be decimal degrees, such as -23.55052")
		}
		if n < -limit || n > limit {
			return fmt.Errorf("must be between -%g and %g", limit, limit)
		}
		return nil
	}
}

// checkValue is what the rules say of s; only a required value may not be blank.
func checkValue(s string, required bool, rules []rule) error {
	if required && strings.TrimSpace(s) == "" {
		return errors.New("is empty; it must have a text")
	}
	if s == "" {
		return nil
	}
	for _, r := range rules {
		if err := r(s); err != nil {
			return err
		}
	}
	return nil
}

// oneOf says whether s is one of choices, in words.
func oneOf(s string, choices ...string) error {
	switch {
	case slices.Contains(choices, s):
		return nil
	case s == "":
		return fmt.Errorf("is missing; it is one of %s", strings.Join(choices, ", "))
	}
	return fmt.Errorf("%q is none of %s", s, strings.Join(choices, ", "))
}
