package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"sluice/internal/campaign"
	"sluice/internal/desk"
	"sluice/internal/ledger"
	"sluice/internal/progress"
	"sluice/internal/sender"
	"sluice/internal/status"
)

const whatNext = `
What to try next:
  go run ./cmd/demo my.csv       your own list, on the sandbox
  make test                      attack the promises
  README.md, "A real campaign"   your own account, step by step
`

// exportLines is how many lines of the export the demo shows.
const exportLines = 8

// watch shows a bar until every campaign is over.
func (d *demo) watch(ctx context.Context, files []demoFile) error {
	line := progress.New(d.out, os.Getenv)
	defer line.Done()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		rows, settled, over := 0, 0, 0
		var tally progress.Tally
		for _, f := range files {
			st, err := d.desk.Status(ctx, f.file.ID)
			if err != nil {
				return err
			}
			if st.State == string(campaign.Halted) {
				return fmt.Errorf("%s halted: %s", f.file.ID, st.Reason)
			}
			rows, settled = rows+st.Rows, settled+st.Rows-st.Pending
			tally.Accepted, tally.Rejected, tally.InDoubt = tally.Accepted+st.Accepted, tally.Rejected+st.Rejected, tally.InDoubt+st.InDoubt
			if st.Over() {
				over++
			}
		}
		line.Show(time.Now(), progress.Look{What: "sending", Part: float64(settled) / float64(max(1, rows)), Rows: settled, Of: rows, Tally: &tally})
		if over == len(files) {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// printAccount prints where every row is.
func printAccount(p *printer, st *status.Status) {
	p.printf("\n%s is %s: %d rows = %d accepted + %d rejected + %d in doubt + %d invalid + %d duplicate + %d pending\n",
		st.ID, st.State, st.Rows, st.Accepted, st.Rejected, st.InDoubt, st.Invalid, st.Duplicate, st.Pending)
	r := st.Receipts
	p.printf("  what receipts say of them: %d accepted = %d awaiting + %d sent + %d delivered + %d read + %d undelivered\n",
		st.Accepted, r.Awaiting, r.Sent, r.Delivered, r.Read, r.Undelivered)
	if proved := st.Codes[string(ledger.CodeReceipt)]; proved > 0 {
		p.printf("  %d of them were in doubt until a receipt proved that the provider had taken the message\n", proved)
	}
}

// compare compares the ledger with the sandbox's own log: whoever is accepted
// was taken under that message_id, nobody was taken twice, nobody was taken who is
// not accepted or in doubt, and the receipts are those that the sandbox sent.
func (d *demo) compare(ctx context.Context, f *campaign.File, st *status.Status, p *printer) (bool, error) {
	took := map[string]string{}
	twice := 0
	for _, e := range d.sandbox.Entries() {
		if e.Provider != d.senders[f.Sender].Provider || !e.Taken {
			continue
		}
		if took[e.Phone] != "" {
			twice++
		}
		took[e.Phone] = e.MessageID
	}
	matched := 0
	told := d.told(f)
	funnel := map[sender.Status]int{}
	err := d.ledger.Export(ctx, f.ID, func(r ledger.Row) error {
		switch r.State {
		case "accepted":
			if took[r.Phone] == r.MessageID {
				matched++
			}
			funnel[told[r.Phone]]++
			delete(took, r.Phone)
		case "in_doubt":
			delete(took, r.Phone)
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	unknown := len(took)
	ok := matched == st.Accepted && twice == 0 && unknown == 0 && st.Pending == 0 && tells(st.Receipts, funnel)
	p.printf("  the sandbox's own log: %d of %d accepted found with their message_id, %d taken twice, %d taken that nobody knows of",
		matched, st.Accepted, twice, unknown)
	if ok {
		p.printf(": it agrees with the ledger\n")
	} else {
		p.printf(": IT DOES NOT AGREE\n")
	}
	return ok, p.err
}

// firstLines prints the beginning of an export.
func (d *demo) firstLines(ctx context.Context, f *campaign.File, p *printer) error {
	e, err := d.desk.Export(ctx, desk.ExportOrder{ID: f.ID, Format: desk.CSV})
	if err != nil {
		return err
	}
	p.printf("\nThe first lines of its export (producer export %s):\n", f.ID)
	r, w := io.Pipe()
	go func() {
		err := e.Write(ctx, w)
		_ = w.CloseWithError(err) // never fails, by its contract
	}()
	s := bufio.NewScanner(r)
	for range exportLines {
		if !s.Scan() {
			break
		}
		p.printf("  %s\n", s.Text())
	}
	if err := s.Err(); err != nil {
		return err
	}
	return r.Close() // ends the export
}

// A printer keeps the first error of many writes.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}
