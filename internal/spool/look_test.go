package spool

import (
	"testing"
	"time"
)

// What waits is seen from outside, while the spool is open, and what is applied is not.
func TestLookAt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := Open(dir, Options{SegmentBytes: 100})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	first := time.UnixMilli(1_700_000_000_000)
	look := func(waiting bool, oldest time.Time) {
		t.Helper()
		l, err := LookAt(dir)
		if err != nil || (l.Waiting > 0) != waiting || !l.Oldest.Equal(oldest) || l.Used <= 0 {
			t.Errorf("%+v, %v", l, err)
		}
		if bytes, at, err := s.Waiting(); err != nil || (bytes > 0) != waiting || !at.Equal(oldest) {
			t.Errorf("from inside %d bytes since %s, %v", bytes, at, err)
		}
	}
	look(false, time.Time{})
	for i := range 5 {
		if err := s.Append(&Record{At: first.Add(time.Duration(i) * time.Hour), Sender: "x", Body: make([]byte, 60)}); err != nil {
			t.Fatal(err)
		}
	}
	look(true, first)
	read, _, _, err := s.Read(s.Applied(), 2)
	if err != nil || len(read) == 0 {
		t.Fatal(read, err)
	}
	if err := s.Apply(read[len(read)-1].Next); err != nil {
		t.Fatal(err)
	}
	look(true, first.Add(time.Duration(len(read))*time.Hour))
	if err := s.Apply(s.End()); err != nil {
		t.Fatal(err)
	}
	look(false, time.Time{})
	if _, err := LookAt(dir + "/nowhere"); err == nil {
		t.Error("a folder that is not there has been looked into")
	}
}
