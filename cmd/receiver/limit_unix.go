//go:build unix

package main

import (
	"os/signal"
	"syscall"
)

// surviveFileLimit has a file that may grow no more be an error of the write, as a full
// disk is, and not the end of the process.
func surviveFileLimit() { signal.Ignore(syscall.SIGXFSZ) }
