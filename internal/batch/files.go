package batch

import (
	"errors"
	"io"
)

// A file is one of a list's that has been opened.
type file struct {
	text *text
	name string // empty of the first
}

// open opens the next file of the list; nil where there is none.
func (r *rowReader) open() (*file, error) {
	if r.o.More == nil {
		return nil, nil //nolint:nilnil // as is said above
	}
	in, name, err := r.o.More()
	if errors.Is(err, io.EOF) {
		r.o.More = nil
		return nil, nil //nolint:nilnil // likewise
	}
	if err != nil {
		return nil, err
	}
	t, err := decode(in, r.encoding)
	if err != nil {
		r.file = name
		return nil, err
	}
	return &file{text: t, name: name}, nil
}

// begin begins to read a file.
func (r *rowReader) begin(f file) error {
	next := 0
	if r.s != nil {
		next = r.s.next
	}
	r.s, r.file = newSplitter(f.text.Reader), f.name
	r.s.decoded = f.text.decoded
	r.head, r.text, r.scripts = f.text.head, tally{}, scriptTally{}
	r.columns = r.columns[:0]
	if err := r.readHeader(); err != nil {
		return err
	}
	if next > 0 {
		r.s.next = next // as if the header were not there
	}
	return nil
}

// nextFile goes on with the next file of the list, if there is one.
func (r *rowReader) nextFile() (bool, error) {
	if len(r.ahead) > 0 {
		next := r.ahead[0]
		r.ahead = r.ahead[1:]
		return true, r.begin(next)
	}
	next, err := r.open()
	if err != nil || next == nil {
		return false, err
	}
	return true, r.begin(*next)
}

// CheckHeader refuses a file of a list whose header NewReader would refuse.
func CheckHeader(in io.Reader, o Options) error {
	encoding, err := ParseEncoding(o.Encoding)
	if err != nil {
		return err
	}
	t, err := decode(in, encoding)
	if err != nil {
		return err
	}
	r := &rowReader{o: o, encoding: encoding}
	return r.begin(file{text: t})
}
