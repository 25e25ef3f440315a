package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
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
// server that reads the body and answers 200.
func (b *bench) receipts(ctx context.Context, w io.Writer) error {
	fmt.Fprintf(w, "## Receipts\n\nThree receipts (sent, delivered, read) of each of %d recipients of nxcloud, one a request, %d requests at once, client,\n"+
		"server and Redis on the same cores. Alone: taken while Redis stands still, then applied from the spool, until the status counts the\n"+
		"last. At once: applied while they are taken. %d runs each, in turn.\n\n"+
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

// receiptsBare posts bodies to a server that only reads them.
func (b *bench) receiptsBare(ctx context.Context, bodies [][]byte) (float64, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("finding a port: %w", err)
	}
	srv := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
	})}
	go func() { _ = srv.Serve(l) }() // it is closed
	defer srv.Close()
	took, err := postAll(ctx, "http://"+l.Addr().String()+"/", bodies)
	return float64(len(bodies)) / took.Seconds(), err
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
	// A template that the sandbox has, for it looks at each message.
	const message = `{type: template, template: {name: order_update, language: en_US, body: ["{{first_name}}"]}}`
	if err := s.write("receipts.yaml", "id: receipts\nsender: nx\nmessage: "+message+"\nrecipients: {file: list.csv}\n"); err != nil {
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

// receiver starts a receiver with a folder of its own and waits until it answers. Stop
// ends it.
func (s *site) receiver(ctx context.Context) (addr string, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("finding a port: %w", err)
	}
	addr = l.Addr().String()
	if err := l.Close(); err != nil {
		return "", nil, err
	}
	dir, err := os.MkdirTemp(s.dir, "spool-*")
	if err != nil {
		return "", nil, fmt.Errorf("making a folder: %w", err)
	}
	if _, err := s.start(ctx, filepath.Join(s.b.dir, "receiver"), "--addr", addr, "--dir", dir, "--log-level", "error"); err != nil {
		return "", nil, err
	}
	p := s.procs[len(s.procs)-1]
	stop = func() {
		if p.Process.Kill() == nil {
			_ = p.Wait() // it was killed
		}
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if c, err := new(net.Dialer).DialContext(ctx, "tcp", addr); err == nil {
			return addr, stop, c.Close()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return "", nil, ctx.Err()
		}
	}
}

// receiptBodies are the receipts of all that was accepted, in the order of time.
func (s *site) receiptBodies(ctx context.Context) ([][]byte, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(s.b.dir, "producer"), "export", "receipts")
	cmd.Dir, cmd.Env = s.dir, s.env()
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("producer export: %w", err)
	}
	rows, err := csv.NewReader(bytes.NewReader(out)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("reading the export: %w", err)
	}
	var bodies [][]byte
	for k, status := range []string{"sent", "delivered", "read"} {
		for _, row := range rows[1:] {
			bodies = append(bodies, fmt.Appendf(nil, `{"business_phone":"8615800001795","messaging_product":"whatsapp","statuses":[{"id":%q,"status":%q,"timestamp":"%d",`+
				`"recipient_id":%q,"conversation":{"id":"c9a1e8b7d6f5","expiration_timestamp":"1790000000","origin":{"type":"marketing"}}}]}`,
				row[3], status, time.Now().Unix()+int64(k), row[1]))
		}
	}
	return bodies, nil
}

// awaitRead waits until the status counts all as read.
func (s *site) awaitRead(ctx context.Context) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		cmd := exec.CommandContext(ctx, filepath.Join(s.b.dir, "producer"), "status", "receipts", "--json")
		cmd.Dir, cmd.Env = s.dir, s.env()
		out, err := cmd.Output()
		if err != nil {
			return fmt.Errorf("producer status: %w", err)
		}
		var st struct {
			Receipts struct{ Read int } `json:"receipts"`
		}
		if err := json.Unmarshal(out, &st); err != nil {
			return fmt.Errorf("reading the status: %w", err)
		}
		if st.Receipts.Read == receiptRecipients {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// peakMiB is the most memory that a process has had; 0 where the system does not say.
func peakMiB(pid int) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(text), "VmHWM:")
	var kib float64
	if _, err := fmt.Sscan(after, &kib); err != nil {
		return 0
	}
	return kib / 1024
}
