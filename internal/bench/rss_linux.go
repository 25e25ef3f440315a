package main

import (
	"os"
	"syscall"
)

// maxRSS is the most memory that an ended process had, in KiB.
func maxRSS(p *os.ProcessState) int64 {
	if u, ok := p.SysUsage().(*syscall.Rusage); ok {
		return u.Maxrss
	}
	return 0
}
