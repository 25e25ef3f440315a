package estimate

import "math"

// share shares the sender's pace among the campaigns that may go now: by weight,
// none above its own rate, and what one leaves goes to the others.
func (r *run) share() {
	var able []*sending
	for _, c := range r.all {
		if c.rate = 0; c.goes(r) {
			able = append(able, c)
		}
	}
	room := r.sender.Messages
	if room == 0 {
		room = math.Inf(1)
	}
	fill(able, room)
	if r.sender.Requests == 0 {
		return
	}
	// The same for requests, which some fill with more messages than others.
	requests := 0.0
	for _, c := range able {
		if math.IsInf(c.rate, 1) {
			c.rate = r.sender.Requests * c.perRequest()
		}
		requests += c.rate / c.perRequest()
	}
	if requests > r.sender.Requests {
		for _, c := range able {
			c.rate *= r.sender.Requests / requests
		}
	}
}

// goes says whether anybody of the campaign may be sent to now.
func (c *sending) goes(r *run) bool {
	if c.Start.After(r.now) {
		return false
	}
	for _, p := range c.parts {
		if p.open {
			return true
		}
	}
	return false
}

func (c *sending) perRequest() float64 { return max(1, c.PerRequest) }

// fill gives each its share of room.
func fill(able []*sending, room float64) {
	for len(able) > 0 {
		weights := 0
		for _, c := range able {
			weights += c.Weight
		}
		// Those whose own rate is below their share get that, and leave the rest.
		var others []*sending
		given := 0.0
		for _, c := range able {
			if part := room * float64(c.Weight) / float64(weights); c.Rate > 0 && c.Rate <= part {
				c.rate = c.Rate
				given += c.Rate
			} else {
				c.rate = part
				others = append(others, c)
			}
		}
		if len(others) == len(able) {
			return
		}
		able, room = others, room-given
	}
}
