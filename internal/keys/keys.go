// Package keys names every key that Sluice reads or writes in Redis, each with
// what it holds and who writes it. A key that is not named here is nobody's.
//
// The keys of one campaign carry its id as hash tag, and those of one sender its
// name, so that a Redis Cluster keeps what one script changes together. What is of
// a worker, or of all campaigns, is elsewhere: no script changes both.
package keys

import "strconv"

// Campaign is a hash: the campaign's record. Written by campaign alone, with each
// move; the scripts of ledger and parts read its fields `state` and `import`, and parts
// counts its changes in `parts_revision`.
func Campaign(id string) string { return "sluice:{" + id + "}" }

// Importer is a string with an expiry: the generation of the run that imports the
// campaign, as long as it lives. Written by campaign for jobs.
func Importer(id string) string { return Campaign(id) + ":importer" }

// Parts is a hash: of each part of a composed campaign's list, by its number, what it
// is. Written by parts, as long as the campaign is a draft.
func Parts(id string) string { return Campaign(id) + ":parts" }

// Part is a list: the bytes of a part that has come whole, packed, in pieces. Written
// by parts, which deletes it once the campaign is imported.
func Part(id string, n int) string { return Campaign(id) + ":part:" + strconv.Itoa(n) }

// Upload is a list with an expiry: the bytes of a part that is coming. Written by
// parts; it becomes a Part at its end.
func Upload(id string, n int, upload string) string { return Part(id, n) + ":" + upload }

// Imports is a set: the ids of composed campaigns whose import may be due. Written by
// campaign, before such a campaign is frozen and after it is imported.
func Imports() string { return "sluice:imports" }

// Campaigns is a sorted set: the ids of all campaigns by their time. Written by
// campaign, when one is created.
func Campaigns() string { return "sluice:campaigns" }

// Active is a set: the ids of the campaigns that workers look at. Written by
// campaign: before a campaign becomes active, and when it is retired.
func Active() string { return "sluice:active" }

// Schema is a hash that every program looks at before all else: `number`, the form
// of all other keys, and `needs`, the revision that a program must know at least.
// Written by schema: when a program first meets an empty Redis, and before the
// first record of a new kind. Its `queue_prefix`, what the names of our queues begin
// with, is written by jobs.
func Schema() string { return "sluice:schema" }

// Tokens is a hash: what is known of each token of the API, by its id; of its secret a
// digest. Written by token.
func Tokens() string { return "sluice:tokens" }

// TokensUsed is a hash: when each token was last used. Written by token.
func TokensUsed() string { return "sluice:tokens:used" }

// Session is a string with an expiry: whose token stands behind a session of the page,
// and since when. It is named by a digest of the browser's secret. Written by session.
func Session(digest string) string { return "sluice:session:" + digest }

// Idempotency is a string with an expiry: what a request was answered that carried
// this key. Written by idempotency.
func Idempotency(digest string) string { return "sluice:idempotency:" + digest }

// Audit is a stream: who did what, the newest last. Written by audit.
func Audit() string { return "sluice:audit" }

// Outbox is a hash: what is to be told of a campaign, by number, and how often that
// failed. Written by campaign with the moves that it tells of, and by outbox.
func Outbox(id string) string { return Campaign(id) + ":outbox" }

// Due is a sorted set: the numbers of an Outbox by the time of their next attempt.
// Written as that.
func Due(id string) string { return Campaign(id) + ":outbox:due" }

// Watched is a sorted set: the ids of the campaigns that are looked at for what no move
// tells, by the time of the next look. Written by campaign.
func Watched() string { return "sluice:watched" }

// Outboxes is a set: the ids of the campaigns that may have something to tell. Written
// by campaign before they move, and by outbox once they are over.
func Outboxes() string { return "sluice:outbox" }

// Events is a stream: what happened to a campaign, the newest thousand of it. Written
// by campaign with each change of its state; it ends a month after the last.
func Events(id string) string { return Campaign(id) + ":events" }

// AllEvents is a stream: what happened to any campaign, the newest ten thousand of it.
// Written as Events are, by the same script but on a Cluster.
func AllEvents() string { return "sluice:events" }

// Endpoints is a hash: where to tell, by name. Written by outbox.
func Endpoints() string { return "sluice:endpoints" }

// Undelivered is a set: what an endpoint was not told, and is not told any more by
// itself. Written by outbox.
func Undelivered(endpoint string) string { return "sluice:undelivered:" + endpoint }

// Changes is a channel, and no key: the ids of campaigns whose state or queue has
// changed. Published by campaign with each move, and by jobs when a batch is
// enqueued anew; the workers listen. A word that is lost is made up for by their
// looking at everything now and then.
func Changes() string { return "sluice:changes" }

// Worker is a string with an expiry: a worker's heartbeat. Written by ledger for
// worker, and read by whoever wants to know whether a claim's owner lives.
func Worker(worker string) string { return "sluice:worker:" + worker }

// Workers is a sorted set: the workers by when they last beat. Written by ledger
// with each heartbeat.
func Workers() string { return "sluice:workers" }

// Rested is a string: when the last worker stopped in order; there is none while
// workers live, or where they ended in another way. Written by ledger.
func Rested() string { return "sluice:workers:rested" }

