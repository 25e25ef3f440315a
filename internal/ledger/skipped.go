package ledger

import (
	"encoding/binary"

	"sluice/internal/batch"
)

// The skipped rows of a batch, before compression: version byte, uvarint rows,
// and for each: the distance of its row and of its line from those of the row
// before, its kind, its reason, its number.
const skippedVersion = 1

const kindSkipped = "skipped"

func appendSkipped(dst []byte, rows []batch.Skipped) []byte {
	dst = append(dst, skippedVersion)
	dst = binary.AppendUvarint(dst, uint64(len(rows)))
	row, line := 0, 0
	for i := range rows {
		s := &rows[i]
		dst = binary.AppendUvarint(dst, uint64(s.Row-row))
		// A suppressed row has no line: the distance goes either way.
		dst = binary.AppendVarint(dst, int64(s.Line-line))
		dst = append(dst, byte(s.Kind))
		dst = appendString(dst, s.Reason)
		dst = appendString(dst, s.Phone)
		row, line = s.Row, s.Line
	}
	return dst
}

// decodeSkipped reads what appendSkipped wrote. The strings share memory.
func decodeSkipped(raw string) ([]batch.Skipped, error) {
	c := &cursor{kind: kindSkipped, text: raw}
	if v := c.byte(); c.err == nil && v != skippedVersion {
		c.at--
		c.fail(unknownVersion(v))
	}
	n := c.number(len(raw) / 5) // no row takes fewer bytes
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
