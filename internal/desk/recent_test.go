package desk

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"
)

// What is kept is read once while it is good, then behind the back of who asks, as of
// the time at which it was asked for; what is too old is waited for.
func TestKept(t *testing.T) {
	t.Parallel()
	ctx, now := t.Context(), time.Unix(1_700_000_000, 0)
	r := &recent{lasts: time.Second, now: func() time.Time { return now }}
	var k kept[time.Time]
	read := make(chan time.Time, 1)
	reading := func(_ context.Context, at time.Time) (time.Time, error) {
		read <- at
		return at, nil
	}
	get := func(want time.Time) {
		t.Helper()
		if got, err := k.get(ctx, r, reading); err != nil || !got.Equal(want) {
			t.Fatalf("%v, %v is told, want %v", got, err, want)
		}
	}
	first := now
	get(first)
	<-read
	now = now.Add(time.Second - 1)
	get(first) // nobody reads
	now = now.Add(1)
	second := now
	get(first)
	now = now.Add(time.Millisecond) // the clock goes on while it is read
	if at := <-read; !at.Equal(second) {
		t.Errorf("read as of %v, asked for at %v", at, second)
	}
	for renewing := true; renewing; runtime.Gosched() {
		k.mu.Lock()
		renewing = k.renewed
		k.mu.Unlock()
	}
	get(second)
	now = now.Add(stillGood * time.Second)
	if _, err := k.get(ctx, r, func(context.Context, time.Time) (time.Time, error) { return now, errors.New("gone") }); err == nil {
		t.Error("an old thing is told although it could not be read")
	}
	get(now)
}
