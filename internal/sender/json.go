package sender

import "unicode/utf8"

// AppendJSONValue appends the text as rendered for vars, escaped to stand inside a
// JSON string. What is beyond ASCII stays as it is: it is what gets signed, and
// what gets sent. Invalid UTF-8 becomes U+FFFD.
func AppendJSONValue(dst []byte, t Text, vars []string) []byte {
	start := len(dst)
	dst = t.Append(dst, vars)
	if clean(dst[start:]) {
		return dst
	}
	raw := string(dst[start:])
	return AppendJSONEscaped(dst[:start], raw)
}

// AppendJSON appends s as a JSON string.
func AppendJSON(dst []byte, s string) []byte {
	dst = append(dst, '"')
	dst = AppendJSONEscaped(dst, s)
	return append(dst, '"')
}

// clean says that b can stand in a JSON string as it is.
func clean(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c == '"' || c == '\\' {
			return false
		}
	}
	return utf8.Valid(b)
}

// AppendJSONEscaped appends s as it stands inside a JSON string.
func AppendJSONEscaped(dst []byte, s string) []byte {
	const digits = "0123456789abcdef"
	for _, r := range s { // a byte that is no UTF-8 comes as U+FFFD
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, '\\', 'n')
		case r == '\r':
			dst = append(dst, '\\', 'r')
		case r == '\t':
			dst = append(dst, '\\', 't')
		case r < ' ':
			dst = append(dst, '\\', 'u', '0', '0', digits[r>>4], digits[r&15])
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return dst
}
