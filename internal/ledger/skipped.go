package ledger

import (
	"encoding/binary"

	"sluice/internal/batch"
)

// The skipped rows of a batch, before compression: version byte, uvarint rows,
// and for each: the distance of its row and of its line from those of the row
// before, its kind, its reason, its number. In the second version how many values
// each has stands behind the rows' number, and behind each row whether it has them,
// and then they.
const (
	skippedVersion    = 1
	skippedWithValues = 2
)

const kindSkipped = "skipped"

func appendSkipped(dst []byte, rows []batch.Skipped) []byte {
	values := 0
	for i := range rows {
		values = max(values, len(rows[i].Vars))
	}
	if values == 0 {
		dst = binary.AppendUvarint(append(dst, skippedVersion), uint64(len(rows)))
	} else {
		dst = binary.AppendUvarint(append(dst, skippedWithValues), uint64(len(rows)))
		dst = binary.AppendUvarint(dst, uint64(values))
	}
	row, line := 0, 0
	for i := range rows {
		s := &rows[i]
		dst = binary.AppendUvarint(dst, uint64(s.Row-row))
		// A suppressed row has no line: the distance goes either way.
		dst = binary.AppendVarint(dst, int64(s.Line-line))
		dst = append(dst, byte(s.Kind))
		dst = appendString(dst, s.Reason)
		dst = appendString(dst, s.Phone)
		if values > 0 {
			dst = appendValues(dst, s.Vars)
		}
		row, line = s.Row, s.Line
	}
	return dst
}

// appendValues encodes the values of a row that has some, or none.
func appendValues(dst []byte, vars []string) []byte {
	if vars == nil {
		return append(dst, 0)
	}
	dst = append(dst, 1)
	for _, v := range vars {
		dst = appendString(dst, v)
	}
	return dst
}

// decodeSkipped reads what appendSkipped wrote. The strings share memory.
func decodeSkipped(raw string) ([]batch.Skipped, error) {
	c := &cursor{kind: kindSkipped, text: raw}
	version := c.byte()
	if c.err == nil && version != skippedVersion && version != skippedWithValues {
		c.at--
		c.fail(unknownVersion(version))
	}
	n := c.number(len(raw) / 5) // no row takes fewer bytes
	values := 0
	if version == skippedWithValues {
		values = c.number(len(raw))
	}
	if c.err != nil || n == 0 {
		return nil, c.err.orNil()
	}
	rows := make([]batch.Skipped, 0, n)
	row, line := 0, 0
	for range n {
		row += c.number(maxRow - row)
		line += int(c.zigzag())
		kind := batch.Kind(c.byte())
		if c.err == nil && (kind < batch.Invalid || kind > batch.Suppressed) {
			c.fail("unknown kind of skipped row")
		}
		s := batch.Skipped{Row: row, Line: line, Kind: kind, Reason: c.string(), Phone: c.string()}
		if values > 0 && c.byte() == 1 {
			s.Vars = make([]string, values)
			for k := range s.Vars {
				s.Vars[k] = c.string()
			}
		}
		if c.err != nil {
			return nil, c.err.orNil()
		}
		rows = append(rows, s)
	}
	if c.more() {
		c.fail("bytes left over")
		return nil, c.err.orNil()
	}
	return rows, nil
}
