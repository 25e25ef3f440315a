package batch

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// fold is the name of a column as it is looked for: each run of white space is one
// space, and at its ends it is gone, with what is as invisible there.
func fold(name string) string { return strings.Join(strings.Fields(string(trim([]byte(name)))), " ") }

// trim takes white space off the ends of a value, and what is as invisible there.
func trim(value []byte) []byte {
	if n := len(value); n == 0 || plain(value[0]) && plain(value[n-1]) {
		return value
	}
	for len(value) > 0 {
		c, size := utf8.DecodeRune(value)
		if !blank(c) {
			break
		}
		value = value[size:]
	}
	for len(value) > 0 {
		c, size := utf8.DecodeLastRune(value)
		if !blank(c) {
			break
		}
		value = value[:len(value)-size]
	}
	return value
}

func plain(c byte) bool { return ' ' < c && c < utf8.RuneSelf }

// blank says that a character shows nothing: white space, and those of no width
// that are no part of a word.
func blank(c rune) bool {
	return unicode.IsSpace(c) || c == '\u200b' || c == '\u2060' || c == '\ufeff'
}

// appendFolded appends a value with each run of white space made one space, and
// says whether that changed it. A no-break space by itself stays.
func appendFolded(dst, value []byte) (_ []byte, changed bool) {
	if !runs(value) {
		return append(dst, value...), false
	}
	for i := 0; i < len(value); {
		c, size := utf8.DecodeRune(value[i:])
		if !unicode.IsSpace(c) {
			dst = append(dst, value[i:i+size]...)
			i += size
			continue
		}
		from, first := i, c
		for i < len(value) && unicode.IsSpace(c) {
			i += size
			c, size = utf8.DecodeRune(value[i:])
		}
		if utf8.RuneCount(value[from:i]) == 1 && unicode.Is(unicode.Zs, first) {
			dst = append(dst, value[from:i]...)
			continue
		}
		dst, changed = append(dst, ' '), true
	}
	return dst, changed
}

// runs says that a value may hold a run of white space, or one that is no space.
func runs(value []byte) bool {
	before := byte('x')
	for _, c := range value {
		switch {
		case c < ' ', c == ' ' && before == ' ':
			return true
		case c == 0xc2, 0xe1 <= c && c <= 0xe3: // leads white space beyond ASCII
			return true
		}
		before = c
	}
	return false
}

// Fold is what is sent of a text of a template's parameters: WhatsApp refuses
// line breaks, tabs and long runs of spaces in them.
func Fold(text string) string {
	folded, changed := appendFolded(nil, []byte(text))
	if !changed {
		return text
	}
	return string(folded)
}
