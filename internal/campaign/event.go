package campaign

import "strings"

// An Event is what a move is called where programs are told of it.
type Event string

// The events.
const (
	EventImportFailed Event = "import_failed" // it is a draft again, with its problems
	EventImported     Event = "imported"
	EventStarted      Event = "started"
	EventPaused       Event = "paused"
	EventHalted       Event = "halted"
	EventResumed      Event = "resumed"
	EventFinished     Event = "finished"
	EventCancelled    Event = "cancelled"
	EventReopened     Event = "reopened"
)

// Events are all of them.
var Events = []Event{EventImportFailed, EventImported, EventStarted, EventPaused, EventHalted, EventResumed, EventFinished, EventCancelled, EventReopened}

// EventOf is what is told of a move; "" where nothing is.
func EventOf(m Move) Event {
	switch m {
	case MoveGiveBack:
		return EventImportFailed
	case MoveLaunch:
		return EventImported
	case MoveStart:
		return EventStarted
	case MovePause:
		return EventPaused
	case MoveHalt:
		return EventHalted
	case MoveResume, MoveReschedule:
		return EventResumed
	case MoveFinish:
		return EventFinished
	case MoveCancel:
		return EventCancelled
	case MoveReopen:
		return EventReopened
	case MoveFreeze:
	}
	return ""
}

// tellsText is events as a record holds them, for the script of the moves.
func tellsText(events []Event) string {
	if len(events) == 0 {
		return ""
	}
	names := make([]string, len(events))
	for i, e := range events {
		names[i] = string(e)
	}
	return "," + strings.Join(names, ",") + ","
}
