package nxcloud

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A kind is what a value of a message has to be.
type kind int

const (
	words     kind = iota // any text but an empty one
	link                  // an address of http or https
	longitude             // decimal degrees
	latitude
	literal // what is no text: it is written as it stands
)

var degrees = regexp.MustCompile(`^-?[0-9]{1,3}(\.[0-9]{1,15})?$`)

// check says what is wrong with a value, and repeats nothing of it.
func (k kind) check(s string) error {
	if (s == "" || s[0] <= ' ' || s[0] >= utf8.RuneSelf) && strings.TrimSpace(s) == "" {
		return errors.New("is empty; WhatsApp refuses an empty parameter")
	}
	switch k {
	case link:
		if !isLink(s) {
			return errors.New("is not a link that begins with http:// or https://")
		}
	case longitude:
		return checkDegrees(s, 180)
	case latitude:
		return checkDegrees(s, 90)
	case words, literal:
	}
	return nil
}

func checkDegrees(s string, most float64) error {
	n, err := strconv.ParseFloat(s, 64)
	switch {
	case err != nil || !degrees.MatchString(s):
		return errors.New("must be decimal degrees, such as -23.55052")
	case n > most || n < -most:
		return fmt.Errorf("must be decimal degrees between -%g and %g", most, most)
	}
	return nil
}

// isLink says that s has an http scheme, a host, and no white space.
func isLink(s string) bool {
	rest, found := strings.CutPrefix(s, "https://")
	if !found {
		rest, found = strings.CutPrefix(s, "http://")
	}
	host, _, _ := strings.Cut(rest, "/")
	return found && host != "" && !strings.ContainsAny(s, " \t\r\n")
}
