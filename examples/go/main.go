// Command go runs a campaign over Sluice's HTTP API: it composes it, sends its list,
// launches it, waits, and counts what became of every row. It may be killed and run
// again at any moment.
//
//	SLUICE_API=http://127.0.0.1:8070 SLUICE_TOKEN=slc_... go run ./examples/go campaign.json list.csv
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"time"

	"sluice/client"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("usage: go run ./examples/go CAMPAIGN.json LIST.csv")
	}
	text, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	list, err := os.Open(args[1])
	if err != nil {
		return err
	}
	defer list.Close()

	c := client.New(os.Getenv("SLUICE_API"), os.Getenv("SLUICE_TOKEN"))
	campaign, err := c.Create(ctx, json.RawMessage(text))
	if err != nil {
		return err
	}
	if _, err := c.Upload(ctx, campaign.ID, list); err != nil {
		return err
	}
	if campaign.Status.State == "draft" {
		plan, err := c.Plan(ctx, campaign.ID)
		if err != nil {
			return err
		}
		fmt.Printf("%d rows, %d recipients, %d invalid\n", plan.Rows, plan.Recipients, plan.Invalid)
	}
	if _, err := c.Launch(ctx, campaign.ID, 0); err != nil {
		return err
	}
	if campaign, err = c.Wait(ctx, campaign.ID, time.Second); err != nil {
		return err
	}
	states := map[string]int{}
	for row, err := range c.Recipients(ctx, campaign.ID) {
		if err != nil {
			return err
		}
		states[row.State]++
	}
	fmt.Printf("%s is %s: %v\n", campaign.ID, campaign.Status.State, states)
	return nil
}
