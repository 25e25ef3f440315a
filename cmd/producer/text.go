package main

import "time"

// atText is a time as a person reads it: in the zone of this machine, which it
// names.
func atText(t time.Time) string {
	t = t.Local()
	if name, _ := t.Zone(); name != "" && name[0] != '-' && name[0] != '+' {
		return t.Format("2006-01-02 15:04:05 -07:00 MST")
	}
	return t.Format("2006-01-02 15:04:05 -07:00") // a zone without a name of its own
}
