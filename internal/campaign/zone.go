package campaign

import (
	"slices"
	"time"

	"github.com/nyaruka/phonenumbers"
)

// ZoneOf is the time zone of a number, from its country or region. Where there
// are several, as for the mobiles of a large country, it is the one in the middle;
// UTC where none is known.
func ZoneOf(phone string, now time.Time) *time.Location {
	names, err := phonenumbers.GetTimezonesForPrefix("+" + phone)
	if err != nil {
		return time.UTC
	}
	var zones []*time.Location
	for _, name := range names {
		if zone, err := time.LoadLocation(name); err == nil {
			zones = append(zones, zone)
		}
	}
	if len(zones) == 0 {
		return time.UTC
	}
	slices.SortStableFunc(zones, func(a, b *time.Location) int {
		_, x := now.In(a).Zone()
		_, y := now.In(b).Zone()
		return x - y
	})
	return zones[len(zones)/2]
}
