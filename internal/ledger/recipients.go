package ledger

import (
	"encoding/binary"
	"strconv"

	"sluice/internal/batch"
)

// The recipients of a batch, before compression, column by column, for like
// compresses well beside like:
//
//	version byte
//	uvarint recipients
//	uvarint variables of each
//	runs of consecutive rows: uvarint rows left out before the run, uvarint rows in it
//	phones: uvarint of the number, or 0 and the text where it is no plain number
//	each variable's column: length and bytes, recipient by recipient
const recipientsVersion = 1

const kindRecipients = "recipients"

// maxRow is the highest row number that is believed.
const maxRow = 1 << 40

// appendRecipients encodes rs, which all have as many variables as the first.
func appendRecipients(dst []byte, rs []batch.Recipient) []byte {
	vars := 0
	if len(rs) > 0 {
		vars = len(rs[0].Vars)
	}
	dst = append(dst, recipientsVersion)
	dst = binary.AppendUvarint(dst, uint64(len(rs)))
	dst = binary.AppendUvarint(dst, uint64(vars))
	for i, row := 0, 1; i < len(rs); {
		end := i + 1
		for end < len(rs) && rs[end].Row == rs[end-1].Row+1 {
			end++
		}
		dst = binary.AppendUvarint(dst, uint64(rs[i].Row-row))
		dst = binary.AppendUvarint(dst, uint64(end-i))
		row = rs[end-1].Row + 1
		i = end
	}
	for i := range rs {
		if v, ok := plainNumber(rs[i].Phone); ok {
			dst = binary.AppendUvarint(dst, v)
			continue
		}
		dst = appendString(append(dst, 0), rs[i].Phone)
	}
	for v := range vars {
		for i := range rs {
			dst = appendString(dst, rs[i].Vars[v])
		}
	}
	return dst
}

// plainNumber is the value of digits that it gives back as they are: no leading
// zero, and no more than fit.
func plainNumber(s string) (uint64, bool) {
	if len(s) == 0 || len(s) > 18 || s[0] == '0' {
		return 0, false
	}
	var v uint64
	for i := range len(s) {
		d := s[i] - '0'
		if d > 9 {
			return 0, false
		}
		v = v*10 + uint64(d)
	}
	return v, true
}

// decodeRecipients reads what appendRecipients wrote. The strings share memory.
func decodeRecipients(raw string) ([]batch.Recipient, error) {
	c := &cursor{kind: kindRecipients, text: raw}
	n, vars := c.recipients()
	if c.err != nil {
		return nil, c.err.orNil()
	}
	rs := make([]batch.Recipient, n)
	decodeRows(c, rs)
	decodePhones(c, rs)
	if vars > 0 && n > 0 {
		decodeVars(c, rs, vars)
	}
	if c.more() {
		c.fail("bytes left over")
	}
	if c.err != nil {
		return nil, c.err.orNil()
	}
	return rs, nil
}

// recipients reads what stands first: how many there are, and how many variables
// each has.
func (c *cursor) recipients() (n, vars int) {
	if v := c.byte(); c.err == nil && v != recipientsVersion {
		c.at--
		c.fail(unknownVersion(v))
	}
	n = c.number(batch.MaxRecipients)
	vars = c.number(len(c.text))
	if n > 0 && vars > (len(c.text)-c.at)/n {
		c.fail("more variables than bytes")
	}
	return n, vars
}

// decodeNumbers appends the numbers alone; 0 is one that is no plain number.
func decodeNumbers(dst []uint64, raw string) ([]uint64, error) {
	c := &cursor{kind: kindRecipients, text: raw}
	n, _ := c.recipients()
	for rows := 0; rows < n && c.err == nil; {
		c.number(maxRow)
		run := c.number(n - rows)
		if run == 0 {
			c.fail("empty run of rows")
		}
		rows += run
	}
	for range n {
		v := c.uvarint()
		if v == 0 {
			c.string()
		}
		dst = append(dst, v)
	}
	if c.err != nil {
		return nil, c.err.orNil()
	}
	return dst, nil
}

func decodeRows(c *cursor, rs []batch.Recipient) {
	for i, row := 0, 1; i < len(rs) && c.err == nil; {
		row += c.number(maxRow - row)
		run := c.number(len(rs) - i)
		if run == 0 {
			c.fail("empty run of rows")
		}
		for end := i + run; i < end; i++ {
			rs[i].Row = row
			row++
		}
	}
}

func decodePhones(c *cursor, rs []batch.Recipient) {
	digits := make([]byte, 0, 16*len(rs))
	ends := make([]int, len(rs))
	for i := range rs {
		if v := c.uvarint(); v != 0 {
			digits = strconv.AppendUint(digits, v, 10)
		} else {
			digits = append(digits, c.string()...)
		}
		ends[i] = len(digits)
	}
	text, start := string(digits), 0
	for i, end := range ends {
		rs[i].Phone = text[start:end]
		start = end
	}
}

func decodeVars(c *cursor, rs []batch.Recipient, vars int) {
	all := make([]string, len(rs)*vars)
	for i := range rs {
		rs[i].Vars = all[i*vars : (i+1)*vars : (i+1)*vars]
	}
	for v := range vars {
		for i := range rs {
			rs[i].Vars[v] = c.string()
		}
	}
}
