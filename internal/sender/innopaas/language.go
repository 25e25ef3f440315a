package innopaas

import (
	"fmt"
	"slices"
	"strings"
)

// languages are the codes of the vendor's older API, the only public list: those
// that NXCloud lists, and ha, ml, zu.
var languages = [...]string{
	"af", "sq", "ar", "az", "bn", "bg", "ca", "zh_CN", "zh_HK", "zh_TW", "hr", "cs", "da", "nl", "en", "en_GB", "en_US",
	"et", "fil", "fi", "fr", "de", "el", "gu", "ha", "he", "hi", "hu", "id", "ga", "it", "ja", "kn", "kk", "ko", "lo",
	"lv", "lt", "mk", "ms", "ml", "mr", "nb", "fa", "pl", "pt_BR", "pt_PT", "pa", "ro", "ru", "sr", "sk", "sl", "es",
	"es_AR", "es_ES", "es_MX", "sw", "sv", "ta", "te", "th", "tr", "uk", "ur", "uz", "vi", "zu",
}

// checkLanguage refuses a code that is not in the list, with the nearest that is.
func checkLanguage(code string) error {
	if slices.Contains(languages[:], code) {
		return nil
	}
	if code == "" {
		return fmt.Errorf("is missing; give the template's language, such as en_US")
	}
	return fmt.Errorf("%q is none of the %d codes that innopaas knows; did you mean %s?", code, len(languages), nearest(code, languages[:]))
}

// nearest is the choice with the fewest edits from s, once letter case and the
// two ways to join language and country are made alike; one of the same
// language goes before any other. Of several it is the first.
func nearest(s string, choices []string) string {
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
