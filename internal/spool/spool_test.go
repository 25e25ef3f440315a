package spool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func open(t testing.TB, dir string, o Options) *Spool {
	t.Helper()
	s, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func add(t testing.TB, s *Spool, bodies ...string) {
	t.Helper()
	for _, b := range bodies {
		if err := s.Append(record(b)); err != nil {
			t.Fatal(err)
		}
	}
}

func record(body string) *Record {
	return &Record{At: time.UnixMilli(1_790_000_000_000), Sender: "promo-br", Headers: []Header{{"sign", "x"}, {"ts", ""}}, Body: []byte(body)}
}

// rest reads all that follows a position.
func rest(t testing.TB, s *Spool, from Position) (bodies []string, to Position) {
	t.Helper()
	for {
		some, next, damaged, err := s.Read(from, 7)
		if err != nil || damaged != 0 {
			t.Fatal(err, damaged)
		}
		if len(some) == 0 {
			return bodies, next
		}
		if some[len(some)-1].Next != next {
			t.Fatalf("the last record ends at %v, and reading goes on at %v", some[len(some)-1].Next, next)
		}
		for _, r := range some {
			if r.Sender != "promo-br" || len(r.Headers) != 2 || r.Headers[0] != (Header{"sign", "x"}) || r.At != time.UnixMilli(1_790_000_000_000) {
				t.Fatalf("%+v", r)
			}
			bodies = append(bodies, string(r.Body))
		}
		from = next
	}
}

func TestWhatWasAppendedIsReadBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, Options{SegmentBytes: 300})
	var want []string
	for i := range 50 {
		want = append(want, fmt.Sprint("body ", i))
	}
	add(t, s, want[:30]...)
	got, at := rest(t, s, s.Applied())
	if !slices.Equal(got, want[:30]) {
		t.Errorf("%q", got)
	}
	if err := s.Apply(at); err != nil {
		t.Fatal(err)
	}
	add(t, s, want[30:40]...)
	s.Close()
	if err := s.Append(record("late")); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	s = open(t, dir, Options{})
	add(t, s, want[40:]...)
	if got, _ := rest(t, s, s.Applied()); !slices.Equal(got, want[30:]) {
		t.Errorf("after the restart: %q", got)
	}
	if all, _ := segments(dir, suffix); len(all) < 5 {
		t.Errorf("%d segments", len(all))
	}
	if err := os.Remove(filepath.Join(dir, "applied")); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s = open(t, dir, Options{})
	if got, _ := rest(t, s, s.Applied()); !slices.Equal(got, want) {
		t.Errorf("without the note of what is applied: %q", got)
	}
}

func TestReaderWaits(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), Options{})
	at := s.End()
	var wg sync.WaitGroup
	wg.Go(func() { add(t, s, "one") })
	if err := s.Wait(t.Context(), at); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if got, _ := rest(t, s, at); len(got) != 1 {
		t.Error(got)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Wait(ended, s.End()); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestManyAppendAtOnce(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), Options{SegmentBytes: 20_000})
	const goroutines, each = 40, 50
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for i := range each {
				if err := s.Append(record(fmt.Sprintf("%d %d", g, i))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	got, _ := rest(t, s, Position{})
	seen := map[string]int{}
	next := map[int]int{}
	for _, b := range got {
		seen[b]++
		var g, i int
		if _, err := fmt.Sscan(b, &g, &i); err != nil || next[g] != i {
			t.Fatalf("%q: %v, and %d was next", b, err, next[g])
		}
		next[g]++
	}
	if len(seen) != goroutines*each || len(got) != len(seen) {
		t.Errorf("%d records, %d different, of %d", len(got), len(seen), goroutines*each)
	}
}

// Whatever is cut off or damaged at the end of the last segment, what stood before
// is read back, what is appended afterwards as well, and nothing that never was.
func TestTornTail(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, Options{})
	var want []string
	for i := range 20 {
		want = append(want, fmt.Sprintf("%0*d", 1+i*7, i))
	}
	add(t, s, want...)
	s.Close()
	all, err := segments(dir, suffix)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(segmentPath(dir, all[len(all)-1]))
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		dir := filepath.Join(t.TempDir(), "s")
		if err := os.Mkdir(dir, 0o700); err != nil {
			rt.Fatal(err)
		}
		data := slices.Clone(whole)
		broken := rapid.IntRange(0, len(data)-1).Draw(rt, "at")
		switch rapid.IntRange(0, 3).Draw(rt, "how") {
		case 0:
			data = data[:broken]
		case 1:
			data[broken] ^= byte(rapid.IntRange(1, 255).Draw(rt, "flip"))
		case 2: // a page that was never written
			clear(data[broken:])
		case 3: // an old file's bytes behind the end
			broken = len(data)
			data = append(data, rapid.SliceOfN(rapid.Byte(), 1, 50).Draw(rt, "garbage")...)
		}
		if err := os.WriteFile(segmentPath(dir, 1), data, 0o600); err != nil {
			rt.Fatal(err)
		}
		s, err := Open(dir, Options{})
		if err != nil {
			rt.Fatal(err)
		}
		defer s.Close()
		add(t, s, "after")
		got, _ := rest(t, s, s.Applied())
		n := len(got) - 1
		if n < 0 || got[n] != "after" || !slices.Equal(got[:n], want[:n]) {
			rt.Fatalf("read %q", got)
		}
		// All records that end before the damage are there.
		at := len(head)
		for i := range want {
			_, size, _ := next(whole[min(at, len(whole)):])
			at += size
			if broken >= len(head) && at <= broken && i >= n {
				rt.Fatalf("record %d ends at %d, the damage is at %d, and %d were read", i, at, broken, n)
			}
		}
	})
}

