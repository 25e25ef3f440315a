package e2e

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/internal/sandbox"
)

// Whoever can reach the receiver sends what is too long, too deep, without an end or
// in the smallest pieces, and guesses secrets: it goes on, keeps no such connection,
// has nothing of it in its log, and takes true callbacks meanwhile. Another receiver in
// its folder is refused.
func TestReceiverAmongEnemies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	addr := w.receiving(sandbox.Callbacks{}, "")
	w.callbacks(sandbox.Callbacks{}) // the sandbox itself sends none
	w.sentBefore("nx", 10)
	receiver := w.receiver(addr)
	rows := w.export("nx")
	good := "/r/promo-br/" + receiptSecret

	const guess = "a-secret-that-is-guessed"
	var slow []net.Conn
	for i := range 300 {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		begins := []string{"P", "POST " + good + " HTTP/1.1\r\nHost: x\r\nX-A", "POST /r/promo-br/" + guess + " HTTP/1.1\r\n"}[i%3]
		if _, err := io.WriteString(c, begins); err != nil {
			t.Fatal(err)
		}
		slow = append(slow, c)
	}
	post := func(path string, body io.Reader) int {
		t.Helper()
		resp, err := http.Post("http://"+addr+path, "application/json", body)
		if err != nil {
			return 0 // closed while it was being written to
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	long := strings.Repeat("x", 10<<20)
	deep := strings.Repeat(`{"statuses":[`, 1<<20/13)
	for name, tt := range map[string]struct {
		path string
		body io.Reader
		want int
	}{
		"ten MB":                    {good, strings.NewReader(long), 413},
		"ten MB, length not said":   {good, io.MultiReader(strings.NewReader(long)), 413},
		"deep":                      {good, strings.NewReader(deep), 200},
		"deep numbers":              {good, strings.NewReader(`{"statuses":[{"id":` + strings.Repeat("[", 900_000)), 200},
		"a guess":                   {"/r/promo-br/" + guess, strings.NewReader("{}"), 404},
		"a guess with ten MB":       {"/r/promo-br/" + guess, strings.NewReader(long), 404},
		"a path without an end":     {"/r/promo-br/" + strings.Repeat("x", 60_000), strings.NewReader("{}"), 404},
		"a path that climbs":        {"/r/promo-br/../promo-br/" + guess, strings.NewReader("{}"), 404},
		"somebody who is not there": {"/r/%00/" + receiptSecret, strings.NewReader("{}"), 404},
	} {
		if got := post(tt.path, tt.body); got != tt.want && (got != 0 || tt.want == 200) {
			t.Errorf("%s: %d, want %d", name, got, tt.want)
		}
	}
	body := fmt.Sprintf(`{"statuses":[{"id":%q,"status":"read","timestamp":"1790000000","recipient_id":%q}]}`, rows[0].MessageID, rows[0].Phone)
	if got := post(good, strings.NewReader(body)); got != 200 {
		t.Errorf("a true callback: %d", got)
	}
	w.awaitAccount("nx", "read", time.Minute, func(a account) bool { return a.Receipts.Read == 1 })

	another := w.start("receiver", "--addr", "127.0.0.1:0", "--dir", filepath.Join(w.dir, "spool"))
	<-another.done
	if another.err == nil || !strings.Contains(w.logs.String(), "another process has it open") {
		t.Errorf("another receiver in the same folder: %v", another.err)
	}

	for i, c := range slow {
		if err := c.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("connection %d is not closed", i)
		}
	}
	select {
	case <-receiver.done:
		t.Errorf("it has ended: %v", receiver.err)
	default:
	}
	for _, word := range []string{receiptSecret, guess, rows[0].Phone} {
		if strings.Contains(w.logs.String(), word) {
			t.Errorf("%s is in a log", word)
		}
	}
}
