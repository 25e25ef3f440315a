package ratelimit

import (
	"bytes"
	"context"
	"io"
	"net"
	"strconv"
	"testing"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
	"sluice/internal/redistest"
)

// A deaf connection loses the answer to a command that has a word in it, once Redis
// has carried it out.
type deaf struct {
	net.Conn
	word []byte
	is   bool
}

func (d *deaf) Write(b []byte) (int, error) {
	d.is = bytes.Contains(bytes.ToLower(b), d.word)
	return d.Conn.Write(b)
}

func (d *deaf) Read(b []byte) (int, error) {
	n, err := d.Conn.Read(b)
	if d.is {
		_ = d.Close()
		return 0, io.ErrUnexpectedEOF
	}
	return n, err
}

// A refund whose answer is lost is not made again: the limit of a day is kept rather
// than used up.
func TestRefundIsMadeOnce(t *testing.T) {
	t.Parallel()
	rdb := redis.NewClient(&redis.Options{
		Addr: redistest.New(t).Addr, MaxRetries: 3,
		Dialer: func(ctx context.Context, network, addr string) (net.Conn, error) {
			var d net.Dialer
			conn, err := d.DialContext(ctx, network, addr)
			return &deaf{Conn: conn, word: []byte("hincrby")}, err
		},
	})
	defer rdb.Close()
	const bucket = 7
	rdb.HSet(t.Context(), keys.SenderDay("s"), bucket, 100)
	if err := (redisStore{rdb, "s"}).refund(t.Context(), bucket, 10); err == nil {
		t.Error("a refund without an answer succeeded")
	}
	if left := rdb.HGet(t.Context(), keys.SenderDay("s"), strconv.Itoa(bucket)).Val(); left != "90" {
		t.Errorf("%s of 100 are left after a refund of 10", left)
	}
}
