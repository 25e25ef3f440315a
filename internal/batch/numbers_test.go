package batch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/phone"
)

// Lists as people have them: what becomes of their numbers.
func TestNumbersOfLists(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		file, column, encoding, country string
		strict                          bool
		want                            string // of each row: its number, or = for a duplicate, or - for an invalid one
	}{
		{"02-decimal-zero.csv", "phone", "", "", false, "628123456789 6281234567890 491701234567 551187654321"},
		{"03-de-full-without-plus.csv", "phone", "", "DE", false, "491701234567 4915112345678 = 491701234568"},
		{"03-de-full-without-plus.csv", "phone", "", "DE", true, "491701234567 4915112345678 = 491701234568"},
		{"04-id-full-without-plus.csv", "phone", "", "ID", false, "62811123456 = 62812280461 6281234567890"},
		{"04-id-full-without-plus.csv", "phone", "", "ID", true, "62811123456 = 62812280461 6281234567890"},
		{"05-foreign-full-without-plus.csv", "phone", "", "ID", false, "5511987654321 60123456789 447911123456 6281234567890"},
		{"06-code-and-trunk-zero.csv", "phone", "", "", false, "6281234567891 = 4915123456789 447911123456 61412345678 436601234567 84912345678"},
		{"06-code-and-trunk-zero.csv", "phone", "", "", true, "6281234567891 = 4915123456789 447911123456 61412345678 436601234567 84912345678"},
		{"07-same-person-two-spellings.csv", "phone", "", "", false, "5511987654321 = 525512345678 = 5491123456789 ="},
		{"20-facebook-leads.csv", "phone_number", "utf-16", "", false, "6281234567821 6281234567822"},
		{"21-dashes-and-spaces.csv", "phone", "", "", false, "5511987654321 5511987654323 5511987654331 5511987654325 5511987654324 5511987654332"},
		{"26-no-default-country.csv", "phone", "", "", false, "- -"},
		{"26-no-default-country.csv", "phone", "", "ID", false, "6281234567801 6281234567802"},
		{"28-google-contacts.csv", "Phone 1 - Value", "", "", false, "972521234567 -"},
	} {
		t.Run(tt.file+tt.country, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(filepath.Join("testdata", tt.file))
			if err != nil {
				t.Fatal(err)
			}
			recipients, skipped, _ := readAll(t, string(text), Options{Phone: tt.column, Encoding: tt.encoding, DefaultCountry: tt.country, Strict: tt.strict})
			rows := make([]string, len(recipients)+len(skipped))
			for _, r := range recipients {
				rows[r.Row-1] = r.Phone
			}
			for _, s := range skipped {
				rows[s.Row-1] = map[Kind]string{Invalid: "-", Duplicate: "="}[s.Kind]
			}
			if diff := cmp.Diff(tt.want, strings.Join(rows, " ")); diff != "" {
				t.Error(diff, skipped)
			}
		})
	}
}

// mobiles writes rows of Brazil: of each hundred so many national, the others full;
// each row has its number once.
func mobiles(rows, national int) string {
	var b strings.Builder
	for i := range rows {
		if i%100 >= national {
			b.WriteString("55")
		}
		fmt.Fprintf(&b, "119%08d,x\n", 10_000_000+i)
	}
	return b.String()
}

