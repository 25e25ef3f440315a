package batch

import (
	"fmt"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
)

// The names of the encodings that are not decoded by a table.
const (
	// Auto is UTF-8, or UTF-16 with a byte order mark.
	Auto     = "auto"
	utf8Name = "utf-8"
	utf16le  = "utf-16le"
	utf16be  = "utf-16be"
	gb18030  = "gb18030"
)

// ParseEncoding is the one name of an encoding that has many, in any case: any
// that the web knows, or auto, which an empty name is too.
func ParseEncoding(name string) (string, error) {
	name = strings.ToLower(strings.TrimSpace(name))
	if name == "" || name == Auto {
		return Auto, nil
	}
	e, err := htmlindex.Get(name)
	if err != nil {
		return "", fmt.Errorf("there is no encoding %q; such as utf-8, utf-16, windows-1252, gb18030 and shift_jis are", cutName(name))
	}
	one, err := htmlindex.Name(e)
	switch {
	case err != nil || one == "replacement" || one == "x-user-defined":
		return "", fmt.Errorf("the encoding %q cannot be read; save the list as UTF-8", name)
	case one == "gbk":
		return gb18030, nil // which holds all of it, and is what programs write under its name
	}
	return one, nil
}

// decoder is the encoding of a name that ParseEncoding made.
func decoder(name string) encoding.Encoding {
	switch name {
	case utf16le:
		return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	case utf16be:
		return unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
	}
	e, err := htmlindex.Get(name)
	if err != nil {
		panic(err) // ParseEncoding knew it
	}
	return e
}

// candidates are the encodings that lists are in which are in no other, the
// likeliest first.
func candidates() []string {
	return []string{
		"windows-1252", gb18030, "windows-1251", "windows-1250", "windows-1254", "big5", "shift_jis", "euc-kr", "euc-jp",
		"windows-1253", "windows-1256", "windows-1255", "windows-874", "windows-1257", "windows-1258", "koi8-r", "ibm866", "macintosh",
	}
}

// maxSuggested is how many encodings an error names.
const maxSuggested = 4

// suggest names the encodings under which a line reads well.
func suggest(line []byte) []string {
	var names []string
	for _, name := range candidates() {
		text, err := decoder(name).NewDecoder().Bytes(line)
		if err == nil && judge(string(text)) == well {
			if names = append(names, name); len(names) == maxSuggested {
				break
			}
		}
	}
	return names
}
