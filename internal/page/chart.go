package page

import (
	"fmt"
	"math"
	"strings"
	"time"

	"sluice/internal/series"
)

// A chart is how something went over time, as shapes of a picture and as numbers.
type chart struct {
	Name     string
	Areas    []shape // one on the other
	Line     string  // the limit
	Top      int     // what the upper edge stands for
	From, To time.Time
	Columns  []string // keys of the numbers' names
	Rows     []chartRow
}

// A shape is a polygon's points, and the key of what it is.
type shape struct{ Name, Key, Points string }

// A chartRow is the numbers at one moment.
type chartRow struct {
	At time.Time
	N  []int
}

// A picture is so wide and high; it is stretched to its place.
const (
	plotWidth  = 1000
	plotHeight = 200
	// mostRows is how many moments stand in numbers.
	mostRows = 12
)

// chartsOf are the charts of a campaign; none where there is nothing to draw yet.
func chartsOf(all []series.Point) []chart {
	if len(all) < 2 {
		return nil
	}
	charts := []chart{
		paceChart(all),
		stacked("outcomes", all, []string{"accepted", "rejected", "in_doubt"}, func(p series.Point) []int { return []int{p.Accepted, p.Rejected, p.InDoubt} }),
	}
	last := all[len(all)-1]
	if last.Delivered+last.Read+last.Undelivered > 0 {
		charts = append(charts, stacked("receipts", all, []string{"read", "delivered", "undelivered"}, func(p series.Point) []int {
			return []int{p.Read, p.Delivered, p.Undelivered}
		}))
	}
	return charts
}

// places are where the moments are, from left to right.
func places(all []series.Point) []float64 {
	x := make([]float64, len(all))
	span := all[len(all)-1].At.Sub(all[0].At).Seconds()
	for i, p := range all {
		x[i] = plotWidth * p.At.Sub(all[0].At).Seconds() / max(1, span)
	}
	return x
}

func newChart(name string, all []series.Point) chart {
	return chart{Name: name, From: all[0].At, To: all[len(all)-1].At}
}

// paceChart is submissions a second, below the limit. Between two moments it is level:
// nobody knows more.
func paceChart(all []series.Point) chart {
	c, x := newChart("pace", all), places(all)
	c.Columns = []string{"chart.submissions", "pace.limit"}
	rates, top := make([]float64, len(all)), 1.0
	for i := 1; i < len(all); i++ {
		done := func(p series.Point) int { return p.Accepted + p.Rejected + p.InDoubt }
		// Who is settled or sent again was submitted before: a rate is never below none.
		rates[i] = max(0, float64(done(all[i])-done(all[i-1]))/max(1, all[i].At.Sub(all[i-1].At).Seconds()))
		top = max(top, rates[i], all[i].Limit)
	}
	top = nice(top)
	y := func(v float64) float64 { return plotHeight * (1 - v/top) }
	var area, line strings.Builder
	fmt.Fprintf(&area, "0,%d", plotHeight)
	limited := false
	for i := 1; i < len(all); i++ {
		fmt.Fprintf(&area, " %.1f,%.1f %.1f,%.1f", x[i-1], y(rates[i]), x[i], y(rates[i]))
		fmt.Fprintf(&line, "%.1f,%.1f %.1f,%.1f ", x[i-1], y(all[i].Limit), x[i], y(all[i].Limit))
		limited = limited || all[i].Limit > 0
	}
	fmt.Fprintf(&area, " %d,%d", plotWidth, plotHeight)
	c.Areas, c.Top = []shape{{"accepted", "chart.submissions", area.String()}}, int(top)
	if limited {
		c.Line = strings.TrimSpace(line.String())
	}
	c.numbers(all, func(i int) []int { return []int{int(rates[i] + 0.5), int(all[i].Limit + 0.5)} })
	return c
}

// stacked is counts one on the other.
func stacked(name string, all []series.Point, names []string, of func(series.Point) []int) chart {
	c, x := newChart(name, all), places(all)
	sums, most := make([][]float64, len(all)), 1.0
	for i, p := range all {
		sums[i] = make([]float64, len(names)+1)
		for k, n := range of(p) {
			sums[i][k+1] = sums[i][k] + float64(n)
		}
		most = max(most, sums[i][len(names)])
	}
	top := nice(most)
	for k, part := range names {
		var b strings.Builder
		for i := range all {
			fmt.Fprintf(&b, "%.1f,%.1f ", x[i], plotHeight*(1-sums[i][k+1]/top))
		}
		for i := len(all) - 1; i >= 0; i-- {
			fmt.Fprintf(&b, "%.1f,%.1f ", x[i], plotHeight*(1-sums[i][k]/top))
		}
		c.Areas = append(c.Areas, shape{part, "row." + part, strings.TrimSpace(b.String())})
		c.Columns = append(c.Columns, "row."+part)
	}
	c.Top = int(top)
	c.numbers(all, func(i int) []int { return of(all[i]) })
	return c
}

// numbers are those of some moments, evenly, the last one first.
func (c *chart) numbers(all []series.Point, at func(int) []int) {
	step := max(1, (len(all)+mostRows-1)/mostRows)
	for i := len(all) - 1; i > 0; i -= step {
		c.Rows = append(c.Rows, chartRow{At: all[i].At, N: at(i)})
	}
}

// nice is the next number above that is easily read: 1, 2, 2.5 or 5 and zeros.
func nice(v float64) float64 {
	ten := math.Pow(10, math.Floor(math.Log10(v)))
	for _, step := range []float64{1, 2, 2.5, 5, 10} {
		if n := step * ten; n >= v && n == math.Trunc(n) {
			return n
		}
	}
	return v
}
