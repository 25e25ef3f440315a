package campaign

// CodeRestored is the code of a campaign that was halted because Redis has forgotten
// what was done: it was restored from a snapshot, or lost its last writes.
const CodeRestored = "redis_restored"

// RestoredMeans says to a person what that means.
const RestoredMeans = "whoever was submitted to since then is not on record, and would get a second message"