// Recipients is a string: the recipients of batch n, compressed. Written once, by
// ledger at the import.
func Recipients(id string, n int) string { return batch(id, "recipients", n) }

// Skipped is a string: the rows of batch n that became no recipient, compressed.
// Written once, by ledger at the import; there is none where no row was skipped.
func Skipped(id string, n int) string { return batch(id, "skipped", n) }

// Journal is a string: the journal of batch n, append-only. Written by ledger:
// intents under the newest claim, outcomes by whoever knows them.
func Journal(id string, n int) string { return batch(id, "journal", n) }

// Phones is a string: page n of the index from numbers to batches. There are no
// more pages than batches, and they expire with them. Written by locate, again
// whenever it is not what follows from the recipients.
func Phones(id string, n int) string { return batch(id, "phones", n) }

// Index is a string: the shape of that index. Written by locate when it is whole.
func Index(id string) string { return Campaign(id) + ":phones" }

// Receipts is a string: the receipt log of batch n, which grows at its end until it is
// made compact. Written by receipt, whoever receives; it expires with the batch.
func Receipts(id string, n int) string { return batch(id, "receipts", n) }

// Funnel is a hash: batch number to the counts that follow from its receipt log and
// its journal. Written by receipt with each change of the log.
func Funnel(id string) string { return Campaign(id) + ":funnel" }

// Series is a list: how a campaign went over time, a point each. It expires a month
// after the last. Written by series, by whoever holds SeriesTurn.
func Series(id string) string { return Campaign(id) + ":series" }

// SeriesTurn is a string with an expiry: the process that adds points. Written by
// series.
func SeriesTurn() string { return "sluice:series:turn" }

// Batches is a hash: batch number to digest and counts. Written by ledger at the
// import.
func Batches(id string) string { return Campaign(id) + ":batches" }

// Summary is a hash: batch number to the counts that follow from its journal.
// Written by ledger with each change of the journal.
func Summary(id string) string { return Campaign(id) + ":summary" }

// Claims is a hash: batch number to the epoch of its newest claim. Written by
// ledger when a worker claims a batch.
func Claims(id string) string { return Campaign(id) + ":claims" }

// Owners is a hash: batch number to the worker that has claimed it and not
// released it yet. Written by ledger, with claim and release.
func Owners(id string) string { return Campaign(id) + ":owners" }

// Revisions is a hash: the revision of an amended message and a batch number to the
// epoch of the batch's last claim before it. Written by campaign with the amendment,
// which raises the epochs of the batches that are claimed, and read by ledger.
func Revisions(id string) string { return Campaign(id) + ":revisions" }

// Done is a set: the numbers of the batches that had recipients and have nothing
// pending. Batches without recipients are not in it. Written by ledger with the
// summary; the moves of campaign read its size.
func Done(id string) string { return Campaign(id) + ":done" }

// SenderPace is, with SenderPlan, SenderWorkers and SenderDay, a sender's pace, all
// written by ratelimit: what holds for all workers, what its planners hand on, the
// workers that have work, and the messages of the last 24 hours.
func SenderPace(name string) string { return sender(name, "pace") }

// SenderPlan is described at SenderPace.
func SenderPlan(name string) string { return sender(name, "plan") }

// SenderWorkers is described at SenderPace.
func SenderWorkers(name string) string { return sender(name, "workers") }

// SenderDay is described at SenderPace.
func SenderDay(name string) string { return sender(name, "day") }

// SenderTold is a hash: what a provider has told of a sender's account, each with the
// time: `day`, the limit of 24 hours, and by name `warning:` and `template:`. Written by
// told for receipt.
func SenderTold(name string) string { return sender(name, "told") }

// Suppressed is a hash: the suppression list, from the high bits of numbers, in
// base 36, to the low ones. Written by suppress.
func Suppressed() string { return "sluice:suppress" }

// OptedOut is as Suppressed: who wants no marketing from a sender, by the providers'
// word. Written by suppress.
func OptedOut(name string) string { return Suppressed() + ":marketing:" + name }

// SuppressedVersion is a counter that each change of a suppression list raises.
// Written by suppress.
func SuppressedVersion() string { return "sluice:suppress:version" }

// QueuePrefix begins the names of our asynq queues, unless another is set: other
// applications may have theirs in the same Redis.
const QueuePrefix = "sluice:"

// Queue is a key of asynq's, of one queue: `pending`, `active`, `lease` and so on,
// or `t:` and a task's id. Written by asynq; jobs reads some, and deletes what
// asynq does not.
func Queue(queue, what string) string { return "asynq:{" + queue + "}:" + what }

// Queues is a set: the names of all asynq queues in this Redis, others' too. Written
// by asynq; jobs adds and removes ours.
func Queues() string { return "asynq:queues" }

func batch(id, kind string, n int) string {
	return Campaign(id) + ":" + kind + ":" + strconv.Itoa(n)
}

func sender(name, what string) string { return "sluice:sender:{" + name + "}:" + what }

// Rights is a string for a moment, by which it is tried what Redis' user may do.
// Written by doctor.
func Rights(id string) string { return "sluice:doctor:" + id }
