package spool

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// childEnv makes a run of this test's binary the process that is killed.
const childEnv = "SLUICE_SPOOL_CHILD"

// TestKilledAgainAndAgain kills processes that append, and wants back whatever
// they had been told was kept: a torn tail is made beside, as a machine that loses
// its power leaves it.
func TestKilledAgainAndAgain(t *testing.T) {
	if dir := os.Getenv(childEnv); dir != "" {
		appendForEver(dir)
		return
	}
	t.Parallel()
	dir := t.TempDir()
	rnd := rand.New(rand.NewPCG(1, 2))
	acknowledged := map[string]bool{}
	const rounds = 12
	for round := range rounds {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilledAgainAndAgain$")
		cmd.Env = append(os.Environ(), childEnv+"="+dir, "SLUICE_SPOOL_ROUND="+strconv.Itoa(round))
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		until := 50 + rnd.IntN(2000)
		for n := 0; lines.Scan(); n++ {
			if strings.HasPrefix(lines.Text(), "kept ") {
				acknowledged[strings.TrimPrefix(lines.Text(), "kept ")] = true
			}
			if n == until {
				cmd.Process.Kill() // what it has written to the pipe is read to its end
			}
		}
		if err := cmd.Wait(); err == nil || cmd.ProcessState.Exited() {
			t.Fatalf("round %d: it ended by itself: %v", round, err)
		}
		all, err := segments(dir, suffix)
		if err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(segmentPath(dir, all[len(all)-1]), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		torn := appendRecord(nil, record("never acknowledged"))
		f.Write(torn[:1+rnd.IntN(len(torn)-1)])
		f.Close()
	}
	s := open(t, dir, Options{})
	if s.Cut() == 0 {
		t.Error("no torn tail was seen")
	}
	there := map[string]bool{}
	for at := (Position{}); ; {
		some, next, damaged, err := s.Read(at, 1000)
		if err != nil || damaged != 0 {
			t.Fatal(err, damaged)
		}
		if len(some) == 0 {
			break
		}
		for _, r := range some {
			if there[string(r.Body)] {
				t.Errorf("%s is there twice", r.Body)
			}
			there[string(r.Body)] = true
		}
		at = next
	}
	lost := 0
	for b := range acknowledged {
		if !there[b] {
			lost++
		}
	}
	t.Logf("%d kills, %d acknowledged, %d there", rounds, len(acknowledged), len(there))
	if lost > 0 || len(acknowledged) < rounds*50 {
		t.Errorf("%d of %d acknowledged records are lost", lost, len(acknowledged))
	}
}

// appendForEver is the process that is killed. It says what was kept.
func appendForEver(dir string) {
	s, err := Open(dir, Options{SegmentBytes: 50_000})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	round := os.Getenv("SLUICE_SPOOL_ROUND")
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			for i := range 1_000_000 {
				body := fmt.Sprintf("%s %d %d", round, g, i)
				if err := s.Append(&Record{At: time.Now(), Sender: "s", Body: []byte(body)}); err != nil {
					fmt.Println(err)
					os.Exit(1)
				}
				fmt.Println("kept " + body)
			}
		})
	}
	wg.Wait()
}
