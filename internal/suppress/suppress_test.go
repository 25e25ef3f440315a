package suppress

import (
	"context"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"sluice/internal/redistest"
)

// cut lets nothing through behind the first script.
type cut struct{ is bool }

func (c *cut) DialHook(next redis.DialHook) redis.DialHook { return next }

func (c *cut) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (c *cut) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if c.is {
			cmd.SetErr(io.ErrClosedPipe)
			return io.ErrClosedPipe
		}
		err := next(ctx, cmd)
		c.is = err == nil && strings.HasPrefix(cmd.Name(), "eval")
		return err
	}
}

// Somebody whose addition was cut short at its last step is asked about all the same:
// a list of version 0 is taken to be empty.
func TestAdditionThatIsCutShort(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	first := server.Client(t)
	first.AddHook(&cut{})
	const number = "5511900000001"
	if _, err := New(first).Add(t.Context(), []string{number}); err == nil {
		t.Fatal("it was not cut short")
	}
	l := New(server.Client(t))
	if found, err := l.Contains(t.Context(), []string{number}); err != nil || !found[0] {
		t.Fatal("it was not added", err)
	}
	if v, err := l.Version(t.Context()); err != nil || v == 0 {
		t.Errorf("version %d, %v", v, err)
	}
}

// The list holds exactly what a set would, whatever was added and removed.
func TestListIsASet(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	rapid.Check(t, func(t *rapid.T) {
		rdb.FlushAll(t.Context())
		l, set := New(rdb), map[string]bool{}
		phone := rapid.Custom(func(t *rapid.T) string {
			return strconv.Itoa(rapid.IntRange(5_511_900_000_000, 5_511_900_009_000).Draw(t, "n"))
		})
		for range rapid.IntRange(1, 10).Draw(t, "changes") {
			phones := rapid.SliceOfN(phone, 1, 50).Draw(t, "phones")
			want := 0
			if rapid.Bool().Draw(t, "add") {
				for _, p := range phones {
					if !set[p] {
						want++
					}
					set[p] = true
				}
				if got, err := l.Add(t.Context(), phones); err != nil || got != want {
					t.Fatalf("added %d, want %d: %v", got, want, err)
				}
			} else {
				for _, p := range phones {
					if set[p] {
						want++
					}
					delete(set, p)
				}
				if got, err := l.Remove(t.Context(), phones); err != nil || got != want {
					t.Fatalf("removed %d, want %d: %v", got, want, err)
				}
			}
		}
		asked := rapid.SliceOfN(phone, 1, 200).Draw(t, "asked")
		for p := range set {
			asked = append(asked, p)
		}
		found, err := l.Contains(t.Context(), asked)
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range asked {
			if found[i] != set[p] {
				t.Fatalf("number %d of %d: found %v, want %v", i, len(asked), found[i], set[p])
			}
		}
		n := 0
		if err := l.Each(t.Context(), func(p string) error {
			n++
			if !set[p] {
				t.Fatal("the list gives a number that is not in it")
			}
			return nil
		}); err != nil || n != len(set) {
			t.Fatalf("%d of %d numbers: %v", n, len(set), err)
		}
	})
}

// Whoever is on the list under one spelling is on it under all.
func TestOnePersonIsOneEntry(t *testing.T) {
	t.Parallel()
	l := New(redistest.New(t).Client(t))
	same := [][]string{{"5511987654321", "551187654321"}, {"525512345678", "5215512345678"}, {"541123456789", "5491123456789"}}
	for _, s := range same {
		for k := range s {
			if n, err := l.Add(t.Context(), s[k:k+1]); err != nil || n != 1 {
				t.Fatalf("added %d: %v", n, err)
			}
			if n, err := l.Add(t.Context(), s); err != nil || n != 0 {
				t.Fatalf("added %d once more: %v", n, err)
			}
			if found, err := l.Contains(t.Context(), s); err != nil || !found[0] || !found[1] {
				t.Errorf("%d is not on the list as %v: %v", k, found, err)
			}
			if n, err := l.Remove(t.Context(), s[1-k:2-k]); err != nil || n != 1 {
				t.Errorf("removed %d: %v", n, err)
			}
		}
	}
	if _, err := l.Add(t.Context(), []string{"+5511987654321"}); err == nil {
		t.Error("what is no number in E.164 digits was added")
	}
}

// Who wants no marketing from a sender is on that sender's list alone; who gets
// nothing from anybody counts as on each, and no provider's word takes them off.
func TestOptedOut(t *testing.T) {
	t.Parallel()
	all := New(redistest.New(t).Client(t))
	one, other := all.OptedOut("promo"), all.OptedOut("news")
	const person, gone = "5511987654321", "5511987654322"
	if n, err := one.Add(t.Context(), []string{person}); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if _, err := all.Add(t.Context(), []string{gone}); err != nil {
		t.Fatal(err)
	}
	if _, err := one.Remove(t.Context(), []string{gone}); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		list *List
		want []bool
	}{"everybody's": {all, []bool{false, true}}, "the sender's": {one, []bool{true, true}}, "another's": {other, []bool{false, true}}} {
		got, err := tt.list.Contains(t.Context(), []string{person, gone})
		if err != nil || got[0] != tt.want[0] || got[1] != tt.want[1] {
			t.Errorf("%s: %v %v, want %v", name, got, err, tt.want)
		}
	}
	var listed []string
	if err := one.Each(t.Context(), func(p string) error { listed = append(listed, p); return nil }); err != nil || len(listed) != 1 {
		t.Errorf("%v %v", listed, err)
	}
	if v, err := all.Version(t.Context()); err != nil || v != 4 {
		t.Errorf("version %d after three changes: %v", v, err)
	}
}
