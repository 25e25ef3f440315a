//go:build !linux

package main

import (
	"os"
	"time"
)

// None of this is known here.

func maxRSS(*os.ProcessState) int64 { return 0 }

func ownCPU() time.Duration { return 0 }

func cpuOf(int) (time.Duration, error) { return 0, nil }

func rssOf(int) (float64, error) { return 0, nil }

func peakOf(int) (float64, error) { return 0, nil }

func first(int) {}
