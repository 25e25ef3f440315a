package batch

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"sluice/internal/phone"
)

// A stretch is rows that follow each other, and what each is by itself: whether
// its number was seen before is not known yet. Batches are made of them.
type stretch struct {
	recipients []Recipient
	found      []found // of each recipient
	skipped    []Skipped
	ambiguous  int   // rows with a number of two readings
	end        error // why no rows follow it: io.EOF, or what is wrong with the file

	at, skippedAt int // the recipient and the skipped row that come next
}

// empty says that nothing was read into it.
func (st *stretch) empty() bool { return st.end == nil && len(st.recipients)+len(st.skipped) == 0 }

// skippedNext says that the next row is a skipped one.
func (st *stretch) skippedNext() bool {
	return st.skippedAt < len(st.skipped) &&
		(st.at == len(st.recipients) || st.skipped[st.skippedAt].Row < st.recipients[st.at].Row)
}

// A rowReader reads one row after the other, each by itself. It is for one
// goroutine at a time.
type rowReader struct {
	o        Options
	s        *splitter
	phone    *phone.Reader
	encoding string
	head     tally // of the file's beginning
	text     tally // of all rows up to now
	scripts  scriptTally
	width    int   // cells of the header
	at       int   // of the number in a row
	columns  []int // of each of o.Columns in a row
	rows     int
	file     string // the one that is read, where there are several
	ahead    []file // those that were opened for the sake of their beginning
	exported bool   // the file is an export of ours
	kept     []bool // of o.Columns, which are
	digits   []byte
	ends     []int           // of the values in digits
	texts    strings.Builder // of rows that were read
	vars     []string        // likewise
}

func newRowReader(r io.Reader, o Options) (*rowReader, error) {
	encoding, err := ParseEncoding(o.Encoding)
	if err != nil {
		return nil, err
	}
	t, err := decode(r, encoding)
	if err != nil {
		return nil, err
	}
	rd := &rowReader{o: o, encoding: encoding, kept: keptOf(o.Columns)}
	if rd.phone, err = phone.NewReader(phone.Options{Country: o.DefaultCountry, Numbers: o.Numbers, Strict: o.Strict}); err != nil {
		return nil, fmt.Errorf("recipients.default_country: %w", err)
	}
	if rd.phone.Learns() {
		if err := rd.lookAhead(t); err != nil {
			return nil, err
		}
	}
	return rd, rd.begin(file{text: t})
}

// read reads rows into a stretch, in place of what was in it: as many as a batch has
// if all of them are good.
func (r *rowReader) read(st *stretch) {
	if st.recipients == nil { // a batch has them
		st.recipients = make([]Recipient, 0, MaxRecipients)
	}
	*st = stretch{recipients: st.recipients[:0], found: st.found[:0], skipped: st.skipped[:0]}
	// Those of the stretch before belong to its batches.
	r.vars = make([]string, 0, MaxRecipients*len(r.columns))
	r.texts.Reset()
	for len(st.recipients) < MaxRecipients && len(st.skipped) < maxSkipped {
		broken, err := r.s.row()
		if errors.Is(err, io.EOF) {
			if st.end = r.scripts.refuse(r.encoding); st.end != nil {
				return
			}
			var more bool
			if more, err = r.nextFile(); more && err == nil {
				continue
			}
			if err == nil {
				err = io.EOF
			}
		}
		if err != nil {
			st.end = err
			return
		}
		if broken == "" && r.empty() {
			continue
		}
		r.rows++
		if st.end = r.tally(broken); st.end != nil {
			return
		}
		r.row(st, broken)
	}
}

// empty says that all cells of a row are: a spreadsheet's tail is no rows.
func (r *rowReader) empty() bool {
	cells := r.s.cells
	if r.at < len(cells) && len(cells[r.at]) > 0 && plain(cells[r.at][0]) {
		return false
	}
	for _, cell := range cells {
		if len(trim(cell)) > 0 {
			return false
		}
	}
	return true
}

// tally counts a row by how it reads, and refuses the file where too many are no
// text of its encoding.
func (r *rowReader) tally(broken problem) error {
	t := &r.text
	t.lines++
	if broken != badText && broken != badNUL {
		if broken == "" && r.s.decoded {
			r.scripts.look(r.s.cells)
		}
		return nil
	}
	t.note(r.s.line)
	// As many as the beginning has are few here too: it was not refused.
	t.lines, t.good = max(t.lines, r.head.lines), max(t.good, r.head.good)
	if t.few() {
		return nil
	}
	return refuse("%s: not text; see to them, or to recipients.encoding, which is %s", t.where(), r.encoding)
}

