package spool

import (
	"errors"
	"os"
	"syscall"
)

// datasync makes what was written to f durable.
func datasync(f *os.File) error {
	for {
		err := syscall.Fdatasync(int(f.Fd()))
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// used is the share of a directory's disk that is taken, of what may be taken
// without privilege.
func used(dir string) (float64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, err
	}
	taken := float64(st.Blocks - st.Bfree)
	all := taken + float64(st.Bavail)
	if all == 0 {
		return 0, nil // a file system that does not say
	}
	return taken / all, nil
}

// lock keeps other processes out, until it is closed.
func lock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(errors.New("another process has it open: each receiver needs a --dir of its own"), f.Close())
	}
	return f, nil
}
