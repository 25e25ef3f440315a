package ledger

import "strconv"

// The keys of one campaign carry its id as hash tag, so that Redis Cluster keeps
// them together. What a worker has of its own is elsewhere.

// CampaignKey is a hash: the campaign's record, written by package campaign. The
// ledger reads its field `state` alone.
func CampaignKey(id string) string { return "sluice:{" + id + "}" }

// CampaignsKey is a sorted set: the ids of all campaigns by their time.
func CampaignsKey() string { return "sluice:campaigns" }

// ActiveKey is a set: the ids of the campaigns that workers look at.
func ActiveKey() string { return "sluice:active" }

// WorkerKey is a string with an expiry: a worker's sign of life.
func WorkerKey(worker string) string { return "sluice:worker:" + worker }

// RecipientsKey is a string: the recipients of batch n, compressed, written once.
func RecipientsKey(id string, n int) string { return batchKey(id, "recipients", n) }

// SkippedKey is a string: the rows of batch n that became no recipient,
// compressed, written once. There is none where no row was skipped.
func SkippedKey(id string, n int) string { return batchKey(id, "skipped", n) }

// JournalKey is a string: the journal of batch n, append-only.
func JournalKey(id string, n int) string { return batchKey(id, "journal", n) }

// BatchesKey is a hash: batch number to digest and counts as staged.
func BatchesKey(id string) string { return CampaignKey(id) + ":batches" }

// SummaryKey is a hash: batch number to the counts that follow from its journal.
func SummaryKey(id string) string { return CampaignKey(id) + ":summary" }

// ClaimsKey is a hash: batch number to the epoch of its newest claim.
func ClaimsKey(id string) string { return CampaignKey(id) + ":claims" }

// OwnersKey is a hash: batch number to the worker that has claimed it and not
// released it yet.
func OwnersKey(id string) string { return CampaignKey(id) + ":owners" }

// DoneKey is a set: the numbers of the batches that had recipients and have
// nothing pending. Batches without recipients are not in it.
func DoneKey(id string) string { return CampaignKey(id) + ":done" }

func batchKey(id, kind string, n int) string {
	return CampaignKey(id) + ":" + kind + ":" + strconv.Itoa(n)
}
