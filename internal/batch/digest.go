package batch

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
)

// withVars marks the kind of a skipped row that has values.
const withVars = 0x80

// appendBatch appends all of a batch that its digest covers: recipients and
// skipped rows.
func appendBatch(dst []byte, b *Batch) []byte {
	for i := range b.Recipients {
		r := &b.Recipients[i]
		dst = binary.AppendUvarint(dst, uint64(r.Row))
		dst = appendText(dst, r.Phone)
		for _, v := range r.Vars {
			dst = appendText(dst, v)
		}
	}
	dst = append(dst, 0)
	for i := range b.Skipped {
		s := &b.Skipped[i]
		dst = binary.AppendUvarint(dst, uint64(s.Row))
		dst = binary.AppendUvarint(dst, uint64(s.Line))
		kind := byte(s.Kind)
		if s.Vars != nil {
			kind |= withVars
		}
		dst = appendText(append(dst, kind), s.Phone)
		dst = appendText(dst, s.Reason)
		if s.Vars != nil {
			dst = binary.AppendUvarint(dst, uint64(len(s.Vars)))
			for _, v := range s.Vars {
				dst = appendText(dst, v)
			}
		}
	}
	return dst
}

// digest tells two inputs apart that were not made to be alike; it is no
// protection against someone who wants them to be.
func digest(text []byte) [16]byte {
	seeded := xxhash.NewWithSeed(1)
	_, _ = seeded.Write(text) // never fails, by the contract of hash.Hash
	var d [16]byte
	binary.BigEndian.PutUint64(d[:8], xxhash.Sum64(text))
	binary.BigEndian.PutUint64(d[8:], seeded.Sum64())
	return d
}

func appendText(dst []byte, s string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}
