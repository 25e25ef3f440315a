package nxcloud

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"hash"
	"strings"

	"sluice/internal/sender"
)

// A reference names a submission where its receipts come back: s1 and 25 letters of
// base32hex, which are 40 bits of the campaign's hash, 22 of the batch, 10 of the
// index, 16 of the try, and 34 of a code over those that only who has the account's
// secret can make, so that a foreign or a forged one costs no look-up. After the
// secret was changed, those that are on their way are found by number.
const (
	referencePrefix = "s1"
	referenceLength = len(referencePrefix) + 25
	tagBytes        = 5
	checkMask       = 0xc0 // of the last byte: 34 bits of 40
	maxTry          = 1<<16 - 1
)

var referenceAlphabet = base32.HexEncoding.WithPadding(base32.NoPadding)

// reference is that of a submission; "" for one that it has no room for.
func (p *Provider) reference(ref sender.Ref) string {
	if ref.Batch >= 1<<22 || ref.Index >= 1<<10 || ref.Try > maxTry || ref.Batch < 0 || ref.Index < 0 || ref.Try < 0 {
		return ""
	}
	var raw [16]byte
	tag := tagOf(ref.Campaign)
	copy(raw[:], tag[:])
	place := uint64(ref.Batch)<<26 | uint64(ref.Index)<<16 | uint64(ref.Try) // 48 bits
	var eight [8]byte
	binary.BigEndian.PutUint64(eight[:], place)
	copy(raw[tagBytes:], eight[2:])
	p.check(raw[11:], raw[:11])
	return referencePrefix + strings.ToLower(referenceAlphabet.EncodeToString(raw[:]))[:25]
}

func tagOf(campaign string) (tag [tagBytes]byte) {
	sum := sha256.Sum256([]byte("sluice campaign " + campaign))
	copy(tag[:], sum[:])
	return tag
}

// check writes the check of data.
func (p *Provider) check(dst, data []byte) {
	h, ok := p.macs.Get().(hash.Hash)
	if !ok {
		h = hmac.New(sha256.New, []byte(p.options.AccessSecret))
	}
	defer p.macs.Put(h)
	h.Reset()
	h.Write([]byte("sluice reference "))
	h.Write(data)
	var sum [sha256.Size]byte
	copy(dst, h.Sum(sum[:0]))
	dst[4] &= checkMask
}

// looksLikeReference says that a text may be a reference.
func looksLikeReference(text string) bool {
	return len(text) == referenceLength && strings.HasPrefix(text, referencePrefix)
}

// Tag is a campaign's part of a reference.
func (p *Provider) Tag(campaign string) string {
	tag := tagOf(campaign)
	return string(tag[:])
}

// Locates reads a reference; one with a wrong check is not ours.
func (p *Provider) Locates(reference string) (sender.Located, bool) {
	if !looksLikeReference(reference) {
		return sender.Located{}, false
	}
	raw, err := referenceAlphabet.DecodeString(strings.ToUpper(reference[len(referencePrefix):]) + "0")
	if err != nil || len(raw) != 16 {
		return sender.Located{}, false
	}
	var want [5]byte
	p.check(want[:], raw[:11])
	if subtle.ConstantTimeCompare(want[:], raw[11:]) == 0 {
		return sender.Located{}, false
	}
	place := binary.BigEndian.Uint64(append([]byte{0, 0}, raw[tagBytes:11]...))
	l := sender.Located{Tag: string(raw[:tagBytes]), Batch: int(place >> 26), Index: int(place >> 16 & (1<<10 - 1)), Try: int(place & maxTry), One: true}
	return l, l.Try > 0
}