// row adds one row to the stretch, as a recipient or as a skipped row.
func (r *rowReader) row(st *stretch, broken problem) {
	fits := false
	skip := func(number, reason string) {
		s := Skipped{Row: r.rows, Line: r.s.line, Kind: Invalid, Phone: number, Reason: reason}
		if fits { // else it is not to be known which of its cells are kept
			s.Vars = r.keptCells()
		}
		st.skipped = append(st.skipped, s)
	}
	switch {
	case broken != "":
		skip("", string(broken))
		return
	case !r.fit():
		skip("", surplus)
		return
	}
	fits = true
	given := trim(r.s.cells[r.at])
	if len(given) == 0 {
		skip("", phone.ErrNone.Error())
		return
	}
	if r.exported {
		given = r.exportedNumber(given)
	}
	n, err := r.phone.Read(given)
	if n.Two || err != nil && errors.Is(err, phone.ErrAmbiguous) {
		st.ambiguous++
	}
	if err != nil {
		skip(cutGiven(given), err.Error())
		return
	}
	digits := r.phone.Append(r.digits[:0], n)
	phoneLen := len(digits)
	folded := false
	r.ends = r.ends[:0]
	for k, i := range r.columns {
		value := trim(r.s.cells[i])
		if r.exported {
			value = Undefuse(value)
		}
		if len(value) == 0 && r.o.Columns[k].Required {
			skip(string(digits[:phoneLen]), "column "+cutName(r.o.Columns[k].Name)+" is empty, and its placeholder has no fallback")
			return
		}
		if r.o.Columns[k].Fold {
			var changed bool
			digits, changed = appendFolded(digits, value)
			folded = folded || changed
		} else {
			digits = append(digits, value...)
		}
		r.ends = append(r.ends, len(digits))
	}
	r.digits = digits
	text := r.keep(digits)
	first, at := len(r.vars), phoneLen
	for _, end := range r.ends {
		r.vars, at = append(r.vars, text[at:end]), end
	}
	last := len(st.recipients)
	st.recipients = append(st.recipients, Recipient{Row: r.rows, Phone: text[:phoneLen], Vars: r.vars[first:len(r.vars):len(r.vars)]})
	if r.o.Check != nil {
		if err := r.o.Check(&st.recipients[last]); err != nil {
			st.recipients, r.vars = st.recipients[:last], r.vars[:first]
			skip(text[:phoneLen], err.Error())
			return
		}
	}
	st.found = append(st.found, found{number: n.Identity(), line: r.s.line, country: n.Country, read: n.Read, folded: folded})
}

// keptCells are the row's values in the columns that are kept; nil where none is.
func (r *rowReader) keptCells() []string {
	if r.kept == nil {
		return nil
	}
	vars := make([]string, len(r.columns))
	for k, i := range r.columns {
		if r.kept[k] && i < len(r.s.cells) {
			value := trim(r.s.cells[i])
			if r.exported {
				value = Undefuse(value)
			}
			vars[k] = string(value)
		}
	}
	return vars
}

// keptOf says which of the columns are kept; nil where none is.
func keptOf(columns []Column) []bool {
	var kept []bool
	for i, c := range columns {
		if c.Kept && kept == nil {
			kept = make([]bool, len(columns))
		}
		if c.Kept {
			kept[i] = true
		}
	}
	return kept
}

// keptVars are a recipient's values in the columns that are kept; nil where none is.
func keptVars(vars []string, kept []bool) []string {
	if kept == nil {
		return nil
	}
	out := make([]string, len(vars))
	for i, v := range vars {
		if kept[i] {
			out[i] = v
		}
	}
	return out
}

// textsAtOnce is how much room for rows is taken at once, in bytes.
const textsAtOnce = 16 << 10

// keep returns a row's number and values as a string. Many rows share one
// allocation.
func (r *rowReader) keep(row []byte) string {
	if r.texts.Cap()-r.texts.Len() < len(row) {
		r.texts.Reset() // the strings of the rows before keep theirs
		r.texts.Grow(max(len(row), textsAtOnce))
	}
	from := r.texts.Len()
	r.texts.Write(row)
	return r.texts.String()[from:]
}

// maxGiven is the most that is kept of a cell that is no number, in bytes.
const maxGiven = 64

// cutGiven is what is kept of a cell that is no number: as it was given, and cut
// where it is longer than any.
func cutGiven(given []byte) string {
	if len(given) <= maxGiven {
		return string(given)
	}
	return strings.ToValidUTF8(string(given[:maxGiven]), "") + "..."
}

// surplus is a row with text behind the header's last column, so that one
// does not know which of its cells belong where.
const surplus = "more cells than the header has columns"

// fit makes a row as wide as the header: cells that are missing at its end are
// empty, and empty ones beyond it are nothing.
func (r *rowReader) fit() bool {
	for len(r.s.cells) < r.width {
		r.s.cells = append(r.s.cells, nil)
	}
	for _, cell := range r.s.cells[r.width:] {
		if len(trim(cell)) > 0 {
			return false
		}
	}
	return true
}
