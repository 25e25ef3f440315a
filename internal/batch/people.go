package batch

import "sluice/internal/phone"

// People are the recipients by where they are and how their numbers were read.
type People struct {
	Countries map[string]int // recipients by country, two letters
	Plus      int            // recipients whose number is behind + or 00, or of a link
	National  int            // recipients whose number was read as one of the default country
	Full      int            // likewise, as one with its country's code
	// Ambiguous is how many rows have a number of two valid readings, and Read how
	// they were read: phone.Mixed is not at all, which made them invalid.
	Ambiguous int
	Read      phone.Numbers
}

// People are those of all batches up to now, before the suppression list was asked.
func (r *Reader) People() People {
	p := r.people
	p.Countries = make(map[string]int, len(r.countries))
	for country, n := range r.countries {
		p.Countries[country] = *n
	}
	p.Read = r.rows.phone.Decide()
	return p
}

// meet counts a recipient.
func (r *Reader) meet(f *found) {
	if f.country != r.country || r.here == nil {
		if r.here = r.countries[f.country]; r.here == nil {
			r.here = new(int)
			r.countries[f.country] = r.here
		}
		r.country = f.country
	}
	*r.here++
	switch f.read {
	case phone.ReadNational:
		r.people.National++
	case phone.ReadFull:
		r.people.Full++
	case phone.ReadPlus:
		r.people.Plus++
	}
}
