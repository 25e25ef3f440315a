package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestSum(t *testing.T) {
	t.Parallel()
	const (
		passA = `{"Action":"run","Package":"p","Test":"A"}
{"Action":"output","Package":"p","Test":"A","Output":"quiet\n"}
{"Action":"pass","Package":"p","Test":"A"}
`
		okP = `{"Action":"output","Package":"p","Output":"ok  \tp\t0.1s\n"}
{"Action":"pass","Package":"p"}
`
	)
	for _, c := range []struct {
		name, in string
		ok       bool
		last     string
		shows    string
		hides    string
	}{
		{name: "all pass", in: passA + okP, ok: true, last: "1 passed, 0 failed, 0 skipped", shows: "ok  \tp\t0.1s", hides: "quiet"},
		{name: "nothing ran", in: "", last: "0 passed, 0 failed, 0 skipped"},
		{name: "no test files only", in: `{"Action":"output","Package":"p","Output":"?   \tp\t[no test files]\n"}
{"Action":"skip","Package":"p"}
`, last: "0 passed, 0 failed, 0 skipped"},
		{name: "a test fails", in: passA + `{"Action":"output","Package":"p","Test":"B","Output":"want 1, got 2\n"}
{"Action":"fail","Package":"p","Test":"B"}
{"Action":"output","Package":"p","Output":"FAIL\tp\t0.1s\n"}
{"Action":"fail","Package":"p"}
`, last: "1 passed, 1 failed, 0 skipped", shows: "want 1, got 2"},
		{name: "a panic leaves a test unfinished", in: passA + `{"Action":"output","Package":"p","Test":"B","Output":"panic: boom\n"}
{"Action":"output","Package":"p","Output":"FAIL\tp\t0.1s\n"}
{"Action":"fail","Package":"p"}
`, last: "1 passed, 1 failed, 0 skipped", shows: "panic: boom"},
		{name: "a package does not build", in: passA + okP + `{"ImportPath":"q","Action":"build-output","Output":"q.go:1: undefined: x\n"}
{"ImportPath":"q","Action":"build-fail"}
{"Action":"output","Package":"q","Output":"FAIL\tq [build failed]\n"}
{"Action":"fail","Package":"q","FailedBuild":"q"}
`, last: "1 passed, 1 failed, 0 skipped", shows: "undefined: x"},
		{name: "words that are no events go through", in: "make: installing\n" + passA + okP, ok: true, last: "1 passed, 0 failed, 0 skipped", shows: "make: installing"},
		{name: "skipped", in: passA + `{"Action":"skip","Package":"p","Test":"C"}
` + okP, ok: true, last: "1 passed, 0 failed, 1 skipped"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			ok, err := run(strings.NewReader(c.in), &out, "")
			if err != nil || ok != c.ok {
				t.Fatalf("run = %v, %v; want %v\n%s", ok, err, c.ok, &out)
			}
			lines := strings.Split(strings.TrimRight(out.String(), "\n"), "\n")
			if last := lines[len(lines)-1]; last != c.last {
				t.Errorf("the last line is %q, want %q", last, c.last)
			}
			if !strings.Contains(out.String(), c.shows) {
				t.Errorf("does not show %q:\n%s", c.shows, &out)
			}
			if c.hides != "" && strings.Contains(out.String(), c.hides) {
				t.Errorf("shows %q:\n%s", c.hides, &out)
			}
		})
	}
}
