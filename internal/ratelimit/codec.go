package ratelimit

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// What planners hand on stands in Redis as short as can be, for a sender may have a
// thousand campaigns: numbers as varints, a campaign as a hash of its id.

// keyOf is a campaign's key in schedules, demands and slots.
func keyOf(campaign string) uint64 { return xxhash.Sum64String(campaign) }

var errCode = errors.New("not the form of this version")

// A coder appends what a decoder reads.
type coder []byte

func (c *coder) uint(n uint64)   { *c = binary.AppendUvarint(*c, n) }
func (c *coder) int(n int64)     { *c = binary.AppendVarint(*c, n) }
func (c *coder) key(k uint64)    { *c = binary.LittleEndian.AppendUint64(*c, k) }
func (c *coder) float(f float64) { *c = binary.LittleEndian.AppendUint64(*c, math.Float64bits(f)) }
func (c *coder) short(f float64) {
	*c = binary.LittleEndian.AppendUint32(*c, math.Float32bits(float32(f)))
}

// A decoder reads what a coder appended; once it cannot, all it reads is zero.
type decoder struct {
	text []byte
	err  error
}

func (d *decoder) take(n int) []byte {
	if d.err != nil || n < 0 || n > len(d.text) {
		d.err = errCode
		return make([]byte, 8)
	}
	b := d.text[:n]
	d.text = d.text[n:]
	return b
}

func (d *decoder) uint() uint64 {
	v, n := binary.Uvarint(d.text)
	if n <= 0 {
		d.err = errCode
		return 0
	}
	d.text = d.text[n:]
	return v
}

func (d *decoder) int() int64 {
	v, n := binary.Varint(d.text)
	if n <= 0 {
		d.err = errCode
		return 0
	}
	d.text = d.text[n:]
	return v
}

func (d *decoder) key() uint64    { return binary.LittleEndian.Uint64(d.take(8)) }
func (d *decoder) float() float64 { return math.Float64frombits(binary.LittleEndian.Uint64(d.take(8))) }

func (d *decoder) short() float64 {
	return float64(math.Float32frombits(binary.LittleEndian.Uint32(d.take(4))))
}

// count is a number of things that each take a byte at least.
func (d *decoder) count() int {
	n := d.uint()
	if n > uint64(len(d.text)) {
		d.err = errCode
		return 0
	}
	return int(n)
}

// encode is the schedule as of now, at which times and tags are told from.
func (s *Schedule) encode(now int64) []byte {
	s.forget(now)
	var c coder
	c.int(now)
	c.int(s.Last - now)
	c.uint(uint64(len(s.tags)))
	for key, t := range s.tags {
		c.key(key)
		c.short(max(0, t.Finish-s.Virtual))
		kind := uint64(0)
		if t.Free > now-second {
			kind = 1
		}
		if t.last {
			kind += 2
		}
		if len(t.recent) > 0 {
			kind += 4
		}
		c.uint(kind)
		if t.Free > now-second {
			c.int(t.Free - now)
		}
		if len(t.recent) > 0 {
			c.events(t.recent, now)
		}
	}
	c.uint(uint64(len(s.got)))
	for worker, n := range s.got {
		c.uint(uint64(len(worker)))
		c = append(c, worker...)
		c.short(n)
	}
	c.events(s.singles, now)
	c.events(s.wholes, now)
	return c
}

// events of which most have the step of the one before.
func (c *coder) events(events []event, now int64) {
	c.uint(uint64(len(events)))
	at, step := now, 0.0
	for _, e := range events {
		c.int(e.at - at)
		same := uint64(0)
		if e.step == step {
			same = 1
		}
		c.uint(uint64(e.n)<<1 | same)
		if same == 0 {
			c.float(e.step)
		}
		at, step = e.at, e.step
	}
}

