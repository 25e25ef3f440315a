package batch

import (
	"crypto/sha256"
	"io"
)

// One is a whole input of one row, which is r: a Reader of it gives one batch.
func One(r Recipient) *OneReader {
	b := &Batch{Recipients: []Recipient{r}}
	b.Digest = digest(appendBatch(nil, b))
	return &OneReader{batch: b}
}

// A OneReader gives one batch.
type OneReader struct {
	batch *Batch
	given bool
}

// Next gives the batch, and io.EOF after it.
func (o *OneReader) Next() (*Batch, error) {
	if o.given {
		return nil, io.EOF
	}
	o.given = true
	return o.batch, nil
}

// Fingerprint is a digest of the input.
func (o *OneReader) Fingerprint() [32]byte { return sha256.Sum256(o.batch.Digest[:]) }
