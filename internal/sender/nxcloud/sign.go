package nxcloud

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"

	"sluice/internal/sender"
)

// A signer signs requests of one kind. The signature is a plain digest, in
// lowercase hex, of
//
//	accessKey=A&action=B&bizType=C&ts=T&body=BODY&accessSecret=S
//
// where "&body=BODY" is left out for an empty body, and BODY is the very text
// that is sent. The header algorithm takes no part in it.
type signer struct {
	prefix string // up to and with "&ts="
	suffix string // from "&accessSecret="
	digest func(dst, text []byte) []byte
}

// newSigner refuses an algorithm that is neither md5, which is also what "" is,
// nor sha256.
func newSigner(algorithm, accessKey, action, bizType string, secret sender.Secret) (signer, error) {
	s := signer{
		prefix: "accessKey=" + accessKey + "&action=" + action + "&bizType=" + bizType + "&ts=",
		suffix: "&accessSecret=" + string(secret),
	}
	switch algorithm {
	case "", "md5":
		s.digest = func(dst, text []byte) []byte {
			sum := md5.Sum(text)
			return hex.AppendEncode(dst, sum[:])
		}
	case "sha256":
		s.digest = func(dst, text []byte) []byte {
			sum := sha256.Sum256(text)
			return hex.AppendEncode(dst, sum[:])
		}
	default:
		return signer{}, sender.BadSetting("algorithm", "%q is neither md5 nor sha256", algorithm)
	}
	return s, nil
}

// sign is the signature of body at ts. It uses scratch, and returns it for the
// next time.
func (s signer) sign(scratch []byte, ts string, body []byte) (signature string, _ []byte) {
	scratch = append(scratch[:0], s.prefix...)
	scratch = append(scratch, ts...)
	if len(body) > 0 {
		scratch = append(scratch, "&body="...)
		scratch = append(scratch, body...)
	}
	scratch = append(scratch, s.suffix...)
	var digest [2 * sha256.Size]byte
	return string(s.digest(digest[:0], scratch)), scratch
}
