package ledger

import (
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// maxBlob bounds what one stored blob may unpack to: a batch of 1000 recipients
// with 64 KiB of variables each.
const maxBlob = 64 << 20

// A zip packs and unpacks blobs, and lends the buffers for it.
type zip struct {
	enc     *zstd.Encoder
	dec     *zstd.Decoder
	buffers sync.Pool
}

func newZip() *zip {
	// The constructors fail on options that contradict each other alone.
	enc, _ := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithLowerEncoderMem(true))
	dec, _ := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxBlob))
	return &zip{enc: enc, dec: dec, buffers: sync.Pool{New: func() any { return new([]byte) }}}
}

// pack returns raw, compressed.
func (z *zip) pack(raw []byte) ([]byte, error) {
	if len(raw) > maxBlob {
		return nil, fmt.Errorf("%d MiB of rows in one batch, and it holds %d MiB: is a quote left open?", len(raw)>>20, maxBlob>>20)
	}
	return z.enc.EncodeAll(raw, make([]byte, 0, len(raw)/2)), nil
}

// unpack returns what was packed, as a string.
func (z *zip) unpack(kind, packed string) (string, error) {
	buf := z.buffers.Get().(*[]byte)
	defer z.buffers.Put(buf)
	raw, err := z.dec.DecodeAll([]byte(packed), (*buf)[:0])
	if err != nil {
		return "", &CorruptError{Kind: kind, Batch: -1, Problem: "does not unpack: " + err.Error()}
	}
	*buf = raw
	return string(raw), nil
}
