package desk

import (
	"fmt"

	"sluice/internal/batch"
	"sluice/internal/campaign"
	"sluice/internal/sender"
)

// bySender checks a campaign file by the sender that it names, and keeps what came of
// it.
type bySender struct {
	desk *Desk
	// knows says whether the sender may be spoken of; everybody may be where it is nil.
	knows     func(sender string) bool
	sender    *Sender
	columns   []batch.Column
	submitter sender.Submitter
}

func (b *bySender) rules() campaign.Rules {
	return campaign.Rules{Sender: b.open, Message: b.compile}
}

func (b *bySender) open(name string) (err error) {
	if b.knows != nil && !b.knows(name) {
		return fmt.Errorf("sender: %w", errUnknownSender)
	}
	if b.sender, err = b.desk.open(name); err != nil {
		err = fmt.Errorf("sender: %w", err)
	}
	return err
}

func (b *bySender) compile(f *campaign.File) (err error) {
	if b.columns, err = f.Columns(); err != nil {
		return err
	}
	b.submitter, err = b.sender.Compile(f.Message, b.columns)
	return err
}
