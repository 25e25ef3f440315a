package ledger

import "encoding/binary"

// A cursor reads stored bytes. The first thing that is wrong ends it: whatever
// it reads afterwards is zero, and err says what and where it was.
type cursor struct {
	kind string
	text string // the bytes; strings read from it share its memory
	at   int
	err  *CorruptError
}

func (c *cursor) fail(problem string) {
	if c.err == nil {
		c.err = &CorruptError{Kind: c.kind, Batch: -1, Offset: c.at, Problem: problem}
	}
	c.at = len(c.text)
}

func (c *cursor) more() bool { return c.err == nil && c.at < len(c.text) }

func (c *cursor) byte() byte {
	if c.at >= len(c.text) {
		c.fail("cut short")
		return 0
	}
	b := c.text[c.at]
	c.at++
	return b
}

// uvarint reads an unsigned varint in its shortest form.
func (c *cursor) uvarint() uint64 {
	var v uint64
	for i := range binary.MaxVarintLen64 {
		if c.at+i >= len(c.text) {
			c.fail("cut short")
			return 0
		}
		b := c.text[c.at+i]
		if b < 0x80 {
			if i == binary.MaxVarintLen64-1 && b > 1 || i > 0 && b == 0 {
				break
			}
			c.at += i + 1
			return v | uint64(b)<<(7*i)
		}
		v |= uint64(b&0x7f) << (7 * i)
	}
	c.fail("bad number")
	return 0
}

// number reads an unsigned varint of at most limit.
func (c *cursor) number(limit int) int {
	at := c.at
	v := c.uvarint()
	if v > uint64(limit) {
		c.at = at
		c.fail("number out of range")
		return 0
	}
	return int(v)
}

// zigzag reads a signed varint.
func (c *cursor) zigzag() int64 {
	v := c.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}

// string reads a length and as many bytes.
func (c *cursor) string() string {
	return c.take(c.number(len(c.text)))
}

func (c *cursor) take(n int) string {
	if n > len(c.text)-c.at {
		c.fail("cut short")
		return ""
	}
	s := c.text[c.at : c.at+n]
	c.at += n
	return s
}

func appendString(dst []byte, s string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}
