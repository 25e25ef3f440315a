package doctor

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"sluice/internal/accounts"
	"sluice/internal/config"
	"sluice/internal/spool"
)

// receipts asks the receiver by the address that the provider has, as consoles do.
func (e *examination) receipts(ctx context.Context, s config.Sender) {
	const check = "receipts.reach"
	secret, err := accounts.ReceiptsSecret(s)
	if err != nil {
		e.fail("senders.file", s.Name, err.Error(), "mend the file; docs/files.md has every key")
		return
	}
	if secret == "" {
		e.warn("receipts.secret", s.Name, "there are no receipts: nobody learns who was delivered to", "give it receipts: {secret: ...}, and start `receiver`")
		return
	}
	if e.ReceiptsURL == "" {
		return
	}
	short, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	began := time.Now()
	resp, err := e.ask(short, strings.TrimSuffix(e.ReceiptsURL, "/")+"/r/"+s.Name+"/"+url.PathEscape(string(secret)))
	if err != nil {
		text, remedy := unreachable(err)
		e.fail(check, s.Name, "the receiver: "+text, remedy)
		return
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
		e.ok(check, s.Name, fmt.Sprintf("the receiver answers in %s", time.Since(began).Round(time.Millisecond)))
	case http.StatusNotFound:
		e.fail(check, s.Name, "the receiver does not know this sender, or this secret", "give the receiver this senders file, then `kill -HUP` it; see that --receipts-url leads to it")
	default:
		e.fail(check, s.Name, fmt.Sprintf("the receiver's address answers %d", resp.StatusCode), "see what stands before the receiver")
	}
}

// What of a receiver's disk may be used, and how old what waits may be.
const (
	fullDisk = 0.95
	muchDisk = 0.85
	oldSpool = time.Minute
)

// spool looks at the receiver's folder.
func (e *examination) spool() {
	const check = "spool"
	if e.Spool == "" {
		return
	}
	f, err := os.CreateTemp(e.Spool, ".doctor-*")
	if err == nil {
		_, err = f.WriteString("x")
		if closed := f.Close(); err == nil {
			err = closed
		}
		if gone := os.Remove(f.Name()); err == nil {
			err = gone
		}
	}
	if err != nil {
		e.fail(check, e.Spool, "it cannot be written to: "+err.Error(), "make it the folder of whoever runs the receiver, on a disk with room")
		return
	}
	l, err := spool.LookAt(e.Spool)
	if err != nil {
		e.fail(check, e.Spool, err.Error(), "see what is in there: the receiver alone writes to it")
		return
	}
	e.looked(l)
}

// looked judges what is in the receiver's folder.
func (e *examination) looked(l spool.Look) {
	const check = "spool"
	text := fmt.Sprintf("%.0f MB wait, and %.0f %% of the disk are in use", float64(l.Waiting)/1e6, 100*l.Used)
	age := time.Duration(0)
	if !l.Oldest.IsZero() {
		age = e.Now().Sub(l.Oldest)
	}
	switch {
	case l.Used > fullDisk:
		e.fail(check, e.Spool, text+": callbacks are refused", "give the disk room; --keep-raw says how long callbacks are kept")
	case age > oldSpool:
		e.warn(check, e.Spool, fmt.Sprintf("%s; the oldest for %s", text, age.Round(time.Second)), "see that the receiver runs, its log, and Redis")
	case l.Used > muchDisk:
		e.warn(check, e.Spool, text, "give the disk room; --keep-raw says how long callbacks are kept")
	default:
		e.ok(check, e.Spool, text)
	}
}
