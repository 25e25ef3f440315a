package ledger

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"sluice/internal/sender"
)

var update = flag.Bool("update-golden", false, "write testdata anew; never after a release of the revision that it is of")

// goldenSize is the recipients of the batch whose journal is kept.
const goldenSize = 12

// goldenRecords are records of every kind of revision 1, with each outcome, choice
// and odd form.
func goldenRecords() [][]byte {
	var places []place
	for i := range goldenSize {
		places = append(places, place{i, 1})
	}
	outcomes := []outcome{
		{place{0, 1}, ending{outcome: sender.Accepted}, "", "wamid.A", at(0)},
		{place{1, 1}, ending{outcome: sender.Rejected}, "22091", "", at(5)},
		{place{2, 1}, ending{outcome: sender.Failed}, "-1", "", at(7)},
		{place{3, 1}, ending{outcome: sender.Throttled}, "429", "", at(9)},
		{place{4, 1}, ending{outcome: sender.Unknown}, "timeout", "", at(11)},
		{place{5, 1}, ending{outcome: sender.Denied}, "1002", "", at(13)},
		{place{6, 1}, ending{outcome: sender.Unknown}, "timeout", "", at(15)},
		{place{8, 2}, ending{outcome: sender.Failed, free: true}, "http_503", "", at(16)},
		{place{11, 2}, ending{outcome: sender.Throttled, pair: true}, "meta_131056", "", at(16)},
		{place{7, 1}, ending{outcome: sender.Unknown}, "timeout", "", at(17)},
	}
	return [][]byte{
		appendIntent(nil, 1, false, places[:9]),
		appendOutcomes(nil, outcomes),
		appendIntent(nil, 1, true, places[9:]),
		appendWithdrawal(places[11:]),
		appendResolution(Accept, timeOf(at(20)), places[6:7]),
		appendResolution(Resend, timeOf(at(21)), places[7:8]),
		appendIntent(nil, 2, false, []place{{2, 2}, {3, 2}, {7, 20}}),
		appendOutcomes(nil, []outcome{{place{2, 2}, ending{outcome: sender.Accepted}, "", "wamid.B", at(30)}, {place{7, 20}, ending{outcome: sender.Accepted}, "", "wamid.C", at(31)}}),
		appendOutcomes(nil, []outcome{{place{2, 2}, ending{outcome: sender.Accepted}, "", "wamid.D", at(32)}}),
		appendResolution(Reject, timeOf(at(40)), places[4:5]),
		appendIntent(nil, 2, false, []place{{5, 2}}),
		appendSuppression([]place{{5, 2}}),
	}
}

// foldText is what a fold says, as text.
func foldText(t *testing.T, records ...[]byte) []byte {
	t.Helper()
	f := NewFold(goldenSize)
	f.SetEpoch(2)
	if err := f.Add(0, string(bytes.Join(records, nil))); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	for i := range goldenSize {
		st := f.Standing(i)
		fmt.Fprintf(&b, "%d %s code=%q id=%q others=%q attempts=%d tries=%d last=%d at=%d\n",
			i, st.State, st.Code, st.MessageID, st.Others, st.Attempts, st.Tries, st.Last, millis(st.Time))
	}
	fmt.Fprintf(&b, "%+v\n", f.Counts())
	return b.Bytes()
}

// The bytes of revision 1 and what its fold made of them are kept. What this
// program writes of those kinds are the same bytes, so that the old fold reads
// them; and it makes the same of them, also where records stand between that an
// old program may skip.
func TestOldFoldAndNewJournal(t *testing.T) {
	t.Parallel()
	records := goldenRecords()
	var journal strings.Builder
	for _, r := range records {
		fmt.Fprintln(&journal, hex.EncodeToString(r))
	}
	if *update {
		for name, text := range map[string]string{"revision-1.journal": journal.String(), "revision-1.fold": string(foldText(t, records...))} {
			if err := os.WriteFile("testdata/"+name, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	keptJournal, err := os.ReadFile("testdata/revision-1.journal")
	if err != nil {
		t.Fatal(err)
	}
	keptFold, err := os.ReadFile("testdata/revision-1.fold")
	if err != nil {
		t.Fatal(err)
	}
	if journal.String() != string(keptJournal) {
		t.Errorf("this program writes other bytes than revision 1:\n%s\n%s", journal.String(), keptJournal)
	}
	var kept, mixed [][]byte
	for line := range strings.Lines(string(keptJournal)) {
		r, err := hex.DecodeString(strings.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		for kind := range byte(kindBits + 1) {
			mixed = append(mixed, appendRecord(nil, skippableBit|kind, bytes.Repeat([]byte{0xff}, int(kind))))
		}
		kept, mixed = append(kept, r), append(mixed, r)
	}
	if got := foldText(t, kept...); !bytes.Equal(got, keptFold) {
		t.Errorf("of the journal of revision 1:\n%s\nwas\n%s", got, keptFold)
	}
	if got := foldText(t, mixed...); !bytes.Equal(got, keptFold) {
		t.Errorf("of the journal with records that may be skipped:\n%s\nwas\n%s", got, keptFold)
	}
	// A kind that may not be skipped, and is not known, is never passed over.
	f := NewFold(goldenSize)
	if err := f.Add(0, string(appendRecord(nil, kindBits, nil))); err == nil || !strings.Contains(err.Error(), "a newer version wrote it") {
		t.Errorf("a record of an unknown kind: %v", err)
	}
}
