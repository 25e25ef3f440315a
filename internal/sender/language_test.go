package sender

import (
	"strings"
	"testing"
)

// The nearest choice is of the same language, in whatever case and with whatever
// between language and country.
func TestNearest(t *testing.T) {
	t.Parallel()
	choices := []string{"en", "en_GB", "es", "es_MX", "pt_BR", "pt_PT", "zh_CN"}
	for s, want := range map[string]string{
		"pt-br": "pt_BR", "PT_BR": "pt_BR", "pt": "pt_BR", "pt_P": "pt_PT", "en_US": "en_GB", "es_AR": "es_MX", "zh": "zh_CN", "EN": "en",
	} {
		if got := Nearest(s, choices); got != want {
			t.Errorf("%s: %s, not %s", s, got, want)
		}
	}
	if got := Nearest("x", nil); got != "" {
		t.Error(got)
	}
}

func TestCheckLanguage(t *testing.T) {
	t.Parallel()
	known := []string{"en", "pt_BR"}
	for code, words := range map[string]string{"en": "", "": "is missing", "pt": `"pt" is none of the 2 codes that acme knows; did you mean pt_BR?`} {
		err := CheckLanguage(code, "acme", known)
		if words == "" && err != nil || words != "" && (err == nil || !strings.Contains(err.Error(), words)) {
			t.Errorf("%q: %v", code, err)
		}
	}
}
