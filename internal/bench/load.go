package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
)

// perCore is how many want each core, as the system has it over the last minute.
func perCore() float64 {
	var n float64
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		_, _ = fmt.Sscan(string(text), &n) // 0 where it says nothing
	}
	return n / float64(runtime.NumCPU())
}

// spin makes a load of so many on each core, until stop is called.
func spin(ctx context.Context, perCore int) (stop func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	var all []*exec.Cmd
	stop = func() {
		cancel()
		for _, p := range all {
			_ = p.Wait() // it was killed
		}
	}
	for range perCore * runtime.NumCPU() {
		p := exec.CommandContext(ctx, "sh", "-c", "while :; do :; done")
		if err := p.Start(); err != nil {
			stop()
			return nil, err
		}
		all = append(all, p)
	}
	return stop, nil
}
