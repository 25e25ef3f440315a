package ratelimit

// A settings is the limits that hold for all workers: the newest that any knows.
type settings struct {
	Stamp    int64   `json:"stamp"`
	Messages float64 `json:"mps"`
	Requests float64 `json:"rps"`
	Day      int     `json:"day"`
	Burst    float64 `json:"burst"` // seconds
	Flight   int     `json:"flight"`
}

func settingsOf(lim Limits) settings {
	s := settings{
		Stamp: lim.Stamp, Messages: lim.MessagesPerSecond, Requests: lim.RequestsPerSecond,
		Day: lim.MessagesPerDay, Burst: lim.MaxBurst.Seconds(), Flight: lim.InFlight,
	}
	if s.Burst == 0 {
		s.Burst = 1
	}
	return s
}

// adopt has the newer of two settings hold, and says whether that are others now.
func (s *settings) adopt(mine settings, none bool) (changed bool) {
	if !none && mine.Stamp <= s.Stamp {
		return false
	}
	*s = mine
	return true
}

// conflicts says that a worker has other limits than those that hold.
func (s settings) conflicts(mine settings) bool {
	mine.Stamp = s.Stamp
	return s != mine
}
