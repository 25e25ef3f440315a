package sender

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// eachPlaceholder calls literal and value for the parts of s, in order. A
// placeholder is {{column}} or {{column|fallback}} and nothing else: what other
// programs write between the braces would go to people as it stands, so it is
// refused, with its place.
func eachPlaceholder(s string, literal func(string), value func(name, fallback string, hasFallback bool) error) error {
	for rest := s; rest != ""; {
		before, after, found := strings.Cut(rest, "{{")
		if before != "" {
			literal(before)
		}
		if !found {
			return nil
		}
		place := utf8.RuneCountInString(s[:len(s)-len(after)-len("{{")]) + 1
		inner, next, closed := strings.Cut(after, "}}")
		if !closed {
			return fmt.Errorf("a placeholder is opened with {{ and never closed with }}, at character %d", place)
		}
		name, fallback, hasFallback := strings.Cut(inner, "|")
		if err := checkPlaceholder(name, fallback); err != nil {
			return fmt.Errorf("%w, at character %d", err, place)
		}
		if err := value(strings.TrimSpace(name), fallback, hasFallback); err != nil {
			return err
		}
		rest = next
	}
	return nil
}

// Why something in braces is no placeholder.
var (
	errNoColumn = errors.New("a placeholder {{}} names no column")
	errNested   = errors.New("braces stand inside a placeholder; it is {{column}} or {{column|fallback}}, and a fallback is plain text")
	errBlock    = errors.New("a placeholder begins with a sign; there are no conditions, loops, comments or partials, only {{column}} and {{column|fallback}}")
	errFilter   = errors.New("a filter stands in a placeholder; there is none, what follows | is the text for an empty value, such as {{name|friend}}")
	errQuoted   = errors.New("a fallback stands in quotes, which would be sent; write it without, such as {{name|friend}}")
)

// checkPlaceholder refuses what is written as other programs have it.
func checkPlaceholder(name, fallback string) error {
	name = strings.TrimSpace(name)
	switch {
	case strings.ContainsAny(name+fallback, "{}"):
		return errNested
	case name == "":
		return errNoColumn
	case strings.ContainsRune("#/^>!&%=~*", rune(name[0])):
		return errBlock
	}
	for part := range strings.SplitSeq(fallback, "|") {
		part = strings.TrimSpace(part)
		switch {
		case isFilter(part):
			return errFilter
		case isQuoted(part):
			return errQuoted
		}
	}
	return nil
}

// filterCall is a filter with what it is given: default: "x", truncate(20).
var filterCall = regexp.MustCompile(`^[a-z_]+\s*(:\s*["\x27\d]|\(.*\)$)`)

// isFilter says that a text is a filter of other programs and not one for people.
func isFilter(text string) bool {
	word, _, _ := strings.Cut(text, ":")
	return filterCall.MatchString(text) || strings.HasPrefix(text, "default:") || slices.Contains([]string{
		"upper", "lower", "title", "capitalize", "capfirst", "upcase", "downcase", "titlecase", "uppercase", "lowercase",
		"trim", "strip", "striptags", "escape", "safe", "raw", "default", "truncate", "urlencode", "url_encode", "nl2br", "json",
	}, strings.TrimSpace(word))
}

func isQuoted(text string) bool {
	n := len(text)
	return n >= 2 && (text[0] == '"' || text[0] == '\'') && text[n-1] == text[0]
}
