package nxcloud

import (
	"strings"
	"testing"
)

const waBody = `{"tenant_id":1,"appkey":"pem28kje","business_phone":"8615800001795","messaging_product":"whatsapp","recipient_type":"individual","to":"8613600009759","type":"template","template":{"name":"text_template","language":{"code":"en_US","policy":"deterministic"},"components":[{"type":"body","parameters":[{"type":"text","text":"张三"}]}]}}`

func TestSign(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, algorithm, action, bizType, body, want string
	}{
		// Published by the provider.
		{"name first", "", "send", "1", `{"name":"牛小信","id":10001}`, "87c3560d3331ae23f1021e2025722354"},
		{"id first", "md5", "send", "1", `{"id":10001,"name":"牛小信"}`, "7750759da06333f20d0640be09355e34"},
		{"spaces", "md5", "send", "1", `{"id": 10001, "name": "牛小信"}`, "d0c24a9886c629330d7f3f2056c65bc2"},
		// Derived from the published rule.
		{"no body", "md5", "send", "1", "", "884afe159e39b6c88a0d6102ca97d704"},
		{"escaped", "md5", "send", "1", `{"id":10001,"name":"\u725b\u5c0f\u4fe1"}`, "c72487979c1d2793bcb92828e525f6d1"},
		{"a line break at the end", "md5", "send", "1", `{"name":"牛小信","id":10001}` + "\n", "9289618a536258004b0a35c8ae1f471f"},
		{"sha256, name first", "sha256", "send", "1", `{"name":"牛小信","id":10001}`, "e0eec2c99ef80f269a82795e2223f618ebfc0616c8b6c8c7d438021ec38ad0eb"},
		{"sha256, id first", "sha256", "send", "1", `{"id":10001,"name":"牛小信"}`, "d04863619d46121592cdb312ec0a91c148a1f5daea64930ad0e1fb31a04dc808"},
		{"sha256, no body", "sha256", "send", "1", "", "921e82155cc02cdf78da934307c33cdca3f412d35ddb5b965482a2e029e900f4"},
		{"a template", "md5", "mt", "2", waBody, "7b184565da38169bb6912ba5933822bf"},
		{"sha256, a template", "sha256", "mt", "2", waBody, "77970fcf7a15710672aaab3fc7c88d1cf41b777e31cc8f4831c9559bdfc53ca7"},
		{"getTemplate", "md5", "getTemplate", "2", `{"business_phone":"8615800001795","appkey":"pem28kje","messaging_product":"whatsapp"}`, "bb0714f9c32e2909549da563b19c788f"},
		{"multipart", "md5", "uploadMedia", "2", "", "d2632e6b4cbea8587b36cb585e06a195"},
	}
	seen := map[string]string{}
	for _, test := range tests {
		s, err := newSigner(test.algorithm, "fme2na3kdi3ki", test.action, test.bizType, "abciiiko2k3")
		if err != nil {
			t.Fatal(err)
		}
		scratch := []byte("what was there before")
		for range 2 { // the second time with the scratch of the first
			var got string
			if got, scratch = s.sign(scratch, "1655710885431", []byte(test.body)); got != test.want {
				t.Errorf("%s: %s, want %s", test.name, got, test.want)
			}
		}
		if other, found := seen[test.want]; found {
			t.Errorf("%s and %s have the same signature", test.name, other)
		}
		seen[test.want] = test.name
	}
	if len(waBody) != 335 {
		t.Errorf("the template's body has %d bytes, want 335", len(waBody))
	}
}

func TestSignRefusesOtherAlgorithms(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []string{"MD5", "sha1", "hmac", " "} {
		if _, err := newSigner(algorithm, "a", "mt", "2", "marker"); err == nil || !strings.HasPrefix(err.Error(), "algorithm: ") || strings.Contains(err.Error(), "marker") {
			t.Errorf("%q: %v", algorithm, err)
		}
	}
}
