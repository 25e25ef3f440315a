package campaign

import (
	"context"
	"errors"
	"testing"
	"time"

	"sluice/internal/keys"
	"sluice/internal/ledger"
	"sluice/internal/redistest"
)

// Of several runs of an import the newest has it, and it alone launches; another
// gets it only when that one is gone.
func TestNewestRunHasTheImport(t *testing.T) {
	t.Parallel()
	d := newDesk(t, redistest.New(t))
	d.create(t, "c", "")
	first, err := d.BeginImport(d.ctx, "c")
	if err != nil || first != 1 {
		t.Fatal(first, err)
	}
	second, err := d.BeginImport(d.ctx, "c")
	if err != nil || second != 2 {
		t.Fatal(second, err)
	}
	if again, err := d.ResumeImport(d.ctx, "c"); err != nil || again != 0 {
		t.Errorf("taken from a run that lives: %d, %v", again, err)
	}
	plan := Plan{Tasks: 1, Fingerprint: "f"}
	if err := d.Launch(d.ctx, "c", first, plan); !errors.Is(err, ledger.ErrSuperseded) {
		t.Errorf("the older run launched: %v", err)
	}
	if rec := d.get(t, "c"); rec.State != Importing || rec.Plan != (Plan{}) {
		t.Errorf("%s, %+v", rec.State, rec.Plan)
	}
	// The second ends in order, and the first goes on.
	ctx, cancel := context.WithCancel(d.ctx)
	cancel()
	d.KeepImport(ctx, "c", second)
	third, err := d.ResumeImport(d.ctx, "c")
	if err != nil || third != 3 {
		t.Fatal(third, err)
	}
	d.KeepImport(ctx, "c", second) // and its last words end nobody else's turn
	if life := d.rdb.PTTL(d.ctx, keys.Importer("c")).Val(); life <= 0 || life > importLasts {
		t.Errorf("the third run counts as alive for %s", life)
	}
	if err := d.Launch(d.ctx, "c", third, plan); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := d.BeginImport(d.ctx, "c"); !errors.Is(err, ledger.ErrNotImporting) {
			t.Errorf("a launched campaign is imported: %v", err)
		}
	}
}

// A run that lives says so.
func TestKeepImport(t *testing.T) {
	t.Parallel()
	d := newDesk(t, redistest.New(t))
	d.create(t, "c", "")
	generation, err := d.BeginImport(d.ctx, "c")
	if err != nil {
		t.Fatal(err)
	}
	d.rdb.PExpire(d.ctx, keys.Importer("c"), 5*time.Second)
	ctx, cancel := context.WithCancel(d.ctx)
	defer cancel()
	go d.KeepImport(ctx, "c", generation)
	look, late := time.NewTicker(20*time.Millisecond), time.After(2*time.Minute)
	defer look.Stop()
	for d.rdb.PTTL(d.ctx, keys.Importer("c")).Val() < 6*time.Second {
		select {
		case <-look.C:
		case <-late:
			t.Fatal("its life was not prolonged")
		}
	}
}
