package ledger

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sluice/internal/keys"
	"sluice/internal/schema"
)

func (d *desk) beat(t testing.TB, worker string, revision int) {
	t.Helper()
	if _, err := d.Beat(t.Context(), Heartbeat{Worker: worker, Version: "v0.1.0", Revision: revision}, time.Minute); err != nil {
		t.Fatal(err)
	}
}

func (d *desk) mayWrite(t testing.TB, revision int) bool {
	t.Helper()
	may, err := d.MayWrite(t.Context(), revision)
	if err != nil {
		t.Fatal(err)
	}
	return may
}

// The fleet is who beats: not who left, and not who is gone without a word.
func TestFleet(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for _, worker := range []string{"lives", "leaves", "dies"} {
		d.beat(t, worker, 1)
	}
	if err := d.Leave(t.Context(), "leaves"); err != nil {
		t.Fatal(err)
	}
	d.rdb.Del(t.Context(), keys.Worker("dies"))
	fleet, err := d.Fleet(t.Context())
	if err != nil || len(fleet) != 1 || !cmp.Equal(fleet[0], Heartbeat{Worker: "lives", Version: "v0.1.0", Revision: 1, Beat: noon}, cmpopts.EquateEmpty()) {
		t.Errorf("%+v, %v", fleet, err)
	}
	// The index forgets who is gone for long.
	d.now = func() time.Time { return noon.Add(2 * forgotten) }
	d.beat(t, "later", 1)
	if workers := d.rdb.ZRange(t.Context(), keys.Workers(), 0, -1).Val(); len(workers) != 1 {
		t.Errorf("the index has %v", workers)
	}
}

// A new kind of record is written only once every worker that lives knows it; from
// then on, earlier programs do not start.
func TestNewKindsWaitForEveryWorker(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	const next = schema.Revision + 1
	if err := schema.Check(t.Context(), d.rdb); err != nil {
		t.Fatal(err)
	}
	d.beat(t, "old", schema.Revision)
	d.beat(t, "new", next)
	if !d.mayWrite(t, schema.Revision) || d.mayWrite(t, next) {
		t.Fatal("with an old worker the known kinds may be written and the new may not")
	}
	if err := schema.Check(t.Context(), d.rdb); err != nil {
		t.Fatalf("nothing new was written: %v", err)
	}
	if err := d.Leave(t.Context(), "old"); err != nil {
		t.Fatal(err)
	}
	if !d.mayWrite(t, next) {
		t.Fatal("every worker knows the new kinds now")
	}
	if err := schema.Check(t.Context(), d.rdb); err == nil {
		t.Error("a program that does not know the new kinds would start")
	}
}
