package campaign

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"sluice/internal/batch"
	"sluice/internal/sender"
)

// Identity is a digest of what makes the campaign itself: to whom it sends what,
// by which sender. Pace, priority and times are not of it.
func (f *File) Identity() string {
	text, err := json.Marshal(struct {
		Sender     string
		Message    sender.Message
		Recipients Recipients
	}{f.Sender, f.Message, f.Recipients.reading()})
	if err != nil {
		panic(err) // plain structs always marshal
	}
	return fmt.Sprintf("%x", sha256.Sum256(text))
}

// reading is how the recipients are read, wherever they are: what is in the file
// is told apart by the import's own fingerprint.
func (r Recipients) reading() Recipients {
	r.File, r.Files = "", nil
	if name, err := batch.ParseEncoding(r.Encoding); err == nil {
		r.Encoding = name // by whatever name, it is the same campaign
	}
	if r.Encoding == batch.Auto {
		r.Encoding = "utf-8" // whoever says so reads the same
	}
	return r
}

// BesidesMessage names what of f, beside the message, is another than there; empty if
// nothing is.
func (f *File) BesidesMessage(there *File) string {
	var names []string
	if f.Sender != there.Sender {
		names = append(names, "sender")
	}
	if !reflect.DeepEqual(f.Recipients.reading(), there.Recipients.reading()) {
		names = append(names, "the way to read its recipients")
	}
	for _, c := range f.changes(there) {
		names = append(names, c.Name)
	}
	return strings.Join(names, " and ")
}

// differences names what makes f another campaign than there.
func (f *File) differences(there *File) string {
	var names []string
	if f.Sender != there.Sender {
		names = append(names, "sender")
	}
	if !reflect.DeepEqual(f.Message, there.Message) {
		names = append(names, "message")
	}
	if !reflect.DeepEqual(f.Recipients.reading(), there.Recipients.reading()) {
		names = append(names, "way to read its recipients")
	}
	return strings.Join(names, " and another ")
}
