package batch

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"

	"sluice/internal/phone"
)

// maxSkipped is about the most skipped rows that one batch holds, so that a file of
// nothing else stays in bounded memory. Such a batch may have no recipients.
const maxSkipped = 10_000

// Options say how to read an input.
type Options struct {
	Phone          string        // the column with the number
	Columns        []Column      // those that the message uses; Recipient.Vars are in this order
	DefaultCountry string        // two letters, for numbers in national form; "" refuses those
	Encoding       string        // any name that ParseEncoding knows
	Numbers        phone.Numbers // how numbers are written that could be read in two ways; "" is phone.Auto
	Strict         bool          // numbers behind + or 00 must be valid too
	Bare           bool          // a first row of one number alone is no header: the file is numbers and nothing else
	// Check is asked of each recipient; its error is why the row is invalid. It
	// may be nil, and its error must hold nothing of the row.
	Check func(*Recipient) error
}

// A Reader reads an input as batches. Its memory does not grow with the input,
// but for the set of numbers seen: 7 to 13 bytes each, which it lets go of at the
// input's end.
type Reader struct {
	o         Options
	s         *splitter
	phone     *phone.Reader
	encoding  string
	head      tally // of the file's beginning
	text      tally // of all rows up to now
	width     int   // cells of the header
	at        int   // of the number in a row
	columns   []int // of each of o.Columns in a row
	seen      *seen
	found     []found        // of the recipients that were added last
	numbers   []phone.Number // likewise
	people    People
	countries map[string]*int
	country   string // of the recipient before
	here      *int   // the count of that country
	rows      int
	batches   int
	all       hash.Hash
	digits    []byte
	ends      []int           // of the values in digits
	texts     strings.Builder // of the batch's rows
	coded     []byte          // the batch, for its digest
	eof       bool
	held      *held // what Somebody read
}

// NewReader reads the header. It refuses what is no text of the encoding, and a
// header without a column that is needed, naming those that are there.
func NewReader(r io.Reader, o Options) (*Reader, error) {
	encoding, err := ParseEncoding(o.Encoding)
	if err != nil {
		return nil, err
	}
	t, err := decode(r, encoding)
	if err != nil {
		return nil, err
	}
	rd := &Reader{o: o, encoding: encoding, head: t.head, seen: newSeen(), all: sha256.New(), countries: map[string]*int{}}
	if rd.phone, err = phone.NewReader(phone.Options{Country: o.DefaultCountry, Numbers: o.Numbers, Strict: o.Strict}); err != nil {
		return nil, fmt.Errorf("recipients.default_country: %w", err)
	}
	if rd.phone.Learns() {
		t.Reader = rd.lookAhead(t.Reader)
	}
	rd.s = newSplitter(t.Reader)
	rd.s.decoded = t.decoded
	return rd, rd.readHeader()
}

// HasRows says whether anything but blank lines follows the header. It is for a
// Reader of which nothing was read yet.
func (r *Reader) HasRows() bool {
	w := r.s.w
	for at := w.at; w.have(at); at++ {
		if w.byte(at) != '\r' && w.byte(at) != '\n' {
			return true
		}
	}
	return w.failed()
}

// Next reads the next batch, or returns io.EOF. The batch is the caller's. Any
// other error is the file's, and names the line.
func (r *Reader) Next() (*Batch, error) {
	if r.held != nil {
		if b, err := r.held.give(); b != nil || err != nil {
			return b, err
		}
	}
	return r.next()
}

func (r *Reader) next() (*Batch, error) {
	if r.eof {
		return nil, io.EOF
	}
	b := &Batch{N: r.batches, Recipients: make([]Recipient, 0, MaxRecipients)}
	vars := make([]string, 0, MaxRecipients*len(r.columns))
	r.texts.Reset() // batches share no memory
	for !r.eof && len(b.Recipients) < MaxRecipients && len(b.Skipped) < maxSkipped {
		var err error
		if vars, err = r.fill(b, vars); err != nil {
			return nil, err
		}
		r.dropSeen(b)
	}
	if r.eof {
		r.seen = nil // the most of the memory, which whoever goes on with the batches may want
	}
	if len(b.Recipients)+len(b.Skipped) == 0 {
		return nil, io.EOF
	}
	r.batches++
	r.coded = appendBatch(r.coded[:0], b)
	b.Digest = digest(r.coded)
	r.all.Write(b.Digest[:])
	return b, nil
}