// A damaged place in the middle of an older segment costs the rest of that one
// alone, and is told of.
func TestDamageIsPassedOver(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, Options{SegmentBytes: 100})
	for i := range 12 {
		add(t, s, fmt.Sprintf("a body of some length %d", i))
	}
	f, err := os.OpenFile(segmentPath(dir, 2), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteAt([]byte("?"), int64(len(head))+20)
	f.Close()
	var got []string
	total, at := int64(0), Position{}
	for {
		some, next, damaged, err := s.Read(at, 100)
		if err != nil {
			t.Fatal(err)
		}
		total += damaged
		if len(some) == 0 {
			break
		}
		for _, r := range some {
			got = append(got, string(r.Body))
		}
		at = next
	}
	if total == 0 || len(got) < 8 || len(got) >= 12 || got[len(got)-1] != "a body of some length 11" {
		t.Errorf("%d bytes damaged, read %q", total, got)
	}
}

var errDisk = errors.New("no space left on device")

// A faultyFile fails as a disk does.
type faultyFile struct {
	file
	fail func(what string, data []byte) error
}

func (f *faultyFile) Write(data []byte) (int, error) {
	if err := f.fail("write", data); err != nil {
		n, _ := f.file.Write(data[:len(data)/2]) // half of it is there
		return n, err
	}
	return f.file.Write(data)
}

func (f *faultyFile) Truncate(size int64) error {
	if err := f.fail("truncate", nil); err != nil {
		return err
	}
	return f.file.Truncate(size)
}

