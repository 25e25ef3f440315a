// Command worker sends whatever campaigns are due, until it is told to stop.
package main

import (
	"os"
	"runtime/debug"
	_ "time/tzdata" // windows name time zones, and small images have no list of them

	"sluice/internal/config"
	"sluice/internal/program"
)

// gcPercent lets the heap grow to more than three times what is in use before it
// is collected: a tenth less processor, for up to 30 MB more memory at 512
// submissions in flight. GOGC overrides it.
const gcPercent = 250

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	config.QuietRedis()
	os.Exit(program.Main("worker", run))
}