func (d *decoder) events(now int64) []event {
	events := make([]event, 0, d.count())
	at, step := now, 0.0
	for range cap(events) {
		at += d.int()
		n := d.uint()
		if n&1 == 0 {
			step = d.float()
		}
		events = append(events, event{at, int(n >> 1), step})
	}
	return events
}

// decodeSchedule reads what encode made; of nothing it makes an empty one.
func decodeSchedule(text string) (*Schedule, error) {
	s := newSchedule()
	if text == "" {
		return s, nil
	}
	d := decoder{text: []byte(text)}
	now := d.int()
	s.Last = now + d.int()
	n := d.count()
	s.tags = make(map[uint64]tag, n)
	for range n {
		key := d.key()
		t := tag{Finish: d.short()}
		kind := d.uint()
		if kind&1 != 0 {
			t.Free = now + d.int()
		}
		t.last = kind&2 != 0
		if kind&4 != 0 {
			t.recent = d.events(now)
		}
		s.tags[key] = t
	}
	for range d.count() {
		worker := string(d.take(d.count()))
		s.got[worker] = d.short()
	}
	s.singles = d.events(now)
	s.wholes = d.events(now)
	return s, d.err
}

// encodeDemands is what a worker tells of its campaigns.
func encodeDemands(demands []Demand) []byte {
	var c coder
	for _, w := range demands {
		c.key(w.Campaign)
		c.uint(uint64(w.Weight))
		c.uint(uint64(w.Want)<<1 | min(1, uint64(w.Whole)))
		if w.Whole > 0 {
			c.uint(uint64(w.Whole))
		}
		own := uint64(0)
		if w.PerSecond > 0 {
			own = 1
		}
		c.uint(own)
		if own > 0 {
			c.float(w.PerSecond)
		}
	}
	return c
}

// leastDemand is the fewest bytes that a demand takes.
const leastDemand = 11

func decodeDemands(worker, text string) ([]Demand, error) {
	d := decoder{text: []byte(text)}
	demands := make([]Demand, 0, len(text)/leastDemand)
	for len(d.text) > 0 && d.err == nil {
		w := Demand{Worker: worker, Campaign: d.key(), Weight: int(d.uint())}
		want := d.uint()
		w.Want = int(want >> 1)
		if want&1 != 0 {
			w.Whole = int(d.uint())
		}
		if d.uint() > 0 {
			w.PerSecond = d.float()
		}
		demands = append(demands, w)
	}
	return demands, d.err
}

// encodeSlots is one plan's slots for one worker, each with the step of the one
// before unless it says so; bucket is where the day counts them.
func encodeSlots(slots []Slot, bucket int64) []byte {
	var c coder
	c.int(bucket)
	c.uint(uint64(len(slots)))
	at, step := int64(0), 0.0
	for _, s := range slots {
		c.key(s.Campaign)
		c.int(s.At - at)
		kind := uint64(0)
		if s.Whole {
			kind = 1
		}
		if s.Step != step {
			kind += 2
		}
		c.uint(uint64(s.N)<<2 | kind)
		if s.Step != step {
			c.float(s.Step)
		}
		at, step = s.At, s.Step
	}
	return c
}

// A planned is one plan's slots for one worker.
type planned struct {
	bucket int64
	slots  []Slot
}

// decodeSlots reads the slots of any number of plans, one after the other.
func decodeSlots(worker, text string) ([]planned, error) {
	var all []planned
	d := decoder{text: []byte(text)}
	for len(d.text) > 0 && d.err == nil {
		p := planned{bucket: d.int()}
		at, step := int64(0), 0.0
		for range d.count() {
			s := Slot{Worker: worker, Campaign: d.key()}
			at += d.int()
			kind := d.uint()
			if kind&2 != 0 {
				step = d.float()
			}
			s.At, s.N, s.Step, s.Whole = at, int(kind>>2), step, kind&1 != 0
			p.slots = append(p.slots, s)
		}
		all = append(all, p)
	}
	return all, d.err
}

// sorted are the names of a map in order.
func sorted[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
