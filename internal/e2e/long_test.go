package e2e

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
)

// longTests are those that `make test-long` runs, and `make test` leaves out: each takes
// half a minute and more, most of it waiting. Everything else attacks the same promises
// in fewer ways. docs/guarantees.md names them by promise.
func longTests() []string {
	return []string{
		"TestAPIAmongKills",
		"TestCampaignsShareByPriority",
		"TestFailoverLosesWrites",
		"TestFailoverOfMasterThatNeedsItsReplica",
		"TestImportIntoFullRedis",
		"TestImportMemory",
		"TestListsAsPeopleHaveThem",
		"TestPaceOfRealWorkers",
		"TestPaceThroughKillsAndRestart",
		"TestProviderFlaps",
		"TestProviderOutage",
		"TestProviderThrottlesForAWhile",
		"TestQueueNoticesAKillLate",
		"TestQueueTimesOut",
		"TestReceiptsAmongKills",
		"TestReceiverBesideOlderWorkers",
		"TestRedisAnswersLate",
		"TestRedisAnswersLost",
		"TestRedisBlackHole",
		"TestRedisIsFullUnderLoad",
		"TestRedisRestartsUnderLoad",
		"TestRedisUserOfTheRecipe",
		"TestRedisUserOfTheRecipeOnACluster",
		"TestRestoredUnderWorkers",
		"TestRestoredWithoutWorkers",
		"TestSoakBriefly",
		"TestTooManyUndeliveredHalt",
		"TestWorkerKilledAtEachStep",
		"TestWorkersStoppedUnderLoad",
	}
}

// choose has the long tests left out, or run alone, where SLUICE_TESTS says so; without
// it all are run.
func choose() error {
	pattern := "^(" + strings.Join(longTests(), "|") + ")$"
	switch os.Getenv("SLUICE_TESTS") {
	case "short":
		return flag.Set("test.skip", pattern)
	case "long":
		return flag.Set("test.run", pattern)
	}
	return nil
}

// Each of the long tests is there, and named in docs/guarantees.md as one.
func TestLongTestsAreThere(t *testing.T) {
	t.Parallel()
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	all := ""
	for _, f := range files {
		if strings.HasSuffix(f.Name(), "_test.go") {
			all += readFile(t, f.Name())
		}
	}
	_, section, found := strings.Cut(readFile(t, "../../docs/guarantees.md"), "\n## What runs when\n")
	if !found {
		t.Fatal("docs/guarantees.md does not say what runs when")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	for _, name := range longTests() {
		if !strings.Contains(all, "\nfunc "+name+"(") {
			t.Errorf("there is no %s", name)
		}
		if !strings.Contains(section, "`"+name+"`") {
			t.Errorf("docs/guarantees.md does not say that %s is a long one", name)
		}
	}
	if n := strings.Count(section, "`Test"); n != len(longTests()) || !slices.IsSorted(longTests()) {
		t.Errorf("docs/guarantees.md names %d long tests, and there are %d", n, len(longTests()))
	}
}
