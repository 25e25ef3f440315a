package batch

import (
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"sync"

	"sluice/internal/phone"
)

// maxSkipped is the most skipped rows that one batch holds, so that a file of
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
	// More opens the next file of a list that is several, in order, or returns io.EOF;
	// nil: there is one. Each has a header of its own, and its columns by name; lines
	// count on as if the files were one without those headers.
	More func() (io.Reader, string, error)
	// Check is asked of each recipient; its error is why the row is invalid. It
	// may be nil, and its error must hold nothing of the row.
	Check func(*Recipient) error
}

// A Reader reads an input as batches. Its memory does not grow with the input,
// but for the set of numbers seen: 7 to 13 bytes each, which it lets go of at the
// input's end. While a batch is made of rows, the rows after them are read.
type Reader struct {
	rows      *rowReader
	now       *stretch // whose rows are being put into batches
	ahead     *stretch // the one after it
	reading   sync.WaitGroup
	seen      *seen
	people    People
	countries map[string]*int
	country   string // of the recipient before
	here      *int   // the count of that country
	given     int    // rows
	batches   int
	all       hash.Hash
	coded     []byte // the batch, for its digest
	held      *held  // what Somebody read
}

// NewReader reads the header. It refuses what is no text of the encoding, and a
// header without a column that is needed, naming those that are there.
func NewReader(r io.Reader, o Options) (*Reader, error) {
	rows, err := newRowReader(r, o)
	if err != nil {
		return nil, err
	}
	return &Reader{
		rows: rows, now: &stretch{}, ahead: &stretch{}, seen: newSeen(), all: sha256.New(), countries: map[string]*int{},
	}, nil
}

// HasRows says whether anything but blank lines follows the header. It is for a
// Reader of which nothing was read yet.
func (r *Reader) HasRows() bool {
	w := r.rows.s.w
	for at := w.at; w.have(at); at++ {
		if w.byte(at) != '\r' && w.byte(at) != '\n' {
			return true
		}
	}
	return w.failed()
}

// Next reads the next batch, or returns io.EOF. The batch is the caller's. Any
// other error is the file's, and names the line. What it does beside its caller
// ends before it returns.
func (r *Reader) Next() (*Batch, error) {
	if r.held != nil {
		if b, err := r.held.give(); b != nil || err != nil {
			return b, err
		}
	}
	return r.next()
}

func (r *Reader) next() (*Batch, error) {
	b := &Batch{N: r.batches, Kept: r.rows.kept}
	defer r.reading.Wait()
	for !b.full() {
		if r.take(b) {
			continue
		}
		if err := r.now.end; err == nil {
			r.advance()
		} else if errors.Is(err, io.EOF) {
			break
		} else {
			return nil, err
		}
	}
	if len(b.Recipients)+len(b.Skipped) == 0 {
		return nil, io.EOF
	}
	r.batches++
	r.given += len(b.Recipients) + len(b.Skipped)
	r.coded = appendBatch(r.coded[:0], b)
	b.Digest = digest(r.coded)
	r.all.Write(b.Digest[:])
	return b, nil
}

// advance goes on to the stretch of rows that was read ahead, and has the one after
// it read.
func (r *Reader) advance() {
	r.reading.Wait()
	if r.ahead.empty() {
		r.rows.read(r.ahead)
	}
	r.now, r.ahead = r.ahead, r.now
	r.people.Ambiguous += r.now.ambiguous
	if r.now.end == nil {
		r.reading.Go(func() { r.rows.read(r.ahead) })
	}
	r.seen.addAll(r.now.found)
	if r.now.end != nil {
		r.seen = nil // the most of the memory, which whoever goes on with the batches may want
	}
}

// take moves rows of the stretch into a batch, as many as it has room for, and says
// whether it moved any.
func (r *Reader) take(b *Batch) (moved bool) {
	st := r.now
	if r.whole(b, st) {
		return true
	}
	if b.Recipients == nil {
		b.Recipients = make([]Recipient, 0, MaxRecipients)
	}
	for !b.full() {
		switch {
		case st.skippedNext():
			b.Skipped = append(b.Skipped, st.skipped[st.skippedAt])
			st.skippedAt++
		case st.at < len(st.recipients):
			rc, f := &st.recipients[st.at], &st.found[st.at]
			if !f.fresh {
				b.Skipped = append(b.Skipped, Skipped{Row: rc.Row, Line: f.line, Kind: Duplicate, Phone: rc.Phone, Reason: duplicate, Vars: keptVars(rc.Vars, b.Kept)})
			} else {
				b.Recipients = append(b.Recipients, *rc)
				r.count(b, f)
			}
			st.at++
		default:
			return moved
		}
		moved = true
	}
	return moved
}

// whole moves all rows of a stretch into an empty batch, where that is all it holds,
// as of most it is.
func (r *Reader) whole(b *Batch, st *stretch) bool {
	if len(b.Recipients)+len(b.Skipped)+len(st.skipped)+st.at > 0 || len(st.recipients) == 0 {
		return false
	}
	for i := range st.found {
		if !st.found[i].fresh {
			return false
		}
	}
	for i := range st.found {
		r.count(b, &st.found[i])
	}
	b.Recipients, st.recipients = st.recipients, nil
	return true
}

// count counts a recipient of a batch.
func (r *Reader) count(b *Batch, f *found) {
	if f.folded {
		b.Folded++
	}
	r.meet(f)
}

// duplicate is why a row with a number of a row before became no recipient.
const duplicate = "the number stands in a row before"

// full says that a batch has no room for another row.
func (b *Batch) full() bool {
	return len(b.Recipients) == MaxRecipients || len(b.Skipped) == maxSkipped
}

// File is the file that is read, where a list is several and it is not the first.
func (r *Reader) File() string { return r.rows.file }

// Rows is how many rows the batches up to now have.
func (r *Reader) Rows() int { return r.given }

// Fingerprint is a digest of the whole input, once Next has returned io.EOF.
func (r *Reader) Fingerprint() [32]byte { return [32]byte(r.all.Sum(nil)) }
