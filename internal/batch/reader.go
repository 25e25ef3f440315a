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
	Encoding       string        // "" or utf-8, gbk, utf-16
	Numbers        phone.Numbers // how numbers are written that could be read in two ways; "" is phone.Auto
	Strict         bool          // numbers behind + or 00 must be valid too
	// Check is asked of each recipient; its error is why the row is invalid. It
	// may be nil, and its error must hold nothing of the row.
	Check func(*Recipient) error
}

// A Reader reads an input as batches. Its memory does not grow with the input,
// but for the set of numbers seen: 7 to 13 bytes each.
type Reader struct {
	o         Options
	s         *splitter
	phone     *phone.Reader
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
	text      []byte // of the batch, for its digest
	eof       bool
}

// NewReader reads the header. It refuses what is no text of the encoding, and a
// header without a column that is needed, naming those that are there.
func NewReader(r io.Reader, o Options) (*Reader, error) {
	text, err := decode(r, o.Encoding)
	if err != nil {
		return nil, err
	}
	rd := &Reader{o: o, seen: newSeen(), all: sha256.New(), countries: map[string]*int{}}
	if rd.phone, err = phone.NewReader(phone.Options{Country: o.DefaultCountry, Numbers: o.Numbers, Strict: o.Strict}); err != nil {
		return nil, fmt.Errorf("recipients.default_country: %w", err)
	}
	if rd.phone.Learns() {
		text = rd.lookAhead(text)
	}
	rd.s = newSplitter(text)
	rd.s.decoded = o.Encoding == "gbk" || o.Encoding == "utf-16"
	return rd, rd.readHeader()
}

func (r *Reader) readHeader() error {
	head, err := r.s.r.Peek(headSize)
	if len(head) == 0 && err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading the header: %w", err)
	}
	line, _, _ := strings.Cut(strings.TrimLeft(string(head), "\r\n"), "\n")
	r.s.delimiter = findDelimiter(line)
	broken, err := r.s.row()
	switch {
	case errors.Is(err, io.EOF):
		return errors.New("the file is empty; it needs a header line that names the columns")
	case err != nil:
		return err
	case broken != "":
		return fmt.Errorf("line %d, the header: %s", r.s.line, broken)
	}
	names := make([]string, len(r.s.cells))
	for i, cell := range r.s.cells {
		names[i] = strings.TrimSpace(string(cell))
	}
	r.width = len(names)
	if r.at, err = find(names, r.o.Phone, "recipients.phone"); err != nil {
		return err
	}
	for _, c := range r.o.Columns {
		i, err := find(names, c.Name, "the message's placeholder {{"+c.Name+"}}")
		if err != nil {
			return err
		}
		r.columns = append(r.columns, i)
	}
	return nil
}

// find is the place of a column, which must be there once.
func find(names []string, name, what string) (int, error) {
	i := slices.Index(names, name)
	if i < 0 {
		return 0, fmt.Errorf("%s: there is no column %q; the columns are: %s", what, name, strings.Join(names, ", "))
	}
	if slices.Contains(names[i+1:], name) {
		return 0, fmt.Errorf("%s: there are two columns %q", what, name)
	}
	return i, nil
}

// HasRows says whether anything but blank lines follows the header. It is for a
// Reader of which nothing was read yet.
func (r *Reader) HasRows() bool {
	for n := 1; n <= headSize; n++ {
		head, err := r.s.r.Peek(n)
		switch {
		case errors.Is(err, io.EOF):
			return len(r.s.pending) > 0
		case err != nil || head[n-1] != '\r' && head[n-1] != '\n':
			return true
		}
	}
	return true
}

// Next reads the next batch, or returns io.EOF. The batch is the caller's. Any
// other error is the file's, and names the line.
func (r *Reader) Next() (*Batch, error) {
	if r.eof {
		return nil, io.EOF
	}
	b := &Batch{N: r.batches, Recipients: make([]Recipient, 0, MaxRecipients)}
	vars := make([]string, 0, MaxRecipients*len(r.columns))
	for !r.eof && len(b.Recipients) < MaxRecipients && len(b.Skipped) < maxSkipped {
		var err error
		if vars, err = r.fill(b, vars); err != nil {
			return nil, err
		}
		r.dropSeen(b)
	}
	if len(b.Recipients)+len(b.Skipped) == 0 {
		return nil, io.EOF
	}
	r.batches++
	r.text = appendBatch(r.text[:0], b)
	b.Digest = digest(r.text)
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
		r.rows++
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

// row adds one row to the batch, as a recipient or as a skipped row.
func (r *Reader) row(b *Batch, vars []string, broken problem) []string {
	skip := func(number, reason string) []string {
		b.Skipped = append(b.Skipped, Skipped{Row: r.rows, Line: r.s.line, Kind: Invalid, Phone: number, Reason: reason})
		return vars
	}
	if broken != "" {
		return skip("", string(broken))
	}
	if len(r.s.cells) != r.width {
		return skip("", fmt.Sprintf("%d cells, and the header has %d", len(r.s.cells), r.width))
	}
	given := r.s.cells[r.at]
	if len(given) == 0 {
		return skip("", phone.ErrNone.Error())
	}
	n, err := r.phone.Read(given)
	if n.Two || errors.Is(err, phone.ErrAmbiguous) {
		r.people.Ambiguous++
	}
	if err != nil {
		return skip(cutGiven(given), err.Error())
	}
	r.digits = n.Append(r.digits[:0])
	// One string holds number and values: one allocation a row.
	phoneLen := len(r.digits)
	for k, i := range r.columns {
		if len(r.s.cells[i]) == 0 && r.o.Columns[k].Required {
			return skip(string(r.digits[:phoneLen]), "column "+r.o.Columns[k].Name+" is empty, and its placeholder has no fallback")
		}
		r.digits = append(r.digits, r.s.cells[i]...)
	}
	text := string(r.digits)
	first, at := len(vars), phoneLen
	for _, i := range r.columns {
		end := at + len(r.s.cells[i])
		vars, at = append(vars, text[at:end]), end
	}
	recipient := Recipient{Row: r.rows, Phone: text[:phoneLen], Vars: vars[first:len(vars):len(vars)]}
	if r.o.Check != nil {
		if err := r.o.Check(&recipient); err != nil {
			vars = vars[:first]
			return skip(recipient.Phone, err.Error())
		}
	}
	r.found = append(r.found, found{number: n.Identity(), line: r.s.line})
	r.numbers = append(r.numbers, n)
	b.Recipients = append(b.Recipients, recipient)
	return vars
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

// Rows is how many rows have been read.
func (r *Reader) Rows() int { return r.rows }

// Fingerprint is a digest of the whole input, once Next has returned io.EOF.
func (r *Reader) Fingerprint() [32]byte { return [32]byte(r.all.Sum(nil)) }
