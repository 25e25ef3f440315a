package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"sluice/internal/accounts"
	"sluice/internal/callback"
	"sluice/internal/campaign"
	"sluice/internal/receipt"
	"sluice/internal/sandbox"
	"sluice/internal/sender"
	"sluice/internal/spool"
	"sluice/internal/status"
)

// callbacks are how the sandbox tells what became of messages: in any order, and some
// twice.
func callbacks(addr net.Addr) sandbox.Callbacks {
	base := fmt.Sprintf("http://%s/r/", addr)
	return sandbox.Callbacks{
		NXCloud: base + "promo-br/" + receiptSecret, InnoPaaS: base + "promo-id/" + receiptSecret,
		Delay: 200 * time.Millisecond, Step: 300 * time.Millisecond, Shuffle: true, Repeat: 0.05, Together: 50,
		Undelivered: 0.04, Read: 0.6,
	}
}

// startReceiver takes the sandbox' callbacks, as the program receiver does.
func (d *demo) startReceiver(ctx context.Context) (stop func() error, err error) {
	s, err := spool.Open(filepath.Join(d.dir, "spool"), spool.Options{})
	if err != nil {
		return nil, err
	}
	readers := map[string]sender.CallbackReader{}
	var senders []callback.Sender
	for name, settings := range d.senders {
		provider, err := accounts.Providers().Open(settings, time.Now)
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
		reader := provider.(sender.CallbackReader) // both can
		readers[name] = reader
		senders = append(senders, callback.Sender{Name: name, Secrets: []sender.Secret{receiptSecret}, Reader: reader, Verify: callback.Off, Ack: "success"})
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting the receiver: %w", err), s.Close())
	}
	srv := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: callback.New(callback.Options{
		Senders: senders, Append: s.Append, Now: time.Now, Answered: func(string, int, string) {},
	})}
	applier := receipt.NewApplier(receipt.Options{
		Redis: d.rdb, Now: time.Now,
		Reader: func(name string) (sender.CallbackReader, bool) { r, ok := readers[name]; return r, ok },
	})
	ctx, cancel := context.WithCancel(ctx)
	var working sync.WaitGroup
	working.Go(func() {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			fmt.Fprintln(d.out, "the receiver has ended:", err)
		}
	})
	working.Go(func() { applier.Run(ctx, s, func(err error) { fmt.Fprintln(d.out, "the receiver:", err) }) })
	d.sandbox.SetCallbacks(callbacks(l.Addr()))
	return func() error {
		cancel()
		err := srv.Close()
		working.Wait()
		return errors.Join(err, s.Close())
	}, nil
}

// receiptsWithin is how long the last receipt may take to be counted. Where it takes
// longer the account says so.
const receiptsWithin = 30 * time.Second

// awaitReceipts waits until the sandbox has told all and it is counted.
func (d *demo) awaitReceipts(ctx context.Context, files []demoFile) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(receiptsWithin); time.Now().Before(end); {
		counted := 0
		for _, f := range files {
			st, err := d.desk.Status(ctx, f.file.ID)
			if err != nil {
				return err
			}
			if r := st.Receipts; r.Early == 0 && r.Awaiting == 0 && r.Sent == 0 {
				counted++
			}
		}
		if counted == len(files) && d.sandbox.Untold() == 0 {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// told is the highest status that the sandbox has told of each number of a campaign.
func (d *demo) told(f *campaign.File) map[string]sender.Status {
	words := map[string]sender.Status{"sent": sender.Sent, "delivered": sender.Delivered, "read": sender.Read, "failed": sender.Undelivered}
	best := map[string]sender.Status{}
	for _, one := range d.sandbox.Told() {
		if one.Provider == d.senders[f.Sender].Provider {
			best[one.Phone] = max(best[one.Phone], words[one.Status])
		}
	}
	return best
}

// tells says whether an account's receipts are these.
func tells(r *status.Receipts, funnel map[sender.Status]int) bool {
	return r.Awaiting == funnel[0] && r.Sent == funnel[sender.Sent] && r.Delivered == funnel[sender.Delivered] &&
		r.Read == funnel[sender.Read] && r.Undelivered == funnel[sender.Undelivered]
}
