package token

import (
	"errors"
	"strings"
	"testing"
	"time"

	"sluice/internal/keys"
	"sluice/internal/redistest"
)

func TestToken(t *testing.T) {
	t.Parallel()
	rdb, ctx, now := redistest.New(t).Client(t), t.Context(), time.Now()
	s := NewStore(rdb, func() time.Time { return now })
	text, made, err := s.Create(ctx, Order{Name: "crm", Scopes: []string{Read, Send}, Senders: []string{"promo-br"}, For: time.Hour})
	if err != nil || len(text) != len("slc_12345678_")+43 {
		t.Fatal(text, err)
	}
	got, err := s.Check(ctx, text)
	if err != nil || got.ID != made.ID || !got.May(Send) || got.May(Write) || !got.Knows("promo-br") || got.Knows("other") {
		t.Errorf("%+v, %v", got, err)
	}
	other := "x"
	if strings.HasSuffix(text, other) {
		other = "y"
	}
	for _, wrong := range []string{"", "slc_", text[:len(text)-1], text[:len(text)-1] + other, "slc_00000000_" + strings.Repeat("A", 43), strings.Replace(text, "slc_", "slx_", 1)} {
		if _, err := s.Check(ctx, wrong); !errors.Is(err, ErrUnknown) {
			t.Errorf("%s: %v", wrong, err)
		}
	}
	secret := text[len("slc_12345678_"):]
	for _, value := range rdb.HVals(ctx, keys.Tokens()).Val() {
		if strings.Contains(value, secret) {
			t.Error("Redis has the secret")
		}
	}
	if err := s.Touch(ctx, made.ID); err != nil {
		t.Fatal(err)
	}
	if all, err := s.List(ctx); err != nil || len(all) != 1 || all[0].Used == nil || all[0].Name != "crm" {
		t.Errorf("%+v, %v", all, err)
	}
	now = now.Add(time.Hour)
	if _, err := s.Check(ctx, text); !errors.Is(err, ErrUnknown) {
		t.Errorf("over, and %v", err)
	}
	now = now.Add(-time.Hour)
	if gone, err := s.Revoke(ctx, made.ID); err != nil || !gone {
		t.Error(gone, err)
	}
	if _, err := s.Check(ctx, text); !errors.Is(err, ErrUnknown) {
		t.Errorf("revoked, and %v", err)
	}
	for _, o := range []Order{{Name: "x"}, {Scopes: []string{Read}}, {Name: "x", Scopes: []string{"all"}}} {
		if _, _, err := s.Create(ctx, o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
}

func TestFrom(t *testing.T) {
	t.Parallel()
	k := &Token{Allow: []string{"10.0.0.0/8", "2001:db8::/32"}}
	for addr, want := range map[string]bool{
		"10.1.2.3:80": true, "[::ffff:10.1.2.3]:80": true, "[2001:db8::1]:80": true, "[2001:db8::1%eth0]:80": true,
		"11.1.2.3:80": false, "[::1]:80": false, "": false, "10.1.2.3": false,
	} {
		if k.From(addr) != want {
			t.Errorf("%s: not %v", addr, want)
		}
	}
	for networks, want := range map[string]bool{"10.0.0.0/8": true, "10.2.0.0/16": true, "10.2.0.0/16,2001:db8:1::/48": true, "0.0.0.0/0": false, "10.2.0.0/16,11.0.0.0/8": false, "": false} {
		if k.Within(strings.FieldsFunc(networks, func(r rune) bool { return r == ',' })) != want {
			t.Errorf("%s: not %v", networks, want)
		}
	}
	if !(&Token{}).From("") {
		t.Error("a token of any network is kept out")
	}
	for _, wrong := range []string{"10.0.0.1/8", "10.0.0.0", "x", ""} {
		if err := (&Order{Name: "x", Scopes: []string{Read}, Allow: []string{wrong}}).Check(); err == nil {
			t.Errorf("%q is taken for a network", wrong)
		}
	}
}
