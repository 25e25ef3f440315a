package client

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
)

const (
	// PartSize is how much of a list, unpacked, Upload puts into a part.
	PartSize = 32 << 20
	// atOnce is how many parts are on their way.
	atOnce = 3
)

// Upload sends a list in CSV, as long as it may be, in parts that are cut at line
// ends and packed, several at once. Interrupted, it can be called again with the
// same list: what is there is not kept twice.
func (c *Client) Upload(ctx context.Context, id string, list io.Reader) (parts int, err error) {
	return c.upload(ctx, id, list, PartSize)
}

func (c *Client) upload(ctx context.Context, id string, list io.Reader, size int) (parts int, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var under sync.WaitGroup
	places := make(chan struct{}, atOnce)
	cut := &cutter{r: list, size: size}
	for {
		text, err := cut.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			cancel(err)
			break
		}
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
		parts++
		n := parts
		under.Go(func() {
			defer func() { <-places }()
			if err := c.PutPart(ctx, id, n, "text/csv", text); err != nil {
				cancel(fmt.Errorf("sending part %d: %w", n, err))
			}
		})
	}
	under.Wait()
	return parts, context.Cause(ctx)
}

// PutPart sends one part of a list, packed: text/csv with its header, or
// application/x-ndjson.
func (c *Client) PutPart(ctx context.Context, id string, n int, media string, text []byte) error {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(text); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	return c.do(ctx, request{method: http.MethodPut, path: at(id, "/parts/"+strconv.Itoa(n)), body: packed.Bytes(), header: http.Header{
		"Content-Type": {media}, "Content-Encoding": {"gzip"},
		"Repr-Digest": {"sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"},
	}})
}

// A cutter cuts a CSV text at line ends that stand in no quotes, and puts the header
// at the head of each piece.
type cutter struct {
	r      io.Reader
	size   int
	header []byte
	left   []byte
	end    bool
}

// next is the next piece, or io.EOF.
func (c *cutter) next() ([]byte, error) {
	first := c.header == nil
	for !c.end && len(c.left) < c.size {
		buf := make([]byte, 256<<10)
		n, err := c.r.Read(buf)
		c.left = append(c.left, buf[:n]...)
		if errors.Is(err, io.EOF) {
			c.end = true
		} else if err != nil {
			return nil, fmt.Errorf("reading the list: %w", err)
		}
	}
	if len(c.left) == 0 {
		return nil, io.EOF
	}
	at := len(c.left)
	if !c.end {
		if at = lastRow(c.left); at == 0 {
			if len(c.left) >= 8*c.size {
				return nil, errors.New("the list has no row end in a part's size: a quote may be open")
			}
			c.size *= 2 // a long row
			return c.next()
		}
	}
	piece := c.left[:at:at]
	c.left = append([]byte(nil), c.left[at:]...)
	if first {
		c.header = piece[:firstRow(piece)]
		return piece, nil
	}
	return append(append([]byte(nil), c.header...), piece...), nil
}

// lastRow is behind the last row that ends in a text; 0 where none does.
func lastRow(text []byte) int {
	last, quoted := 0, false
	for i, b := range text {
		switch b {
		case '"':
			quoted = !quoted
		case '\n':
			if !quoted {
				last = i + 1
			}
		}
	}
	return last
}

// firstRow is behind the header, with the lines of marks before it.
func firstRow(text []byte) int {
	quoted, some := false, false
	from := 0
	for i, b := range text {
		switch {
		case b == '"':
			quoted, some = !quoted, true
		case b == '\n' && !quoted:
			line := bytes.Trim(text[from:i], "\r\"\xef\xbb\xbf")
			separator := len(line) == len("sep=;") && bytes.EqualFold(line[:4], []byte("sep="))
			if some && !separator {
				return i + 1
			}
			from, some = i+1, false
		case b != '\r':
			some = true
		}
	}
	return len(text)
}