// fill reads rows until the batch has all its recipients, if none of them was
// seen before.
func (r *Reader) fill(b *Batch, vars []string) ([]string, error) {
	r.found, r.numbers = r.found[:0], r.numbers[:0]
	for len(b.Recipients) < MaxRecipients && len(b.Skipped) < maxSkipped {
		broken, err := r.s.row()
		if errors.Is(err, io.EOF) {
			r.eof = true
			break
		}
		if err != nil {
			return nil, err
		}
		if broken == "" && r.empty() {
			continue
		}
		r.rows++
		if err := r.tally(broken); err != nil {
			return nil, err
		}
		vars = r.row(b, vars, broken)
	}
	return vars, nil
}

// dropSeen makes duplicates of those recipients that fill added and that were
// seen before. All at once: asked one by one, each would wait for memory alone.
func (r *Reader) dropSeen(b *Batch) {
	r.seen.addAll(r.found)
	kept := b.Recipients[:len(b.Recipients)-len(r.found)]
	skipped := len(b.Skipped)
	for i, rc := range b.Recipients[len(kept):] {
		if r.found[i].fresh {
			if r.found[i].folded {
				b.Folded++
			}
			kept = append(kept, rc)
			r.meet(r.numbers[i])
			continue
		}
		b.Skipped = append(b.Skipped, Skipped{
			Row: rc.Row, Line: r.found[i].line, Kind: Duplicate, Phone: rc.Phone, Reason: "the number stands in a row before",
		})
	}
	b.Recipients = kept
	if len(b.Skipped) > skipped {
		slices.SortFunc(b.Skipped, func(x, y Skipped) int { return cmp.Compare(x.Row, y.Row) })
	}
}

// empty says that all cells of a row are: a spreadsheet's tail is no rows.
func (r *Reader) empty() bool {
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
func (r *Reader) tally(broken problem) error {
	t := &r.text
	t.lines++
	if broken != badText && broken != badNUL {
		return nil
	}
	t.note(r.s.line)
	t.lines, t.good = max(t.lines, r.head.lines), max(t.good, r.head.good)
	if t.few() || t.bad <= r.head.bad {
		return nil
	}
	return refuse("%s: not text; see to them, or to recipients.encoding, which is %s", t.where(), r.encoding)
}

// row adds one row to the batch, as a recipient or as a skipped row.
func (r *Reader) row(b *Batch, vars []string, broken problem) []string {
	skip := func(number, reason string) []string {
		b.Skipped = append(b.Skipped, Skipped{Row: r.rows, Line: r.s.line, Kind: Invalid, Phone: number, Reason: reason})
		return vars
	}
	if broken != "" {
		return skip("", string(broken))
	}
	if !r.fit() {
		return skip("", surplus)
	}
	given := trim(r.s.cells[r.at])
	if len(given) == 0 {
		return skip("", phone.ErrNone.Error())
	}
	n, err := r.phone.Read(given)
	if n.Two || err != nil && errors.Is(err, phone.ErrAmbiguous) {
		r.people.Ambiguous++
	}
	if err != nil {
		return skip(cutGiven(given), err.Error())
	}
	digits := n.Append(r.digits[:0])
	phoneLen := len(digits)
	folded := false
	r.ends = r.ends[:0]
	for k, i := range r.columns {
		value := trim(r.s.cells[i])
		if len(value) == 0 && r.o.Columns[k].Required {
			return skip(string(digits[:phoneLen]), "column "+cutName(r.o.Columns[k].Name)+" is empty, and its placeholder has no fallback")
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
	first, at := len(vars), phoneLen
	for _, end := range r.ends {
		vars, at = append(vars, text[at:end]), end
	}
	last := len(b.Recipients)
	b.Recipients = append(b.Recipients, Recipient{Row: r.rows, Phone: text[:phoneLen], Vars: vars[first:len(vars):len(vars)]})
	if r.o.Check != nil {
		if err := r.o.Check(&b.Recipients[last]); err != nil {
			b.Recipients, vars = b.Recipients[:last], vars[:first]
			return skip(text[:phoneLen], err.Error())
		}
	}
	r.found = append(r.found, found{number: n.Identity(), line: r.s.line, folded: folded})
	r.numbers = append(r.numbers, n)
	return vars
}

// textsAtOnce is how much room for rows is taken at once, in bytes.
const textsAtOnce = 16 << 10

// keep returns a row's number and values as a string. Many rows share one
// allocation.
func (r *Reader) keep(row []byte) string {
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
func (r *Reader) fit() bool {
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

// Rows is how many rows have been read.
func (r *Reader) Rows() int { return r.rows }

// Fingerprint is a digest of the whole input, once Next has returned io.EOF.
func (r *Reader) Fingerprint() [32]byte { return [32]byte(r.all.Sum(nil)) }
