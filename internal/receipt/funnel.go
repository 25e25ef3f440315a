package receipt

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"sluice/internal/sender"
)

// A Funnel counts recipients by what receipts say of them. Who is accepted and in
// none of these awaits the first receipt.
type Funnel struct {
	Sent, Delivered, Read, Undelivered int
	// Early are messages with receipts and no acceptance yet.
	Early int
	Codes map[string]int // of those undelivered
	Last  int64          // Unix seconds of the latest receipt, 0 for none
}

// Sum is how many recipients have a receipt.
func (f *Funnel) Sum() int { return f.Sent + f.Delivered + f.Read + f.Undelivered }

// add counts a recipient.
func (f *Funnel) add(s *standing, early int) {
	f.Early += early
	switch s.status {
	case sender.Sent:
		f.Sent++
	case sender.Delivered:
		f.Delivered++
	case sender.Read:
		f.Read++
	case sender.Undelivered:
		f.Undelivered++
		f.Codes[s.code]++
	}
	for _, at := range s.at {
		f.Last = max(f.Last, int64(at)-1)
	}
}

// Add adds another funnel.
func (f *Funnel) Add(o *Funnel) {
	f.Sent, f.Delivered, f.Read, f.Undelivered = f.Sent+o.Sent, f.Delivered+o.Delivered, f.Read+o.Read, f.Undelivered+o.Undelivered
	f.Early += o.Early
	f.Last = max(f.Last, o.Last)
	for code, n := range o.Codes {
		f.Codes[code] += n
	}
}

// text is what the funnel hash holds of a batch: the counts that follow from so
// many bytes of its log and of its journal.
//
//	1 log journal early sent delivered read undelivered last code=count ...
func (f *Funnel) text(logBytes, journalBytes int) string {
	dst := []byte("1")
	for _, v := range [...]int64{
		int64(logBytes), int64(journalBytes), int64(f.Early), int64(f.Sent), int64(f.Delivered), int64(f.Read), int64(f.Undelivered), f.Last,
	} {
		dst = strconv.AppendInt(append(dst, ' '), v, 10)
	}
	for _, code := range slices.Sorted(maps.Keys(f.Codes)) {
		dst = fmt.Appendf(dst, " %s=%d", code, f.Codes[code])
	}
	return string(dst)
}

var errFunnel = errors.New("a funnel that this program cannot read")

// parseFunnel reads what text wrote.
func parseFunnel(text string) (f Funnel, logBytes, journalBytes int, err error) {
	f.Codes = map[string]int{}
	words := strings.Fields(text)
	if len(words) < 9 || words[0] != "1" {
		return f, 0, 0, errFunnel
	}
	for i, to := range [...]*int{&logBytes, &journalBytes, &f.Early, &f.Sent, &f.Delivered, &f.Read, &f.Undelivered} {
		if *to, err = strconv.Atoi(words[1+i]); err != nil || *to < 0 {
			return f, 0, 0, errFunnel
		}
	}
	if f.Last, err = strconv.ParseInt(words[8], 10, 64); err != nil {
		return f, 0, 0, errFunnel
	}
	for _, word := range words[9:] {
		code, count, ok := strings.Cut(word, "=")
		n, err := strconv.Atoi(count)
		if !ok || err != nil {
			return f, 0, 0, errFunnel
		}
		f.Codes[code] += n
	}
	return f, logBytes, journalBytes, nil
}
