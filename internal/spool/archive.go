package spool

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/klauspost/compress/zstd"
)

// Pack compresses the segments that are wholly applied, and removes those that
// are older than keep; 0 keeps them for ever. It may be killed at any moment.
func (s *Spool) Pack(keep time.Duration, now time.Time) error {
	if err := s.pack(keep, now); err != nil {
		return fmt.Errorf("packing the spool: %w", err)
	}
	return nil
}

func (s *Spool) pack(keep time.Duration, now time.Time) error {
	applied := s.Applied()
	all, err := segments(s.dir, suffix)
	if err != nil {
		return err
	}
	for _, n := range all {
		if n >= applied.Segment || n >= s.End().Segment {
			break
		}
		if err := packSegment(s.dir, n); err != nil {
			return err
		}
	}
	if keep == 0 {
		return nil
	}
	packed, err := segments(s.dir, packedSuffix)
	if err != nil {
		return err
	}
	for _, n := range packed {
		path := packedPath(s.dir, n)
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if now.Sub(info.ModTime()) > keep {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	return nil
}

func packedPath(dir string, n int64) string {
	return filepath.Join(dir, fmt.Sprintf("%012d%s", n, packedSuffix))
}

// packSegment puts a compressed segment in the place of one. One without records
// just goes.
func packSegment(dir string, n int64) error {
	path := segmentPath(dir, n)
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if len(data) > len(head) {
		enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
		if err != nil {
			return err
		}
		if err := replace(packedPath(dir, n), enc.EncodeAll(data, nil)); err != nil {
			return err
		}
		// Its age is that of its last record.
		if err := os.Chtimes(packedPath(dir, n), info.ModTime(), info.ModTime()); err != nil {
			return err
		}
	}
	return os.Remove(path)
}

// Replay calls fn for every record in a directory that came in from one time to
// before another, applied or not, in order. It needs no open spool, and one may
// be open meanwhile.
func Replay(dir string, from, to time.Time, fn func(Record) error) error {
	if err := replay(dir, from, to, fn); err != nil {
		return fmt.Errorf("replaying the spool in %s: %w", dir, err)
	}
	return nil
}

func replay(dir string, from, to time.Time, fn func(Record) error) error {
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(1<<30))
	if err != nil {
		return err
	}
	defer dec.Close()
	type source struct {
		n      int64
		packed bool
	}
	var all []source
	for _, packed := range []bool{false, true} { // a segment that is packed in between is seen twice, and once is enough
		ending := suffix
		if packed {
			ending = packedSuffix
		}
		some, err := segments(dir, ending)
		if err != nil {
			return err
		}
		for _, n := range some {
			all = append(all, source{n, packed})
		}
	}
	slices.SortStableFunc(all, func(a, b source) int { return cmp.Compare(a.n, b.n) })
	all = slices.CompactFunc(all, func(a, b source) bool { return a.n == b.n })
	for _, src := range all {
		data, err := segmentData(dir, src.n, dec)
		if err != nil {
			return err
		}
		if !bytes.HasPrefix(data, []byte(head)) {
			continue
		}
		if err := each(data[len(head):], from, to, fn); err != nil {
			return err
		}
	}
	return nil
}

// segmentData is a segment's bytes, packed or not.
func segmentData(dir string, n int64, dec *zstd.Decoder) ([]byte, error) {
	data, err := os.ReadFile(segmentPath(dir, n))
	if err == nil || !errors.Is(err, os.ErrNotExist) {
		return data, err
	}
	packed, err := os.ReadFile(packedPath(dir, n))
	if ok, err := exists(err); !ok {
		return nil, err // it has just been removed for its age
	}
	return dec.DecodeAll(packed, nil)
}

func each(data []byte, from, to time.Time, fn func(Record) error) error {
	for {
		payload, size, ok := next(data)
		if !ok {
			return nil
		}
		r, err := decode(payload)
		if err != nil {
			return err
		}
		if !r.At.Before(from) && r.At.Before(to) {
			if err := fn(r); err != nil {
				return err
			}
		}
		data = data[size:]
	}
}
