package batch

import (
	"encoding/binary"
	"hash"

	"github.com/cespare/xxhash/v2"
)

// digest covers recipients and skipped rows. It tells two inputs apart that
// were not made to be alike; it is no protection against someone who wants them
// to be.
func (b *Batch) digest() [16]byte {
	lo, hi := xxhash.New(), xxhash.NewWithSeed(1)
	var buf []byte
	for i := range b.Recipients {
		r := &b.Recipients[i]
		buf = binary.AppendUvarint(buf[:0], uint64(r.Row))
		buf = appendText(buf, r.Phone)
		for _, v := range r.Vars {
			buf = appendText(buf, v)
		}
		write(buf, lo, hi)
	}
	write([]byte{0}, lo, hi)
	for i := range b.Skipped {
		s := &b.Skipped[i]
		buf = binary.AppendUvarint(buf[:0], uint64(s.Row))
		buf = binary.AppendUvarint(buf, uint64(s.Line))
		buf = appendText(append(buf, byte(s.Kind)), s.Phone)
		write(appendText(buf, s.Reason), lo, hi)
	}
	var d [16]byte
	binary.BigEndian.PutUint64(d[:8], lo.Sum64())
	binary.BigEndian.PutUint64(d[8:], hi.Sum64())
	return d
}

func write(b []byte, hashes ...hash.Hash64) {
	for _, h := range hashes {
		h.Write(b) // never fails, by the contract of hash.Hash
	}
}

func appendText(dst []byte, s string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}
