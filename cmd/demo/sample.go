package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
)

// sampleRows is how many rows the sample list has.
const sampleRows = 10_000

// sample writes the sample list: fictional people in Brazil, with the troubles
// that real lists have. The same seed gives the same list.
func sample(seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	names := []string{"Ana", "Bruno", "Carla", "Davi", "Elisa", "Fábio", "Gabriela", "João", "Luíza", ""}
	var b bytes.Buffer
	b.WriteString("\ufeff\ufefffirst_name,phone,discount,sku,code,coupon\r\n")
	phone := ""
	for row := 1; row <= sampleRows; row++ {
		name := names[r.IntN(len(names))]
		if row%100 != 7 { // every hundredth repeats the number before it
			phone = fmt.Sprintf("+55 (11) 9%04d-%04d", 1000+row/10000, row%10000)
		}
		rest := fmt.Sprintf("%d%%,sku-%d,c%05d,SAVE%d", 5+r.IntN(40), r.IntN(50), row, r.IntN(90)+10)
		switch {
		case row%1000 == 11: // saved by a spreadsheet
			fmt.Fprintf(&b, "%s,5.51199E+12,%s\r\n", name, rest)
		case row%1000 == 22: // no number
			fmt.Fprintf(&b, "%s,,%s\r\n", name, rest)
		case row%1000 == 33: // ragged
			fmt.Fprintf(&b, "%s,%s\r\n", name, phone)
		case row%1000 == 44: // a variable is missing
			fmt.Fprintf(&b, "%s,%s,,sku-1,c%05d,SAVE10\r\n", name, phone, row)
		case row%1000 == 55: // too short for the country
			fmt.Fprintf(&b, "%s,+55 11 1234,%s\r\n", name, rest)
		case row%1000 == 66: // a bad quote
			fmt.Fprintf(&b, "\"%s\"x,%s,%s\r\n", name, phone, rest)
		case row%1000 == 77: // a spreadsheet took it for a quantity
			fmt.Fprintf(&b, "%s,+55119%04d%04d.0,%s\r\n", name, 1000+row/10000, row%10000, rest)
		case row%1000 == 88: // a trunk zero behind the country's code
			fmt.Fprintf(&b, "%s,+55 (0)11 9%04d-%04d,%s\r\n", name, 1000+row/10000, row%10000, rest)
		case row%1000 == 99: // two numbers
			fmt.Fprintf(&b, "%s,%s / (11) 9%04d-%04d,%s\r\n", name, phone, 1000+row/10000, row%10000, rest)
		case row%1000 == 111: // a link
			fmt.Fprintf(&b, "%s,https://wa.me/55119%04d%04d,%s\r\n", name, 1000+row/10000, row%10000, rest)
		case row%1000 == 122: // as WhatsApp reports it, without its ninth digit
			fmt.Fprintf(&b, "%s,5511%04d%04d@s.whatsapp.net,%s\r\n", name, 8700+row/10000, row%10000, rest)
		case row%1000 == 123: // the same person, with it
			fmt.Fprintf(&b, "%s,+5511 9%04d %04d,%s\r\n", name, 8700+row/10000, (row-1)%10000, rest)
		case row%1000 == 133: // hyphens that do not break, between marks that nobody sees
			fmt.Fprintf(&b, "%s,\u202a+55\u202f11\u202f9%04d\u2011%04d\u202c,%s\r\n", name, 1000+row/10000, row%10000, rest)
		case row%1000 == 144: // of Brazil's area 51, and of Peru: the list says which
			fmt.Fprintf(&b, "%s,51 9%04d-%04d,%s\r\n", name, 8700+row/10000, row%10000, rest)
		case row%1000 == 155: // an extension
			fmt.Fprintf(&b, "%s,%s ext. 12,%s\r\n", name, phone, rest)
		case row%1000 == 166: // white space for a name, and around the number
			fmt.Fprintf(&b, " \u00a0,\t%s ,%s\r\n", phone, rest)
		case row%1000 == 177: // a NUL
			fmt.Fprintf(&b, "%s\x00,%s,%s\r\n", name, phone, rest)
		case row%1000 == 188: // a line of another encoding
			fmt.Fprintf(&b, "Jos\xe9,%s,%s\r\n", phone, rest)
		case row%1000 == 199: // surplus cells that are empty
			fmt.Fprintf(&b, "%s,%s,%s,,,\r\n", name, phone, rest)
		case row%1000 == 211: // a tab and a run of spaces
			fmt.Fprintf(&b, "%s\tda      Silva,%s,%s\r\n", name, phone, rest)
		case row%1000 == 222: // another's number in a note
			fmt.Fprintf(&b, "\"%s\n+55 (11) 98765-4321,10%%,not this one\",%s,%s\r\n", name, phone, rest)
		case row%50 == 3: // quoted, with a new line inside
			fmt.Fprintf(&b, "\"%s\nda Silva\",%s,%s\r\n", name, phone, rest)
		case row%50 == 9: // national form
			fmt.Fprintf(&b, "%s,(11) 9%04d-%04d,%s\r\n", name, 1000+row/10000, row%10000, rest)
		default:
			fmt.Fprintf(&b, "%s,%s,%s\r\n", name, phone, rest)
		}
	}
	b.WriteString(strings.Repeat(",,,,,\r\n", 100)) // a spreadsheet's tail, which is no rows
	return b.Bytes()
}
