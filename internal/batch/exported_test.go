package batch

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const ourHeader = "row,phone,state,message_id,code,message,attempts,submitted_at,batch,receipt,receipt_code,sent_at,delivered_at,read_at,revision"

// An export is a list again: its numbers are read as full ones, what was no number as
// it was given, and its values as they were before they were defused.
func TestExportIsAListAgain(t *testing.T) {
	t.Parallel()
	row := func(number, state, code string) string {
		return "1," + number + "," + state + strings.Repeat(",", 12) + "," + code + "\n"
	}
	o := Options{Phone: "Telefon", Columns: []Column{{Name: "code"}}, Encoding: Auto, DefaultCountry: "BR"}
	text := strings.Replace(ourHeader, ",code,", ",sluice_code,", 1) + ",code\n" +
		row("51987654321", "rejected", "'=7") + // of Peru: as a national number it would be another's
		row("11987654321", "invalid", "x") + // in a list of Brazil a number after all
		row("'+12", "invalid", "x") +
		row("5511987654322", "in_doubt", "''=7")
	all, _, err := drain(t, strings.NewReader(text), o)
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	var got []string
	for _, r := range all[0].Recipients {
		got = append(got, r.Phone+" "+r.Vars[0])
	}
	if want := "51987654321 =7|5511987654321 x|5511987654322 '=7"; strings.Join(got, "|") != want {
		t.Errorf("%q, not %q", got, want)
	}
	if len(all[0].Skipped) != 1 {
		t.Errorf("%+v", all[0].Skipped)
	}
	// What lacks one of our columns is a list like any other.
	other := "row,phone,state,code\n1,5511987654321,rejected,'=7\n"
	o.Phone = "phone"
	if all, _, err = drain(t, strings.NewReader(other), o); err != nil || all[0].Recipients[0].Vars[0] != "'=7" {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestUndefuseTakesBackWhatDefuseDid(t *testing.T) {
	t.Parallel()
	piece := rapid.SampledFrom([]string{"=", "+", "@", ";", ",", "\t", "\n", "\r\n", " ", `"`, "'", "x", "\u00a0", "＝", "\xff"})
	rapid.Check(t, func(t *rapid.T) {
		cell := strings.Join(rapid.SliceOfN(piece, 0, 12).Draw(t, "cell"), "")
		if back := string(Undefuse([]byte(Defuse(cell)))); back != cell {
			t.Fatalf("%q became %q, and that %q", cell, Defuse(cell), back)
		}
	})
}
