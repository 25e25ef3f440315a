package sender_test

import (
	"strings"
	"testing"

	"sluice/internal/sender"
)

// What is taken leaves no braces of a placeholder in what people get, whatever
// their values; and what is refused is refused with its place.
func FuzzPlaceholder(f *testing.F) {
	for _, s := range []string{
		"Hi {{a}}!", "{{a|friend}}", "{{a|{{b|friend}}}}", `{{ a | default: "friend" }}`, "{{#if a}}x{{/if}}", "{{{a}}}", "{{a", "}}{{", "{{a|b|c}}",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text, err := sender.CompileText(s, columns("a", "b"))
		if err != nil {
			if !strings.Contains(err.Error(), "at character ") && !strings.Contains(err.Error(), "there is no column of this name") {
				t.Fatalf("%q: %v names no place", s, err)
			}
			return
		}
		for _, vars := range [][]string{{"", ""}, {"x", "y"}} {
			got := text.Render(vars)
			if strings.Contains(got, "{{") {
				t.Fatalf("%q became %q", s, got)
			}
		}
	})
}
