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
	"sync"
	"sync/atomic"
	"time"
)

const (
	receiptRecipients  = 50_000
	receiptConnections = 128
	receiptSecret      = "a-secret-of-some-length"
)

// receipts measures what a receiver takes, and what it applies: a receipt of each
// kind for each of fifty thousand recipients, one a request, 128 requests at once.
// The peer is a net/http server that reads the body and answers 200.
func (b *bench) receipts(ctx context.Context, w io.Writer) error {
	fmt.Fprintf(w, "## Receipts\n\nThree receipts (sent, delivered, read) of each of %d recipients of nxcloud, one a request, %d requests at once, client and\n"+
		"server on the same cores. Applied is until the status counts the last. %d runs each, in turn.\n\n"+
		"| | bare net/http | durable in the receiver | of bare | applied | of durable | bytes of Redis a recipient | receiver, MiB at most |\n|---|---|---|---|---|---|---|---|\n",
		receiptRecipients, receiptConnections, b.pairs)
	var bare, durable, of, applied, ofDurable, memory, rss spread
	for range b.pairs {
		r, err := b.receiptsOurs(ctx)
		if err != nil {
			return err
		}
		x, err := b.receiptsBare(ctx, r.bodies)
		if err != nil {
			return err
		}
		bare, durable, of = append(bare, x), append(durable, r.answered), append(of, r.answered/x)
		applied, ofDurable = append(applied, r.applied), append(ofDurable, r.applied/r.answered)
		memory, rss = append(memory, r.memory), append(rss, r.rss)
	}
	fmt.Fprintf(w, "| receipts a second | %s | %s | %s | %s | %s | %s | %s |\n\n", bare.text("%.0f"), durable.text("%.0f"), of.text("%.2f"),
		applied.text("%.0f"), ofDurable.text("%.2f"), memory.text("%.1f"), rss.text("%.0f"))
	return nil
}

// A receiptsRun is what one run measured.
type receiptsRun struct {
	bodies                         [][]byte
	answered, applied, memory, rss float64
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

// receiptsOurs sends a campaign, and then the receipts of all of it to a receiver.
func (b *bench) receiptsOurs(ctx context.Context) (r receiptsRun, err error) {
	s, err := b.open(ctx, "in_flight: 256", "--count-only")
	if err != nil {
		return r, err
	}
	defer s.close()
	text := strings.Replace(fmt.Sprintf(senders, s.sandbox, "in_flight: 256"), "limits:", "receipts: {secret: "+receiptSecret+"}, limits:", 1)
	if err := s.write("senders.yaml", text); err != nil {
		return r, err
	}
	if err := s.imported(ctx, "receipts", "nx", receiptRecipients); err != nil {
		return r, err
	}
	if err := s.worker(ctx); err != nil {
		return r, err
	}
	if err := s.awaitFinished(ctx, "receipts"); err != nil {
		return r, err
	}
	if r.bodies, err = s.receiptBodies(ctx); err != nil {
		return r, err
	}
	addr, pid, err := s.receiver(ctx)
	if err != nil {
		return r, err
	}
	before, err := s.memory(ctx)
	if err != nil {
		return r, err
	}
	began := time.Now()
	took, err := postAll(ctx, "http://"+addr+"/r/nx/"+receiptSecret, r.bodies)
	if err != nil {
		return r, err
	}
	r.answered = float64(len(r.bodies)) / took.Seconds()
	if err := s.awaitRead(ctx); err != nil {
		return r, err
	}
	r.applied = float64(len(r.bodies)) / time.Since(began).Seconds()
	after, err := s.memory(ctx)
	r.memory, r.rss = (after-before)/receiptRecipients, peakMiB(pid)
	return r, err
}

// receiver starts a receiver and waits until it answers.
func (s *site) receiver(ctx context.Context) (addr string, pid int, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", 0, fmt.Errorf("finding a port: %w", err)
	}
	addr = l.Addr().String()
	if err := l.Close(); err != nil {
		return "", 0, err
	}
	if _, err := s.start(ctx, filepath.Join(s.b.dir, "receiver"), "--addr", addr, "--dir", filepath.Join(s.dir, "spool"), "--log-level", "error"); err != nil {
		return "", 0, err
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if c, err := new(net.Dialer).DialContext(ctx, "tcp", addr); err == nil {
			return addr, s.procs[len(s.procs)-1].Process.Pid, c.Close()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return "", 0, ctx.Err()
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
	}
}

// postAll posts each body, and says how long all took.
func postAll(ctx context.Context, url string, bodies [][]byte) (time.Duration, error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: receiptConnections, DisableCompression: true}, Timeout: 15 * time.Second}
	defer client.CloseIdleConnections()
	var next atomic.Int64
	var wg sync.WaitGroup
	errs := make(chan error, receiptConnections)
	began := time.Now()
	for range receiptConnections {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(bodies)); i = next.Add(1) - 1 {
				if err := postOne(ctx, client, url, bodies[i]); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	took := time.Since(began)
	select {
	case err := <-errs:
		return took, fmt.Errorf("posting receipts: %w", err)
	default:
		return took, nil
	}
}

func postOne(ctx context.Context, client *http.Client, url string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("answered %s", resp.Status)
	}
	return nil
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
