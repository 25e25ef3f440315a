package campaign

import "strings"

// An Event is what a move, or what is watched, is called where programs are told of it.
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

	// These are watched.
	EventInDoubt         Event = "in_doubt"         // somebody is, and nobody was
	EventReceiptsSettled Event = "receipts_settled" // it is over, and no receipt came for a day
	EventProgress        Event = "progress"         // so many percent more are done
)

// Events are what is told where nobody says what: all but EventProgress.
var Events = []Event{EventImportFailed, EventImported, EventStarted, EventPaused, EventHalted, EventResumed, EventFinished, EventCancelled, EventReopened, EventInDoubt, EventReceiptsSettled}

// EventsOf are what is told of a move, in order.
func EventsOf(m Move) []Event {
	switch m {
	case MoveGiveBack:
		return []Event{EventImportFailed}
	case MoveLaunch:
		return []Event{EventImported}
	case MoveStand:
		return []Event{EventImported, EventPaused}
	case MoveStart:
		return []Event{EventStarted}
	case MovePause:
		return []Event{EventPaused}
	case MoveHalt:
		return []Event{EventHalted}
	case MoveResume, MoveReschedule:
		return []Event{EventResumed}
	case MoveFinish:
		return []Event{EventFinished}
	case MoveCancel:
		return []Event{EventCancelled}
	case MoveReopen:
		return []Event{EventReopened}
	case MoveFreeze:
	}
	return nil
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
