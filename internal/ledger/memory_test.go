package ledger

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"sluice/internal/batch"
	"sluice/internal/keys"
	"sluice/internal/redistest"
	"sluice/internal/sender"
)

// realistic makes a batch of recipients with three short variables, as campaigns
// have them: a first name, a discount, a code of one's own.
func realistic(n int) *batch.Batch {
	names := []string{
		"Maria", "José", "Ana", "João", "Antônio", "Francisca", "Carlos", "Paulo", "Adriana", "Marcia", "Pedro",
		"Lucas", "Juliana", "Luiz", "Gabriel", "Rafael", "Fernanda", "Bruno", "Patricia", "Aline", "Sandra", "Camila",
	}
	rnd := rand.New(rand.NewPCG(1, uint64(n)))
	b := &batch.Batch{N: n, Digest: [16]byte{byte(n)}}
	for i := range batch.MaxRecipients {
		b.Recipients = append(b.Recipients, batch.Recipient{
			Row:   n*batch.MaxRecipients + i + 1,
			Phone: fmt.Sprintf("55%02d9%08d", 11+rnd.IntN(80), rnd.IntN(100_000_000)),
			Vars: []string{
				names[rnd.IntN(len(names))], fmt.Sprintf("%d%%", 5*rnd.IntN(10)), fmt.Sprintf("SPRING-%04X", rnd.IntN(1<<16)),
			},
		})
	}
	return b
}

// messageID makes an id of 27 characters that nothing can compress.
func messageID(rnd *rand.Rand) string {
	const digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	id := make([]byte, 27)
	for i := range id {
		id[i] = digits[rnd.IntN(len(digits))]
	}
	return string(id)
}

// TestMemoryPerRecipient holds the ledger to its budget in Redis, all keys of
// the campaign counted with what they cost beside their bytes.
func TestMemoryPerRecipient(t *testing.T) {
	t.Parallel()
	const batches, chunk = 10, 100
	d := &desk{rdb: redistest.New(t).Client(t), id: "spring-sale-br"}
	d.Ledger = New(d.rdb, func() time.Time { return noon })
	usage := func() float64 {
		t.Helper()
		total := int64(0)
		for _, key := range d.rdb.Keys(t.Context(), "sluice:*").Val() {
			n, err := d.rdb.MemoryUsage(t.Context(), key, 0).Result()
			if err != nil {
				t.Fatal(err)
			}
			total += n
		}
		return float64(total) / (batches * batch.MaxRecipients)
	}
	d.state(t, "running")
	for n := range batches {
		if _, err := d.Stage(t.Context(), d.id, realistic(n)); err != nil {
			t.Fatal(err)
		}
	}
	pending := usage()
	rnd := rand.New(rand.NewPCG(2, 2))
	for n := range batches {
		c := d.claim(t, n, "w", false)
		for i := 0; i < batch.MaxRecipients; i += chunk {
			var indexes []int
			var all []Settlement
			for k := range chunk {
				indexes = append(indexes, i+k)
				all = append(all, Settlement{
					Index: i + k, Outcome: sender.Accepted, MessageID: messageID(rnd),
					Time: noon.Add(time.Duration(10*i+rnd.IntN(500)) * time.Millisecond),
				})
			}
			begin(t, c, indexes...)
			settle(t, c, all...)
		}
		if err := c.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	d.rdb.Del(t.Context(), keys.Worker("w"))
	settled := usage() - pending
	t.Logf("%.1f bytes a pending recipient, %.1f beside that a settled one", pending, settled)
	if pending > 40 {
		t.Errorf("%.1f bytes a pending recipient, and 40 are allowed", pending)
	}
	if settled > 45 {
		t.Errorf("%.1f bytes a settled recipient, and 45 are allowed", settled)
	}
}

// TestCommandsPerRecipient counts commands, those inside scripts too.
func TestCommandsPerRecipient(t *testing.T) {
	t.Parallel()
	const size, chunk = batch.MaxRecipients, 200
	d := newDesk(t)
	d.stage(t, 0, size)
	d.rdb.ConfigResetStat(t.Context())
	c := d.claim(t, 0, "w", false)
	for i := 0; i < size; i += chunk {
		indexes := make([]int, chunk)
		for k := range indexes {
			indexes[k] = i + k
		}
		begin(t, c, indexes...)
		settle(t, c, accept(indexes...)...)
	}
	if err := c.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	stats := d.rdb.InfoMap(t.Context(), "commandstats").Item("Commandstats", "cmdstat_evalsha")
	t.Log(stats)
	calls := 0
	for name, line := range d.rdb.InfoMap(t.Context(), "commandstats").Val()["Commandstats"] {
		var n int
		if _, err := fmt.Sscanf(line, "calls=%d,", &n); err != nil {
			t.Fatal(name, line)
		}
		t.Log(name, n)
		calls += n
	}
	if perRecipient := float64(calls) / size; perRecipient > 0.07 {
		t.Errorf("%.3f commands a recipient, and the ledger's share of 0.1 is 0.07", perRecipient)
	}
}
