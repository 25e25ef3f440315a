//go:build soak

package e2e

import (
	"os"
	"testing"
	"time"
)

// The long soak: SOAK says how long, SOAK_SEED repeats one.
func TestSoak(t *testing.T) {
	d, err := time.ParseDuration(os.Getenv("SOAK"))
	if err != nil {
		t.Fatalf("SOAK: %v", err)
	}
	soak(t, d)
}

// A hundred thousand people's receipts, while receivers, workers and Redis are killed
// for as long as they are sent to; and a minute of full load without Redis.
func TestSoakOfReceipts(t *testing.T) {
	receiptsAmongKills(t, 100_000, 1000, 100*time.Second)
	fullLoadWithoutRedis(t, time.Minute)
}
