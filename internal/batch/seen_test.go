package batch

import (
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// A seen agrees with a map: on numbers of every length, near each other or far
// apart, through several growths of a shard, and on those that a bucket has no
// room for.
func TestSeenAgreesWithMap(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, want := newSeen(), map[uint64]bool{}
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		for range rapid.IntRange(1, 4).Draw(t, "rounds") {
			first := rapid.Uint64Max(999_999_999_999_999).Draw(t, "first")
			step := rapid.SampledFrom([]uint64{0, 1, 2, 1 << 18, 1 << 32, 1_567_890_121}).Draw(t, "step")
			all := make([]found, rapid.IntRange(1, 2000).Draw(t, "numbers"))
			for i := range all {
				all[i].number = (first + uint64(i)*step) % 1_000_000_000_000_000
				if rnd.IntN(4) == 0 {
					all[i].number = all[rnd.IntN(i+1)].number
				}
			}
			s.addAll(all)
			for i, f := range all {
				if f.fresh == want[f.number] {
					t.Fatalf("number %d of the block, %d: fresh is %t", i, f.number, f.fresh)
				}
				want[f.number] = true
			}
		}
	})
}

// The numbers of one shard alone, so that it grows and its buckets are full; and
// again, when each of them is known.
func TestSeenGrows(t *testing.T) {
	t.Parallel()
	s := newSeen()
	var all []found
	rnd := rand.New(rand.NewPCG(1, 2))
	for known := map[uint64]bool{}; len(all) < 300_000; {
		n := rnd.Uint64N(1_000_000_000_000_000)
		if s.shard(mix(n)) == &s.shards[5] && !known[n] {
			all, known[n] = append(all, found{number: n}), true
		}
	}
	for _, fresh := range []bool{true, false} {
		s.addAll(all)
		for _, f := range all {
			if f.fresh != fresh {
				t.Fatalf("%d: fresh is %t", f.number, f.fresh)
			}
		}
	}
	if sh := &s.shards[5]; sh.bits < leastBits+2 || len(sh.rest) == 0 || sh.n != len(all) {
		t.Errorf("%d bits, %d beside the buckets, %d in all: the test has not met what it is for", sh.bits, len(sh.rest), sh.n)
	}
}

// mix is one to one: its steps are undone here.
func TestMixIsOneToOne(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const mask = 1<<hashBits - 1
		n := rapid.Uint64Max(mask).Draw(t, "number")
		h := mix(n)
		h ^= h >> (hashBits / 2)
		inverse := uint64(1) // of the factor, by Newton's method
		for range 6 {
			inverse *= 2 - 0x9E3779B97F4A7C15*inverse
		}
		h = h * inverse & mask
		h ^= h >> (hashBits / 2)
		if h != n {
			t.Fatalf("%d came back as %d", n, h)
		}
	})
}
