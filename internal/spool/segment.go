package spool

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A segment is a file of records behind a head that names the form.
const head = "sluice spool 1\n\x00"

const (
	suffix       = ".spool"
	packedSuffix = ".spool.zst"
)

func segmentPath(dir string, n int64) string {
	return filepath.Join(dir, fmt.Sprintf("%012d%s", n, suffix))
}

// segments are the numbers of the files of a suffix, in order.
func segments(dir, suffix string) ([]int64, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var all []int64
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), suffix)
		n, err := strconv.ParseInt(name, 10, 64)
		if ok && err == nil && n > 0 {
			all = append(all, n)
		}
	}
	slices.Sort(all)
	return all, nil
}

// A file is what a segment is written through; tests hand in faulty ones.
type file interface {
	Write([]byte) (int, error)
	Truncate(size int64) error
	Close() error
}

// create makes a new segment, durably.
func create(dir string, n int64) (*os.File, error) {
	f, err := os.OpenFile(segmentPath(dir, n), os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	if _, err = f.WriteString(head); err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = syncDir(dir)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	return f, nil
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// whole is how much of a segment's bytes are whole records, its head included.
// What has no head holds nothing.
func whole(data []byte) int64 {
	if !bytes.HasPrefix(data, []byte(head)) {
		return 0
	}
	at := len(head)
	for {
		_, size, ok := next(data[at:])
		if !ok {
			return int64(at)
		}
		at += size
	}
}

// mend cuts the torn tail off a segment, and returns what is left and what was
// cut.
func mend(path string) (size, cut int64, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, 0, err
	}
	size = whole(data)
	cut = int64(len(data)) - size
	if cut == 0 {
		return size, 0, nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return 0, 0, err
	}
	err = f.Truncate(size)
	if err == nil && size == 0 {
		if _, err = f.WriteString(head); err == nil {
			size = int64(len(head))
		}
	}
	if err == nil {
		err = f.Sync()
	}
	return size, cut, errors.Join(err, f.Close())
}

// replace writes a small file so that it is the old one or the new one.
func replace(path string, data []byte) error {
	tmp := path + ".new"
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// exists says whether err is nil, and is nil itself where a file is not there.
func exists(err error) (bool, error) {
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
