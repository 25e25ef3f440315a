package ratelimit

import (
	"testing"

	"sluice/internal/redistest"
)

// The day is the smaller of a sender's own limit and of what is told.
func TestDayThatIsTold(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ own, told, want int }{{0, 0, 0}, {0, 250, 250}, {1000, 0, 1000}, {1000, 250, 250}, {100, 250, 100}} {
		h := head{settings: settings{Day: tt.own}, Told: tt.told}
		if got := h.dayLimit(); got != tt.want {
			t.Errorf("own %d, told %d: %d", tt.own, tt.told, got)
		}
	}
	rdb := redistest.New(t).Client(t)
	for _, limit := range []int{250, 250, 2000, 0} {
		if err := TellDay(t.Context(), rdb, "promo", limit); err != nil {
			t.Fatal(err)
		}
		if st, err := ReadState(t.Context(), rdb, "promo"); err != nil || st.Told != limit {
			t.Errorf("told %d: %+v %v", limit, st, err)
		}
	}
}
