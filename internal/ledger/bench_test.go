package ledger

import (
	"math/rand/v2"
	"testing"
	"time"

	"sluice/internal/batch"
	"sluice/internal/keys"
	"sluice/internal/redistest"
	"sluice/internal/sender"
)

// perRecipient reports the time for one recipient of a batch of 1000.
func perRecipient(b *testing.B) {
	b.Helper()
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/batch.MaxRecipients, "ns/recipient")
}

func BenchmarkEncode(b *testing.B) {
	z, batch := newZip(), realistic(0)
	packed, _, err := z.batch(batch)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, _, err := z.batch(batch); err != nil {
			b.Fatal(err)
		}
	}
	perRecipient(b)
	b.ReportMetric(float64(len(packed))/float64(len(batch.Recipients)), "bytes/recipient")
}

func BenchmarkDecode(b *testing.B) {
	z := newZip()
	packed, _, err := z.batch(realistic(0))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		raw, err := z.unpack(kindRecipients, string(packed))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := decodeRecipients(raw); err != nil {
			b.Fatal(err)
		}
	}
	perRecipient(b)
}

// journal is that of a batch sent in chunks, all accepted.
func journal(chunk int) string {
	rnd := rand.New(rand.NewPCG(1, 1))
	var text []byte
	for i := 0; i < batch.MaxRecipients; i += chunk {
		places := make([]place, chunk)
		all := make([]outcome, chunk)
		for k := range places {
			places[k] = place{i + k, 1}
			all[k] = outcome{places[k], ending{outcome: sender.Accepted}, "", messageID(rnd), at(10*i + rnd.IntN(50))}
		}
		text = appendIntent(text, 1, false, places)
		text = appendOutcomes(text, all)
	}
	return string(text)
}

func BenchmarkFold(b *testing.B) {
	text, f := journal(100), NewFold(0)
	for b.Loop() {
		f.Reset(batch.MaxRecipients)
		f.SetEpoch(1)
		if err := f.Add(0, text); err != nil {
			b.Fatal(err)
		}
		if f.Counts().Accepted != batch.MaxRecipients {
			b.Fatal("not all are accepted")
		}
	}
	perRecipient(b)
}

// BenchmarkSend is the ledger's whole share of a batch in flight: claim, begin,
// settle, release, in chunks of 200.
func BenchmarkSend(b *testing.B) {
	const chunk = 200
	d := &desk{rdb: redistest.New(b).Client(b), id: "c"}
	d.Ledger = New(d.rdb, time.Now)
	d.state(b, "running")
	rnd := rand.New(rand.NewPCG(1, 1))
	n := 0
	for b.Loop() {
		b.StopTimer()
		if _, err := d.Stage(b.Context(), d.id, realistic(n)); err != nil {
			b.Fatal(err)
		}
		ids := make([]Settlement, batch.MaxRecipients)
		indexes := make([]int, batch.MaxRecipients)
		for i := range ids {
			indexes[i] = i
			ids[i] = Settlement{Index: i, Outcome: sender.Accepted, MessageID: messageID(rnd), Time: noon}
		}
		b.StartTimer()
		c := d.claim(b, n, "w", false)
		for i := 0; i < batch.MaxRecipients; i += chunk {
			begin(b, c, indexes[i:i+chunk]...)
			settle(b, c, ids[i:i+chunk]...)
		}
		if err := c.Release(b.Context()); err != nil {
			b.Fatal(err)
		}
		n++
	}
	perRecipient(b)
}

func BenchmarkExport(b *testing.B) {
	const batches = 100
	d := &desk{rdb: redistest.New(b).Client(b), id: "c"}
	d.Ledger = New(d.rdb, time.Now)
	text := journal(100)
	for n := range batches {
		if _, err := d.Stage(b.Context(), d.id, realistic(n)); err != nil {
			b.Fatal(err)
		}
		d.rdb.Set(b.Context(), keys.Journal(d.id, n), text, 0)
	}
	for b.Loop() {
		rows := 0
		if err := d.Export(b.Context(), d.id, func(Row) error { rows++; return nil }); err != nil || rows != batches*batch.MaxRecipients {
			b.Fatal(rows, err)
		}
	}
	b.ReportMetric(float64(batches*batch.MaxRecipients*b.N)/b.Elapsed().Seconds()/1e6, "Mrows/s")
}
