package batch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// maxHeld is how much of the rows before the first recipient is held, packed:
// some ten million rows.
const maxHeld = 64 << 20

// A NobodyError says that no row of a list has somebody to send to.
type NobodyError struct {
	Rows    int
	Reasons []Reason
}

// Error says how many rows there are, and why the most of them are invalid.
func (e *NobodyError) Error() string {
	switch len(e.Reasons) {
	case 0:
		return "there is a header and no row below it: nothing to send"
	case 1:
		return fmt.Sprintf("nobody to send to: all %d rows are invalid: %s", e.Rows, e.Reasons[0])
	}
	return fmt.Sprintf("nobody to send to: all %d rows are invalid, most of them: %s", e.Rows, e.Reasons[0])
}

// String is a reason with its lines.
func (r Reason) String() string {
	t := tally{bad: r.Rows, first: r.Lines}
	return r.Reason + " (" + t.where() + ")"
}

// A held is the batches before the first recipient, packed, so that nothing need
// be written anywhere before somebody is known to get it.
type held struct {
	batches []heldBatch
	bytes   int
	next    *Batch // the batch with the first recipient
}

type heldBatch struct {
	n      int
	digest [16]byte
	packed []byte
}

// Somebody reads on until somebody is found to send to, or returns a
// *NobodyError. Next then begins where it would have.
func (r *Reader) Somebody() error {
	if r.held != nil {
		return nil
	}
	pack, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return fmt.Errorf("packing rows: %w", err)
	}
	defer pack.Close() //nolint:errcheck // it packs pieces, and nothing is written through it
	h := &held{}
	var reasons Reasons
	for {
		b, err := r.next()
		switch {
		case errors.Is(err, io.EOF), err == nil && h.bytes > maxHeld:
			return &NobodyError{Rows: r.given, Reasons: reasons.List()}
		case err != nil:
			return err
		case len(b.Recipients) > 0:
			h.next, r.held = b, h
			return nil
		}
		reasons.Add(b)
		packed := pack.EncodeAll(appendBatch(nil, b), nil)
		h.bytes += len(packed)
		h.batches = append(h.batches, heldBatch{n: b.N, digest: b.Digest, packed: packed})
	}
}

// give returns the next batch that is held, or nil.
func (h *held) give() (*Batch, error) {
	if len(h.batches) == 0 {
		b := h.next
		h.next = nil
		return b, nil
	}
	first := h.batches[0]
	h.batches = h.batches[1:]
	unpack, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("unpacking rows: %w", err)
	}
	defer unpack.Close()
	coded, err := unpack.DecodeAll(first.packed, nil)
	if err != nil {
		return nil, fmt.Errorf("unpacking rows: %w", err)
	}
	return &Batch{N: first.n, Digest: first.digest, Skipped: skippedOf(coded)}, nil
}

// skippedOf reads what appendBatch wrote of a batch without recipients.
func skippedOf(coded []byte) []Skipped {
	var all []Skipped
	number := func() int {
		v, n := binary.Uvarint(coded)
		coded = coded[n:]
		return int(v)
	}
	text := func() string {
		n := number()
		s := string(coded[:n])
		coded = coded[n:]
		return s
	}
	reasons := map[string]string{} // each once
	for coded = coded[1:]; len(coded) > 0; {
		s := Skipped{Row: number(), Line: number()}
		kind := coded[0]
		s.Kind, coded = Kind(kind&^withVars), coded[1:]
		s.Phone, s.Reason = text(), text()
		if kind&withVars != 0 {
			s.Vars = make([]string, number())
			for k := range s.Vars {
				s.Vars[k] = text()
			}
		}
		if one, ok := reasons[s.Reason]; ok {
			s.Reason = one
		} else {
			reasons[s.Reason] = s.Reason
		}
		all = append(all, s)
	}
	return all
}
