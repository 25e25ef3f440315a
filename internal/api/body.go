package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// errRead says that a body did not come whole.
var errRead = errors.New("reading the body")

// answer writes a value as JSON. An error of it cuts the answer off.
func (c *call) answer(status int, v any) error {
	c.w.Header().Set("Content-Type", "application/json")
	c.w.WriteHeader(status)
	e := json.NewEncoder(c.w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// jsonMedia are the types of a body that is read as JSON: the last is what curl calls
// whatever -d gives it.
var jsonMedia = []string{"application/json", "application/merge-patch+json", "application/x-www-form-urlencoded"}

// body reads a JSON body within its bound; nil where there is none.
func (c *call) body() ([]byte, error) {
	data, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, maxBody))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errRead, err)
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, nil
	}
	if media, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type")); err == nil && !slices.Contains(jsonMedia, media) {
		return nil, refusal(http.StatusUnsupportedMediaType, "media-type", "a body here is application/json")
	}
	return data, nil
}

// decode reads the body into v, which may stay as it is where there is none. Keys
// that v does not have are refused.
func (c *call) decode(v any) error {
	data, err := c.body()
	if err != nil || data == nil {
		return err
	}
	if _, err := canonical(data); err != nil { // twice a key, too deep
		return err
	}
	if string(bytes.TrimSpace(data)) == "null" {
		return invalidAt("", "must be an object")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	err = d.Decode(v)
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrong):
		return invalidAt("/"+strings.ReplaceAll(wrong.Field, ".", "/"), "must be "+kindOf(wrong.Type.Kind().String()))
	case err != nil && strings.HasPrefix(err.Error(), "json: unknown field "):
		name, _ := strconv.Unquote(strings.TrimPrefix(err.Error(), "json: unknown field "))
		return invalidAt("/"+escape(cut(name)), "unknown key")
	case err != nil:
		return invalidAt("", "not valid JSON of this shape")
	}
	return nil
}

func kindOf(kind string) string {
	switch kind {
	case "string":
		return "a text"
	case "int", "int64", "float64":
		return "a number"
	case "bool":
		return "true or false"
	case "slice":
		return "a list"
	}
	return "an object"
}

// cut keeps a name short that a stranger chose.
func cut(name string) string {
	if len(name) > 40 {
		return strings.ToValidUTF8(name[:40], "") + "..."
	}
	return name
}

// escape is a name in a JSON pointer.
func escape(name string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(name) }

func invalidAt(pointer, detail string) *Problem {
	p := refusal(http.StatusUnprocessableEntity, "invalid", detail)
	p.Errors = []Fault{{Pointer: pointer, Detail: detail}}
	return p
}

// maxDepth is how deep a body may nest.
const maxDepth = 32

// canonical is a JSON text without spaces, its texts as they are read. A key that
// stands twice, and what nests too deep, is refused.
func canonical(data []byte) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var out bytes.Buffer
	if err := copyValue(d, &out, "", 0); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, refusal(http.StatusBadRequest, "bad-request", "the body is more than one JSON value")
	}
	return out.Bytes(), nil
}

func copyValue(d *json.Decoder, out *bytes.Buffer, at string, depth int) error {
	t, err := d.Token()
	if err != nil {
		return refusal(http.StatusBadRequest, "bad-request", "the body is not valid JSON")
	}
	if depth > maxDepth {
		return invalidAt("", fmt.Sprintf("objects and lists are nested more than %d deep", maxDepth))
	}
	open, ok := t.(json.Delim)
	if !ok {
		writeScalar(out, t)
		return nil
	}
	out.WriteString(open.String())
	seen := map[string]bool{}
	for i := 0; d.More(); i++ {
		if i > 0 {
			out.WriteByte(',')
		}
		name := strconv.Itoa(i)
		if open == '{' {
			key, err := d.Token()
			if err != nil {
				return refusal(http.StatusBadRequest, "bad-request", "the body is not valid JSON")
			}
			name = fmt.Sprint(key)
			if seen[name] {
				return invalidAt(at+"/"+escape(cut(name)), "the key stands twice")
			}
			seen[name] = true
			writeScalar(out, key)
			out.WriteByte(':')
		}
		if err := copyValue(d, out, at+"/"+escape(cut(name)), depth+1); err != nil {
			return err
		}
	}
	end, err := d.Token()
	if err != nil {
		return refusal(http.StatusBadRequest, "bad-request", "the body is not valid JSON")
	}
	fmt.Fprint(out, end)
	return nil
}

// writeScalar writes a text, a number, true, false or null. No text needs an
// escape that YAML reads in another way.
func writeScalar(out *bytes.Buffer, v any) {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // a scalar always encodes
	out.Truncate(out.Len() - 1)
}

// flag reads true or false of a query.
func (c *call) flag(name string, otherwise bool) (bool, error) {
	switch text := c.r.URL.Query().Get(name); text {
	case "":
		return otherwise, nil
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	}
	return false, refusal(http.StatusBadRequest, "bad-request", "the parameter "+name+" is true or false")
}

// number reads a number of a query, within its bounds.
func (c *call) number(name string, otherwise, least, most int) (int, error) {
	text := c.r.URL.Query().Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, refusal(http.StatusBadRequest, "bad-request", fmt.Sprintf("the parameter %s is a number from %d to %d", name, least, most))
	}
	return n, nil
}

// values reads a list of a query: repeated, or with commas.
func (c *call) values(name string) []string {
	var all []string
	for _, text := range c.r.URL.Query()[name] {
		for _, v := range strings.Split(text, ",") {
			if v != "" {
				all = append(all, v)
			}
		}
	}
	return all
}