// A number of two readings, both of a mobile, is read as the first 10,000 rows are
// written: it may be the first of all, and the rows may come in any pieces.
func TestTheListSaysHowNumbersAreRead(t *testing.T) {
	t.Parallel()
	const two = "51987654321,x\n" // of Brazil's area 51, or of Peru
	for _, tt := range []struct {
		name, rows string
		numbers    phone.Numbers
		want       string
		read       phone.Numbers
	}{
		{"national", two + mobiles(300, 95), "", "5551987654321", phone.National},
		{"full", two + mobiles(300, 5), phone.Auto, "51987654321", phone.Full},
		{"mixed", two + mobiles(300, 94), phone.Auto, "", phone.Mixed},
		{"all alike", strings.Repeat(two, 300), phone.Auto, "", phone.Mixed},
		{"the beginning counts", two + mobiles(9_999, 100) + mobiles(30_000, 0), phone.Auto, "5551987654321", phone.National},
		{"not what follows", two + mobiles(9_400, 100) + mobiles(600, 0) + mobiles(30_000, 100), phone.Auto, "", phone.Mixed},
		{"rows that say nothing", two + strings.Repeat("+5511987654321,x\n1,\n,\n\"x\"y\n", 2_000) + mobiles(300, 100), phone.Auto, "5551987654321", phone.National},
		{"too late", two + strings.Repeat("+5511987654321,x\n", 10_000) + mobiles(300, 100), phone.Auto, "", phone.Mixed},
		{"the owner says it", two + mobiles(300, 5), phone.National, "5551987654321", phone.National},
		{"the owner says the other", two + mobiles(300, 95), phone.Full, "51987654321", phone.Full},
		{"the owner says neither", two + mobiles(300, 100), phone.Mixed, "", phone.Mixed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			text := "phone,name\n" + tt.rows
			var prints [2][32]byte
			for i, in := range []io.Reader{strings.NewReader(text), iotest.HalfReader(iotest.DataErrReader(strings.NewReader(text)))} {
				r, err := NewReader(in, Options{Phone: "phone", DefaultCountry: "BR", Numbers: tt.numbers})
				if err != nil {
					t.Fatal(err)
				}
				first, err := r.Next()
				if err != nil {
					t.Fatal(err)
				}
				got := ""
				if len(first.Recipients) > 0 && first.Recipients[0].Row == 1 {
					got = first.Recipients[0].Phone
				}
				if got != tt.want {
					t.Errorf("the first row is sent to as %q, want %q", got, tt.want)
				}
				if tt.want == "" && (first.Skipped[0].Row != 1 || !strings.Contains(first.Skipped[0].Reason, "recipients.numbers")) {
					t.Errorf("skipped: %+v", first.Skipped[0])
				}
				for err == nil {
					_, err = r.Next()
				}
				if !errors.Is(err, io.EOF) {
					t.Fatal(err)
				}
				prints[i] = r.Fingerprint()
				p := r.People()
				if p.Read != tt.read || p.Ambiguous == 0 || p.National+p.Full+p.Plus != p.Countries["BR"]+p.Countries["PE"] {
					t.Errorf("people: %+v", p)
				}
			}
			if prints[0] != prints[1] {
				t.Error("the same bytes gave other batches")
			}
		})
	}
}

// What lies beyond 16 MiB of text is not looked at, and the row that lies across
// does not count as what is left of it.
func TestTheBeginningOfAListIsBounded(t *testing.T) {
	t.Parallel()
	head, wide := "phone,name\n51987654321,x\n", strings.Repeat("x", 60<<10)
	for _, tt := range []struct {
		over int
		want phone.Numbers
	}{{-1, phone.National}, {-len("5511987654321"), phone.National}, {10, phone.Mixed}} {
		var b bytes.Buffer
		b.WriteString(head)
		row := "55119876543219999," // the row across: what is left of it may be a full number
		for left := aheadBytes + tt.over - b.Len() - len("11987654321,x\n"); left > 0; left = aheadBytes + tt.over - b.Len() - len("11987654321,x\n") {
			if left < 2*len(wide) {
				fmt.Fprintf(&b, ",%s\n", wide[:min(left-2, len(wide))])
				continue
			}
			fmt.Fprintf(&b, ",%s\n", wide)
		}
		b.WriteString("11987654321,x\n")
		b.WriteString(row + "\n")
		r, err := NewReader(&b, Options{Phone: "phone", DefaultCountry: "BR"})
		if err != nil {
			t.Fatal(err)
		}
		if got := r.People().Read; got != tt.want {
			t.Errorf("with the row that tells %d bytes beyond, read as %s, want %s", tt.over, got, tt.want)
		}
	}
}

// What is wrong with the beginning of a file is said where it is read, once.
func TestAFailureAheadIsKept(t *testing.T) {
	t.Parallel()
	bad := errors.New("the disk is gone")
	in := io.MultiReader(strings.NewReader("phone,name\n"+mobiles(5_000, 100)), &failsOnce{bad})
	r, err := NewReader(in, Options{Phone: "phone", DefaultCountry: "BR"})
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for err == nil {
		var b *Batch
		if b, err = r.Next(); err == nil {
			rows += len(b.Recipients)
		}
	}
	if !errors.Is(err, bad) || rows < 4_000 {
		t.Errorf("after %d rows: %v", rows, err)
	}
}

// failsOnce is a file that is no more after its failure.
type failsOnce struct{ err error }

func (f *failsOnce) Read([]byte) (int, error) {
	err := f.err
	f.err = io.EOF
	return 0, err
}

// A cell that is no number is kept to look at, but not a book of it.
func TestWhatIsKeptOfACell(t *testing.T) {
	t.Parallel()
	_, skipped, _ := readAll(t, "phone\n"+strings.Repeat("é", 30<<10)+"\nx\n", Options{Phone: "phone"})
	if len(skipped) != 2 || len(skipped[0].Phone) > maxGiven+3 || skipped[1].Phone != "x" {
		t.Errorf("%d rows, %d bytes kept", len(skipped), len(skipped[0].Phone))
	}
}
