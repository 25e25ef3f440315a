package dispatch

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// chunkTime is how far ahead of their submission intents may be on record:
	// with the chunk that is on its way, 80 ms in all.
	chunkTime = 40 * time.Millisecond
	// maxChunkTime bounds that where Redis is far or slow.
	maxChunkTime = 500 * time.Millisecond
	// firstChunk is a chunk before any speed was seen, and maxChunk the largest.
	firstChunk = 8
	maxChunk   = 256
	// tempoEvery is how long submissions are counted for a speed.
	tempoEvery = 100 * time.Millisecond
)

// A tempo sizes the chunks of a campaign that has no pace by the speed at which
// its submissions end. How fast they can be started says nothing, as long as
// there are places in flight.
type tempo struct {
	ended atomic.Int64 // submissions since the last look
	runs  atomic.Int64 // batches under way
	begin atomic.Int64 // how long the last intent took, in ns

	mu     sync.Mutex
	looked time.Time
	chunk  int
}

// begun notes how long an intent took.
func (t *tempo) begun(took time.Duration) { t.begin.Store(int64(took)) }

// span is the time that a chunk is for: chunkTime, but where intents take long,
// twice as long as one, or submissions would wait for them.
func (t *tempo) span() time.Duration {
	return min(max(chunkTime, 2*time.Duration(t.begin.Load())), maxChunkTime)
}

// size is how many submissions of one batch end in the span.
func (t *tempo) size(now time.Time) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch passed := now.Sub(t.looked); {
	case t.looked.IsZero():
		t.looked, t.chunk = now, firstChunk
	case passed >= tempoEvery:
		n := t.ended.Swap(0)
		fits := float64(n) * float64(t.span()) / float64(passed) / float64(max(t.runs.Load(), 1))
		t.looked, t.chunk = now, min(max(int(fits), 1), maxChunk)
	}
	return t.chunk
}
