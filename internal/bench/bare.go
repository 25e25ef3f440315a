package main

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// bareLoop makes n requests by net/http, as many at once as are in flight, each
// with a body of the same size, signed the same way, and its answer read: the
// sending and nothing beside it.
func bareLoop(ctx context.Context, base, sender string, inFlight, n, each int) error {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: inFlight, MaxConnsPerHost: inFlight, DisableCompression: true}, Timeout: 15 * time.Second}
	defer client.CloseIdleConnections()
	var next atomic.Int64
	var wg sync.WaitGroup
	errs := make(chan error, inFlight)
	for range inFlight {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				if err := bareRequest(ctx, client, base, sender, i, each); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	select {
	case err := <-errs:
		return fmt.Errorf("the bare loop: %w", err)
	default:
		return nil
	}
}

func bareRequest(ctx context.Context, client *http.Client, base, sender string, i int64, each int) error {
	url, body := base+"/saas/wa/send", nxBody(i)
	if sender == "inno" {
		url, body = base+"/api/whatsapp/v3/msg/submit", innoBody(i, each)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if sender == "inno" {
		req.Header = http.Header{"Content-Type": {"application/json;charset=utf-8"}, "AppKey": {"sandbox-app"}, "Authorization": {"sandbox-token"}}
	} else {
		sign(req, body)
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	return err
}

func nxBody(i int64) []byte {
	return fmt.Appendf(nil, `{"tenant_id":1,"appkey":"sandbox-app","business_phone":"8615800001795","messaging_product":"whatsapp","recipient_type":"individual","to":"55%d","type":"template","template":{"name":"spring_sale","language":{"code":"pt_BR","policy":"deterministic"},"components":[{"type":"body","parameters":[{"type":"text","text":"Gabriela"},{"type":"text","text":"25%%"},{"type":"text","text":"c%06d"}]}]}}`,
		11_000_000_000+i, i%1_000_000)
}

func innoBody(i int64, each int) []byte {
	var numbers strings.Builder
	for k := range each {
		if k > 0 {
			numbers.WriteByte(',')
		}
		numbers.WriteString("55")
		numbers.WriteString(strconv.FormatInt(11_000_000_000+i*int64(each)+int64(k), 10))
	}
	return fmt.Appendf(nil, `{"wabaId":"110000000000001","messageType":"template","uid":"u%d","sendNumber":"8618900000000","recipientNumber":"%s","language":"en_US","templateName":"plain_news"}`, i, numbers.String())
}

// sign signs as nxcloud asks for.
func sign(req *http.Request, body []byte) {
	ts := strconv.FormatInt(time.Now().UnixMilli(), 10)
	h := md5.New()
	h.Write([]byte("accessKey=sandbox-key&action=mt&bizType=2&ts=" + ts + "&body="))
	h.Write(body)
	h.Write([]byte("&accessSecret=sandbox-secret"))
	req.Header = http.Header{
		"Content-Type": {"application/json"}, "accessKey": {"sandbox-key"}, "ts": {ts}, "bizType": {"2"}, "action": {"mt"},
		"sign": {hex.EncodeToString(h.Sum(nil))},
	}
}
