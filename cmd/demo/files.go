package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"

	"sluice/internal/campaign"
)

// receiptSecret is the last part of the receiver's addresses.
const receiptSecret = "the-demo-has-no-secrets" //nolint:gosec // and it has none

const personal = `id: demo-nxcloud
sender: promo-br
message:
  type: template
  template:
    name: spring_sale
    language: pt_BR
    header: {image: "https://cdn.example.com/{{sku}}.jpg"}
    body: ["{{first_name|friend}}", "{{discount}}"]
    buttons:
      - {index: 0, url: "{{code}}"}
      - {index: 1, copy_code: "{{coupon}}"}
recipients: {file: recipients.csv, phone: %q, default_country: BR}
`

const plain = `id: %s
sender: %s
message:
  type: template
  template: {name: plain_news, language: en_US}
recipients: {file: recipients.csv, phone: %q%s}
`

// A demoFile is a campaign of the demo.
type demoFile struct {
	raw  []byte
	file *campaign.File
	list string
}

// files are the demo's campaigns: personal and plain for its own list, plain on
// both providers for somebody else's, whose columns nobody knows.
func (d *demo) files(list string, sampled bool) ([]demoFile, error) {
	phone, err := phoneColumn(list)
	if err != nil {
		return nil, err
	}
	country := ""
	if sampled {
		country = ", default_country: BR"
	}
	texts := []string{fmt.Sprintf(plain, "demo-nxcloud", "promo-br", phone, country), fmt.Sprintf(plain, "demo-innopaas", "promo-id", phone, country)}
	if sampled {
		texts[0] = fmt.Sprintf(personal, phone)
	}
	var files []demoFile
	for _, text := range texts {
		f, err := campaign.Parse([]byte(text), "demo.yaml")
		if err != nil {
			return nil, err
		}
		files = append(files, demoFile{raw: []byte(text), file: f, list: list})
	}
	return files, nil
}

// phoneColumn guesses the column of the numbers from the header.
func phoneColumn(list string) (string, error) {
	f, err := os.Open(list)
	if err != nil {
		return "", fmt.Errorf("opening the list: %w", err)
	}
	defer f.Close()
	line, _ := bufio.NewReader(f).ReadString('\n')
	names := strings.FieldsFunc(strings.Trim(line, "\ufeff\r\n"), func(r rune) bool { return strings.ContainsRune(",;\t", r) })
	for _, known := range []string{"phone", "mobile", "msisdn", "whatsapp", "tel", "number", "celular"} {
		for _, name := range names {
			if strings.Contains(strings.ToLower(name), known) {
				return strings.Trim(name, `" `), nil
			}
		}
	}
	return "", errors.New("no column of the list is named like a phone number; name one phone")
}
