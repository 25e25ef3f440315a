package parts

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
)

// Open reads a frozen list as the one CSV text that its parts are: the first part's
// header, then the rows of all. Of NDJSON, Needed are columns that are there and
// empty where no row has them. It is to be closed.
func (s *Store) Open(ctx context.Context, id string, all []Part, needed []string) io.ReadCloser {
	ctx, cancel := context.WithCancel(ctx)
	r, w := io.Pipe()
	go func() {
		out := bufio.NewWriterSize(w, 256<<10)
		err := s.write(ctx, out, id, all, needed)
		w.CloseWithError(errors.Join(err, out.Flush()))
	}()
	return &list{PipeReader: r, cancel: cancel}
}

type list struct {
	*io.PipeReader
	cancel func()
}

// Close ends the reading.
func (l *list) Close() error {
	l.cancel()
	return l.PipeReader.Close()
}

func (s *Store) write(ctx context.Context, w *bufio.Writer, id string, all []Part, needed []string) error {
	var columns []string
	if len(all) > 0 && all[0].Media == NDJSON {
		columns = union(all, needed)
		writeRow(w, columns)
	}
	for i, p := range all {
		text, err := s.text(ctx, id, p)
		if err != nil {
			return err
		}
		if p.Media == NDJSON {
			err = writeRows(w, text, columns)
		} else {
			err = writeText(w, text, p, i > 0, i < len(all)-1)
		}
		text.Close()
		if err != nil {
			return fmt.Errorf("reading part %d of %s: %w", p.N, id, err)
		}
	}
	return nil
}

// writeText writes a part of CSV, without its header where it is not the first.
func writeText(w *bufio.Writer, text io.Reader, p Part, headless, more bool) error {
	if headless {
		if _, err := io.CopyN(io.Discard, text, int64(p.Header)); err != nil {
			return err
		}
	}
	if _, err := io.Copy(w, text); err != nil {
		return err
	}
	if p.Open && more {
		return w.WriteByte('\n')
	}
	return nil
}

// union are the columns of all parts in their order, and those that are needed.
func union(all []Part, needed []string) []string {
	var columns []string
	seen := map[string]bool{}
	add := func(names []string) {
		for _, name := range names {
			if !seen[name] {
				seen[name] = true
				columns = append(columns, name)
			}
		}
	}
	for _, p := range all {
		add(p.Columns)
	}
	add(needed)
	return columns
}

// writeRows writes NDJSON as CSV.
func writeRows(w *bufio.Writer, text io.Reader, columns []string) error {
	at := map[string]int{}
	for i, name := range columns {
		at[name] = i
	}
	cells := make([]string, len(columns))
	lines := bufio.NewScanner(text)
	lines.Buffer(make([]byte, 64<<10), 2*maxLine)
	for lines.Scan() {
		clear(cells)
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			_ = w.WriteByte('\n') // which is no row, and counts as a line
			continue
		}
		values, err := readLine(lines.Bytes())
		if err != nil {
			return err
		}
		for _, v := range values {
			if i, ok := at[v.name]; ok {
				cells[i] = v.text
			}
		}
		writeRow(w, cells)
	}
	return lines.Err()
}

// writeRow writes one row of CSV. An error of w stays with it until its Flush.
func writeRow(w *bufio.Writer, cells []string) {
	for i, cell := range cells {
		if i > 0 {
			_ = w.WriteByte(',')
		}
		if !strings.ContainsAny(cell, ",;\t|\"\r\n") {
			_, _ = w.WriteString(cell)
			continue
		}
		_ = w.WriteByte('"')
		_, _ = w.WriteString(strings.ReplaceAll(cell, `"`, `""`))
		_ = w.WriteByte('"')
	}
	_ = w.WriteByte('\n')
}

// text is what a part holds, unpacked.
func (s *Store) text(ctx context.Context, id string, p Part) (io.ReadCloser, error) {
	z, err := zstd.NewReader(&pieces{s: s, ctx: ctx, id: id, p: p}, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("unpacking part %d of %s: %w", p.N, id, err)
	}
	return z.IOReadCloser(), nil
}

// pieces reads the pieces of a part.
type pieces struct {
	s    *Store
	ctx  context.Context
	id   string
	p    Part
	next int
	left []byte
}

// Read reads on.
func (r *pieces) Read(b []byte) (int, error) {
	if len(r.left) == 0 {
		if r.next == r.p.Chunks {
			return 0, io.EOF
		}
		piece, err := r.s.rdb.LIndex(r.ctx, keys.Part(r.id, r.p.N), int64(r.next)).Bytes()
		if errors.Is(err, redis.Nil) {
			return 0, fmt.Errorf("part %d of %s: %w", r.p.N, r.id, ErrNotFound)
		}
		if err != nil {
			return 0, fmt.Errorf("reading part %d of %s: %w", r.p.N, r.id, err)
		}
		r.left = piece
		r.next++
	}
	n := copy(b, r.left)
	r.left = r.left[n:]
	return n, nil
}

// Complete refuses parts of which the bytes are not there any more.
func (s *Store) Complete(ctx context.Context, id string, all []Part) error {
	for some := range slices.Chunk(all, 200) {
		pipe := s.rdb.Pipeline()
		for _, p := range some {
			pipe.LLen(ctx, keys.Part(id, p.N))
			pipe.PExpire(ctx, keys.Part(id, p.N), partLasts)
		}
		answers, err := pipe.Exec(ctx)
		if err != nil {
			return fmt.Errorf("looking for the parts of %s: %w", id, err)
		}
		for i, p := range some {
			if n, ok := answers[2*i].(*redis.IntCmd); ok && n.Val() != int64(p.Chunks) {
				return &InvalidError{Part: p.N, Text: "its bytes have expired; send it once more"}
			}
		}
	}
	return nil
}
