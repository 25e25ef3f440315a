package dispatch

import (
	"testing"
	"time"
)

// A chunk is what ends in chunkTime, by what has ended and not by what was
// started, shared by the batches under way; small before anything is known, and
// after nothing came back.
func TestTempo(t *testing.T) {
	t.Parallel()
	var tempo tempo
	tempo.runs.Store(4)
	now := time.Unix(1_790_000_000, 0)
	for _, step := range []struct {
		after time.Duration
		ended int64
		want  int
	}{
		{0, 0, firstChunk},
		{tempoEvery / 2, 2000, firstChunk}, // too soon to tell
		{tempoEvery / 2, 0, 200},           // 20,000 a second by four batches
		{tempoEvery, 8000, maxChunk},
		{tempoEvery, 32, 3},
		{10 * tempoEvery, 32, 1},
		{tempoEvery, 0, 1},
	} {
		now = now.Add(step.after)
		tempo.ended.Add(step.ended)
		if got := tempo.size(now); got != step.want {
			t.Errorf("after %s and %d more: %d, want %d", step.after, step.ended, got, step.want)
		}
	}
}

// Where intents take long, a chunk is for twice as long, and so does not shrink
// from one to the next.
func TestTempoOfSlowIntents(t *testing.T) {
	t.Parallel()
	var tempo tempo
	tempo.runs.Store(1)
	now := time.Unix(1_790_000_000, 0)
	tempo.size(now)
	tempo.begun(40 * time.Millisecond)
	for _, want := range []int{16, 32, 64} {
		now = now.Add(tempoEvery)
		// A chunk at a time ends while the next is begun.
		tempo.ended.Add(int64(tempo.chunk) * int64(tempoEvery/(40*time.Millisecond)+1))
		if got := tempo.size(now); got < want {
			t.Errorf("%d, want %d at least", got, want)
		}
	}
}
