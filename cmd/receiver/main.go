// Command receiver takes the providers' callbacks: durable before the answer, and
// applied to the campaigns that they are about.
package main

import (
	"os"

	"sluice/internal/config"
	"sluice/internal/program"
)

func main() {
	config.QuietRedis()
	os.Exit(program.Main("receiver", run))
}
