package batch

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"
)

// The rate of reading against that of encoding/csv on the same bytes, in turns,
// however the numbers are written.
func BenchmarkReader(b *testing.B) {
	const rows = 500_000
	for _, bb := range []struct{ name, country, form string }{
		{"full", "", "55119%08d"},
		{"full of the country", "BR", "55119%08d"},
		{"national", "BR", "119%08d"},
		{"national with its trunk", "ID", "0812%08d"},
		{"plus", "BR", "+55119%08d"},
		{"spelled", "BR", "+55 (11) 9%08d"},
	} {
		b.Run(bb.name, func(b *testing.B) {
			var list bytes.Buffer
			list.WriteString("phone,first_name,discount,code\n")
			for i := range rows {
				fmt.Fprintf(&list, bb.form+",Gabriela,25%%,c%06d\n", 10_000_000+i, i)
			}
			var plain, ours time.Duration
			for b.Loop() {
				began := time.Now()
				c := csv.NewReader(bytes.NewReader(list.Bytes()))
				c.ReuseRecord = true
				for {
					if _, err := c.Read(); errors.Is(err, io.EOF) {
						break
					} else if err != nil {
						b.Fatal(err)
					}
				}
				plain += time.Since(began)
				began = time.Now()
				r, err := NewReader(bytes.NewReader(list.Bytes()), Options{Phone: "phone", Columns: []Column{{Name: "first_name", Fold: true}, {Name: "discount", Fold: true}, {Name: "code", Fold: true}}, DefaultCountry: bb.country})
				if err != nil {
					b.Fatal(err)
				}
				n := 0
				for {
					batch, err := r.Next()
					if errors.Is(err, io.EOF) {
						break
					}
					if err != nil {
						b.Fatal(err)
					}
					n += len(batch.Recipients)
				}
				if n != rows {
					b.Fatalf("%d recipients", n)
				}
				ours += time.Since(began)
			}
			b.ReportMetric(float64(b.N)*rows/ours.Seconds(), "rows/s")
			b.ReportMetric(plain.Seconds()/ours.Seconds(), "of-encoding/csv")
		})
	}
}
