package sandbox

import "strings"

// SendersFile is a senders file for a sandbox at base, such as http://127.0.0.1:8099:
// promo-br sends by nxcloud and promo-id by innopaas, each with the settings given
// beside those of its account, such as "timeout: 5s".
func SendersFile(base string, nxcloud, innopaas []string) string {
	accounts := [...][]string{
		append([]string{
			"  promo-br:",
			"provider: nxcloud",
			"base_url: " + base,
			"template_base_url: " + base,
			"tenant_id: 1",
			"appkey: sandbox-app",
			`business_phone: "8615800001795"`,
			"access_key: sandbox-key",
			"access_secret: sandbox-secret",
		}, nxcloud...),
		append([]string{
			"  promo-id:",
			"provider: innopaas",
			"base_url: " + base,
			"app_key: sandbox-app",
			"authorization: sandbox-token",
			`waba_id: "110000000000001"`,
			`send_number: "8618900000000"`,
		}, innopaas...),
	}
	var b strings.Builder
	b.WriteString("senders:\n")
	for _, account := range accounts {
		b.WriteString(strings.Join(account, "\n    ") + "\n")
	}
	return b.String()
}
