package client_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"time"

	"sluice/client"
)

// A campaign from its list to the account of every row. Killed anywhere, it is run
// again as it is.
func Example() {
	ctx := context.Background()
	c := client.New("http://127.0.0.1:8070", os.Getenv("SLUICE_TOKEN"))
	campaign, err := c.Create(ctx, map[string]any{
		"id": "spring-sale", "sender": "promo-br",
		"message": map[string]any{"type": "template", "template": map[string]any{"name": "spring_sale", "language": "pt_BR", "body": []string{"{{first_name|friend}}"}}},
	})
	if err != nil {
		log.Fatal(err)
	}
	list, err := os.Open("list.csv")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := c.Upload(ctx, campaign.ID, list); err != nil {
		log.Fatal(err)
	}
	if _, err := c.Launch(ctx, campaign.ID, 0); err != nil {
		log.Fatal(err)
	}
	if campaign, err = c.Wait(ctx, campaign.ID, time.Second); err != nil {
		log.Fatal(err)
	}
	for row, err := range c.Recipients(ctx, campaign.ID, "rejected", "in_doubt") {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(row.Row, row.State, row.Code)
	}
}

// A small list in one call. Asked again with the same id, nothing is sent twice.
func ExampleClient_Send() {
	c := client.New("http://127.0.0.1:8070", os.Getenv("SLUICE_TOKEN"))
	_, err := c.Send(context.Background(), map[string]any{
		"id": "order-1234", "sender": "promo-br",
		"message":    map[string]any{"type": "template", "template": map[string]any{"name": "order_update", "language": "en_US", "body": []string{"{{name}}"}}},
		"recipients": map[string]any{"rows": []map[string]string{{"phone": "+5511987654321", "name": "Ana"}}},
	})
	if client.Is(err, "campaign-exists") {
		log.Fatal("the id is another campaign's")
	}
}

// What happens to a campaign, as it happens, until it is over. Where the stream breaks
// it goes on.
func ExampleClient_Events() {
	c := client.New("http://127.0.0.1:8070", os.Getenv("SLUICE_TOKEN"))
	for event, err := range c.Events(context.Background(), "spring-sale") {
		if err != nil {
			log.Fatal(err)
		}
		switch event.Type {
		case "campaign.state":
			fmt.Println(event.At, event.From, event.To, event.Reason)
			if event.To == "finished" || event.To == "cancelled" {
				return
			}
		case "campaign.progress":
			fmt.Println(event.At, event.Status.Accepted, "of", event.Status.Rows)
		}
	}
}

// An endpoint that hears of campaigns. Told twice, it does nothing the second time.
func ExampleVerifyCallback() {
	secret, seen := os.Getenv("SLUICE_CALLBACK_SECRET"), map[string]bool{}
	http.HandleFunc("POST /sluice", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			return
		}
		event, err := client.VerifyCallback(secret, r.Header, body, time.Now())
		if err != nil {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		if !seen[event.ID] {
			seen[event.ID] = true
			log.Print(event.Campaign, event.Type, event.Status.Accepted)
		}
		w.WriteHeader(http.StatusNoContent)
	})
}
