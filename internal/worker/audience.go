package worker

import (
	"context"
	"errors"

	"sluice/internal/dispatch"
	"sluice/internal/ledger"
)

// heedOthers asks again, of a batch that was just claimed, who is barred by what
// became of them in other campaigns, where something has changed there since the
// import. They are suppressed from then on.
func (s *server) heedOthers(ctx context.Context, claim *ledger.Claim) error {
	if s.audience == nil {
		return nil
	}
	version, err := s.audience.Version(ctx)
	if err != nil || version == s.named {
		return err
	}
	var indexes []int
	var phones []string
	for i := range claim.Pending() {
		indexes, phones = append(indexes, i), append(phones, claim.Recipients[i].Phone)
	}
	reasons, err := s.audience.Again(ctx, phones)
	if err != nil {
		return err
	}
	var barred []int
	for k, i := range indexes {
		if reasons[k] != "" {
			barred = append(barred, i)
		}
	}
	err = claim.Suppress(ctx, barred)
	if errors.Is(err, ledger.ErrNotRunning) || errors.Is(err, ledger.ErrStale) || errors.Is(err, ledger.ErrNotPending) {
		return &dispatch.Snooze{After: heldWait, Why: "the campaign does not run, or somebody else has the batch"}
	}
	return err
}
