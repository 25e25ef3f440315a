// Package ledger is the durable record of who was submitted when, and with
// which outcome and message_id. It guarantees that
//
//   - no intent is recorded, and so nothing is submitted, by a worker whose claim
//     is not the newest or whose campaign is not running;
//   - an outcome is recorded whatever has happened since, for it is a fact;
//   - every number it gives is derived from the journals, so that a batch that
//     runs twice counts once, and rows are always the sum of what became of them;
//   - what is in doubt is never pending again by itself, unless its submission
//     was made under `on_doubt: resend`.
//
// All keys of a campaign share a hash slot. Every change is one script, and none
// of them reads a clock.
package ledger

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

var (
	// ErrDiffers says that another batch is staged under the same number: the
	// import was repeated with another input.
	ErrDiffers = errors.New("the input differs from what was staged")
	// ErrSuperseded says that a later run of the import has taken over.
	ErrSuperseded = errors.New("a later run of this import has taken over")
	// ErrNotImporting says that the campaign is launched, or cancelled.
	ErrNotImporting = errors.New("the campaign is not importing any more")
	// ErrNotStaged says that there is no such batch.
	ErrNotStaged = errors.New("the batch is not staged")
	// ErrDone says that nothing of the batch is pending.
	ErrDone = errors.New("nothing of the batch is pending")
	// ErrHeld says that another worker, which is alive, has claimed the batch.
	ErrHeld = errors.New("another worker has claimed the batch")
	// ErrRevised says that the campaign's message was amended since it was read.
	ErrRevised = errors.New("the campaign's message was amended")
	// ErrStale says that the batch has been claimed anew: this claim can begin
	// nothing any more. Its outcomes are still recorded.
	ErrStale = errors.New("the batch has been claimed anew")
	// ErrNotRunning says that the campaign is paused, halted, cancelled or over.
	ErrNotRunning = errors.New("the campaign is not running")
	// ErrNotPending says that a recipient has been settled by someone else, or is
	// in flight: what is pending must be asked again.
	ErrNotPending = errors.New("a recipient is not pending")
	// ErrUncheckable says that the server does not tell its settings.
	ErrUncheckable = errors.New("the server does not tell its settings")
)

// A Ledger is the record of all campaigns in one Redis. It is safe for use by
// many goroutines.
type Ledger struct {
	rdb redis.UniversalClient
	now func() time.Time
	zip *zip
	// memory is what this process has seen of batches.
	memory memory

	scripts scripts
	folds   sync.Pool // of *Fold, for reading many batches
	// onInDoubt is told of recipients that came in doubt.
	onInDoubt func(recipients int)
}

// scripts are the changes that the ledger makes; each is written out beside the
// method that runs it.
type scripts struct {
	stage, claim, release, begin, settle, expire *redis.Script
}

// New makes a Ledger on rdb. Now is asked for the time of resolutions alone.
func New(rdb redis.UniversalClient, now func() time.Time) *Ledger {
	return &Ledger{
		rdb: rdb, now: now, zip: newZip(), memory: memory{campaigns: map[string]*remembered{}},
		scripts: scripts{
			stage: stageScript(), claim: claimScript(), release: releaseScript(),
			begin: beginScript(), settle: settleScript(), expire: expireScript(),
		},
		folds:     sync.Pool{New: func() any { return NewFold(0) }},
		onInDoubt: func(int) {},
	}
}

// OnDoubt has f told how many recipients each claim and each settlement of this
// Ledger puts in doubt, each once; under `on_doubt: resend` none are. It is to be
// called before the Ledger is used.
func (l *Ledger) OnDoubt(f func(recipients int)) { l.onInDoubt = f }

// A CorruptError says where stored bytes are not what was written. It holds
// nothing of them.
type CorruptError struct {
	Kind    string // of key: recipients, skipped, journal, summary, batches
	Batch   int    // -1 where it is not known
	Offset  int    // in bytes, after decompression
	Problem string
}

// Error names kind, batch and offset.
func (e *CorruptError) Error() string {
	if e.Batch < 0 {
		return fmt.Sprintf("corrupt %s at byte %d: %s", e.Kind, e.Offset, e.Problem)
	}
	return fmt.Sprintf("corrupt %s of batch %d at byte %d: %s", e.Kind, e.Batch, e.Offset, e.Problem)
}

// orNil is e as an error that is nil where e is.
func (e *CorruptError) orNil() error {
	if e == nil {
		return nil
	}
	return e
}

// ofBatch adds the batch's number to a CorruptError.
func ofBatch(n int, err error) error {
	var c *CorruptError
	if errors.As(err, &c) {
		c.Batch = n
	}
	return err
}
