// Package campaign is a campaign's file, its states and its record in Redis. A
// state changes only by a move that the table here allows, and each move is one
// script, so that of two that race one is refused.
package campaign

import "slices"

// State is where a campaign is in its life.
type State string

// The states.
const (
	Draft     State = "draft"     // it is composed over HTTP, and may still be changed
	Importing State = "importing" // its batches are being staged
	Scheduled State = "scheduled" // imported; its time has not come
	Running   State = "running"   // workers submit
	Paused    State = "paused"    // by a person
	Halted    State = "halted"    // by an error that concerns account or message
	Finished  State = "finished"  // nobody is pending
	Cancelled State = "cancelled" // by a person, for good
)

// States are all of them.
var States = []State{Draft, Importing, Scheduled, Running, Paused, Halted, Finished, Cancelled}

// Over says that nothing more happens by itself.
func (s State) Over() bool { return s == Finished || s == Cancelled }

// A Move is a named change of state.
type Move string

// The moves.
const (
	MoveFreeze     Move = "freeze" // what was composed is settled, and its import begins
	MoveGiveBack   Move = "return" // the list of a composed campaign cannot be imported
	MoveLaunch     Move = "launch" // the import is complete
	MoveStand      Move = "stand"  // likewise, of a campaign that is to stand paused then
	MoveStart      Move = "start"  // the time has come
	MovePause      Move = "pause"
	MoveResume     Move = "resume"
	MoveReschedule Move = "reschedule" // resume what was paused before its start
	MoveHalt       Move = "halt"
	MoveFinish     Move = "finish"
	MoveCancel     Move = "cancel"
	MoveReopen     Move = "reopen" // someone is pending again
)

// Moves are all of them.
var Moves = []Move{
	MoveFreeze, MoveGiveBack, MoveLaunch, MoveStand, MoveStart, MovePause, MoveResume, MoveReschedule, MoveHalt, MoveFinish, MoveCancel, MoveReopen,
}

// A condition is what a move asks of the record beside its state.
type condition string

const (
	always    condition = ""
	started   condition = "started"   // it has run before
	unstarted condition = "unstarted" // it has not
	done      condition = "done"      // every batch with recipients is done
	newest    condition = "newest"    // it is moved by the newest run of its import
)

// A rule is the states that a move may come from and the one it leads to.
type rule struct {
	from []State
	to   State
	when condition
}

// rules is the table of moves.
func rules() map[Move]rule {
	return map[Move]rule{
		MoveFreeze:     {from: []State{Draft}, to: Importing},
		MoveGiveBack:   {from: []State{Importing}, to: Draft, when: newest},
		MoveLaunch:     {from: []State{Importing}, to: Scheduled, when: newest},
		MoveStand:      {from: []State{Importing}, to: Paused, when: newest},
		MoveStart:      {from: []State{Scheduled}, to: Running},
		MovePause:      {from: []State{Running, Scheduled}, to: Paused},
		MoveResume:     {from: []State{Paused, Halted}, to: Running, when: started},
		MoveReschedule: {from: []State{Paused}, to: Scheduled, when: unstarted},
		MoveHalt:       {from: []State{Running}, to: Halted},
		MoveFinish:     {from: []State{Running}, to: Finished, when: done},
		MoveCancel:     {from: []State{Draft, Importing, Scheduled, Running, Paused, Halted}, to: Cancelled},
		MoveReopen:     {from: []State{Finished}, to: Running},
	}
}

// Allowed says whether a move may be made from a state, and where it leads. Some
// ask more of the record than its state.
func Allowed(from State, m Move) (to State, ok bool) {
	r := rules()[m]
	return r.to, slices.Contains(r.from, from)
}
