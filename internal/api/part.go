package api

import (
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"sluice/internal/campaign"
	"sluice/internal/parts"
	"sluice/internal/phone"
)

// A partView is a part as it is answered.
type partView struct {
	N          int       `json:"n"`
	MediaType  string    `json:"media_type"`
	Bytes      int64     `json:"bytes"`
	Rows       int       `json:"rows"`
	Columns    []string  `json:"columns"`
	SHA256     string    `json:"sha256"`
	ReceivedAt time.Time `json:"received_at"`
}

func viewPart(p parts.Part) partView {
	// Of a list without a header the first row's cells are taken for names.
	return partView{N: p.N, MediaType: p.Media, Bytes: p.Bytes, Rows: p.Rows, Columns: hidden(p.Columns), SHA256: p.SHA256, ReceivedAt: p.At}
}

// hidden are texts that others wrote, without what may be phone numbers in them.
func hidden(texts []string) []string {
	without := make([]string, len(texts))
	for i, text := range texts {
		without[i] = phone.Hide(text)
	}
	return without
}

// partNumber is the part that the path names.
func (c *call) partNumber() (int, error) {
	n, err := strconv.Atoi(c.r.PathValue("n"))
	if err != nil || n < 1 || n > parts.Most {
		return 0, refusal(http.StatusNotFound, "not-found", fmt.Sprintf("parts are numbered from 1 to %d", parts.Most))
	}
	return n, nil
}

// putPart keeps a part, as it comes.
func (s *Server) putPart(c *call) error {
	select {
	case s.uploads <- struct{}{}:
		defer func() { <-s.uploads }()
	default:
		return later(refusal(http.StatusServiceUnavailable, "unavailable", "as many parts are coming as this process takes at once"), 2)
	}
	rec, err := c.record()
	if err != nil {
		return err
	}
	n, err := c.partNumber()
	if err != nil {
		return err
	}
	d := parts.Delivery{N: n}
	if d.Replace, err = c.flag("replace", false); err != nil {
		return err
	}
	if d.Media, err = partMedia(c.r.Header.Get("Content-Type")); err != nil {
		return err
	}
	if d.Digest, err = reprDigest(c.r.Header.Get("Repr-Digest")); err != nil {
		return err
	}
	body, done, err := unpack(c.r.Header.Get("Content-Encoding"), c.r.Body)
	if err != nil {
		return err
	}
	defer done()
	d.Body = body
	p, kept, err := c.desk.PutPart(c.ctx, rec, d)
	if errors.Is(err, campaign.ErrNotAllowed) {
		return stateProblem(rec, "it is no draft any more, and these are not the bytes that it was launched with")
	}
	if err != nil {
		return bodyError(err)
	}
	status := http.StatusOK
	if kept {
		status = http.StatusCreated
	}
	return c.answer(status, viewPart(p))
}

// bodyError tells a body that breaks off from what went wrong here.
func bodyError(err error) error {
	var net interface{ Timeout() bool }
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, http.ErrBodyReadAfterClose):
		return fmt.Errorf("%w: %w", errRead, err)
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum), errors.Is(err, zstd.ErrMagicMismatch), errors.Is(err, zstd.ErrCRCMismatch),
		errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return refusal(http.StatusBadRequest, "bad-request", "the body is damaged: it is not what Content-Encoding says")
	case errors.As(err, &net) && strings.HasPrefix(err.Error(), "reading part"):
		return fmt.Errorf("%w: %w", errRead, err)
	case strings.HasPrefix(err.Error(), "reading part"):
		return refusal(http.StatusBadRequest, "bad-request", "the body ended early or is damaged")
	}
	return err
}

func partMedia(header string) (string, error) {
	media, params, err := mime.ParseMediaType(header)
	if charset := params["charset"]; err == nil && charset != "" && !strings.EqualFold(charset, "utf-8") && media == parts.NDJSON {
		err = errors.New("another charset")
	}
	switch {
	case err != nil:
	case media == parts.CSV:
		return parts.CSV, nil
	case media == parts.NDJSON, media == "application/ndjson", media == "application/jsonl":
		return parts.NDJSON, nil
	}
	return "", refusal(http.StatusUnsupportedMediaType, "media-type", "a part is text/csv or application/x-ndjson")
}

// reprDigest reads a Repr-Digest of RFC 9530; nil where there is no sha-256.
func reprDigest(header string) ([]byte, error) {
	for _, member := range strings.Split(header, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(member), "=")
		if !strings.EqualFold(name, "sha-256") {
			continue
		}
		sum, err := base64.StdEncoding.DecodeString(strings.Trim(value, ":"))
		if err != nil || len(sum) != 32 || !strings.HasPrefix(value, ":") {
			return nil, refusal(http.StatusBadRequest, "bad-request", "Repr-Digest is sha-256=:BASE64:")
		}
		return sum, nil
	}
	return nil, nil
}

// unpack reads a body by its Content-Encoding.
func unpack(encoding string, body io.Reader) (io.Reader, func(), error) {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "", "identity":
		return body, func() {}, nil
	case "gzip", "x-gzip":
		return &unzip{body: body}, func() {}, nil
	case "zstd":
		z, err := zstd.NewReader(body, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(8<<20))
		if err != nil {
			return nil, nil, refusal(http.StatusBadRequest, "bad-request", "the body is not the zstd that Content-Encoding says")
		}
		return z, z.Close, nil
	}
	return nil, nil, refusal(http.StatusUnsupportedMediaType, "media-type", "Content-Encoding is gzip, zstd or none")
}

// unzip reads gzip, its header with the first read.
type unzip struct {
	body io.Reader
	z    *gzip.Reader
}

// Read reads on.
func (u *unzip) Read(b []byte) (int, error) {
	if u.z == nil {
		z, err := gzip.NewReader(u.body)
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return 0, err
		}
		u.z = z
	}
	return u.z.Read(b)
}

// listParts lists what is there of a list.
func (s *Server) listParts(c *call) error {
	rec, err := c.record()
	if err != nil {
		return err
	}
	all, err := c.desk.Parts(c.ctx, rec)
	if err != nil {
		return err
	}
	views := make([]partView, len(all))
	for i, p := range all {
		views[i] = viewPart(p)
	}
	return c.answer(http.StatusOK, map[string]any{"parts": views})
}

// deletePart deletes a part of a draft.
func (s *Server) deletePart(c *call) error {
	rec, err := c.record()
	if err != nil {
		return err
	}
	n, err := c.partNumber()
	if err != nil {
		return err
	}
	_, err = c.desk.DeletePart(c.ctx, rec.ID, n)
	if errors.Is(err, campaign.ErrNotAllowed) {
		return stateProblem(rec, "it is no draft any more")
	}
	if err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}
