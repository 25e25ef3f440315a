package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"pgregory.net/rapid"

	"sluice/internal/batch"
	"sluice/internal/campaign"
	"sluice/internal/jobs"
	"sluice/internal/keys"
	"sluice/internal/ledger"
)

// A producer imports a list, which it reads batch by batch as the test turns the page.
type producer struct {
	list  string
	next  int
	page  chan struct{} // closed: it reads on
	dies  int           // after so many batches; -1: never
	ended chan struct{}
	err   error
}

func newProducer(list string) *producer {
	return &producer{list: list, page: make(chan struct{}), dies: -1, ended: make(chan struct{})}
}

var errDied = errors.New("the producer died")

func (p *producer) Next() (*batch.Batch, error) {
	<-p.page
	switch p.next {
	case p.dies:
		return nil, errDied
	case batchesOf(p.list):
		return nil, io.EOF
	}
	p.next++
	return lifeBatch(p.list, p.next-1), nil
}

func (p *producer) Fingerprint() (sum [32]byte) {
	copy(sum[:], p.list)
	return sum
}

// run imports the list to its end.
func (p *producer) run(ctx context.Context, l *life) {
	im := &jobs.Import{Ledger: l.w.Ledger, Campaigns: l.w.Campaigns, Queue: l.w.queue}
	_, p.err = im.Run(ctx, l.id, p)
	close(p.ended)
}

// turn has it read so many batches, if it still does.
func (p *producer) turn(pages int) {
	for range pages {
		select {
		case p.page <- struct{}{}:
		case <-p.ended:
		}
	}
}

// importAtOnce has two producers import lists, the second of which begins while the
// first reads, and perhaps the first die or a person cancel; and a third one after
// them, as people do who were told that it failed.
func (l *life) importAtOnce(t *rapid.T) {
	var all [3]*producer
	for i := range all {
		all[i] = newProducer(rapid.SampledFrom(lifeLists).Draw(t, "list"))
	}
	if rapid.IntRange(0, 2).Draw(t, "the first dies") == 0 {
		all[0].dies = rapid.IntRange(0, batchesOf(all[0].list)).Draw(t, "after batches")
	}
	ctx := t.Context()
	var both sync.WaitGroup
	both.Go(func() { all[0].run(ctx, l) })
	all[0].turn(rapid.IntRange(0, batchesOf(all[0].list)).Draw(t, "batches before the second"))
	both.Go(func() { all[1].run(ctx, l) })
	all[1].turn(rapid.IntRange(0, batchesOf(all[1].list)).Draw(t, "batches before the first goes on"))
	cancelled := rapid.IntRange(0, 4).Draw(t, "a person cancels") == 0
	if cancelled {
		_, err := l.w.Campaigns.Cancel(ctx, l.id)
		l.must(t, err)
	}
	close(all[0].page)
	close(all[1].page)
	both.Wait()
	close(all[2].page)
	all[2].run(ctx, l)
	rec := l.record(t)
	for _, p := range all {
		if rec.Plan.Fingerprint == fmt.Sprintf("%x", p.Fingerprint()) {
			l.launched = p.list
		}
	}
	for i, p := range all {
		switch {
		case p.err == nil && (l.launched == "" || p.list != l.launched):
			t.Fatalf("producer %d of list %q says that all is well, and the launched list is %q", i, p.list, l.launched)
		case p.err != nil && p.list == l.launched && p.dies < 0:
			t.Fatalf("producer %d of list %q, which was launched: %v", i, p.list, p.err)
		case p.err != nil && !errors.Is(p.err, errDied) && !errors.Is(p.err, ledger.ErrDiffers) && !errors.Is(p.err, campaign.ErrNotAllowed):
			t.Fatalf("producer %d: %v", i, p.err)
		}
	}
	if queued := l.rdb.LLen(ctx, l.key("pending")).Val(); l.launched == "" && queued > 0 || cancelled && l.launched != "" {
		t.Fatalf("%d batches are in the queue, the launched list is %q, and cancelled is %v", queued, l.launched, cancelled)
	}
	l.rdb.Del(ctx, keys.Importer(l.id))
}
