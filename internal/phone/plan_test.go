package phone

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/nyaruka/phonenumbers"
	"pgregory.net/rapid"
)

// types are all types of which the metadata has examples.
var types = []phonenumbers.PhoneNumberType{
	phonenumbers.FIXED_LINE, phonenumbers.MOBILE, phonenumbers.TOLL_FREE, phonenumbers.PREMIUM_RATE, phonenumbers.SHARED_COST,
	phonenumbers.VOIP, phonenumbers.PERSONAL_NUMBER, phonenumbers.PAGER, phonenumbers.UAN, phonenumbers.VOICEMAIL,
}

// regions are all countries, in order.
func regions() []string { return slices.Sorted(maps.Keys(phonenumbers.GetSupportedRegions())) }

func testPlans(t testing.TB) *plans {
	t.Helper()
	p, err := newPlans()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// examples are the metadata's own numbers of a country, behind its code.
func examples(region string) (all []string) {
	for _, typ := range types {
		if n := phonenumbers.GetExampleNumberForType(region, typ); n != nil {
			all = append(all, phonenumbers.GetNationalSignificantNumber(n))
		}
	}
	return all
}

// mutated is a number that is like an example, or like none.
func mutated(t *rapid.T, examples []string) []byte {
	digit := rapid.ByteRange('0', '9')
	if len(examples) == 0 || rapid.IntRange(0, 7).Draw(t, "any") == 0 {
		return rapid.SliceOfN(digit, 1, 17).Draw(t, "digits")
	}
	n := []byte(rapid.SampledFrom(examples).Draw(t, "example"))
	for range rapid.IntRange(0, 3).Draw(t, "mutations") {
		at := rapid.IntRange(0, len(n)-1).Draw(t, "at")
		switch rapid.IntRange(0, 4).Draw(t, "how") {
		case 0:
			if len(n) > 1 {
				n = slices.Delete(n, at, at+1)
			}
		case 1:
			n = slices.Insert(n, at, digit.Draw(t, "digit"))
		case 2: // all that follows
			for i := at; i < len(n); i++ {
				n[i] = digit.Draw(t, "digit")
			}
		default:
			n[at] = digit.Draw(t, "digit")
		}
	}
	return n[:min(len(n), maxNational)]
}

// holdVerdict holds what the plan says of a number against phonenumbers.
func holdVerdict(t interface {
	Helper()
	Fatalf(string, ...any)
}, pl *plan, national []byte,
) {
	t.Helper()
	n := proto(pl.code, national)
	v := pl.judge(national)
	want := none
	if phonenumbers.IsValidNumber(n) {
		want = other
		if typ := phonenumbers.GetNumberType(n); typ == phonenumbers.MOBILE || typ == phonenumbers.FIXED_LINE_OR_MOBILE {
			want = mobile
		}
	}
	if v.kind != want {
		t.Fatalf("+%d %s: kind %d, want %d", pl.code, national, v.kind, want)
	}
	if want != none && v.region != phonenumbers.GetRegionCodeForNumber(n) {
		t.Fatalf("+%d %s: of %s, want %s", pl.code, national, v.region, phonenumbers.GetRegionCodeForNumber(n))
	}
	if pl.dialled(len(national)) != (phonenumbers.IsPossibleNumberWithReason(n) == phonenumbers.IS_POSSIBLE) {
		t.Fatalf("+%d %s: of a possible length? %v", pl.code, national, pl.dialled(len(national)))
	}
}

// The automata say of every number what phonenumbers says: of every country, of
// every type, right and wrong.
func TestVerdictsAreThoseOfPhonenumbers(t *testing.T) {
	t.Parallel()
	p := testPlans(t)
	for _, region := range regions() {
		pl, err := p.of(phonenumbers.GetCountryCodeForRegion(region))
		if err != nil {
			t.Fatal(err)
		}
		all := examples(region)
		for _, n := range all {
			holdVerdict(t, pl, []byte(n))
		}
		rapid.Check(t, func(t *rapid.T) {
			for range 8 / oneIn {
				holdVerdict(t, pl, mutated(t, all))
			}
		})
	}
	for code := range phonenumbers.GetSupportedGlobalNetworkCallingCodes() {
		pl, err := p.of(code)
		if err != nil {
			t.Fatal(err)
		}
		example := phonenumbers.GetNationalSignificantNumber(phonenumbers.GetExampleNumberForNonGeoEntity(code))
		rapid.Check(t, func(t *rapid.T) { holdVerdict(t, pl, mutated(t, []string{example})) })
	}
}

// And so for each state of each automaton, all of the world's numbers being in one
// of some 24,000, by one number that leads to it.
func TestEveryStateIsJudgedByPhonenumbers(t *testing.T) {
	t.Parallel()
	p := testPlans(t)
	total, looked := 0, 0
	for code, there := range p.codes {
		if !there {
			continue
		}
		pl, err := p.of(code)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[int32]bool{dead: true}
		var walk func(digits []byte)
		walk = func(digits []byte) {
			at := pl.automaton.run(digits)
			if looked++; len(digits) > 0 && looked%oneIn == 0 {
				holdVerdict(t, pl, digits)
			}
			if depth := pl.automaton.at(at).depth; at != dead && depth != len(digits) {
				t.Fatalf("+%d %s: numbers of %d digits are in the same state", code, digits, depth)
			}
			if seen[at] || len(digits) == maxNational {
				return
			}
			seen[at] = true
			for d := byte('0'); d <= '9'; d++ {
				walk(append(digits[:len(digits):len(digits)], d))
			}
		}
		walk(nil)
		total += len(seen)
	}
	if total < 10_000 || total > 100_000 {
		t.Errorf("%d states", total)
	}
}

// What a plan is made of has no anchors: an automaton does not know them.
func TestPatternsHaveNoAnchors(t *testing.T) {
	t.Parallel()
	all, err := phonenumbers.MetadataCollection()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all.GetMetadata() {
		texts := []string{m.GetLeadingDigits()}
		for _, d := range []*phonenumbers.PhoneNumberDesc{
			m.GetGeneralDesc(), m.GetFixedLine(), m.GetMobile(), m.GetTollFree(), m.GetPremiumRate(), m.GetSharedCost(),
			m.GetPersonalNumber(), m.GetVoip(), m.GetPager(), m.GetUan(), m.GetVoicemail(),
		} {
			texts = append(texts, d.GetNationalNumberPattern())
		}
		if m.GetNationalPrefixTransformRule() == "" { // else the regular expression decides
			texts = append(texts, m.GetNationalPrefixForParsing())
		}
		for _, text := range texts {
			if strings.ContainsAny(text, `^$`) || strings.Contains(text, `\b`) {
				t.Errorf("%s: %s", m.GetId(), text)
			}
		}
	}
}

// The national reading is that of phonenumbers, but where that finds a code in
// front, of the country or of an international call: this is the other reading.
func TestTrunkPrefixesAreThoseOfPhonenumbers(t *testing.T) {
	t.Parallel()
	p := testPlans(t)
	for _, region := range regions() {
		m := p.regions[region]
		pl, err := p.of(int(m.GetCountryCode()))
		if err != nil {
			t.Fatal(err)
		}
		tr, err := newTrunk(pl, m)
		if err != nil {
			t.Fatal(err)
		}
		prefixes := []string{"", "", m.GetNationalPrefix(), "0", "8", "90", "06", "015", "015", "0183", "1831", "17911", "180020", "1500", "003768", "1"}
		all := examples(region)
		rapid.Check(t, func(t *rapid.T) {
			for range max(1, 5/oneIn) {
				digits := append([]byte(rapid.SampledFrom(prefixes).Draw(t, "prefix")), mutated(t, all)...)
				digits = digits[:min(len(digits), maxNational)]
				if region == "AR" && rapid.Bool().Draw(t, "15") { // between area and number
					digits = slices.Insert(digits, min(len(digits), rapid.IntRange(2, 5).Draw(t, "area")), '1', '5')
				}
				n, err := phonenumbers.ParseAndKeepRawInput(string(digits), region)
				if err != nil || n.GetCountryCodeSource() != phonenumbers.PhoneNumber_FROM_DEFAULT_COUNTRY {
					continue
				}
				if got, _ := tr.strip(digits); string(got) != phonenumbers.GetNationalSignificantNumber(n) {
					t.Fatalf("%s: %s is %s, want %s", region, digits, got, phonenumbers.GetNationalSignificantNumber(n))
				}
			}
		})
	}
}

// The longest prefix that the automaton finds is the one that the regular
// expression takes: where there is no rule, nothing else looks.
func TestLongestPrefixIsTheOneThatIsTaken(t *testing.T) {
	t.Parallel()
	p := testPlans(t)
	for _, region := range regions() {
		m := p.regions[region]
		if m.GetNationalPrefixForParsing() == "" || m.GetNationalPrefixTransformRule() != "" {
			continue
		}
		pl, err := p.of(int(m.GetCountryCode()))
		if err != nil {
			t.Fatal(err)
		}
		tr, err := newTrunk(pl, m)
		if err != nil {
			t.Fatal(err)
		}
		re := regexp.MustCompile("^(?:" + m.GetNationalPrefixForParsing() + ")")
		// Every state of the automaton, by one of its ways.
		var walk func(digits []byte)
		seen := map[int32]bool{}
		walk = func(digits []byte) {
			want := 0
			if at := re.FindIndex(digits); at != nil {
				want = at[1]
			}
			if got := tr.cut(digits); got != want {
				t.Fatalf("%s: of %s the first %d digits, want %d", region, digits, got, want)
			}
			at := tr.prefix.run(digits)
			if at == dead || seen[at] {
				return
			}
			seen[at] = true
			for d := byte('0'); d <= '9'; d++ {
				walk(append(slices.Clone(digits), d))
			}
		}
		walk(nil)
	}
}
