package innopaas

import (
	"crypto/sha256"
	"encoding/base32"
	"strconv"

	"sluice/internal/sender"
)

// maxUID is the documented length of a uid. Other pages of the vendor say 64,
// 100 and 128; this is the least.
const maxUID = 32

// UID is the uid that the submission ref goes out with, and that a receipt
// brings back: twelve letters and digits from the campaign's id, then batch,
// index and try to the base of 36, with dashes between. Where that would be
// longer than 32 characters, as with no batch that exists, it is a hash of the
// whole ref. Two submissions never share one.
func UID(ref sender.Ref) string {
	var buffer [64]byte
	uid := appendUID(buffer[:0], ref)
	return string(uid)
}

func appendUID(dst []byte, ref sender.Ref) []byte {
	const campaignLength = 12 // 60 bits
	var letters [56]byte      // of the 32 bytes of a hash
	encode := func(s string) []byte {
		hash := sha256.Sum256([]byte(s))
		encoding.Encode(letters[:encoding.EncodedLen(len(hash))], hash[:])
		return letters[:]
	}
	start := len(dst)
	dst = append(dst, encode(ref.Campaign)[:campaignLength]...)
	numbers := len(dst)
	for _, n := range [...]int{ref.Batch, ref.Index, ref.Try} {
		dst = append(dst, '-')
		dst = strconv.AppendInt(dst, int64(n), 36)
	}
	if len(dst)-start <= maxUID {
		return dst
	}
	// Without dashes, so that it is never one of the other form.
	rest := ref.Campaign + "\x00" + string(dst[numbers:])
	return append(dst[:start], encode(rest)[:maxUID]...)
}

// encoding is base32 in lower case without padding.
var encoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)
