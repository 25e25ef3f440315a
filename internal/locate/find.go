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

// An Asked is a number that is looked for in one campaign, in E.164 digits.
type Asked struct {
	Campaign, Phone string
}

// Find looks for a number in campaigns, in two readings of Redis however many
// they are.
func (x *Index) Find(ctx context.Context, phone string, campaigns []string) ([]Candidates, error) {
	all := make([]Asked, len(campaigns))
	for i, id := range campaigns {
		all[i] = Asked{id, phone}
	}
	return x.FindAll(ctx, all)
}

// FindAll is Find for numbers in a campaign each; what it returns is in their order.
// What is no number is nowhere.
func (x *Index) FindAll(ctx context.Context, all []Asked) ([]Candidates, error) {
	found, err := x.find(ctx, all)
	if err != nil {
		return nil, fmt.Errorf("looking for numbers: %w", err)
	}
	return found, nil
}

func (x *Index) find(ctx context.Context, all []Asked) ([]Candidates, error) {
	found := make([]Candidates, len(all))
	var ids []string
	at := map[string]int{} // in ids: many numbers are looked for in few campaigns
	for _, a := range all {
		if _, known := at[a.Campaign]; !known {
			at[a.Campaign] = len(ids)
			ids = append(ids, a.Campaign)
		}
	}
	shapes, err := x.get(ctx, len(ids), func(i int) string { return keys.Index(ids[i]) })
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
		found[i].Campaign = a.Campaign
		s, ok := parseShape(shapes[at[a.Campaign]])
		found[i].Indexed = ok
		number, err := strconv.ParseUint(a.Phone, 10, 63)
		if !ok || s.pages == 0 || err != nil {
			continue
		}
		page, record := s.place(x.identity(number))
		pages = append(pages, wanted{i, s, keys.Phones(a.Campaign, page), record})
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
