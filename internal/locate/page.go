package locate

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
	"sort"

	"github.com/cespare/xxhash/v2"

	"sluice/internal/ledger"
)

// perPage is how many recipients share a page on average: about 4 KiB.
const perPage = 1000

// mostBatches is how many batches a record can tell apart and still hold enough
// of the number's hash.
const mostBatches = 1 << 22

// version is that of the index's form, and of what counts as one number: a change
// of either is another version, and an index of an older one is built anew.
const version = 1

// A shape says how an index is cut: into how many pages, and how many of a
// record's 32 bits are the batch, the others being the number's hash.
type shape struct {
	pages, batchBits, recipients int
}

// shapeOf is the shape for the batches that are staged.
func shapeOf(staged []ledger.StagedBatch) (shape, error) {
	var s shape
	last := 0
	for i := range staged {
		s.recipients += staged[i].Recipients
		if staged[i].Recipients > 0 {
			last = staged[i].N
		}
	}
	if last >= mostBatches {
		return s, fmt.Errorf("%d batches, and an index tells %d apart", last+1, mostBatches)
	}
	s.pages = (s.recipients + perPage - 1) / perPage
	s.batchBits = bits.Len(uint(last))
	return s, nil
}

func (s shape) text() string {
	return fmt.Sprintf("%d %d %d %d", version, s.pages, s.batchBits, s.recipients)
}

// parseShape reads what text wrote; what it cannot read, or what is of another
// version, is no index.
func parseShape(text string) (shape, bool) {
	var s shape
	var v int
	n, err := fmt.Sscanf(text, "%d %d %d %d", &v, &s.pages, &s.batchBits, &s.recipients)
	return s, err == nil && n == 4 && v == version && s.pages >= 0 && s.batchBits >= 0 && s.batchBits < 32
}

// place is a number's page, and its hash within it as a record's highest bits.
func (s shape) place(identity uint64) (page int, record uint32) {
	var digits [8]byte
	binary.BigEndian.PutUint64(digits[:], identity)
	hi, lo := bits.Mul64(xxhash.Sum64(digits[:]), uint64(s.pages))
	return int(hi), uint32(lo>>32) >> s.batchBits << s.batchBits
}

// topBits are those bits of a record that say about where in its page it stands:
// hashes are even, so that hardly two records of a page share them.
const topBits = 10

// appendPage encodes records in their order.
func appendPage(dst []byte, records []uint32) []byte {
	var ends [1 << topBits]int
	for _, r := range records {
		ends[r>>(32-topBits)]++
	}
	before := 0
	for i, n := range ends {
		ends[i] = before
		before += n
	}
	sorted := make([]uint32, len(records))
	for _, r := range records {
		end := &ends[r>>(32-topBits)]
		sorted[*end] = r
		*end++
	}
	from := 0
	for _, end := range ends {
		if end-from > 1 {
			slices.Sort(sorted[from:end])
		}
		from = end
	}
	for _, r := range sorted {
		dst = binary.BigEndian.AppendUint32(dst, r)
	}
	return dst
}

// batches are those of the records of this hash in a page.
func (s shape) batches(page string, record uint32) []int {
	at := func(i int) uint32 {
		b := page[4*i:]
		return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	}
	n := len(page) / 4
	mask := uint32(1)<<s.batchBits - 1
	var found []int
	for i := sort.Search(n, func(i int) bool { return at(i) >= record }); i < n && at(i)&^mask == record; i++ {
		if k := int(at(i) & mask); len(found) == 0 || found[len(found)-1] != k {
			found = append(found, k)
		}
	}
	return found
}
