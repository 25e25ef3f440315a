package dispatch

import (
	"math/rand/v2"
	"time"
)

// A Backoff is how long a recipient waits after a failed attempt: Base, then
// twice as long each time, at most Max, each with up to half of it as jitter.
type Backoff struct {
	Base, Max time.Duration
}

// after is the wait after a recipient's n-th failed attempt, from 1. The random
// number r in [0, 1) is the jitter.
func (b Backoff) after(n int, r float64) time.Duration {
	d := b.Base
	for range n - 1 {
		if d *= 2; d >= b.Max {
			d = b.Max
			break
		}
	}
	return d + time.Duration(r*float64(d)/2)
}

// jitter is a recipient's share of the jitter: the same whenever it is asked, so
// that a batch that changes hands keeps its times.
func jitter(campaign string, batch, index, n int) float64 {
	seed := uint64(14695981039346656037)
	for i := range len(campaign) {
		seed = (seed ^ uint64(campaign[i])) * 1099511628211
	}
	return rand.New(rand.NewPCG(seed, uint64(batch)<<32|uint64(index)<<8|uint64(n))).Float64()
}

// pairDelay is the wait of a recipient whom the provider gets too many messages
// for (131056): Meta asks for 4 to the power of n seconds.
func pairDelay(n int) time.Duration {
	return time.Second << min(2*n, 12)
}
