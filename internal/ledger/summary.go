package ledger

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// A summary is what the summary hash holds of a batch: the counts that follow
// from the first Bytes of its journal under Epoch. It is text:
//
//	1 bytes epoch pending accepted rejected in_doubt suppressed code=count ...
//
// It holds no outcome of its own and can always be made again.
type summary struct {
	Counts
	bytes, epoch int
}

const summaryVersion = "1"

// summaryOf is the summary of a fold of so many bytes.
func summaryOf(f *Fold, bytes int) summary {
	return summary{Counts: f.Counts(), bytes: bytes, epoch: f.Epoch()}
}

// equal says whether two batches are counted alike.
func (c *Counts) equal(other *Counts) bool {
	return c.Pending == other.Pending && c.Accepted == other.Accepted && c.Rejected == other.Rejected &&
		c.InDoubt == other.InDoubt && c.Suppressed == other.Suppressed && maps.Equal(c.Codes, other.Codes)
}

// done says that nothing is left to do for the batch.
func (s *summary) done() bool { return s.Pending == 0 }

func (s *summary) text() string {
	dst := append(make([]byte, 0, 64), summaryVersion...)
	for _, v := range [...]int{s.bytes, s.epoch, s.Pending, s.Accepted, s.Rejected, s.InDoubt, s.Suppressed} {
		dst = strconv.AppendInt(append(dst, ' '), int64(v), 10)
	}
	for _, code := range slices.Sorted(maps.Keys(s.Codes)) {
		// Quoted where it must be, as a provider may put anything into a code.
		dst = append(dst, ' ')
		if strings.ContainsAny(code, "\" =") || strconv.Quote(code) != `"`+code+`"` {
			dst = strconv.AppendQuote(dst, code)
		} else {
			dst = append(dst, code...)
		}
		dst = strconv.AppendInt(append(dst, '='), int64(s.Codes[code]), 10)
	}
	return string(dst)
}

// parseSummary reads what text wrote.
func parseSummary(n int, text string) (summary, error) {
	var s summary
	var version, rest string
	version, rest, _ = strings.Cut(text, " ")
	corrupt := func(problem string) (summary, error) {
		return summary{}, &CorruptError{Kind: "summary", Batch: n, Offset: len(text) - len(rest), Problem: problem}
	}
	if version != summaryVersion {
		return corrupt(fmt.Sprintf("version %.10q, which this program does not know", version))
	}
	for _, v := range [...]*int{&s.bytes, &s.epoch, &s.Pending, &s.Accepted, &s.Rejected, &s.InDoubt, &s.Suppressed} {
		field, after, _ := strings.Cut(rest, " ")
		i, err := strconv.Atoi(field)
		if err != nil || i < 0 {
			return corrupt("bad number")
		}
		*v, rest = i, after
	}
	s.Codes = map[string]int{}
	for rest != "" {
		code, err := cutCode(&rest)
		if err != nil {
			return corrupt("bad code")
		}
		field, after, _ := strings.Cut(rest, " ")
		i, err := strconv.Atoi(field)
		if err != nil || i <= 0 {
			return corrupt("bad number")
		}
		s.Codes[code], rest = i, after
	}
	return s, nil
}

// cutCode takes a code and the sign after it off rest.
func cutCode(rest *string) (string, error) {
	if !strings.HasPrefix(*rest, `"`) {
		code, after, ok := strings.Cut(*rest, "=")
		if !ok {
			return "", strconv.ErrSyntax
		}
		*rest = after
		return code, nil
	}
	quoted, err := strconv.QuotedPrefix(*rest)
	if err != nil {
		return "", err
	}
	after, ok := strings.CutPrefix((*rest)[len(quoted):], "=")
	if !ok {
		return "", strconv.ErrSyntax
	}
	*rest = after
	return strconv.Unquote(quoted)
}