func TestDiskThatFails(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"write", "sync", "truncate", "create"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			failing := false
			fail := func(now string, _ []byte) error {
				mu.Lock()
				defer mu.Unlock()
				if failing && (now == what || what == "truncate" && now == "write" || what == "create" && now == "write") {
					return errDisk
				}
				return nil
			}
			set := func(on bool) { mu.Lock(); failing = on; mu.Unlock() }
			dir := t.TempDir()
			s := open(t, dir, Options{
				create: func(dir string, n int64) (file, error) {
					if err := fail("create", nil); err != nil {
						return nil, err
					}
					f, err := create(dir, n)
					return &faultyFile{f, fail}, err
				},
				sync: func(f file) error {
					if err := fail("sync", nil); err != nil {
						return err
					}
					return f.(*faultyFile).file.(*os.File).Sync()
				},
			})
			add(t, s, "before")
			set(true)
			for range 3 {
				if err := s.Append(record("refused")); !errors.Is(err, errDisk) {
					t.Fatalf("got %v", err)
				}
			}
			set(false)
			add(t, s, "after")
			check := func(s *Spool) {
				t.Helper()
				var got []string
				at := Position{}
				for {
					some, next, _, err := s.Read(at, 100)
					if err != nil {
						t.Fatal(err)
					}
					if len(some) == 0 {
						break
					}
					for _, r := range some {
						got = append(got, string(r.Body))
					}
					at = next
				}
				got = slices.DeleteFunc(got, func(b string) bool { return b == "refused" })
				if !slices.Equal(got, []string{"before", "after"}) {
					t.Errorf("read %q", got)
				}
			}
			check(s)
			s.Close()
			check(open(t, dir, Options{}))
		})
	}
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	share := 0.5
	var mu sync.Mutex
	o := Options{used: func(string) (float64, error) { mu.Lock(); defer mu.Unlock(); return share, nil }}
	dir := t.TempDir()
	s := open(t, dir, o)
	add(t, s, "fits")
	mu.Lock()
	share = 0.96
	mu.Unlock()
	for end := time.Now().Add(10 * time.Second); ; {
		err := s.Append(record("more"))
		if errors.Is(err, ErrFull) {
			break
		}
		if err != nil || time.Now().After(end) {
			t.Fatal(err)
		}
	}
	if !s.Full() {
		t.Error("it does not say that it is full")
	}
	s.Close()
	if _, err := Open(dir, o); !errors.Is(err, ErrFull) {
		t.Errorf("opened on a full disk: %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open(t, dir, Options{})
	if _, err := Open(dir, Options{}); err == nil {
		t.Error("opened twice")
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file, Options{}); err == nil {
		t.Error("opened a file")
	}
	locked := t.TempDir()
	if os.Geteuid() == 0 { // whom no mode keeps out
		if err := syscall.Mount("none", locked, "tmpfs", syscall.MS_RDONLY, ""); err != nil {
			t.Skip("mounting a read-only file system:", err)
		}
		t.Cleanup(func() { syscall.Unmount(locked, 0) })
	} else if err := os.Chmod(locked, 0o500); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(locked, Options{}); err == nil {
		t.Error("opened where nothing can be written")
	}
}

func TestPackAndReplay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, Options{SegmentBytes: 200})
	var want []string
	for i := range 40 {
		want = append(want, fmt.Sprintf("a body of some length %d", i))
	}
	add(t, s, want[:20]...)
	_, at := rest(t, s, Position{})
	if err := s.Apply(at); err != nil {
		t.Fatal(err)
	}
	add(t, s, want[20:]...)
	if err := s.Pack(0, time.Now()); err != nil {
		t.Fatal(err)
	}
	packed, _ := segments(dir, packedSuffix)
	if len(packed) == 0 {
		t.Fatal("nothing was packed")
	}
	all := func() (got []string) {
		t.Helper()
		err := Replay(dir, time.Time{}, time.UnixMilli(1_790_000_000_001), func(r Record) error {
			got = append(got, string(r.Body))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := all(); !slices.Equal(got, want) {
		t.Errorf("replayed %q", got)
	}
	if err := Replay(dir, time.UnixMilli(1_790_000_000_001), time.Now().Add(time.Hour), func(Record) error { return io.EOF }); err != nil {
		t.Error("a record is replayed that came in before:", err)
	}
	if got, _ := rest(t, s, s.Applied()); !slices.Equal(got, want[20:]) {
		t.Errorf("after packing: %q", got)
	}
	if err := s.Pack(time.Hour, time.Now().Add(2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if got := all(); len(got) < 20 || !slices.Equal(got[len(got)-20:], want[20:]) || len(got) >= 40 {
		t.Errorf("after those of their age were removed: %d records", len(got))
	}
	s.Close()
	s = open(t, dir, Options{})
	if got, _ := rest(t, s, s.Applied()); !slices.Equal(got, want[20:]) {
		t.Errorf("after packing and a restart: %q", got)
	}
	if s.segment <= packed[len(packed)-1] {
		t.Error("a segment's number was used twice")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(appendRecord(nil, record("body")))
	f.Add([]byte("\x01\x00\x00\x00\x00\x00\x00\x00\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if payload, size, ok := next(data); ok {
			if size > len(data) {
				t.Fatal("longer than what there is")
			}
			if r, err := decode(payload); err == nil {
				again := appendRecord(nil, &r)
				back, err := decode(again[frame:])
				if err != nil || !bytes.Equal(back.Body, r.Body) || back.Sender != r.Sender {
					t.Fatal("not the same again", err)
				}
			}
		}
		_, _ = decode(data)
	})
}

// Where what is applied was noted cannot be read, everything is read again: that costs
// time, and anything else would lose records.
func TestAppliedThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for _, noted := range []string{"", "what is this", "9 1 2\n", "1 5"} {
		dir := t.TempDir()
		s := open(t, dir, Options{})
		add(t, s, "a", "b")
		_, at := rest(t, s, s.Applied())
		if err := s.Apply(at); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "applied"), []byte(noted), 0o600); err != nil {
			t.Fatal(err)
		}
		again := open(t, dir, Options{})
		if got, _ := rest(t, again, again.Applied()); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("%q: %q", noted, got)
		}
	}
}
