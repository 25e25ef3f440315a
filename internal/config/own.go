package config

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"

	"sluice/internal/strictyaml"
)

// maxSecret is far more than a key or token has.
const maxSecret = 64 << 10

// Own are the settings of a sender that its provider alone knows. It shows none
// of them, for there are secrets among them.
type Own struct {
	whole   *strictyaml.Document
	unknown string   // what is said of a key that the provider does not have
	field   string   // of the sender: senders.NAME
	dir     string   // of the senders file, which files are named from
	only    []string // the keys that it has; nil: all that are not common
	decoded atomic.Pointer[[sha256.Size]byte]
}

// newOwn is the own part of the sender at field, with its variables resolved.
func newOwn(whole *strictyaml.Document, field, provider, path string, getenv func(string) string) (*Own, error) {
	o := &Own{whole: whole, unknown: provider + " has no such key", field: field, dir: filepath.Dir(path)}
	return o, o.group().MapTexts(func(text string) (string, error) { return expand(text, getenv) })
}

// Only is o with some keys alone: the others are for somebody else to read.
func (o *Own) Only(keys ...string) *Own {
	return &Own{whole: o.whole, unknown: o.unknown, field: o.field, dir: o.dir, only: keys}
}

func (o *Own) group() *strictyaml.Document {
	own := o.whole.Group(o.field, func(key string) bool {
		return !isCommon(key) && (o.only == nil || slices.Contains(o.only, key))
	})
	own.CallUnknown(o.unknown)
	return own
}

// Decode fills the struct that into points to by its yaml tags, and refuses a
// key that it does not have. A field with a tag file:"KEY" may be in a file of
// its own, which KEY names from the senders file's folder; it is read at each
// Decode. Errors name file, line, sender and key, and hold no value; beside one, into
// has what is right.
func (o *Own) Decode(into any) error {
	group := o.group()
	var faults []error
	t := reflect.TypeOf(into).Elem()
	for i := range t.NumField() {
		if fileKey := t.Field(i).Tag.Get("file"); fileKey != "" {
			key, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
			faults = append(faults, o.fromFile(group, key, fileKey))
		}
	}
	if err := strictyaml.Join(append(faults, group.Decode(into))...); err != nil {
		return err
	}
	digest := group.Digest()
	o.decoded.Store(&digest)
	return nil
}

// At is an error about a key, with file, line and sender.
func (o *Own) At(key, text string) error { return o.whole.At(o.field+"."+key, text) }

// String hides the settings.
func (*Own) String() string { return "***" }

// GoString hides the settings.
func (*Own) GoString() string { return "***" }

// Format hides the settings under every verb.
func (*Own) Format(f fmt.State, _ rune) { fmt.Fprint(f, "***") }

// same says that the settings were the same when both were decoded last.
func (o *Own) same(other *Own) bool {
	a, b := o.decoded.Load(), other.decoded.Load()
	return a != nil && b != nil && *a == *b
}

// fromFile puts what is in the file that fileKey names in key's place.
func (o *Own) fromFile(group *strictyaml.Document, key, fileKey string) error {
	file, found, err := group.Take(fileKey)
	unusable := func(text string) error {
		return o.whole.Instead(o.field+"."+fileKey, text, o.field+"."+key)
	}
	switch {
	case !found:
		return nil
	case err != nil:
		return unusable("must be a text")
	case group.Has(key):
		return o.At(key, "give it or "+fileKey+", not both")
	}
	if !filepath.IsAbs(file) {
		file = filepath.Join(o.dir, file)
	}
	f, err := os.Open(file)
	if err != nil {
		return unusable(err.Error())
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	secret := strings.TrimSpace(string(text))
	switch {
	case err != nil:
		return unusable(err.Error())
	case len(text) > maxSecret:
		return unusable(fmt.Sprintf("the file %s is longer than %d bytes, which no secret is", file, maxSecret))
	case secret == "":
		return unusable("the file " + file + " is empty")
	}
	group.Put(key, secret)
	return nil
}

var variable = regexp.MustCompile(`\$\{([^}]*)\}`)

// expand resolves the variables of a text.
func expand(text string, getenv func(string) string) (string, error) {
	unset := ""
	text = variable.ReplaceAllStringFunc(text, func(v string) string {
		name := v[2 : len(v)-1]
		value := getenv(name)
		if value == "" && unset == "" {
			unset = name
		}
		return value
	})
	if unset != "" {
		return "", fmt.Errorf("the environment variable %s is not set", unset)
	}
	return text, nil
}
