package parts

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"sluice/internal/keys"
)

// A Delivery is a part that comes.
type Delivery struct {
	N       int
	Media   string    // CSV or NDJSON
	Body    io.Reader // unpacked
	Replace bool      // another part of its number
	// Digest is what the bytes are said to have; nil: nothing is said.
	Digest []byte
	// Lasts is how long the draft lasts from now on.
	Lasts time.Duration
}

// Put keeps a part whole or not at all. The same bytes again change nothing, and
// are kept false; others than those that are there are ErrDiffers.
func (s *Store) Put(ctx context.Context, id string, d Delivery) (p Part, kept bool, err error) {
	if err := s.room(ctx); err != nil {
		return p, false, err
	}
	upload := keys.Upload(id, d.N, hex.EncodeToString(random()))
	p, err = s.read(ctx, d, &chunks{s: s, ctx: ctx, key: upload})
	if err != nil {
		// What has come of it expires by itself, where Redis is away.
		_ = s.rdb.Unlink(context.WithoutCancel(ctx), upload).Err()
		return p, false, err
	}
	p.At = s.now().UTC().Truncate(time.Millisecond)
	text, err := json.Marshal(p)
	if err != nil {
		panic(err) // plain structs always marshal
	}
	replace := 0
	if d.Replace {
		replace = 1
	}
	touched := []string{keys.Campaign(id), keys.Parts(id), upload, keys.Part(id, d.N)}
	answer, err := commitScript.Run(ctx, s.rdb, touched, d.N, text, p.SHA256, replace, d.Lasts.Milliseconds(), partLasts.Milliseconds()).Int()
	switch {
	case err != nil:
		return p, false, fmt.Errorf("keeping part %d of %s: %w", d.N, id, err)
	case answer == -1:
		return p, false, fmt.Errorf("part %d of %s: %w", d.N, id, ErrDiffers)
	case answer == -2:
		return p, false, fmt.Errorf("part %d of %s: %w", d.N, id, ErrNotDraft)
	}
	return p, answer == 1, nil
}

// Compare reads a part that comes once its list is frozen: the same bytes again are
// no fault, any others are ErrNotDraft.
func Compare(frozen []Part, d Delivery) (Part, error) {
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(d.Body, MaxBytes)); err != nil {
		return Part{}, fmt.Errorf("reading part %d: %w", d.N, err)
	}
	sum := hex.EncodeToString(h.Sum(nil))
	for _, p := range frozen {
		if p.N == d.N && p.SHA256 == sum && p.Media == d.Media {
			return p, nil
		}
	}
	return Part{}, ErrNotDraft
}

func random() []byte {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // never fails, by its contract
	return b
}

// read reads a part to its end into w.
func (s *Store) read(ctx context.Context, d Delivery, w *chunks) (Part, error) {
	p := Part{N: d.N, Media: d.Media}
	pack, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
	if err != nil {
		return p, fmt.Errorf("packing part %d: %w", d.N, err)
	}
	defer pack.Close() //nolint:errcheck // closed below where it ends well; else what it has is thrown away
	var look scanner = &csvScanner{}
	if d.Media == NDJSON {
		look = &ndjsonScanner{known: map[string]bool{}}
	}
	sum, buf := sha256.New(), make([]byte, 64<<10)
	for {
		n, err := d.Body.Read(buf)
		p.Bytes += int64(n)
		if p.Bytes > MaxBytes {
			return p, &InvalidError{Part: d.N, Text: "it is longer than 4 GiB; cut the list into more parts"}
		}
		sum.Write(buf[:n])
		if wrong := look.scan(buf[:n]); wrong != nil {
			wrong.Part = d.N
			return p, wrong
		}
		if _, err := pack.Write(buf[:n]); err != nil {
			return p, err
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return p, fmt.Errorf("reading part %d: %w", d.N, err)
		}
	}
	if wrong := look.end(&p); wrong != nil {
		wrong.Part = d.N
		return p, wrong
	}
	digest := sum.Sum(nil)
	if d.Digest != nil && string(d.Digest) != string(digest) {
		return p, &InvalidError{Part: d.N, Text: "its bytes have another digest than Repr-Digest says; send it once more"}
	}
	p.SHA256 = hex.EncodeToString(digest)
	if err := errors.Join(pack.Close(), w.flush()); err != nil {
		return p, err
	}
	p.Chunks = w.n
	return p, ctx.Err()
}

// chunks writes what it gets to a list in Redis, in pieces.
type chunks struct {
	s   *Store
	ctx context.Context
	key string
	buf []byte
	n   int
}

// Write collects bytes, and writes whole pieces.
func (c *chunks) Write(b []byte) (int, error) {
	c.buf = append(c.buf, b...)
	for len(c.buf) >= chunkSize {
		if err := c.push(c.buf[:chunkSize]); err != nil {
			return 0, err
		}
		c.buf = append(c.buf[:0], c.buf[chunkSize:]...)
	}
	return len(b), nil
}

func (c *chunks) flush() error {
	if len(c.buf) == 0 {
		return nil
	}
	return c.push(c.buf)
}

func (c *chunks) push(piece []byte) error {
	if c.n%32 == 31 {
		if err := c.s.room(c.ctx); err != nil {
			return err
		}
	}
	pipe := c.s.rdb.Pipeline()
	pipe.RPush(c.ctx, c.key, piece)
	pipe.Expire(c.ctx, c.key, uploadLast)
	if _, err := pipe.Exec(c.ctx); err != nil {
		if strings.HasPrefix(err.Error(), "OOM") {
			return ErrFull
		}
		return fmt.Errorf("writing a part: %w", err)
	}
	c.n++
	return nil
}

// field is a number of INFO; 0 where it is not there.
func field(info, name string) int64 {
	for line := range strings.Lines(info) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), name+":"); ok {
			n, _ := strconv.ParseInt(value, 10, 64)
			return n
		}
	}
	return 0
}
