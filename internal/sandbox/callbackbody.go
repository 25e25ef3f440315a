package sandbox

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

func (t *teller) post(url string, body []byte, signed bool) bool {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return false
	}
	r.Header.Set("Content-Type", "application/json")
	if signed {
		nx := t.s.o.NX
		ts := strconv.FormatInt(t.s.o.Now().UnixMilli(), 10)
		text := "accessKey=" + nx.AccessKey + "&action=dr&bizType=2&ts=" + ts + "&body=" + string(body) + "&accessSecret=" + nx.AccessSecret
		sum := md5.Sum([]byte(text))
		for name, value := range map[string]string{"accesskey": nx.AccessKey, "action": "dr", "biztype": "2", "ts": ts, "sign": hex.EncodeToString(sum[:])} {
			r.Header.Set(name, value)
		}
	}
	answer, err := t.http.Do(r)
	if err != nil {
		return false
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

func (t *teller) nxBody(some []*Told) []byte {
	type failure struct {
		Code  int    `json:"code"`
		Title string `json:"title"`
	}
	type status struct {
		ID        string    `json:"id"`
		Status    string    `json:"status"`
		Timestamp string    `json:"timestamp"`
		Recipient string    `json:"recipient_id,omitempty"`
		Meta      string    `json:"meta_message_id,omitempty"`
		Errors    []failure `json:"errors,omitempty"`
	}
	body := struct {
		Phone    string   `json:"business_phone"`
		Product  string   `json:"messaging_product"`
		Statuses []status `json:"statuses"`
	}{t.s.o.NX.BusinessPhone, "whatsapp", nil}
	for _, one := range some {
		st := status{ID: one.MessageID, Status: one.Status, Timestamp: strconv.FormatInt(one.Second, 10), Recipient: one.named, Meta: one.meta}
		if one.Code != 0 {
			st.Errors = []failure{{one.Code, "it was not delivered"}}
		}
		body.Statuses = append(body.Statuses, st)
	}
	return jsonReply(body).body
}

func (t *teller) innoBody(one *Told) []byte {
	status := map[string]any{
		"id": one.MessageID, "accountName": "sandbox", "wabaId": t.s.o.Inno.WabaID, "wamid": "wamid." + one.MessageID,
		"status": one.Status, "uid": one.uid,
	}
	if one.named != "" {
		status["sendPhone"] = one.named
	}
	if one.Code != 0 {
		status["errorData"] = map[string]string{"errorCode": strconv.Itoa(one.Code), "errorMessage": "it was not delivered"}
	}
	return jsonReply(map[string]any{
		"id": fmt.Sprintf("%s-%s", one.MessageID, one.Status), "type": "whatsapp_message_status_updated",
		"eventTime": time.Unix(one.Second, 0).UTC().Format("2006-01-02T15:04:05.000Z"), "body": status,
	}).body
}
