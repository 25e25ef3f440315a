package batch

import (
	"slices"
	"unicode"
	"unicode/utf8"
)

// A reading says how a text reads that may have been decoded wrongly.
type reading uint8

const (
	ascii   reading = iota // nothing to judge by
	well                   // as people write
	odd                    // as few people write: of a guess one would not make it
	garbled                // scripts that do not belong together in a word, or no text at all
)

// judge judges a line by its words: what was decoded wrongly mixes scripts, cases
// and signs where nobody does.
func judge(line string) reading {
	r := ascii
	for i := 0; i < len(line); {
		c, size := utf8.DecodeRuneInString(line[i:])
		i += size
		switch {
		case c < utf8.RuneSelf && !unicode.IsLetter(c):
			if unicode.IsControl(c) && !unicode.IsSpace(c) {
				return garbled
			}
			continue
		case c == utf8.RuneError, unicode.IsControl(c), unicode.Is(unicode.Co, c), !unicode.IsPrint(c) && !unicode.IsSpace(c) && !unicode.Is(unicode.Cf, c):
			return garbled
		}
		from := i - size
		for i < len(line) {
			c, size := utf8.DecodeRuneInString(line[i:])
			if c < utf8.RuneSelf && !unicode.IsLetter(c) || unicode.IsSpace(c) || unicode.IsPunct(c) || c == utf8.RuneError {
				break
			}
			i += size
		}
		r = max(r, judgeWord(line[from:i]))
		if r == garbled {
			return r
		}
	}
	return r
}

// A kind of letters, as far as they stand together in a word.
type kind uint8

const (
	other   kind = iota // marks and signs, which belong to any
	latin               // of ASCII or beyond
	eastern             // Han, with the scripts that stand beside it
	foreign             // any other script
)

// judgeWord judges a run of what is neither space nor punctuation.
func judgeWord(word string) reading {
	var (
		r         reading
		kinds     []kind // of the runs of letters
		script    *unicode.RangeTable
		before    rune
		uppers    int
		beyond    int
		letters   int
		signs     bool
		lowerTail bool // of a run of Latin after another
	)
	for _, c := range word {
		if c >= utf8.RuneSelf {
			r = max(r, well)
		}
		if !unicode.IsLetter(c) {
			signs = signs || c >= utf8.RuneSelf && !unicode.IsMark(c) && !unicode.Is(unicode.Cf, c) && !unicode.IsDigit(c)
			before = 0
			continue
		}
		letters++
		if c >= utf8.RuneSelf {
			beyond++
		}
		k, of := kindOf(c)
		if k == foreign {
			if script != nil && script != of {
				return garbled
			}
			script = of
		}
		if n := len(kinds); n == 0 || kinds[n-1] != k {
			kinds = append(kinds, k)
			uppers = 0
			lowerTail = k == latin && unicode.IsLower(c)
			if lowerTail && n > 1 && kinds[n-1] == eastern && kinds[n-2] == latin {
				return garbled // as J黵gen
			}
		} else if mixesCase(before, c, uppers) {
			r = odd
		}
		if unicode.IsUpper(c) {
			uppers++
		} else {
			uppers = 0
		}
		before = c
	}
	if slices.Contains(kinds, foreign) && len(kinds) > 1 {
		return garbled
	}
	if slices.Contains(kinds, eastern) && slices.Contains(kinds, latin) {
		r = odd
	}
	if signs && letters > 0 && beyond > 0 || beyond >= 3 && beyond == letters && kinds[0] == latin {
		r = odd
	}
	return r
}

// mixesCase says that case changes inside a word as nobody writes it, but for
// letters of ASCII, with which people do as they like.
func mixesCase(before, c rune, uppers int) bool {
	if before == 0 || before < utf8.RuneSelf && c < utf8.RuneSelf {
		return false
	}
	return unicode.IsLower(before) && unicode.IsUpper(c) || uppers > 1 && unicode.IsLower(c)
}

// kindOf is a letter's kind, and its script where it is foreign.
func kindOf(c rune) (kind, *unicode.RangeTable) {
	switch {
	case unicode.Is(unicode.Latin, c), c == 'ª', c == 'º', c == 'µ':
		return latin, nil
	case unicode.In(c, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Bopomofo), unicode.In(c, unicode.Common, unicode.Inherited):
		return eastern, nil
	}
	for _, script := range scripts() {
		if unicode.Is(script, c) {
			return foreign, script
		}
	}
	return foreign, nil
}

// scripts are those that the encodings of old can write.
func scripts() []*unicode.RangeTable {
	return []*unicode.RangeTable{unicode.Cyrillic, unicode.Greek, unicode.Arabic, unicode.Hebrew, unicode.Thai}
}
