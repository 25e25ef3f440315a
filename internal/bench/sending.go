package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
)

const (
	sendingPace       = 1000
	sendingRecipients = 10_000
)

// receiptsSending measures what sending keeps of its speed while receipts come.
func (b *bench) receiptsSending(ctx context.Context, w io.Writer) error {
	fmt.Fprintf(w, "Sending %d recipients at %d a second by nxcloud, and the same while three receipts of each come and are applied, all on the same\ncores. %d runs each, in turn.\n\n"+
		"| messages a second without receipts | with | of without |\n|---|---|---|\n", sendingRecipients, sendingPace, b.pairs)
	var without, with, of spread
	for range b.pairs {
		x, err := b.sendingSpeed(ctx, false)
		if err != nil {
			return err
		}
		y, err := b.sendingSpeed(ctx, true)
		if err != nil {
			return err
		}
		without, with, of = append(without, x), append(with, y), append(of, y/x)
	}
	fmt.Fprintf(w, "| %s | %s | %s |\n\n", without.text("%.0f"), with.text("%.0f"), of.text("%.2f"))
	return nil
}

// sendingSpeed is how many messages a second are sent.
func (b *bench) sendingSpeed(ctx context.Context, receipts bool) (float64, error) {
	limits := fmt.Sprintf("in_flight: 256, messages_per_second: %d", sendingPace)
	s, err := b.open(ctx, limits)
	if err != nil {
		return 0, err
	}
	defer s.close()
	if err := s.withReceipts(limits); err != nil {
		return 0, err
	}
	if receipts {
		addr, stop, err := s.receiver(ctx)
		if err != nil {
			return 0, err
		}
		defer stop()
		body := fmt.Appendf(nil, `{"nxcloud":"http://%s/r/nx/%s","delay":100000000,"step":1000000000,"read":1,"together":1}`, addr, receiptSecret)
		if err := postOne(ctx, http.DefaultClient, s.sandbox+"/_sandbox/callbacks", body); err != nil {
			return 0, err
		}
	}
	if err := s.list(sendingRecipients); err != nil {
		return 0, err
	}
	if err := s.checked("receipts"); err != nil {
		return 0, err
	}
	if _, _, err := s.producer(ctx, "send", "receipts.yaml", "--no-preflight"); err != nil {
		return 0, err
	}
	if err := s.worker(ctx); err != nil {
		return 0, err
	}
	if err := s.awaitFinished(ctx, "receipts"); err != nil {
		return 0, err
	}
	r, err := s.report(ctx)
	return float64(r.Messages) / (float64(r.LastUS-r.FirstUS) / 1e6), err
}
