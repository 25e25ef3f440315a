package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"sluice/internal/plaintext"
)

// An export over a file keeps the file's mode, and one that makes it is its
// owner's alone to read.
func TestExportKeepsTheMode(t *testing.T) {
	t.Parallel()
	d := newOperator(t)
	d.must("send", d.campaign("c", ""), "--no-preflight")
	for mode, there := range map[os.FileMode]bool{0o640: true, 0o644: true, 0o600: true, 0o660: true, 0o400: true, 0: false} {
		path := filepath.Join(t.TempDir(), "out.csv")
		want := mode
		if there {
			if err := os.WriteFile(path, []byte("before"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
		} else {
			want = 0o600
		}
		d.must("export", "c", "-o", path)
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != want || info.Size() < 100 {
			t.Errorf("mode %o, there before: %t: it is %o now, of %d bytes", mode, there, info.Mode().Perm(), info.Size())
		}
	}
}

// What others wrote is made harmless for a terminal, and left as it is for
// whatever reads it elsewhere.
func TestShown(t *testing.T) {
	t.Parallel()
	var buffer bytes.Buffer
	if shown(&buffer) != &buffer {
		t.Error("what is no terminal is written to in another way")
	}
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("there are no terminals here")
	}
	defer terminal.Close()
	if _, plain := shown(terminal).(*plaintext.Writer); !plain {
		t.Error("a terminal is written to as it is")
	}
}
