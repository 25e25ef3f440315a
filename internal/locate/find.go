package locate

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
)

// Candidates are the batches of one campaign that may hold a number.
type Candidates struct {
	Campaign string
	// Batches may name one in which the number is not, by chance of its hash; it
	// never lacks one in which it is.
	Batches []int
	// Indexed says that there is an index; without one nothing is known.
	Indexed bool
}

// asked is a number that is looked for in one campaign.
type asked struct {
	campaign string
	number   uint64
}

// Find looks for a number in campaigns, in two readings of Redis however many
// they are.
func (x *Index) Find(ctx context.Context, phone string, campaigns []string) ([]Candidates, error) {
	number, err := strconv.ParseUint(phone, 10, 63)
	if err != nil {
		return nil, errors.New("looking for a number: it is not in E.164 digits")
	}
	all := make([]asked, len(campaigns))
	for i, id := range campaigns {
		all[i] = asked{id, number}
	}
	found, err := x.find(ctx, all)
	if err != nil {
		return nil, fmt.Errorf("looking for a number: %w", err)
	}
	return found, nil
}

func (x *Index) find(ctx context.Context, all []asked) ([]Candidates, error) {
	found := make([]Candidates, len(all))
	shapes, err := x.get(ctx, len(all), func(i int) string { return keys.Index(all[i].campaign) })
	if err != nil {
		return nil, err
	}
	type wanted struct {
		at     int
		shape  shape
		key    string
		record uint32
	}
	var pages []wanted
	for i, a := range all {
		found[i].Campaign = a.campaign
		s, ok := parseShape(shapes[i])
		found[i].Indexed = ok
		if !ok || s.pages == 0 {
			continue
		}
		page, record := s.place(x.identity(a.number))
		pages = append(pages, wanted{i, s, keys.Phones(a.campaign, page), record})
	}
	texts, err := x.get(ctx, len(pages), func(i int) string { return pages[i].key })
	if err != nil {
		return nil, err
	}
	for i, w := range pages {
		if texts[i] == "" { // every page holds somebody, but for the rarest of chances
			found[w.at].Indexed = false
			continue
		}
		found[w.at].Batches = w.shape.batches(texts[i], w.record)
	}
	return found, nil
}

// get reads n strings in pipelines; "" where there is none.
func (x *Index) get(ctx context.Context, n int, key func(int) string) ([]string, error) {
	texts := make([]string, n)
	const atOnce = 1000
	for first := 0; first < n; first += atOnce {
		last := min(first+atOnce, n)
		cmds := make([]*redis.StringCmd, 0, last-first)
		_, err := x.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i := first; i < last; i++ {
				cmds = append(cmds, p.Get(ctx, key(i)))
			}
			return nil
		})
		if err != nil && !errors.Is(err, redis.Nil) {
			return nil, err
		}
		for i, c := range cmds {
			if err := c.Err(); err != nil && !errors.Is(err, redis.Nil) {
				return nil, err
			}
			texts[first+i] = c.Val()
		}
	}
	return texts, nil
}
