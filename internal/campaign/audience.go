package campaign

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
)

// Only are those alone who get a campaign: who ended so in another.
type Only struct {
	Campaign string   `yaml:"campaign"`
	States   []string `yaml:"states"` // of onlyStates
}

// Except are those who do not get a campaign: who were accepted in others.
type Except struct {
	Campaigns []string `yaml:"campaigns"`
	Within    string   `yaml:"within"` // such as 7d; at any time if empty
}

// mostExcept is how many campaigns one may except.
const mostExcept = 50

// onlyStates are those in which a recipient may have ended.
var onlyStates = []string{"accepted", "rejected", "in_doubt", "pending", "cancelled"}

var withinPattern = regexp.MustCompile(`^([1-9][0-9]{0,3})([mhd])$`)

// Time is how long ago who was accepted is one of them at most; 0: for ever.
func (e *Except) Time() (time.Duration, error) {
	if e.Within == "" {
		return 0, nil
	}
	m := withinPattern.FindStringSubmatch(e.Within)
	if m == nil {
		return 0, bad("recipients.except.within", "%.20q is no time such as 7d, 12h or 30m", e.Within)
	}
	n, err := strconv.Atoi(m[1])
	return time.Duration(n) * map[string]time.Duration{"m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}[m[2]], err
}

// checkOthers says all that is wrong with the rules that name other campaigns.
func (r *Recipients) checkOthers(id string) []error {
	var found []error
	wrong := func(field, format string, args ...any) { found = append(found, bad(field, format, args...)) }
	if o := r.Only; o != nil {
		switch o.Campaign {
		case "":
			wrong("recipients.only.campaign", "needed: the campaign in which they ended so")
		case id:
			wrong("recipients.only.campaign", "another campaign, and not this one")
		}
		if len(o.States) == 0 {
			wrong("recipients.only.states", "needed, of %s", strings.Join(onlyStates, ", "))
		}
		for i, s := range o.States {
			if !slices.Contains(onlyStates, s) {
				wrong(fmt.Sprintf("recipients.only.states[%d]", i), "%.20q is not one of %s", s, strings.Join(onlyStates, ", "))
			}
		}
	}
	if e := r.Except; e != nil {
		if len(e.Campaigns) == 0 {
			wrong("recipients.except.campaigns", "needed: the campaigns in which they were accepted")
		}
		for i, other := range e.Campaigns {
			switch other {
			case "":
				wrong(fmt.Sprintf("recipients.except.campaigns[%d]", i), "needed: a campaign in which they were accepted")
			case id:
				wrong(fmt.Sprintf("recipients.except.campaigns[%d]", i), "other campaigns, and not this one")
			}
		}
		if len(e.Campaigns) > mostExcept {
			wrong("recipients.except.campaigns", "at most %d", mostExcept)
		}
		if _, err := e.Time(); err != nil {
			found = append(found, err)
		}
	}
	return found
}

// namedScript notes the first version, for what was staged first is of that.
// KEYS: campaign. ARGV: version.
var namedScript = redis.NewScript(`return redis.call('HSETNX', KEYS[1], 'named', ARGV[1])`)

// NoteNamed keeps how the campaigns were that a campaign's list names, when its import
// began to ask them.
func (s *Store) NoteNamed(ctx context.Context, id, version string) error {
	if err := namedScript.Run(ctx, s.rdb, []string{keys.Campaign(id)}, version).Err(); err != nil {
		return fmt.Errorf("noting what %s names: %w", id, err)
	}
	return nil
}
