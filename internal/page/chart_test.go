package page

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sluice/internal/series"
)

// A chart's shapes stay in its picture, and its numbers are those of the points.
func TestCharts(t *testing.T) {
	t.Parallel()
	began := time.Unix(1_700_000_000, 0).UTC()
	if chartsOf(nil) != nil || chartsOf([]series.Point{{At: began}}) != nil {
		t.Error("one moment is no chart")
	}
	var all []series.Point
	for i := range 100 {
		all = append(all, series.Point{At: began.Add(time.Duration(10*i) * time.Second), Accepted: 400 * i, Rejected: i, InDoubt: i % 2, Limit: 50})
	}
	charts := chartsOf(all)
	if len(charts) != 2 {
		t.Fatalf("%d charts without a receipt", len(charts))
	}
	all[99].Read = 7
	if charts = chartsOf(all); len(charts) != 3 {
		t.Fatalf("%d charts", len(charts))
	}
	for _, c := range charts {
		shapes := append([]shape{{"limit", "", c.Line}}, c.Areas...)
		for _, s := range shapes {
			for _, point := range strings.Fields(s.Points) {
				var x, y float64
				if _, err := fmt.Sscanf(point, "%f,%f", &x, &y); err != nil || x < 0 || x > plotWidth || y < 0 || y > plotHeight {
					t.Fatalf("%s, %s: %q, %v", c.Name, s.Name, point, err)
				}
			}
		}
		if len(c.Rows) == 0 || len(c.Rows) > mostRows || !c.Rows[0].At.Equal(all[99].At) || len(c.Rows[0].N) != len(c.Columns) {
			t.Errorf("%s: %+v", c.Name, c.Rows)
		}
	}
	if got := charts[0].Rows[0].N; charts[0].Top != 50 || got[0] != 40 || got[1] != 50 {
		t.Errorf("%d %v", charts[0].Top, got)
	}
	if got := fmt.Sprint(charts[1].Rows[0].N); charts[1].Top != 50_000 || got != "[39600 99 1]" {
		t.Errorf("%d %s", charts[1].Top, got)
	}
	for v, want := range map[float64]float64{1: 1, 1.2: 2, 3: 5, 40: 50, 51: 100, 240: 250, 99_999: 100_000} {
		if got := nice(v); got != want {
			t.Errorf("%g is shown up to %g, want %g", v, got, want)
		}
	}
}
