package figures

import (
	"context"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// lookAtRedis leaves out what Redis does not tell.
func (f *Figures) lookAtRedis(ctx context.Context) error {
	type told struct{ ratio, refused float64 }
	masters := make(chan told, 1000)
	ask := func(ctx context.Context, rdb redis.Cmdable) error {
		text, err := rdb.Info(ctx, "everything").Result()
		if err != nil && strings.HasPrefix(err.Error(), "NOPERM") {
			return nil
		}
		if err != nil {
			return err
		}
		masters <- told{memoryOf(text), refusedOf(text)}
		return nil
	}
	var err error
	if cluster, ok := f.o.Redis.(*redis.ClusterClient); ok {
		err = cluster.ForEachMaster(ctx, func(ctx context.Context, c *redis.Client) error { return ask(ctx, c) })
	} else {
		err = ask(ctx, f.o.Redis)
	}
	close(masters)
	if err != nil {
		return err
	}
	var most, refused float64
	for m := range masters {
		most, refused = max(most, m.ratio), refused+m.refused
	}
	f.memory.Set(most)
	f.refused.Set(refused)
	return nil
}

func memoryOf(info string) float64 {
	most := numberOf(info, "maxmemory:")
	if most == 0 {
		most = numberOf(info, "total_system_memory:")
	}
	if most == 0 {
		return 0
	}
	return numberOf(info, "used_memory:") / most
}

// refusedOf is how many commands a Redis has refused because of its own state.
func refusedOf(info string) float64 {
	n := 0.0
	for _, kind := range []string{"OOM", "MISCONF", "NOREPLICAS", "READONLY"} {
		n += numberOf(info, "errorstat_"+kind+":count=")
	}
	return n
}

func numberOf(info, field string) float64 {
	for line := range strings.Lines(info) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), field); ok {
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				return 0
			}
			return n
		}
	}
	return 0
}
