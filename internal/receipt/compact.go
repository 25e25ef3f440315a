package receipt

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/cespare/xxhash/v2"
	"github.com/klauspost/compress/zstd"

	"sluice/internal/sender"
)

// A compact record stands at the beginning of a log, in the place of all records that
// were there, and says of the recipients what those said of their accepted messages
// together:
//
//	byte     compactVersion
//	uvarint  length of the rest
//	8 bytes  hash of what was there before, so that no two begin alike
//	8 bytes  hash of the payload
//	payload  packed: columns, each with a value for whom it is of
//
// the columns being
//
//	uvarint  recipients, then first second
//	bytes    of each recipient, which statuses there are a time of, and flags
//	codes    uvarint how many, then uvarint length and bytes of each
//	bytes    of each undelivered, its code
//	times    by status, each as a distance from the one before of the same recipient,
//	         of Sent from the recipient before: first their low bytes, then uvarints
//	         of the rest
const compactVersion = 2

const compactDeleted = 0b0001_0000

// maxCodes is how many codes a compact record tells apart; their set is bounded far
// below.
const maxCodes = 255

// acceptedKey is the key of what a compact record says: of whatever messages the
// recipient was accepted under. Tries begin with 1.
const acceptedKey = locatedKey

// columns is the order of the times.
var columns = [...]sender.Status{sender.Sent, sender.Delivered, sender.Read, sender.Undelivered}

// A codec packs and unpacks logs. It is safe for use by many goroutines.
type codec struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
}

// maxPayload bounds what a payload may unpack to.
const maxPayload = 1 << 20

func newCodec() *codec {
	// The constructors fail on options that contradict each other alone.
	enc, _ := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false), zstd.WithSingleSegment(true), zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(64<<10))
	dec, _ := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPayload), zstd.WithDecoderLowmem(true))
	return &codec{enc, dec}
}

// compact encodes what is said of each recipient of a batch, false where that cannot
// be put so. Before names the log that it is to replace.
func (c *codec) compact(all []standing, before string) (record []byte, ok bool) {
	payload, ok := appendColumns(nil, all)
	if !ok {
		return nil, false
	}
	packed := c.enc.EncodeAll(payload, nil)
	record = binary.AppendUvarint([]byte{compactVersion}, uint64(16+len(packed)))
	record = binary.LittleEndian.AppendUint64(record, xxhash.Sum64String(before))
	record = binary.LittleEndian.AppendUint64(record, xxhash.Sum64(packed))
	return append(record, packed...), true
}

func appendColumns(dst []byte, all []standing) ([]byte, bool) {
	base := uint32(0)
	heads := make([]byte, len(all))
	var codes []string
	var coded []byte
	for i := range all {
		s := &all[i]
		for _, status := range columns {
			if at := s.at[status]; at != 0 {
				heads[i] |= 1 << (status - 1)
				if base == 0 || at < base {
					base = at
				}
			}
		}
		if s.deleted {
			heads[i] |= compactDeleted
		}
		if s.at[sender.Undelivered] != 0 {
			k := slices.Index(codes, s.code)
			if k < 0 {
				k, codes = len(codes), append(codes, s.code)
			}
			coded = append(coded, byte(k))
		}
	}
	if len(codes) > maxCodes {
		return dst, false
	}
	dst = binary.AppendUvarint(dst, uint64(len(all)))
	dst = append(binary.AppendUvarint(dst, uint64(base)), heads...)
	dst = binary.AppendUvarint(dst, uint64(len(codes)))
	for _, code := range codes {
		dst = append(binary.AppendUvarint(dst, uint64(len(code))), code...)
	}
	dst = append(dst, coded...)
	for _, status := range columns {
		var low, rest []byte
		before := base
		for i := range all {
			at := all[i].at[status]
			if at == 0 {
				continue
			}
			d := int64(at) - int64(reference(&all[i].at, status, before))
			z := uint64(d<<1) ^ uint64(d>>63)
			low, rest = append(low, byte(z)), binary.AppendUvarint(rest, z>>8)
			before = at
		}
		dst = append(append(dst, low...), rest...)
	}
	return dst, true
}

// reference is what a time is the distance from: an earlier time of the same
// recipient, else the last recipient's of this status.
func reference(at *[sender.Read + 1]uint32, status sender.Status, before uint32) uint32 {
	switch {
	case status == sender.Read && at[sender.Delivered] != 0:
		return at[sender.Delivered]
	case status != sender.Sent && at[sender.Sent] != 0:
		return at[sender.Sent]
	}
	return before
}

// compactLength is the length of the compact record that a log begins with, 0 where
// there is none.
func compactLength(log string) int {
	if log == "" || log[0] != compactVersion {
		return 0
	}
	n, k := binary.Uvarint([]byte(log[1:min(len(log), 1+binary.MaxVarintLen64)]))
	if k <= 0 || n > maxPayload {
		return 0
	}
	return 1 + k + int(n)
}

// readCompact calls fn for what the rest of a compact record says.
func (c *codec) readCompact(rest []byte, size int, fn func(entry)) error {
	if len(rest) < 16 || xxhash.Sum64(rest[16:]) != binary.LittleEndian.Uint64(rest[8:]) {
		return errCorrupt
	}
	payload, err := c.dec.DecodeAll(rest[16:], nil)
	if err != nil {
		return fmt.Errorf("%w: %w", errCorrupt, err)
	}
	return readColumns(payload, size, fn)
}

func readColumns(payload []byte, size int, fn func(entry)) error {
	r := reader{payload: payload}
	size = int(r.number(uint64(size) + 1))
	base := uint32(r.number(maxSeconds))
	heads := r.take(size)
	codes := make([]string, r.number(maxCodes+1))
	for i := range codes {
		codes[i] = string(r.take(int(r.number(maxCode + 1))))
	}
	all := make([]standing, size)
	for i, head := range heads {
		all[i].deleted = head&compactDeleted != 0
		if head&(1<<(sender.Undelivered-1)) != 0 {
			if k := int(r.take(1)[0]); k < len(codes) {
				all[i].code = codes[k]
			} else {
				r.bad = true
			}
		}
	}
	for _, status := range columns {
		r.column(status, base, heads, all)
	}
	if r.bad || len(r.payload) > 0 {
		return errCorrupt
	}
	for i := range all {
		for _, status := range sender.Statuses {
			if at := all[i].at[status]; at != 0 {
				e := entry{index: i, key: acceptedKey, status: status, deleted: all[i].deleted, at: at - 1}
				if status == sender.Undelivered {
					e.code = all[i].code
				}
				fn(e)
			}
		}
	}
	return nil
}

// column reads the times of a status.
func (r *reader) column(status sender.Status, base uint32, heads []byte, all []standing) {
	n := 0
	for _, head := range heads {
		n += int(head >> (status - 1) & 1)
	}
	low, before := r.take(n), base
	for i, head := range heads {
		if head>>(status-1)&1 == 0 {
			continue
		}
		z := r.number(maxSeconds)<<8 | uint64(low[0])
		low = low[1:]
		at := int64(reference(&all[i].at, status, before)) + (int64(z>>1) ^ -int64(z&1))
		if at <= 0 || at >= maxSeconds {
			r.bad = true
			return
		}
		all[i].at[status], before = uint32(at), uint32(at)
	}
}
