//go:build faultpoints

package faultpoint

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
)

// setting is the environment's word on where to die: STEP:VISIT.
const setting = "SLUICE_FAULT"

// A fuse is the step at which the process dies, and the visits until then.
type fuse struct {
	step Step
	left atomic.Int64
}

// armed is this process' fuse. One that is invalid is never reached, which
// the test that set it notices.
var armed = sync.OnceValue(func() *fuse {
	step, visit, _ := strings.Cut(os.Getenv(setting), ":")
	f := &fuse{step: Step(step)}
	n, err := strconv.Atoi(visit)
	if err != nil {
		f.step = ""
	}
	f.left.Store(int64(n))
	return f
})

// At kills the process with SIGKILL if this is the visit of the step for which
// it is armed. The goroutine does not return from that visit.
func At(step Step) {
	f := armed()
	if f.step != step || f.left.Add(-1) != 0 {
		return
	}
	if syscall.Kill(os.Getpid(), syscall.SIGKILL) == nil {
		select {}
	}
}
