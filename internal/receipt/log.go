package receipt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/cespare/xxhash/v2"

	"sluice/internal/sender"
)

// The receipt log of a batch is a row of records, each
//
//	byte     version
//	uvarint  length of the payload
//	payload  uvarint first second, then entries
//
// an entry being
//
//	uvarint  distance of the recipient's index from the entry before
//	byte     status, flags
//	uvarint  seconds after the first
//	3 bytes  of the message_id's hash, or uvarint try where it is located
//	code     uvarint length and bytes, where it is undelivered
//	id       uvarint length and bytes of the message_id, where no answer named it yet
//
// What it says does not depend on the order of records, nor on one that stands
// there twice.
const logVersion = 1

const (
	statusBits  = 0b0000_0111
	deletedFlag = 0b0000_1000
	locatedFlag = 0b0001_0000
	namedFlag   = 0b0010_0000
)

const (
	maxCode    = 64
	maxID      = 256
	maxSeconds = 1 << 32
)

// A key says which message to a recipient an entry is of: the hash of its
// message_id, or the try that its reference names.
type key uint32

const locatedKey key = 1 << 24

// keyOf is the key of a message_id.
func keyOf(messageID string) key { return key(xxhash.Sum64String(messageID) >> 40) }

// keyOfTry is the key of a submission that is named by its reference.
func keyOfTry(try int) key { return locatedKey | key(try)&(locatedKey-1) }

func (k key) located() bool { return k >= locatedKey }

// An entry is one receipt of a recipient of the batch.
type entry struct {
	index   int
	key     key
	status  sender.Status
	deleted bool
	at      uint32 // Unix seconds
	code    string
	// messageID is the whole of what key is the hash of, where it may have to prove
	// that the submission was taken; "" otherwise.
	messageID string
}

// appendEntries encodes entries as one record. It sorts them.
func appendEntries(dst []byte, entries []entry) []byte {
	slices.SortStableFunc(entries, func(a, b entry) int { return a.index - b.index })
	base := entries[0].at
	for i := range entries {
		base = min(base, entries[i].at)
	}
	payload := binary.AppendUvarint(make([]byte, 0, 8+9*len(entries)), uint64(base))
	before := 0
	for i := range entries {
		e := &entries[i]
		payload = binary.AppendUvarint(payload, uint64(e.index-before))
		before = e.index
		head := byte(e.status)
		if e.deleted {
			head |= deletedFlag
		}
		if e.key.located() {
			head |= locatedFlag
		}
		if e.messageID != "" {
			head |= namedFlag
		}
		payload = binary.AppendUvarint(append(payload, head), uint64(e.at-base))
		if e.key.located() {
			payload = binary.AppendUvarint(payload, uint64(e.key&^locatedKey))
		} else {
			payload = append(payload, byte(e.key>>16), byte(e.key>>8), byte(e.key))
		}
		if e.status == sender.Undelivered {
			payload = append(binary.AppendUvarint(payload, uint64(len(e.code))), e.code...)
		}
		if e.messageID != "" {
			payload = append(binary.AppendUvarint(payload, uint64(len(e.messageID))), e.messageID...)
		}
	}
	dst = binary.AppendUvarint(append(dst, logVersion), uint64(len(payload)))
	return append(dst, payload...)
}

// errCorrupt says that a log is not what was written.
var errCorrupt = errors.New("the receipt log is damaged")

// entries calls fn for each entry of whole records about a batch of size recipients.
func (c *codec) entries(text string, size int, fn func(entry)) error {
	data := []byte(text)
	for len(data) > 0 {
		version := data[0]
		if version != logVersion && version != compactVersion {
			return fmt.Errorf("%w: version %d, which this program does not know", errCorrupt, version)
		}
		n, k := binary.Uvarint(data[1:])
		if k <= 0 || n > uint64(len(data)-1-k) {
			return errCorrupt
		}
		payload := data[1+k : 1+k+int(n)]
		data = data[1+k+int(n):]
		var err error
		if version == compactVersion {
			err = c.readCompact(payload, size, fn)
		} else {
			err = readPayload(payload, size, fn)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// A reader takes values off the front of a payload. After the first that is not there
// it is bad, and what it gives is of no meaning.
type reader struct {
	payload []byte
	bad     bool
}

func (r *reader) number(below uint64) uint64 {
	v, k := binary.Uvarint(r.payload)
	if k <= 0 || v >= below {
		r.bad, r.payload = true, nil
		return 0
	}
	r.payload = r.payload[k:]
	return v
}

func (r *reader) take(n int) []byte {
	if n > len(r.payload) {
		r.bad, r.payload = true, nil
		return make([]byte, n)
	}
	b := r.payload[:n]
	r.payload = r.payload[n:]
	return b
}

func readPayload(payload []byte, size int, fn func(entry)) error {
	r := reader{payload: payload}
	base := r.number(maxSeconds)
	index := uint64(0)
	for len(r.payload) > 0 {
		index += r.number(uint64(size))
		head := r.take(1)[0]
		e := entry{index: int(index), status: sender.Status(head & statusBits), deleted: head&deletedFlag != 0}
		e.at = uint32(base + r.number(maxSeconds-base))
		if head&locatedFlag != 0 {
			e.key = locatedKey | key(r.number(uint64(locatedKey)))
		} else {
			b := r.take(3)
			e.key = key(b[0])<<16 | key(b[1])<<8 | key(b[2])
		}
		if e.status == sender.Undelivered {
			e.code = string(r.take(int(r.number(maxCode + 1))))
		}
		if head&namedFlag != 0 {
			e.messageID = string(r.take(int(r.number(maxID + 1))))
		}
		if r.bad || e.status < sender.Sent || e.status > sender.Read || index >= uint64(size) {
			return errCorrupt
		}
		fn(e)
	}
	if r.bad {
		return errCorrupt
	}
	return nil
}
