package batch

import "sluice/internal/phone"

// A seen is a set of phone numbers: exact, 7 to 13 bytes each whatever their
// distribution (16 MiB at least), and one cache line for each question. A map
// costs 26 bytes, and a bitmap of scattered numbers five cache lines.
//
// A number is hashed one to one. The top bits of the hash choose a shard and in
// it a bucket, a cache line of sixteen slots; a slot holds the low 32 bits,
// which with the bucket are the whole hash.
type seen struct {
	shards  [1 << shardBits]shard // each grows by itself, so that never two copies of all are there
	touched uint32                // so that no reading is optimised away
}

type shard struct {
	slots []uint32 // 0 is free
	bits  int      // of the hash, that choose shard and bucket
	n     int
	rest  map[uint64]struct{} // what its bucket has no room for, and what would be 0
}

const (
	hashBits   = 50 // 15 digits
	leastBits  = hashBits - 32
	shardBits  = 6
	bucketSize = 16
)

func newSeen() *seen {
	s := &seen{}
	for i := range s.shards {
		s.shards[i] = newShard(leastBits)
	}
	return s
}

func newShard(bits int) shard {
	return shard{slots: make([]uint32, bucketSize<<(bits-shardBits)), bits: bits, rest: map[uint64]struct{}{}}
}

// A found is the identity of a number that a row has, and what is counted of the
// row if it is the first with it.
type found struct {
	number  uint64 // of at most 15 digits
	line    int
	country string
	read    phone.Reading
	fresh   bool // it was not in the set before
	folded  bool // white space in the row's values was folded
}

// addAtOnce is how many numbers' buckets are read at once.
const addAtOnce = 250

// addAll adds numbers in their order. Their buckets are read first and for
// nothing: the processor waits for many at once, and for one alone as long. It can
// look ahead over a few instructions alone, so where the buckets are is found out
// before.
func (s *seen) addAll(all []found) {
	var hashes [addAtOnce]uint64
	var buckets [addAtOnce]*[bucketSize]uint32
	for len(all) > 0 {
		some := all[:min(len(all), addAtOnce)]
		all = all[len(some):]
		for i := range some {
			hashes[i] = mix(some[i].number)
			buckets[i] = s.shard(hashes[i]).bucket(hashes[i])
		}
		touched := uint32(0)
		for _, b := range buckets[:len(some)] {
			touched |= b[0]
		}
		s.touched |= touched
		for i := range some {
			some[i].fresh = s.shard(hashes[i]).add(hashes[i])
		}
	}
}

func (s *seen) shard(hash uint64) *shard { return &s.shards[hash>>(hashBits-shardBits)] }

// mix is one to one on hashBits bits: each step can be undone.
func mix(n uint64) uint64 {
	const mask = 1<<hashBits - 1
	n ^= n >> (hashBits / 2)
	n = n * 0x9E3779B97F4A7C15 & mask
	return n ^ n>>(hashBits/2)
}

// add says whether hash was not there before.
func (s *shard) add(hash uint64) bool {
	if s.n > len(s.slots)/8*5 {
		s.grow(hash >> (hashBits - shardBits))
	}
	fresh := s.put(hash)
	if fresh {
		s.n++
	}
	return fresh
}

func (s *shard) bucket(hash uint64) *[bucketSize]uint32 {
	at := int(hash>>(hashBits-s.bits)) * bucketSize & (len(s.slots) - 1)
	return (*[bucketSize]uint32)(s.slots[at:])
}

func (s *shard) put(hash uint64) bool {
	bucket, low := s.bucket(hash), uint32(hash)
	if low != 0 {
		for i, v := range bucket {
			switch v {
			case low:
				return false
			case 0:
				bucket[i] = low
				return true
			}
		}
	}
	_, there := s.rest[hash]
	s.rest[hash] = struct{}{}
	return !there
}

// grow doubles the buckets of the shard of this number: the next bit of each
// hash says which of the two that a bucket becomes is its own.
func (s *shard) grow(number uint64) {
	bigger := newShard(s.bits + 1)
	bigger.n = s.n
	for i, low := range s.slots {
		if low != 0 {
			bucket := number<<(s.bits-shardBits) | uint64(i/bucketSize)
			bigger.put(bucket<<(hashBits-s.bits) | uint64(low))
		}
	}
	for hash := range s.rest {
		bigger.put(hash)
	}
	*s = bigger
}
