package batch

import (
	"fmt"
	"strings"
	"testing"
)

// A number in the lines of a cell whose quotes are not doubled is nobody's row; a row
// that is broken by itself costs no other.
func TestLinesInDoubt(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, rows string
		want       string // of each row its number, or what is wrong with it
	}{
		{"a quote inside, and lines after it", "#1,\"he said \"ok\" to\n#2,b\nend\"\n#3,c\n", "1 broken|2 doubt|3 doubt|4 3"},
		{"one quote inside, and lines after it", "#1,\"TV 5\" wide\n#2,b\nend\"\n#3,c\n", "1 broken|2 doubt|3 doubt|4 3"},
		{"the same, with quotes of its own in between", "#1,\"TV 5\" wide\n#2,\"b\"\nend\"\n#3,c\n", "1 broken|2 doubt|3 doubt|4 3"},
		{"broken by itself", "#1,\"Ana\" Maria\n#2,b\n#3,c\n", "1 broken|2 2|3 3"},
		{"broken by itself, and a cell of several lines behind it", "#1,\"Ana\" Maria\n#2,b\n#3,\"c\nd\"\n", "1 broken|2 2|3 3"},
		{"the same, where the cell is a line's first", "#1,\"Ana\" Maria\n#2,b\n\"#3\n\",c\n#4,d\n", "1 broken|2 2|3 3|4 4"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			rows := strings.NewReplacer("#1", testNumber(1), "#2", testNumber(2), "#3", testNumber(3), "#4", testNumber(4)).Replace(tt.rows)
			all, _, err := drain(t, strings.NewReader("phone,name\n"+rows), Options{Phone: "phone", Columns: []Column{{Name: "name"}}})
			if err != nil || len(all) != 1 {
				t.Fatal(len(all), err)
			}
			got := make([]string, len(all[0].Recipients)+len(all[0].Skipped))
			for _, r := range all[0].Recipients {
				for n := 1; n <= 9; n++ {
					if r.Phone == testNumber(n) {
						got[r.Row-1] = fmt.Sprint(r.Row, " ", n)
					}
				}
			}
			for _, s := range all[0].Skipped {
				short := map[string]string{string(badQuote): "broken", string(maybeNote): "doubt"}[s.Reason]
				got[s.Row-1] = fmt.Sprint(s.Row, " ", short)
			}
			if strings.Join(got, "|") != tt.want {
				t.Errorf("%s, not %s", strings.Join(got, "|"), tt.want)
			}
		})
	}
}
