package sender

import (
	"fmt"
	"slices"
	"strings"
)

// CheckLanguage refuses a template's language that is none of those a provider knows,
// with the nearest that is.
func CheckLanguage(code, provider string, known []string) error {
	if slices.Contains(known, code) {
		return nil
	}
	if code == "" {
		return fmt.Errorf("is missing; give the template's language, such as en_US")
	}
	return fmt.Errorf("%q is none of the %d codes that %s knows; did you mean %s?", code, len(known), provider, Nearest(code, known))
}

// Nearest is the choice with the fewest edits from s, once letter case and the
// two ways to join language and country are made alike; one of the same
// language goes before any other. Of several it is the first.
func Nearest(s string, choices []string) string {
	const otherLanguage = 100
	best, fewest := "", 1<<30
	language, _, _ := strings.Cut(alike(s), "_")
	for _, choice := range choices {
		n := edits(alike(s), alike(choice))
		if l, _, _ := strings.Cut(alike(choice), "_"); l != language {
			n += otherLanguage
		}
		if n < fewest {
			best, fewest = choice, n
		}
	}
	return best
}

func alike(s string) string {
	return strings.ToLower(strings.ReplaceAll(s, "-", "_"))
}

// edits is the number of letters to insert, remove or replace.
func edits(a, b string) int {
	s, t := []rune(a), []rune(b)
	row := make([]int, len(t)+1)
	for j := range row {
		row[j] = j
	}
	for i := range s {
		diagonal := row[0]
		row[0] = i + 1
		for j := range t {
			replace := diagonal
			if s[i] != t[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(t)]
}
