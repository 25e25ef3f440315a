package ledger

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"sluice/internal/batch"
)

func drawRecipients(t *rapid.T) []batch.Recipient {
	vars := rapid.IntRange(0, 3).Draw(t, "vars")
	row := 0
	phone := rapid.OneOf(
		rapid.StringMatching(`[1-9][0-9]{7,14}`),
		rapid.SampledFrom([]string{"", "0", "007", "1234567890123456789012345", "+1", "999999999999999999"}),
		rapid.String(),
	)
	var rs []batch.Recipient
	for range rapid.IntRange(0, 20).Draw(t, "recipients") {
		row += rapid.SampledFrom([]int{1, 1, 1, 2, 5000}).Draw(t, "step")
		r := batch.Recipient{Row: row, Phone: phone.Draw(t, "phone")}
		for range vars {
			r.Vars = append(r.Vars, rapid.String().Draw(t, "var"))
		}
		rs = append(rs, r)
	}
	return rs
}

func TestRecipientsRoundTrip(t *testing.T) {
	t.Parallel()
	z := newZip()
	rapid.Check(t, func(t *rapid.T) {
		want := drawRecipients(t)
		packed, err := z.pack(appendRecipients(nil, want))
		if err != nil {
			t.Fatal(err)
		}
		raw, err := z.unpack(kindRecipients, string(packed))
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeRecipients(raw)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}

func TestSkippedRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var want []batch.Skipped
		row, values := 0, rapid.IntRange(0, 3).Draw(t, "values")
		for range rapid.IntRange(0, 20).Draw(t, "rows") {
			row += rapid.IntRange(1, 300).Draw(t, "step")
			want = append(want, batch.Skipped{
				Row: row, Line: rapid.IntRange(0, 1<<30).Draw(t, "line"),
				Kind:   rapid.SampledFrom([]batch.Kind{batch.Invalid, batch.Duplicate, batch.Suppressed}).Draw(t, "kind"),
				Reason: rapid.String().Draw(t, "reason"), Phone: rapid.String().Draw(t, "phone"),
			})
			if rapid.Bool().Draw(t, "kept") {
				want[len(want)-1].Vars = rapid.SliceOfN(rapid.String(), values, values).Draw(t, "vars")
			}
		}
		got, err := decodeSkipped(string(appendSkipped(nil, want)))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}

func TestStagedRoundTrip(t *testing.T) {
	t.Parallel()
	want := StagedBatch{N: 9, Digest: [16]byte{0, 255, 3}, Recipients: 1000, Invalid: 1 << 30, Suppressed: 2}
	got, err := decodeStaged(9, string(want.encode()))
	if err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	for n := range len(want.encode()) {
		if _, err := decodeStaged(9, string(want.encode()[:n])); err == nil {
			t.Errorf("the first %d bytes are taken for the whole", n)
		}
	}
}

func FuzzRecipients(f *testing.F) {
	f.Add(appendRecipients(nil, makeBatch(0, 5, 3).Recipients))
	f.Add(appendRecipients(nil, []batch.Recipient{{Row: 7, Phone: "0"}}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		rs, err := decodeRecipients(string(raw))
		if err != nil {
			return
		}
		again, err := decodeRecipients(string(appendRecipients(nil, rs)))
		if err != nil || !cmp.Equal(rs, again, cmpopts.EquateEmpty()) {
			t.Fatalf("%v: %s", err, cmp.Diff(rs, again))
		}
	})
}

func FuzzSkipped(f *testing.F) {
	f.Add(appendSkipped(nil, makeBatch(0, 5, 3).Skipped))
	f.Fuzz(func(t *testing.T, raw []byte) {
		rows, err := decodeSkipped(string(raw))
		if err != nil {
			return
		}
		if slices.ContainsFunc(rows, func(s batch.Skipped) bool { return s.Line < 0 }) {
			return
		}
		again, err := decodeSkipped(string(appendSkipped(nil, rows)))
		if err != nil || !cmp.Equal(rows, again) {
			t.Fatalf("%v: %s", err, cmp.Diff(rows, again))
		}
	})
}

// FuzzUnpack has stored bytes that are no zstd at all, or too much of it.
func FuzzUnpack(f *testing.F) {
	z := newZip()
	packed, _ := z.pack([]byte("some rows"))
	f.Add(packed)
	f.Fuzz(func(t *testing.T, packed []byte) {
		raw, err := z.unpack(kindRecipients, string(packed))
		if err == nil && len(raw) > maxBlob {
			t.Fatal("unpacked to more than may be")
		}
	})
}
