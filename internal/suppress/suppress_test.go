package suppress

import (
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"sluice/internal/redistest"
)

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
