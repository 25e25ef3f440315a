package phone

import (
	"fmt"
	"testing"
)

// A number costs some tens of nanoseconds, however it is written.
func BenchmarkRead(b *testing.B) {
	for _, bb := range []struct{ name, country, form string }{
		{"full", "", "55119%08d"},
		{"full of a default country", "BR", "55119%08d"},
		{"national", "ID", "0812%08d"},
		{"national, area alone", "BR", "119%08d"},
		{"national of Argentina", "AR", "1145%06d"},
		{"plus", "BR", "+55119%08d"},
		{"spelled", "BR", "+55 (11) 9%04d-4321"},
	} {
		b.Run(bb.name, func(b *testing.B) {
			r, err := NewReader(Options{Country: bb.country})
			if err != nil {
				b.Fatal(err)
			}
			cells := make([][]byte, 1000)
			for i := range cells {
				cells[i] = fmt.Appendf(nil, bb.form, i)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := r.Read(cells[i%len(cells)]); err != nil && i == 0 {
					b.Log(err)
				}
			}
		})
	}
}
