package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// receiver starts a receiver with a folder of its own and waits until it answers. Stop
// ends it.
func (s *site) receiver(ctx context.Context) (addr string, stop func(), err error) {
	if addr, err = freeAddr(); err != nil {
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
	return addr, stop, awaitListening(ctx, addr)
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
