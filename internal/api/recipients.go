package api

import (
	"compress/gzip"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"sluice/internal/desk"
	"sluice/internal/parts"
)

// recipients streams what became of every row. A stream that is cut off has no
// trailer that says that it is complete.
func (s *Server) recipients(c *call) error {
	rec, err := c.record()
	if err != nil {
		return err
	}
	o := desk.ExportOrder{ID: rec.ID, States: c.values("state"), Codes: c.values("code"), Receipts: c.values("receipt"), Format: desk.NDJSON}
	if o.AfterRow, err = c.number("after_row", 0, 0, parts.MaxRows); err != nil {
		return err
	}
	if o.Limit, err = c.number("limit", 0, 1, parts.MaxRows); err != nil {
		return err
	}
	end, err := c.flag("end", false)
	if err != nil {
		return err
	}
	media := parts.NDJSON
	if accepts(c.r.Header.Get("Accept"), parts.CSV) {
		o.Format, media = desk.CSV, "text/csv; charset=utf-8"
	}
	e, err := c.desk.Export(c.ctx, o)
	if err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("Content-Type", media)
	h.Set("Trailer", "Sluice-Rows, Sluice-Complete")
	h.Set("Vary", "Accept, Accept-Encoding")
	out, closeOut := c.packed()
	if err := e.Write(c.ctx, out); err != nil {
		return err
	}
	if end && o.Format == desk.NDJSON {
		fmt.Fprintf(out, "{\"end\":true,\"rows\":%d}\n", e.Rows())
	}
	if err := closeOut(); err != nil {
		return err
	}
	h.Set("Sluice-Rows", strconv.Itoa(e.Rows()))
	h.Set("Sluice-Complete", "true")
	return nil
}

// accepts says whether an Accept header names a media type.
func accepts(header, media string) bool {
	for _, part := range strings.Split(header, ",") {
		if m, _, err := mime.ParseMediaType(strings.TrimSpace(part)); err == nil && m == media {
			return true
		}
	}
	return false
}

// packed is where a stream goes, packed as the request accepts it. Each write has its
// time.
func (c *call) packed() (io.Writer, func() error) {
	out := &patientWriter{w: c.w, control: http.NewResponseController(c.w)}
	// The next answer on the connection has its own time.
	done := func(err error) error {
		_ = out.control.SetWriteDeadline(time.Time{})
		return err
	}
	accepted := c.r.Header.Get("Accept-Encoding")
	switch {
	case strings.Contains(accepted, "zstd"):
		if z, err := zstd.NewWriter(out, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1)); err == nil {
			c.w.Header().Set("Content-Encoding", "zstd")
			return z, func() error { return done(z.Close()) }
		}
	case strings.Contains(accepted, "gzip"):
		if z, err := gzip.NewWriterLevel(out, gzip.BestSpeed); err == nil {
			c.w.Header().Set("Content-Encoding", "gzip")
			return z, func() error { return done(z.Close()) }
		}
	}
	return out, func() error { return done(nil) }
}
