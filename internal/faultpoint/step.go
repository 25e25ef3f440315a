// Package faultpoint names the steps of a batch at which tests kill a worker.
// Only a worker built with the tag faultpoints can be killed so; in any other
// the compiler leaves nothing of the points.
package faultpoint

// A Step is a point between two things that a worker does for a batch.
type Step string

// The steps, in the order in which a recipient passes them. That a request is
// written and not answered yet is seen from outside.
const (
	BeforeBegin  Step = "before-begin"
	AfterBegin   Step = "after-begin"
	AnswerRead   Step = "answer-read"
	BeforeSettle Step = "before-settle"
	AfterSettle  Step = "after-settle"
	BeforeAck    Step = "before-ack"
)
