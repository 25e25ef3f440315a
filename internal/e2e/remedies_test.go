package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// deniedCodes are the codes of a provider's table that halt a campaign, as its
// source has them: a code that comes to the table comes to the test.
func deniedCodes(t *testing.T, path, denied string) []string {
	t.Helper()
	rows := regexp.MustCompile(`(?m)^\s*case ([^\n]*):\n\s*return [^\n]*`+denied).FindAllStringSubmatch(readFile(t, path), -1)
	var codes []string
	for _, row := range rows {
		codes = append(codes, strings.Trim(strings.Split(row[1], ",")[0], `"`))
	}
	if len(codes) < 15 {
		t.Fatalf("%s has %d such rows: the pattern is wrong", path, len(codes))
	}
	return codes
}

// What a halted campaign says that is to be done is done, for every code of the
// tables that halts: each command that its reason names works in that state, and the
// campaign then goes on to its end.
func TestRemediesCanBeDone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	type halted struct {
		id, amended string
		amends      bool
	}
	var all []halted
	faults := "faults:\n"
	add := func(provider, code, message string) {
		id := fmt.Sprintf("r-%s-%d", provider, len(all))
		list := w.listFrom(id+".csv", 100+2*len(all), 2)
		for i := range 2 { // nobody is accepted before: a code may then be taken for one recipient's
			faults += fmt.Sprintf("  - {provider: %s, suffix: %q, code: %q, message: %q}\n", provider, fmt.Sprintf("%04d", 100+2*len(all)+i), code, message)
		}
		file := w.innoCampaign
		if provider == "nxcloud" {
			file = w.nxCampaign
		}
		given := readFile(t, file(id, list, ""))
		amended := strings.NewReplacer("plain_news", "order_update", "language: en_US}", `language: en_US, body: ["friend"]}`, "|friend}}", "|you}}").Replace(given)
		if amended == given {
			t.Fatal("the amended file is the same")
		}
		all = append(all, halted{id: id, amended: w.file(id+"-2.yaml", amended)})
	}
	for _, code := range deniedCodes(t, "../sender/innopaas/codes.go", `denied\(`) {
		add("innopaas", code, "no")
	}
	for _, code := range deniedCodes(t, "../sender/nxcloud/codes.go", `denied\(`) {
		add("nxcloud", code, "no")
	}
	for _, code := range deniedCodes(t, "../sender/meta.go", `Outcome: Denied`) {
		if code != "0" { // no code of a failure
			add("nxcloud", "22042", "(#"+code+") no")
		}
	}
	w.post("/_sandbox/faults", faults)
	worker := w.start("worker")
	inTurn := func(what string, args func(h halted) []string) {
		t.Helper()
		places := make(chan bool, 3)
		done := make(chan string, len(all))
		for _, h := range all {
			go func() {
				places <- true
				defer func() { <-places }()
				command := args(h)
				if command == nil {
					done <- ""
					return
				}
				cmd := exec.Command(filepath.Join(w.bin, "producer"), command...)
				cmd.Dir, cmd.Env = w.dir, append(os.Environ(), "SLUICE_REDIS_URL="+w.redis.URL(), "SLUICE_SENDERS="+filepath.Join(w.dir, "senders.yaml"))
				if out, err := cmd.CombinedOutput(); err != nil {
					done <- fmt.Sprintf("%s: %v: %v\n%s", what, command, err, out)
					return
				}
				done <- ""
			}()
		}
		for range all {
			if wrong := <-done; wrong != "" {
				t.Error(wrong)
			}
		}
	}
	reasons := map[string]string{}
	states := func() map[string]string {
		out, code := w.run("producer", "status", "--json")
		if code != 0 {
			t.Fatalf("status: exit code %d", code)
		}
		found := map[string]string{}
		for d := json.NewDecoder(strings.NewReader(out)); d.More(); {
			var a account
			if err := d.Decode(&a); err != nil {
				t.Fatal(err)
			}
			found[a.ID] = a.State
			if a.State == "halted" {
				reasons[a.ID] = a.Reason
			}
			if a.State == "finished" && a.Accepted != 2 {
				t.Errorf("%s: %+v", a.ID, a)
			}
		}
		return found
	}
	are := func(state string) func() bool {
		return func() bool {
			now := states()
			return len(now) == len(all) && !slices.ContainsFunc(all, func(h halted) bool { return now[h.id] != state })
		}
	}
	inTurn("sending", func(h halted) []string { return []string{"send", h.id + ".yaml"} })
	w.await("every campaign halted", time.Minute, are("halted"))

	// What is to be done outside: the provider's trouble is over, and the senders file
	// is corrected.
	w.post("/_sandbox/faults", "")
	w.sendersWith("timeout: 5s", "timeout: 6s")
	if err := worker.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`producer ([^`]*)`")
	amends := 0
	for i := range all {
		h := &all[i]
		for _, c := range named.FindAllStringSubmatch(reasons[h.id], -1) {
			switch c[1] {
			case "amend " + h.id + " FILE":
				h.amends = true
				amends++
			case "resume " + h.id:
			default:
				t.Errorf("%s names `producer %s`", h.id, c[1])
			}
		}
		if !strings.HasSuffix(reasons[h.id], "; then `producer resume "+h.id+"`") {
			t.Errorf("%s does not end with how to go on: %s", h.id, reasons[h.id])
		}
		if strings.Contains(reasons[h.id], "template") && !h.amends && !strings.Contains(reasons[h.id], "categories") {
			t.Errorf("%s is about the template, and names no way to another: %s", h.id, reasons[h.id])
		}
	}
	if amends < 10 {
		t.Errorf("%d reasons of %d name `producer amend`", amends, len(all))
	}
	inTurn("amending", func(h halted) []string {
		if !h.amends {
			return nil
		}
		return []string{"amend", h.id, h.amended}
	})
	inTurn("resuming", func(h halted) []string { return []string{"resume", h.id} })
	w.await("every campaign finished", time.Minute, are("finished"))
}

// Every command that a text of the programs names is one that there is.
func TestNamedCommandsAreThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	help, _ := w.run("producer", "--help")
	named := regexp.MustCompile("`producer ([a-z]+)")
	seen := 0
	for _, root := range []string{"../../internal", "../../cmd"} {
		err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			for _, m := range named.FindAllStringSubmatch(readFile(t, path), -1) {
				seen++
				if !regexp.MustCompile(`(?m)^  ` + m[1] + `\b`).MatchString(help) {
					t.Errorf("%s names `producer %s`, which there is not", path, m[1])
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if seen < 20 {
		t.Errorf("%d names: the pattern is wrong", seen)
	}
}
