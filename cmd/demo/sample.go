package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
)

// sampleRows is how many rows the sample list has.
const sampleRows = 10_000

// troubles are what real lists have, by the row of every thousand at which the sample
// has it. ROW is a row's number in five digits, HIGH and LOW are the halves of a mobile
// number, OTHER is another high half, and REST are the cells behind the phone.
func troubles() map[int]string {
	return map[int]string{
		11:  "NAME,5.51199E+12,REST",                                     // saved by a spreadsheet
		22:  "NAME,,REST",                                                // no number
		33:  "NAME,PHONE",                                                // ragged
		44:  "NAME,PHONE,,sku-1,cROW,SAVE10",                             // a variable is missing
		55:  "NAME,+55 11 1234,REST",                                     // too short for the country
		66:  "\"NAME\"x,PHONE,REST",                                      // a bad quote
		77:  "NAME,+55119HIGHLOW.0,REST",                                 // a spreadsheet took it for a quantity
		88:  "NAME,+55 (0)11 9HIGH-LOW,REST",                             // a trunk zero behind the country's code
		99:  "NAME,PHONE / (11) 9HIGH-LOW,REST",                          // two numbers
		111: "NAME,https://wa.me/55119HIGHLOW,REST",                      // a link
		122: "NAME,5511OTHERLOW@s.whatsapp.net,REST",                     // as WhatsApp reports it, without its ninth digit
		123: "NAME,+5511 9OTHER BEFORE,REST",                             // the same person, with it
		133: "NAME,\u202a+55\u202f11\u202f9HIGH\u2011LOW\u202c,REST",     // hyphens that do not break, between marks that nobody sees
		144: "NAME,51 9OTHER-LOW,REST",                                   // of Brazil's area 51, and of Peru: the list says which
		155: "NAME,PHONE ext. 12,REST",                                   // an extension
		166: " \u00a0,\tPHONE ,REST",                                     // white space for a name, and around the number
		177: "NAME\x00,PHONE,REST",                                       // a NUL
		188: "Jos\xe9,PHONE,REST",                                        // a line of another encoding
		199: "NAME,PHONE,REST,,,",                                        // surplus cells that are empty
		211: "NAME\tda      Silva,PHONE,REST",                            // a tab and a run of spaces
		222: "\"NAME\n+55 (11) 98765-4321,10%,not this one\",PHONE,REST", // another's number in a note
	}
}

// form is how a row of the sample is written.
func form(row int, troubles map[int]string) string {
	if trouble, found := troubles[row%1000]; found {
		return trouble
	}
	switch row % 50 {
	case 3: // quoted, with a new line inside
		return "\"NAME\nda Silva\",PHONE,REST"
	case 9: // national form
		return "NAME,(11) 9HIGH-LOW,REST"
	}
	return "NAME,PHONE,REST"
}

// sample writes the sample list: fictional people in Brazil, with the troubles
// that real lists have. The same seed gives the same list.
func sample(seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	names := []string{"Ana", "Bruno", "Carla", "Davi", "Elisa", "Fábio", "Gabriela", "João", "Luíza", ""}
	var b bytes.Buffer
	b.WriteString("\ufeff\ufefffirst_name,phone,discount,sku,code,coupon\r\n")
	troubles := troubles()
	phone := ""
	for row := 1; row <= sampleRows; row++ {
		name := names[r.IntN(len(names))]
		high, low := fmt.Sprintf("%04d", 1000+row/10000), fmt.Sprintf("%04d", row%10000)
		if row%100 != 7 { // every hundredth repeats the number before it
			phone = "+55 (11) 9" + high + "-" + low
		}
		rest := fmt.Sprintf("%d%%,sku-%d,c%05d,SAVE%d", 5+r.IntN(40), r.IntN(50), row, r.IntN(90)+10)
		b.WriteString(strings.NewReplacer(
			"NAME", name, "PHONE", phone, "HIGH", high, "LOW", low, "REST", rest, "ROW", fmt.Sprintf("%05d", row),
			"OTHER", fmt.Sprintf("%04d", 8700+row/10000), "BEFORE", fmt.Sprintf("%04d", (row-1)%10000),
		).Replace(form(row, troubles)) + "\r\n")
	}
	b.WriteString(strings.Repeat(",,,,,\r\n", 100)) // a spreadsheet's tail, which is no rows
	return b.Bytes()
}
