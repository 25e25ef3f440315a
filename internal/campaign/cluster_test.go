package campaign

import (
	"context"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
	"sluice/internal/redistest"
)

// A Cluster refuses a script whose keys are in several slots: none of ours is.
func TestALifeOnACluster(t *testing.T) {
	t.Parallel()
	bus, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(bus.Addr().String())
	bus.Close()
	server := redistest.New(t, "--cluster-enabled", "yes", "--cluster-port", port)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	one := server.Client(t)
	if err := one.ClusterAddSlotsRange(ctx, 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	for !strings.Contains(one.ClusterInfo(ctx).Val(), "cluster_state:ok") {
		if ctx.Err() != nil {
			t.Fatal("the cluster does not come up")
		}
	}
	rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{server.Addr}})
	defer rdb.Close()
	s := NewStore(rdb, func() time.Time { return standing })
	var last *File
	for i := range 5 {
		raw := []byte(strings.Replace(least, "spring-sale-br", "c-"+strconv.Itoa(i), 1))
		if last, err = Parse(raw, "c.yaml"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Create(ctx, raw, last); err != nil {
			t.Fatal(err)
		}
	}
	if all, err := s.Active(ctx); err != nil || len(all) != 5 {
		t.Errorf("active: %d, %v", len(all), err)
	}
	if err := s.Launch(ctx, last.ID, 0, Plan{Tasks: 1}); err != nil {
		t.Fatal(err)
	}
	if err := s.StartIfDue(ctx, last.ID); err != nil {
		t.Fatal(err)
	}
	rdb.SAdd(ctx, keys.Done(last.ID), 0)
	for i, move := range []func(context.Context, string) (bool, error){s.Pause, s.Resume, s.Finish, s.Reopen, s.Cancel} {
		if moved, err := move(ctx, last.ID); !moved || err != nil {
			t.Errorf("move %d: %v, %v", i, moved, err)
		}
	}
	if err := s.Retire(ctx, last.ID, []byte("x"), nil); err != nil {
		t.Error(err)
	}
	if all, err := s.List(ctx); err != nil || len(all) != 5 {
		t.Errorf("listed: %d, %v", len(all), err)
	}
}
