// Command receiver takes the providers' callbacks: durable before the answer, and
// applied to the campaigns that they are about.
package main

import (
	"os"
	"runtime/debug"

	"sluice/internal/config"
	"sluice/internal/program"
)

// garbage is how much of it there may be beside what is in use, in percent, unless
// GOGC says otherwise: little is in use, and requests leave much.
const garbage = 200

func main() {
	config.QuietRedis()
	surviveFileLimit()
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbage)
	}
	os.Exit(program.Main("receiver", run))
}
