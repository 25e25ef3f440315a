package keys_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sluice/internal/keys"
)

// Keys of one campaign, or of one sender, share a slot of a Cluster; no two names
// are one key.
func TestKeysAreTheirOwn(t *testing.T) {
	t.Parallel()
	ofCampaign := []string{
		keys.Campaign("c"), keys.Importer("c"), keys.Recipients("c", 1), keys.Skipped("c", 1), keys.Journal("c", 1), keys.Batches("c"),
		keys.Summary("c"), keys.Claims("c"), keys.Owners("c"), keys.Done("c"), keys.Revisions("c"),
		keys.Phones("c", 1), keys.Index("c"), keys.Receipts("c", 1), keys.Funnel("c"), keys.Series("c"), keys.Events("c"),
	}
	ofSender := []string{keys.SenderPace("c"), keys.SenderPlan("c"), keys.SenderWorkers("c"), keys.SenderDay("c"), keys.SenderTold("c")}
	others := []string{keys.Schema(), keys.Session("c"), keys.SeriesTurn(), keys.Campaigns(), keys.AllEvents(), keys.Active(), keys.Changes(), keys.Worker("c"), keys.Workers(), keys.Suppressed(), keys.SuppressedVersion(), keys.Queue("c", "pending"), keys.Queues(), keys.Audit(), keys.Watched()}
	seen := map[string]bool{}
	for _, key := range append(append(append([]string{}, ofCampaign...), ofSender...), others...) {
		if seen[key] {
			t.Errorf("%s is the key of two things", key)
		}
		seen[key] = true
	}
	for _, key := range append(ofCampaign, ofSender...) {
		if !strings.Contains(key, "{c}") {
			t.Errorf("%s carries no hash tag", key)
		}
	}
}

// Every key is named in package keys: no other program text spells one. The bench
// looks at the programs from outside, and tests may spell what they expect.
func TestNoKeyIsSpeltElsewhere(t *testing.T) {
	t.Parallel()
	spelt := regexp.MustCompile(`"(sluice|asynq):`)
	found := 0
	for _, root := range []string{"../../internal", "../../cmd"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "/bench/") {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, line := range strings.Split(string(text), "\n") {
				if spelt.MatchString(line) {
					found++
					if filepath.Base(filepath.Dir(path)) != "keys" {
						t.Errorf("%s spells a key: %s", path, strings.TrimSpace(line))
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if found == 0 {
		t.Error("not even package keys spells one: the pattern is wrong")
	}
}

// No program uses MULTI, which the user of docs/redis.md may not: what must be whole is
// a script.
func TestNoTransactions(t *testing.T) {
	t.Parallel()
	looked := 0
	for _, root := range []string{"../../internal", "../../cmd"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			looked++
			text, err := os.ReadFile(path)
			if strings.Contains(string(text), ".TxPipeline") {
				t.Errorf("%s uses MULTI", path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if looked < 100 {
		t.Errorf("looked at %d files", looked)
	}
}
