//go:build !linux

package spool

import "os"

// datasync makes what was written to f durable.
func datasync(f *os.File) error { return f.Sync() }

// used is not known here: a full disk is noticed when writing to it fails.
func used(string) (float64, error) { return 0, nil }

// lock keeps nobody out here.
func lock(path string) (*os.File, error) { return os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) }
