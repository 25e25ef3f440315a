package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"syscall"
	"time"
)

const (
	receiptRecipients  = 30_000
	receiptConnections = 128
	receiptSecret      = "a-secret-of-some-length"
)

// receipts measures what a receiver takes, and what it applies: a receipt of each
// kind for each recipient, one a request, 128 requests at once. The peer is a net/http
// server, a process of its own, that reads the body and answers as the receiver does.
func (b *bench) receipts(ctx context.Context, w io.Writer) error {
	fmt.Fprintf(w, "## Receipts\n\nThree receipts (sent, delivered, read) of each of %d recipients of nxcloud, one a request, %d requests at once, client,\n"+
		"server and Redis on the same cores. Alone: taken while Redis stands still, then applied from the spool, until the status counts the\n"+
		"last. At once: applied while they are taken. The bare server is a process of its own too, reads each body and answers the same\n"+
		"\"success\". %d runs each, in turn.\n\n"+
		"| receipts a second | bare net/http | durable | of bare | applied | of durable | bytes of Redis a recipient | receiver, MiB at most |\n|---|---|---|---|---|---|---|---|\n",
		receiptRecipients, receiptConnections, b.pairs)
	s, err := b.receiptsSite(ctx)
	if s != nil {
		defer s.close()
	}
	if err != nil {
		return err
	}
	bodies, err := s.receiptBodies(ctx)
	if err != nil {
		return err
	}
	var bare spread
	var alone, atOnce receiptsRuns
	for range b.pairs {
		x, err := b.receiptsBare(ctx, bodies)
		if err != nil {
			return err
		}
		bare = append(bare, x)
		for still, runs := range map[bool]*receiptsRuns{true: &alone, false: &atOnce} {
			r, err := s.receiptsOurs(ctx, bodies, still)
			if err != nil {
				return err
			}
			runs.add(r, x)
		}
	}
	fmt.Fprintf(w, "| alone | %s | %s |\n| at once | | %s |\n\n", bare.text("%.0f"), alone.text(), atOnce.text())
	return b.receiptsSending(ctx, w)
}

// A receiptsRun is what one run measured.
type receiptsRun struct{ answered, applied, memory, rss float64 }

// receiptsRuns are several.
type receiptsRuns struct{ answered, of, applied, ofAnswered, memory, rss spread }

func (rs *receiptsRuns) add(r receiptsRun, bare float64) {
	rs.answered, rs.of = append(rs.answered, r.answered), append(rs.of, r.answered/bare)
	rs.applied, rs.ofAnswered = append(rs.applied, r.applied), append(rs.ofAnswered, r.applied/r.answered)
	rs.memory, rs.rss = append(rs.memory, r.memory), append(rs.rss, r.rss)
}

func (rs *receiptsRuns) text() string {
	return strings.Join([]string{
		rs.answered.text("%.0f"), rs.of.text("%.2f"), rs.applied.text("%.0f"), rs.ofAnswered.text("%.2f"), rs.memory.text("%.1f"), rs.rss.text("%.0f"),
	}, " | ")
}

// receiptsSite is a site with a campaign that is sent.
func (b *bench) receiptsSite(ctx context.Context) (*site, error) {
	s, err := b.open(ctx, "in_flight: 256", "--count-only")
	if err != nil {
		return nil, err
	}
	if err := s.withReceipts("in_flight: 256"); err != nil {
		return s, err
	}
	if err := s.imported(ctx, "receipts", "nx", receiptRecipients); err != nil {
		return s, err
	}
	if err := s.worker(ctx); err != nil {
		return s, err
	}
	return s, s.awaitFinished(ctx, "receipts")
}

// withReceipts gives the senders a receiver.
func (s *site) withReceipts(limits string) error {
	return s.write("senders.yaml", strings.ReplaceAll(fmt.Sprintf(senders, s.sandbox, limits), "limits:", "receipts: {secret: "+receiptSecret+"}, limits:"))
}

// receiptsOurs sends the receipts to a receiver of its own: while Redis stands still,
// or as it is.
func (s *site) receiptsOurs(ctx context.Context, bodies [][]byte, still bool) (r receiptsRun, err error) {
	before, err := s.memory(ctx)
	if err != nil {
		return r, err
	}
	server := s.procs[0].Process // Redis
	if still {
		if err := server.Signal(syscall.SIGSTOP); err != nil {
			return r, fmt.Errorf("stopping redis-server: %w", err)
		}
		defer func() { _ = server.Signal(syscall.SIGCONT) }() // it goes on already
	}
	addr, stop, err := s.receiver(ctx)
	if err != nil {
		return r, err
	}
	pid := s.procs[len(s.procs)-1].Process.Pid
	defer stop()
	began := time.Now()
	took, err := postAll(ctx, "http://"+addr+"/r/nx/"+receiptSecret, bodies)
	if err != nil {
		return r, err
	}
	r.answered = float64(len(bodies)) / took.Seconds()
	if still {
		if err := server.Signal(syscall.SIGCONT); err != nil {
			return r, fmt.Errorf("having redis-server go on: %w", err)
		}
		began = time.Now()
	}
	if err := s.awaitRead(ctx); err != nil {
		return r, err
	}
	r.applied = float64(len(bodies)) / time.Since(began).Seconds()
	after, err := s.memory(ctx)
	if err != nil {
		return r, err
	}
	r.memory, r.rss = (after-before)/receiptRecipients, peakMiB(pid)
	stop()
	return r, s.forgetReceipts(ctx)
}

// forgetReceipts has a campaign have none any more.
func (s *site) forgetReceipts(ctx context.Context) error {
	names, err := s.redis.Keys(ctx, "sluice:{receipts}:receipts:*").Result()
	if err == nil {
		err = s.redis.Del(ctx, append(names, "sluice:{receipts}:funnel")...).Err()
	}
	if err != nil {
		return fmt.Errorf("taking receipts out of redis: %w", err)
	}
	return nil
}
