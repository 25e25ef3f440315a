package spool

import (
	"bytes"
	"testing"
)

// BenchmarkAppend keeps bodies of 616 bytes, from 128 goroutines at once.
func BenchmarkAppend(b *testing.B) {
	s := open(b, b.TempDir(), Options{})
	r := &Record{Sender: "promo-br", Body: bytes.Repeat([]byte("x"), 616)}
	b.SetParallelism(64)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if err := s.Append(r); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
}
