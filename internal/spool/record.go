package spool

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"
)

// A Record is one request as it came in.
type Record struct {
	At      time.Time // to the millisecond
	Sender  string
	Headers []Header // those that were chosen
	Body    []byte
}

// A Header is one of a request's.
type Header struct{ Name, Value string }

// A record on disk:
//
//	uint32  length of the payload
//	uint32  CRC-32C of the payload
//	payload uvarint ms, sender, uvarint headers, each name and value, body to the end
//
// Strings are an uvarint length and their bytes. A length of 0 is no record.
const frame = 8

// maxRecord is the largest payload that is believed.
const maxRecord = 4 << 20

var table = crc32.MakeTable(crc32.Castagnoli)

// appendRecord encodes r.
func appendRecord(dst []byte, r *Record) []byte {
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0, 0, 0, 0, 0)
	dst = binary.AppendUvarint(dst, uint64(max(r.At.UnixMilli(), 0)))
	dst = appendString(dst, r.Sender)
	dst = binary.AppendUvarint(dst, uint64(len(r.Headers)))
	for _, h := range r.Headers {
		dst = appendString(appendString(dst, h.Name), h.Value)
	}
	dst = append(dst, r.Body...)
	payload := dst[start+frame:]
	binary.LittleEndian.PutUint32(dst[start:], uint32(len(payload)))
	binary.LittleEndian.PutUint32(dst[start+4:], crc32.Checksum(payload, table))
	return dst
}

func appendString(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// next cuts the first record's payload off data. It reports false where no whole
// record of a true checksum stands there.
func next(data []byte) (payload []byte, size int, ok bool) {
	if len(data) < frame {
		return nil, 0, false
	}
	n := int(binary.LittleEndian.Uint32(data))
	if n == 0 || n > maxRecord || n > len(data)-frame {
		return nil, 0, false
	}
	payload = data[frame : frame+n]
	return payload, frame + n, crc32.Checksum(payload, table) == binary.LittleEndian.Uint32(data[4:])
}

var errRecord = errors.New("a record whose checksum is true and whose content cannot be read: was it written by a newer version?")

// decode reads a payload. The body shares its memory.
func decode(payload []byte) (Record, error) {
	c := cutter{rest: payload}
	r := Record{At: time.UnixMilli(int64(c.uvarint())), Sender: c.string()}
	n := c.uvarint()
	if n > uint64(len(payload)) {
		return r, errRecord
	}
	for range n {
		r.Headers = append(r.Headers, Header{c.string(), c.string()})
	}
	if c.bad {
		return r, errRecord
	}
	r.Body = c.rest
	return r, nil
}

// A cutter cuts values off the front of a payload.
type cutter struct {
	rest []byte
	bad  bool
}

func (c *cutter) uvarint() uint64 {
	v, n := binary.Uvarint(c.rest)
	if n <= 0 {
		c.bad, c.rest = true, nil
		return 0
	}
	c.rest = c.rest[n:]
	return v
}

func (c *cutter) string() string {
	n := c.uvarint()
	if n > uint64(len(c.rest)) {
		c.bad, c.rest = true, nil
		return ""
	}
	s := string(c.rest[:n])
	c.rest = c.rest[n:]
	return s
}
