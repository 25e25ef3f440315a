package phone

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/nyaruka/phonenumbers"
)

// What each cell is read as, alone.
func TestCells(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		cell, country string
		want          uint64
		err           error
	}{
		// Behind + or 00: a possible length is enough.
		{"+55 (11) 98765-4321", "", 5511987654321, nil},
		{"0055 11 98765.4321", "", 5511987654321, nil},
		// Behind what dials abroad from the list's country it may be another number.
		{"001 65 9123 4567", "", 16591234567, nil},
		{"001 65 9123 4567", "DE", 16591234567, nil},
		{"001 65 9123 4567", "SG", 0, ErrAbroad},
		{"001 62 812 3456 789", "ID", 0, ErrLength},
		{"001-852-9123-4567", "HK", 0, ErrAbroad},
		{"0065 9123 4567", "SG", 6591234567, nil},
		{"+1 659 123 4567", "SG", 16591234567, nil},
		{"0055 49 99876 5432", "BR", 5549998765432, nil}, // 0055 is a carrier, too
		{"0044 7400 123456", "HK", 447400123456, nil},
		{"+4917012345", "", 4917012345, nil},
		{"+55 11 98765-43210", "", 0, ErrLength},
		{"+49 0170 12345", "", 4917012345, nil}, // its zero goes all the same
		{"+9995551234567", "", 0, ErrCountry},
		{"+0812345678", "ID", 0, ErrCountry},
		{"+", "", 0, ErrNone},
		{"++5511987654321", "", 0, ErrLetters},
		// National.
		{"(11) 98765-4321", "BR", 5511987654321, nil},
		{"011 98765-4321", "BR", 5511987654321, nil},
		{"0 15 11 98765-4321", "BR", 5511987654321, nil}, // with a carrier
		{"55 98765-4321", "BR", 5555987654321, nil},      // area 55
		{"(11) 8765-4321", "BR", 0, ErrNeither},          // before 2016
		{"(65) 9112-3456", "BR", 0, ErrOldForm},          // likewise, or a mobile of Singapore
		{"4799123456", "BR", 0, ErrOldForm},              // of Norway
		{"32 8112-3456", "BR", 0, ErrOldForm},            // a fixed line in Belgium
		{"24 8251-2345", "BR", 0, ErrOldForm},            // of the Seychelles
		{"1 55 1234 5684", "MX", 0, ErrOldForm},          // as before 2019, or of the USA
		{"55 1234 5684", "MX", 525512345684, nil},
		{"+1 551 234 5684", "MX", 15512345684, nil},
		{"+6591123456", "BR", 6591123456, nil},
		{"6591123456", "PT", 6591123456, nil},
		{"6533123456", "BR", 556533123456, nil},   // a fixed line has eight digits
		{"81959521258", "BR", 5581959521258, nil}, // a fixed line in Japan
		{"020 7946 0958", "GB", 442079460958, nil},
		{"06 1234 5678", "IT", 390612345678, nil}, // Italy keeps its zero
		{"8 (916) 123-45-67", "RU", 79161234567, nil},
		{"8 701 234 56 78", "KZ", 77012345678, nil},
		{"06 20 123 4567", "HU", 36201234567, nil},
		{"8 612 34567", "LT", 37061234567, nil},
		{"011 15 2345-6789", "AR", 5491123456789, nil},
		{"11 15 2345-6789", "AR", 5491123456789, nil},
		{"11 2345-6789", "AR", 541123456789, nil},
		{"55 1234 5678", "MX", 525512345678, nil},
		{"044 55 1234 5678", "MX", 0, ErrNeither}, // no longer of its plan
		{"(212) 555-0123", "CA", 12125550123, nil},
		{"1 212 555 0123", "CA", 12125550123, nil},
		{"7400 123456", "JE", 447400123456, nil},
		// Bare, with a country's code.
		{"5511987654321", "", 5511987654321, nil},
		{"5511987654321", "BR", 5511987654321, nil},
		{"491701234567", "DE", 491701234567, nil},
		{"38344123456", "XK", 38344123456, nil},
		{"62811123456", "ID", 62811123456, nil},
		{"77012345678", "RU", 77012345678, nil},
		{"12125550123", "", 12125550123, nil},
		{"(11) 98765-4321", "", 0, ErrBare},
		{"081234567801", "", 0, ErrCountry},
		{"12345", "", 0, ErrShort},
		{"1234567890123456", "", 0, ErrLong},
		{"123", "BR", 0, ErrNeither},
		{"49123", "", 0, ErrShort},
		// Trunk zeros behind the code.
		{"+62 0812-3456-7891", "", 6281234567891, nil},
		{"62 0812 3456 7891", "", 6281234567891, nil},
		{"+49 (0)151 23456789", "", 4915123456789, nil},
		{"+44 07911 123456", "", 447911123456, nil},
		{"+39 06 1234 5678", "", 390612345678, nil},
		{"+39 (0)6 1234 5678", "", 390612345678, nil},
		{"+7 8 916 123-45-67", "", 79161234567, nil},
		{"+54 11 15 2345-6789", "", 5491123456789, nil},
		{"+36 06 20 123 4567", "", 36201234567, nil},
		// As WhatsApp reports them.
		{"551187654321", "", 551187654321, nil},
		{"5215512345678", "", 5215512345678, nil},
		{"5215512345678", "MX", 5215512345678, nil},
		{"541123456789", "", 541123456789, nil},
		{"553433345678", "", 553433345678, nil}, // a fixed line has no ninth digit
		{"551112345678", "", 0, ErrBare},        // nor has what is neither
		// Spreadsheets.
		{"628123456789.0", "", 628123456789, nil},
		{"6281234567890.00", "", 6281234567890, nil},
		{"+491701234567.0", "", 491701234567, nil},
		{"551187654321,00", "", 551187654321, nil},
		{"628123456789.5", "", 0, ErrDecimals},
		{"62812345678.000", "", 0, ErrDecimals},
		{"55119876.54321", "", 5511987654321, nil},
		{"01.70.12.34.00", "FR", 33170123400, nil},
		{"5.5E+11", "BR", 0, ErrScientific},
		{"8,6138e+12", "CN", 0, ErrScientific},
		{"'+5511987654321", "", 5511987654321, nil},
		{`="5511987654321"`, "", 5511987654321, nil},
		// Spelling.
		{"\u00a0＋８６ １３８ ００１３ ８０００", "", 8613800138000, nil},
		{"+55 11 98765\u20114321", "", 5511987654321, nil},
		{"55\u202f11\u202f98765\u202f4323", "", 5511987654323, nil},
		{"\u202d+5511987654331\u202c", "", 5511987654331, nil},
		{"\u2066+5511987654325\u2069", "", 5511987654325, nil},
		{"+55 11 98765\u22124324", "", 5511987654324, nil},
		{"\u20605511987654332", "", 5511987654332, nil},
		{"+55\u00ad11\u200b98765\u30fc4324", "", 5511987654324, nil},
		{"［+55］〔11〕｛98765｝4324", "", 5511987654324, nil},
		{"+٥٥ ١١ ٩٨٧٦٥ ٤٣٢١", "", 5511987654321, nil},
		{"+५५११९८७६५४३२१", "", 5511987654321, nil},
		{"+55 ١١ ٩٨٧٦٥ ٤٣٢١", "", 0, ErrScripts},
		{"+⁵⁵11987654321", "", 0, ErrLetters}, // superscripts are no digits
		{"tel:+6281234567821", "", 6281234567821, nil},
		{"WhatsApp:+6281234567821", "", 6281234567821, nil},
		{"p:+6281234567821", "", 6281234567821, nil},
		{"p: 081234567821", "ID", 6281234567821, nil},
		{"wa.me/6281234567821", "BR", 6281234567821, nil},
		{"https://wa.me/6281234567821/", "", 6281234567821, nil},
		{"wa.me/081234567821", "ID", 0, ErrCountry}, // a link has its country's code
		{"wa.me/628123", "", 0, ErrShort},
		{"wa.me/49170123", "", 0, ErrBare},
		{"551187654321@s.whatsapp.net", "", 551187654321, nil},
		{"https://example.com/6281234567821", "", 0, ErrLetters},
		{"0151/23456789", "DE", 4915123456789, nil},
		{"+49 151/23456789", "", 4915123456789, nil},
		// Not one number.
		{"+62 812-3456-7801 ::: +62 812-3456-7802", "", 0, ErrSeveral},
		{"081234567801 / 081234567802", "ID", 0, ErrSeveral},
		{"081234567801/02", "ID", 0, ErrSeveral},
		{"234567/345678", "NG", 0, ErrSeveral},
		{"081234567/801", "ID", 0, ErrSeveral}, // or 081234567 and 081234801
		{"0812345678/79", "ID", 0, ErrSeveral},
		{"0812345/67801", "ID", 0, ErrSeveral}, // no area has a code as long
		{"081234567801; 081234567802", "ID", 0, ErrSeveral},
		{"081234567801, 081234567802", "ID", 0, ErrSeveral},
		{"081234567801\n081234567802", "ID", 0, ErrSeveral},
		{"0812345\n678", "ID", 0, ErrSeveral},
		{"+6281234567801 +6281234567802", "ID", 0, ErrSeveral},
		{"081234567801 or 081234567802", "ID", 0, ErrSeveral},
		{"+1 212 555 0123 x45", "", 0, ErrExtension},
		{"+1 212 555 0123 ext. 45", "", 0, ErrExtension},
		{"tel:+12125550123;ext=45", "", 0, ErrExtension},
		{"+1 212 555 0123 #45", "", 0, ErrExtension},
		{"1-800-FLOWERS", "US", 0, ErrLetters},
		{"62812345O789", "", 0, ErrLetters},
		{"abc5511987654321", "", 0, ErrLetters},
		{"5511987654321 (Ana)", "", 0, ErrLetters},
		{"n/a", "", 0, ErrLetters},
		{"", "", 0, ErrNone},
		{" - ", "", 0, ErrNone},
		{"\u200b'", "", 0, ErrNone},
		{strings.Repeat("1", 1<<20), "", 0, ErrLong},
		{strings.Repeat("+", 1<<20), "", 0, ErrLetters},
		{strings.Repeat(" ", 1<<20) + "+5511987654321", "", 5511987654321, nil},
		{strings.Repeat(" -", 1<<19), "", 0, ErrLetters},
	} {
		r, err := NewReader(Options{Country: tt.country})
		if err != nil {
			t.Fatal(err)
		}
		got, err := r.Read([]byte(tt.cell))
		if got.E164 != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%.60q in %q: %d, %v; want %d, %v", tt.cell, tt.country, got.E164, err, tt.want, tt.err)
		}
		if digits := string(r.Append(nil, got)); err == nil && digits != strconv.FormatUint(tt.want, 10) {
			t.Errorf("%.60q in %q has the digits %s", tt.cell, tt.country, digits)
		}
	}
}

