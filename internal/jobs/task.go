// Package jobs is the queue, both ends: it stages and enqueues a campaign's
// batches, hands them to whoever runs them, and rebuilds a queue from the ledger.
// The queue says only when a batch runs; what is left to send is the ledger's word
// alone, so a task that is lost, late, repeated or run twice at once loses nobody
// and sends nothing twice. It is the only package that speaks asynq.
package jobs

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"time"

	"github.com/hibiken/asynq"
)

// taskType is the name of the one kind of task there is.
const taskType = "batch"

// maxRetry is out of reach: asynq archives a task whose retries are used up even
// if it was only told to wait, so attempts are counted in the ledger instead.
const maxRetry = math.MaxInt32

// taskTimeout is beyond anything that a handler needs: it hands the rest of a
// batch back long before, because asynq runs a task that outlasts its timeout
// beside its successor.
const taskTimeout = time.Hour

// MaxHandBack is how long a handler may take before it hands the rest of its
// batch back.
const MaxHandBack = taskTimeout / 2

// retention is how long a batch that is done stays visible in the queue's web
// UI, with its result.
const retention = 24 * time.Hour

// A Reference is a task's whole payload: the recipients stay in the ledger.
type Reference struct {
	Campaign   string `json:"campaign"`
	Batch      int    `json:"batch"`
	Recipients int    `json:"recipients"`
}

// task is the task for a batch. Epoch 0 is the batch's first task; a batch that
// lost its worker is enqueued anew under the epoch that is next, so that asynq,
// which still holds the old task, takes the new one.
func (r Reference) task(queue string, epoch int) *asynq.Task {
	payload, err := json.Marshal(r)
	if err != nil {
		panic(err) // strings and ints always marshal
	}
	id := fmt.Sprintf("batch-%06d", r.Batch)
	if epoch > 0 {
		id = fmt.Sprintf("%s-epoch-%d", id, epoch)
	}
	return asynq.NewTask(taskType, payload,
		asynq.Queue(queue), asynq.TaskID(id), asynq.MaxRetry(maxRetry),
		asynq.Timeout(taskTimeout), asynq.Retention(retention))
}

// taskName is that of each of our tasks; the script of Delete knows it too.
var taskName = regexp.MustCompile(`^batch-([0-9]{6,})(-epoch-[0-9]+)?$`)

// batchOf is the batch that a task's name names. The task of another application
// has no such name.
func batchOf(id string) (n int, ok bool) {
	m := taskName.FindStringSubmatch(id)
	if m == nil {
		return 0, false
	}
	n, err := strconv.Atoi(m[1])
	return n, err == nil
}

// parseReference reads a payload. An invalid payload stays so.
func parseReference(payload []byte) (Reference, error) {
	var r Reference
	if err := json.Unmarshal(payload, &r); err != nil {
		return r, fmt.Errorf("reading the task's payload: %w: %w", err, asynq.SkipRetry)
	}
	if r.Campaign == "" || r.Batch < 0 {
		return r, fmt.Errorf("reading the task's payload: it names no campaign's batch: %w", asynq.SkipRetry)
	}
	return r, nil
}
