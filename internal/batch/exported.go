package batch

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ExportColumns are ours in an export, in order. Where a list has a column of the
// same name, ours is called by ExportPrefix and its name.
var exportColumns = [...]string{
	"row", "phone", "state", "message_id", "code", "message", "attempts", "submitted_at", "batch",
	"receipt", "receipt_code", "sent_at", "delivered_at", "read_at", "revision",
}

// ExportPrefix begins the name of a column of ours that a list has too.
const ExportPrefix = "sluice_"

// The places of two of them.
const (
	exportPhone = 1
	exportState = 2
)

// ExportColumns are the names of our own columns in an export, in order.
func ExportColumns() []string { return exportColumns[:] }

// isExport says that a list is an export of ours, by all of our columns.
func isExport(names []string) bool {
	if len(names) < len(exportColumns) {
		return false
	}
	for i, name := range exportColumns {
		if names[i] != name && names[i] != ExportPrefix+name {
			return false
		}
	}
	return true
}

// exportedNumber is a number of an export as a list may have it: what was read as a
// number stands there in E.164 digits, and what was not as it was given.
func (r *rowReader) exportedNumber(given []byte) []byte {
	if r.at != exportPhone {
		return Undefuse(given)
	}
	if string(trim(r.s.cells[exportState])) == Invalid.String() {
		return Undefuse(given)
	}
	return append([]byte{'+'}, given...)
}

// separators part the cells of a file, to one spreadsheet or another.
const separators = ",;\t|\r\n"

// Defuse is against a cell that a spreadsheet takes for a formula, and runs:
// Excel, LibreOffice and Google Sheets do with what begins with = + - @ or a
// full-width form of these, behind whatever of spaces, quotes and characters
// that nobody sees. It puts an apostrophe before that one, at the beginning and
// behind whatever some spreadsheet parts cells by: half of Europe's go by the
// semicolon, heed no quote in the middle of a cell, and begin a new one behind each.
// A cell that begins with a tab or a line break has one too, for some programs drop
// those, and others take them for a part. It is not against what else a program may
// do with a text that it was told to open, such as making a link of an address or a
// date of a number. Undefuse takes back exactly what it did: apostrophes that stood
// in such a place have one more.
func Defuse(cell string) string {
	at := guarded([]byte(cell))
	if len(at) == 0 {
		return cell
	}
	var b strings.Builder
	from := 0
	for _, i := range at {
		b.WriteString(cell[from:i])
		b.WriteByte('\'')
		from = i
	}
	b.WriteString(cell[from:])
	return b.String()
}

// Undefuse is the text of which Defuse made a cell.
func Undefuse(cell []byte) []byte {
	if bytes.IndexByte(cell, '\'') < 0 {
		return cell
	}
	at := guarded(cell)
	out := make([]byte, 0, len(cell))
	from := 0
	for _, i := range at {
		if i < len(cell) && cell[i] == '\'' {
			out = append(out, cell[from:i]...)
			from = i + 1
		}
	}
	return append(out, cell[from:]...)
}

// guarded are the places in a cell at which an apostrophe is put: before what a
// formula may begin with, and before the apostrophes that stand there.
func guarded(cell []byte) []int {
	var at []int
	begins := true
	if n := apostrophes(cell); n < len(cell) && strings.IndexByte("\t\r\n", cell[n]) >= 0 {
		at = append(at, 0)
	}
	for i := 0; i < len(cell); {
		c, size := utf8.DecodeRune(cell[i:])
		switch {
		case strings.ContainsRune(separators, c):
			begins = true
		case begins && c == '\'':
			n := apostrophes(cell[i:])
			next, _ := utf8.DecodeRune(cell[i+n:])
			if i+n < len(cell) && starts(next) {
				at = append(at, i)
			}
			begins, size = false, n
		case begins && starts(c):
			at, begins = append(at, i), false
		case begins && !passesOver(c):
			begins = false
		}
		i += size
	}
	return at
}

// apostrophes is how many a text begins with.
func apostrophes(text []byte) int { return len(text) - len(bytes.TrimLeft(text, "'")) }

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