// With strict what is behind a plus must be valid, and what is judged is sent.
func TestStrict(t *testing.T) {
	t.Parallel()
	r, err := NewReader(Options{Country: "DE", Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	for cell, want := range map[string]uint64{
		"+4917012345": 0, "+491701234567": 491701234567, "+62 0812-3456-7891": 6281234567891, "491701234567": 491701234567,
		"+5215512345678": 5215512345678, "+551187654321": 551187654321,
	} {
		got, err := r.Read([]byte(cell))
		if got.E164 != want || want == 0 && !errors.Is(err, ErrNotValid) {
			t.Errorf("%s: %d, %v; want %d", cell, got.E164, err, want)
		}
	}
}

func TestCountries(t *testing.T) {
	t.Parallel()
	if _, err := NewReader(Options{Country: "XX"}); err == nil || !strings.Contains(err.Error(), `"XX"`) {
		t.Errorf("a country that there is not: %v", err)
	}
	r, err := NewReader(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for cell, want := range map[string]string{
		"12125550123": "US", "14165550123": "CA", "77012345678": "KZ", "79161234567": "RU", "447400123456": "GB", "447797712345": "JE",
		"38344123456": "XK", "5215512345678": "MX", "551187654321": "BR", "+4917012345": "DE", "80012345678": "001",
	} {
		if got, err := r.Read([]byte(cell)); got.Country != want {
			t.Errorf("%s is of %q, want %q: %v", cell, got.Country, want, err)
		}
	}
}

// Whose number has two readings is sent to as the list's others are, or not.
func TestTheListDecides(t *testing.T) {
	t.Parallel()
	// Valid as a mobile of Brazil's area 51, and as one of Peru.
	const two = "51987654321"
	brazil := func(i int) string { return "11987654" + strconv.Itoa(100+i) }
	full := func(i int) string { return "5511987654" + strconv.Itoa(100+i) }
	for _, tt := range []struct {
		name           string
		numbers        Numbers
		national, full int
		want           uint64
		decided        Numbers
	}{
		{"national", Auto, 95, 5, 5551987654321, National},
		{"full", Auto, 5, 95, 51987654321, Full},
		{"not enough", Auto, 94, 6, 0, Mixed},
		{"nor of these", "", 6, 94, 0, Mixed},
		{"nothing to go by", Auto, 0, 0, 0, Mixed},
		{"the owner says national", National, 0, 100, 5551987654321, National},
		{"the owner says full", Full, 100, 0, 51987654321, Full},
		{"the owner says mixed", Mixed, 100, 0, 0, Mixed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r, err := NewReader(Options{Country: "BR", Numbers: tt.numbers})
			if err != nil {
				t.Fatal(err)
			}
			for i := range tt.national {
				r.Learn([]byte(brazil(i)))
			}
			for i := range tt.full {
				r.Learn([]byte(full(i)))
			}
			for range 1000 { // say nothing: they have two readings, or a plus, or none
				r.Learn([]byte(two))
				r.Learn([]byte("+5511987654321"))
				r.Learn([]byte("12"))
			}
			if got := r.Decide(); got != tt.decided {
				t.Errorf("decided %s, want %s", got, tt.decided)
			}
			got, err := r.Read([]byte(two))
			if got.E164 != tt.want || (tt.want == 0) != errors.Is(err, ErrAmbiguous) {
				t.Errorf("%d, %v; want %d", got.E164, err, tt.want)
			}
			if got.Two != (tt.want != 0) {
				t.Errorf("it was decided: %v", got.Two)
			}
			if got, err := r.Read([]byte("5511987654321")); got.E164 != 5511987654321 || got.Two { // has one reading, whatever was decided
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

// A list of old mobiles of Brazil is no list of another country's numbers, but where
// its owner says so, or others of it do.
func TestOldMobilesOfBrazil(t *testing.T) {
	t.Parallel()
	const old = "6591123456"
	for _, tt := range []struct {
		numbers Numbers
		learned string
		want    uint64
	}{
		{Auto, old, 0},
		{Auto, "11987654321", 0},
		{Auto, "5511987654321", 6591123456},
		{Full, old, 6591123456},
		{National, "5511987654321", 0},
		{Mixed, "5511987654321", 0},
	} {
		r, err := NewReader(Options{Country: "BR", Numbers: tt.numbers})
		if err != nil {
			t.Fatal(err)
		}
		for range 100 {
			r.Learn([]byte(tt.learned))
		}
		r.Decide()
		if got, err := r.Read([]byte(old)); got.E164 != tt.want || tt.want == 0 && !errors.Is(err, ErrOldForm) {
			t.Errorf("%s, of a list of %s: %d, %v; want %d", tt.numbers, tt.learned, got.E164, err, tt.want)
		}
	}
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	for _, same := range [][]string{
		{"5511987654321", "551187654321"},
		{"525512345678", "5215512345678"},
		{"541123456789", "5491123456789"},
		{"551133334444"}, // a fixed line
		{"5511933334444"},
		{"5511960000000", "551160000000"}, // the lowest that a mobile's can be
		{"551159999999"},
		{"5511959999999"},
		{"12125550123"},
		{"6281234567890"},
		{"999999999999999"},
	} {
		for _, n := range same {
			if Identity(n) != Identity(same[0]) || Identity(n) == 0 {
				t.Errorf("%s and %s are two", n, same[0])
			}
			if id := Identity(n); Identity(strconv.FormatUint(id, 10)) != id {
				t.Errorf("the identity of %s has another", n)
			}
			if v, _ := strconv.ParseUint(n, 10, 64); IdentityOf(v) != Identity(n) {
				t.Errorf("%s has another identity as a value", n)
			}
		}
	}
	for fixed, mobile := range map[string]string{"551133334444": "5511933334444", "551159999999": "5511959999999"} {
		if Identity(fixed) == Identity(mobile) {
			t.Errorf("%s, a fixed line, is a mobile", fixed)
		}
	}
	for _, none := range []string{"", "0", "0551187654321", "+551187654321", "1234567890123456", "x", "-5511"} {
		if Identity(none) != 0 {
			t.Errorf("%q has an identity", none)
		}
	}
}

// No cell becomes a number that is not valid, but behind + or 00; a number with a
// code is given no other; what came out is read as itself; no error has a text of
// the cell.
func FuzzNumber(f *testing.F) {
	for _, s := range []string{
		"+55 (11) 98765-4321", "0044 (0)20 7946 0958", "８６１３８００１３８０００", "4.4712E+11", "011987654321", "'+5511987654321", "=", "51987654321",
		"491701234567", "tel:+1;ext=5", "wa.me/6281234567821", "551187654321@s.whatsapp.net", "a ::: b", "628123456789.0", "0151/1234567", "1511123456",
	} {
		for _, country := range []string{"", "BR", "DE", "ID", "US", "IT", "AR", "MX", "RU", "XK"} {
			f.Add(s, country, "auto")
		}
	}
	f.Fuzz(func(t *testing.T, text, country, numbers string) {
		r, err := NewReader(Options{Country: country, Numbers: Numbers(numbers)})
		if err != nil {
			return
		}
		n, err := r.Read([]byte(text))
		if err != nil {
			if len(text) > 4 && strings.Contains(err.Error(), text) {
				t.Fatalf("the error holds the cell: %v", err)
			}
			return
		}
		digits := strconv.FormatUint(n.E164, 10)
		if got := string(r.Append(nil, n)); got != digits {
			t.Fatalf("the digits of %s are %s", digits, got)
		}
		if len(digits) < minDigits || len(digits) > maxDigits {
			t.Fatalf("%d digits", len(digits))
		}
		code, rest := r.plans.split([]byte(digits))
		if code == 0 {
			t.Fatal("it begins with no country's code")
		}
		valid := phonenumbers.IsValidNumber(proto(code, rest)) || identityValid(r.plans, n.E164)
		if n.Read != ReadPlus && !valid {
			t.Fatal("it is not valid, and was not written with +")
		}
		if again, err := r.Read([]byte("+" + digits)); err != nil || again.E164 != n.E164 {
			t.Fatalf("%s became %d, %v", digits, again.E164, err)
		}
		if Identity(digits) != n.Identity() || n.Identity() == 0 || n.Identity() >= 1e15 {
			t.Fatal("its identity")
		}
		// Numbers of phonenumbers' own finding: with a plus, there is one.
		if parsed, err := phonenumbers.Parse(text, "ZZ"); n.Read == ReadPlus && err == nil && parsed.GetExtension() == "" && int(parsed.GetCountryCode()) != code {
			t.Fatalf("it was given the code %d and has %d", code, parsed.GetCountryCode())
		}
	})
}

// identityValid says that a number is a form in which WhatsApp reports a valid one.
func identityValid(p *plans, n uint64) bool {
	text := strconv.FormatUint(identity(n), 10)
	for _, digits := range []string{text, strings.Replace(text, "54", "549", 1)} {
		if code, rest := p.split([]byte(digits)); code != 0 && phonenumbers.IsValidNumber(proto(code, rest)) {
			return true
		}
	}
	return false
}
