package nxcloud

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/sender"
)

// Events as the documents have them, and what is in none.
func TestEvents(t *testing.T) {
	t.Parallel()
	p := receiver(t)
	at := time.Unix(1_761_300_000, 0)
	for name, tt := range map[string]struct {
		body string
		want []sender.Event
	}{
		"template paused": {
			`{"field":"message_template_status_update","value":{"business_phone":"8615800001795","event":"PAUSED","message_template_id":7,"message_template_language":"en","message_template_name":"news","reason":"NONE","time":1761300000,"wabaId":"1"}}`,
			[]sender.Event{{Kind: sender.TemplateStops, Template: "news", Language: "en", Word: "PAUSED", Detail: "NONE", Time: at}},
		},
		"template rejected": {
			`{"field":"message_template_status_update","value":{"event":"REJECTED","message_template_language":"en","message_template_name":"news","reason":"INCORRECT_CATEGORY","time":"1761300000"}}`,
			[]sender.Event{{Kind: sender.TemplateStops, Template: "news", Language: "en", Word: "REJECTED", Detail: "INCORRECT_CATEGORY", Time: at}},
		},
		"template approved": {
			`{"field":"message_template_status_update","value":{"event":"APPROVED","message_template_language":"en","message_template_name":"news"}}`,
			[]sender.Event{{Kind: sender.TemplateGoes, Template: "news", Language: "en", Word: "APPROVED"}},
		},
		"template pending": {`{"field":"message_template_status_update","value":{"event":"PENDING","message_template_language":"en","message_template_name":"news"}}`, nil},
		"a tier": {
			`{"field":"phone_number_quality_update","value":{"event":"UPGRADE","max_daily_conversations_per_business":"TIER_2K","time":1761300000}}`,
			[]sender.Event{{Kind: sender.Warning, Word: "NUMBER_QUALITY", Detail: "UPGRADE", Time: at}, {Kind: sender.DayLimit, Limit: 2000, Time: at}},
		},
		"a tier as a number, without end": {
			`{"field":"phone_number_quality_update","value":{"event":"UPGRADE","max_daily_conversations_per_business":-1,"time":1761300000}}`,
			[]sender.Event{{Kind: sender.Warning, Word: "NUMBER_QUALITY", Detail: "UPGRADE", Time: at}, {Kind: sender.DayLimit, Limit: -1, Time: at}},
		},
		"no tier": {
			`{"field":"phone_number_quality_update","value":{"event":"FLAGGED","max_daily_conversations_per_business":"TIER_NOT_SET","time":1761300000}}`,
			[]sender.Event{{Kind: sender.Warning, Word: "NUMBER_QUALITY", Detail: "FLAGGED", Time: at}},
		},
		"template without name": {`{"field":"message_template_status_update","value":{"event":"PAUSED","message_template_language":"en"}}`, nil},
		"account disabled": {
			`{"field":"account_update","value":{"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"DISABLE","waba_ban_date":"x"},"time":1761300000}}`,
			[]sender.Event{{Kind: sender.AccountStops, Word: "DISABLED_UPDATE", Detail: "DISABLE", Time: at}},
		},
		"account reinstated": {
			`{"field":"account_update","value":{"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"REINSTATE"},"time":1761300000}}`,
			[]sender.Event{{Kind: sender.Warning, Word: "DISABLED_UPDATE", Detail: "REINSTATE", Time: at}},
		},
		"account violation": {
			`{"field":"account_update","value":{"event":"ACCOUNT_VIOLATION","time":1761300000}}`,
			[]sender.Event{{Kind: sender.Warning, Word: "ACCOUNT_VIOLATION", Time: at}},
		},
		"account restricted": {
			`{"field":"account_update","value":{"event":"account_restriction"}}`,
			[]sender.Event{{Kind: sender.AccountStops, Word: "ACCOUNT_RESTRICTION", Time: time.Time{}}},
		},
		"quality falls": {
			`{"field":"message_template_quality_update","value":{"new_quality_score":"RED","previous_quality_score":"GREEN","time":1761300000}}`,
			[]sender.Event{{Kind: sender.Warning, Word: "TEMPLATE_QUALITY", Detail: "RED", Time: at}},
		},
		"quality rises": {`{"field":"message_template_quality_update","value":{"new_quality_score":"GREEN","time":1761300000}}`, nil},
		"a word that is none": {
			`{"field":"phone_number_quality_update","value":{"event":"see https://x, +5511987654321","time":1761300000}}`,
			[]sender.Event{{Kind: sender.Warning, Word: "NUMBER_QUALITY", Detail: "OTHER", Time: at}},
		},
		"stop and resume": {
			`{"field":"user_preferences","value":{"user_preferences":[{"wa_id":"5511987654321","category":"marketing_messages","value":"stop","timestamp":1761300000},` +
				`{"wa_id":"5511987654322","category":"marketing_messages","value":"resume","timestamp":"1761300000"},{"wa_id":"x","category":"marketing_messages","value":"stop"},{"wa_id":"5511987654323","category":"other","value":"stop"}]}}`,
			[]sender.Event{{Kind: sender.OptOut, Phone: "5511987654321", Time: at}, {Kind: sender.OptIn, Phone: "5511987654322", Time: at}},
		},
		"another shape": {`{"field":"user_preferences","value":[1]}`, nil},
		"no value":      {`{"field":"account_review_update"}`, nil},
	} {
		got, err := p.ReadCallback([]byte(tt.body))
		if err != nil || len(got.Others) != 1 {
			t.Errorf("%s: %v %v", name, err, got.Others)
		}
		if diff := cmp.Diff(tt.want, got.Events); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
