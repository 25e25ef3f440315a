package export

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// separators part the cells of a file. Ours has commas and quotes; a spreadsheet
// that goes by another (half of Europe's go by the semicolon) heeds no quote in
// the middle of a cell, and begins a new one behind each.
const separators = ",;\t|\r\n"

// defuse is against a cell that a spreadsheet takes for a formula, and runs:
// Excel, LibreOffice and Google Sheets do with what begins with = + - @ or a
// full-width form of these, behind whatever of spaces, quotes and characters
// that nobody sees. It puts an apostrophe before that one, at the beginning and
// behind whatever some spreadsheet parts cells by. It is not against what else a
// program may do with a text that it was told to open, such as making a link of
// an address or a date of a number; NDJSON has every text as it came.
func defuse(cell string) string {
	var b strings.Builder
	kept := 0 // of the cell, up to which b has it
	begins := true
	for i, r := range cell {
		switch {
		case strings.ContainsRune(separators, r):
			begins = true
		case begins && starts(r):
			b.WriteString(cell[kept:i])
			b.WriteByte('\'')
			kept, begins = i, false
		case begins && !passesOver(r):
			begins = false
		}
	}
	if kept == 0 && b.Len() == 0 {
		return guardBeginning(cell)
	}
	b.WriteString(cell[kept:])
	return guardBeginning(b.String())
}

// guardBeginning puts an apostrophe before a cell that begins with a tab or a
// line break: some programs drop those, and others take them for a part.
func guardBeginning(cell string) string {
	if cell != "" && strings.ContainsRune("\t\r\n", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}

// starts says that a formula may begin with r.
func starts(r rune) bool {
	switch r {
	case '=', '+', '-', '@', '＝', '＋', '－', '＠', '﹦', '﹢', '﹣', '﹫':
		return true
	}
	return false
}

// passesOver says that a spreadsheet may look past r for a cell's beginning.
func passesOver(r rune) bool {
	return r == '"' || r == utf8.RuneError || unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r)
}
