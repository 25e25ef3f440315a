package ratelimit

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
)

//go:embed grant.lua
var grantLua string

var grantScript = redis.NewScript(grantLua)

// request is what grant.lua is asked; its comment says what each means.
type request struct {
	Worker string    `json:"worker"`
	Busy   bool      `json:"busy"`
	Stamp  int64     `json:"stamp"`
	MPS    float64   `json:"mps"`
	RPS    float64   `json:"rps"`
	Day    int       `json:"day"`
	Burst  float64   `json:"burst"`
	Flight int       `json:"flight"`
	Lead   int64     `json:"lead"`
	Now    int64     `json:"now,omitempty"`
	Asks   []scriptA `json:"asks"`
}

type scriptA struct {
	ID        string  `json:"id"`
	Weight    int     `json:"weight"`
	PerSecond float64 `json:"per_second"`
	Want      int     `json:"want"`
	Whole     bool    `json:"whole"`
}

// answer is what grant.lua returns. Times are microseconds; all but Now are from
// Now on.
type answer struct {
	Now      float64 `json:"now,string"`
	Live     int     `json:"live"`
	Others   int     `json:"others"`
	Settled  bool    `json:"settled"`
	Factor   float64 `json:"factor"`
	MPS      float64 `json:"mps"`
	RPS      float64 `json:"rps"`
	Day      int     `json:"day"`
	Flight   int     `json:"flight"`
	Conflict bool    `json:"conflict"`
	Pause    float64 `json:"pause"`
	Wait     float64 `json:"wait"`
	Why      string  `json:"why"`
	Slots    []slot  `json:"slots"`
}

type slot struct {
	ID     string  `json:"id"`
	N      int     `json:"n"`
	Start  float64 `json:"start"`
	Step   float64 `json:"step"`
	Bucket int64   `json:"bucket"`
}

func paceKey(name string) string    { return keys.SenderPace(name) }
func sharesKey(name string) string  { return keys.SenderShares(name) }
func workersKey(name string) string { return keys.SenderWorkers(name) }
func dayKey(name string) string     { return keys.SenderDay(name) }

// throttleScript halves a sender's factor, once a second at most, and notes
// until when the provider wants nothing.
// KEYS: pace. ARGV: 1 Retry-After in us, 2 the pace seen, for a sender without a
// limit. Returns the factor.
var throttleScript = redis.NewScript(`
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local f = redis.call('HMGET', KEYS[1], 'factor', 'factor_at', 'pause', 'base')
local factor = math.min(1, tonumber(f[1] or '1') + 0.05 * math.max(0, now - tonumber(f[2] or '0')) / 1000000)
if now - tonumber(f[2] or '0') >= 1000000 then
	if factor >= 1 then redis.call('HSET', KEYS[1], 'base', ARGV[2]) end
	factor = math.max(0.01, factor / 2)
	redis.call('HSET', KEYS[1], 'factor', factor, 'factor_at', string.format('%.0f', now))
end
local pause = now + tonumber(ARGV[1])
if pause > tonumber(f[3] or '0') then redis.call('HSET', KEYS[1], 'pause', string.format('%.0f', pause)) end
return tostring(factor)`)

// call runs grant.lua.
func call(ctx context.Context, rdb redis.UniversalClient, name string, req request) (*answer, error) {
	if req.Asks == nil {
		req.Asks = []scriptA{}
	}
	text, err := json.Marshal(req)
	if err != nil {
		return nil, fmt.Errorf("asking for a slot of %s: %w", name, err)
	}
	touched := []string{paceKey(name), sharesKey(name), workersKey(name), dayKey(name)}
	got, err := grantScript.Run(ctx, rdb, touched, text).Text()
	if err != nil {
		return nil, fmt.Errorf("asking for a slot of %s: %w", name, err)
	}
	var a answer
	if err := json.Unmarshal([]byte(got), &a); err != nil {
		return nil, fmt.Errorf("reading the slot of %s: %w", name, err)
	}
	return &a, nil
}

// A State is a sender's pace as Redis knows it.
type State struct {
	Limit  float64   // messages a second; 0: none
	Factor float64   // what throttling has left of it
	Until  time.Time // when the sender goes on, where its 24 hours are used up
}

// ReadState reads the pace of a sender; one that never sent has no limit yet.
func ReadState(ctx context.Context, rdb redis.UniversalClient, name string) (State, error) {
	var f struct {
		MPS      float64 `redis:"mps"`
		Factor   float64 `redis:"factor"`
		FactorAt float64 `redis:"factor_at"`
		Until    float64 `redis:"day_until"`
	}
	f.Factor = 1
	if err := rdb.HMGet(ctx, paceKey(name), "mps", "factor", "factor_at", "day_until").Scan(&f); err != nil {
		return State{}, fmt.Errorf("reading the pace of %s: %w", name, err)
	}
	now, err := rdb.Time(ctx).Result()
	if err != nil {
		return State{}, fmt.Errorf("reading the pace of %s: %w", name, err)
	}
	since := max(0, float64(now.UnixMicro())-f.FactorAt) / 1e6
	st := State{Limit: f.MPS, Factor: min(1, f.Factor+0.05*since)}
	if until := time.UnixMicro(int64(f.Until)); until.After(now) {
		st.Until = until
	}
	return st, nil
}
