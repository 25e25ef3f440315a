package phone

import "strconv"

// Identity is the one key of all numbers of a person: the digits of a number, as
// a number, after what only some spell is put right. Brazil's mobiles have their
// ninth digit, Mexico's no 1 after the country's code, Argentina's no 9. So does
// WhatsApp: it reports 551187654321 for 5511987654321, 5215512345678 for
// 525512345678 and 5491123456789 for 541123456789.
//
// It is arithmetic on the digits alone and asks no numbering plan, so that it is
// the same for ever: keys may be made of it. It has at most 15 digits, and is 0
// for what is no number in E.164 digits. The identity of an identity is itself.
func Identity(e164 string) uint64 {
	n, err := strconv.ParseUint(e164, 10, 64)
	if err != nil || len(e164) > maxDigits || e164[0] == '0' || e164[0] == '+' {
		return 0
	}
	return identity(n)
}

// IdentityOf is Identity of the value of a number's digits.
func IdentityOf(n uint64) uint64 {
	if n >= 1e15 {
		return 0
	}
	return identity(n)
}

func identity(n uint64) uint64 {
	switch {
	case within(n, 55_00_6000_0000, 55_99_9999_9999): // Brazil: area, eight digits
		if area, local := n/1e8, n%1e8; local >= 6000_0000 { // those of a mobile
			return area*1e9 + 9_0000_0000 + local
		}
	case within(n, 52_1_00_0000_0000, 52_1_99_9999_9999): // Mexico: 1, ten digits
		return 52*1e10 + n%1e10
	case within(n, 54_9_00_0000_0000, 54_9_99_9999_9999): // Argentina: 9, ten digits
		return 54*1e10 + n%1e10
	}
	return n
}

func within(n, low, high uint64) bool { return n >= low && n <= high }
