package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/proxy"
)

// ClientKey is the key that the workers of these tests ask with. No history, log, error or query
// answer may hold it.
const ClientKey = "e2e0c1ientkey0f0e2e0c1ientkey0f0"

// CallbackSecret is what these tests make callback addresses with. It is as secret as the key.
const CallbackSecret = "e2e0ca11backsecret0f0e2e0secret0"

// HoldsKey returns an error if the client key, in whatever spelling, or the callback secret is
// anywhere in the events.
func HoldsKey(history *historypb.History) error {
	for _, event := range history.GetEvents() {
		whole, err := event.Marshal()
		if err != nil {
			return err
		}
		if bytes.Contains(whole, []byte(ClientKey)) {
			return fmt.Errorf("the client key is in event %d, %s", event.GetEventId(), event.GetEventType())
		}
		if bytes.Contains(whole, []byte(CallbackSecret)) {
			return fmt.Errorf("the callback secret is in event %d, %s", event.GetEventId(), event.GetEventType())
		}
		err = proxy.VisitPayloads(context.Background(), event, proxy.VisitPayloadsOptions{
			Visitor: func(_ *proxy.VisitPayloadsContext, payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
				for _, payload := range payloads {
					if SpellsKey(payload.GetData()) {
						return nil, fmt.Errorf("the client key is in a payload of event %d, %s",
							event.GetEventId(), event.GetEventType())
					}
				}
				return payloads, nil
			},
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// SpellsKey reports whether the key is in data as it is or, if data is JSON, in one of its strings,
// also as JSON within a string.
func SpellsKey(data []byte) bool {
	if bytes.Contains(data, []byte(ClientKey)) {
		return true
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	for {
		token, err := decoder.Token()
		if err != nil {
			return false
		}
		text, _ := token.(string)
		if strings.Contains(text, ClientKey) || strings.Contains(text, `\`) && SpellsKey([]byte(text)) {
			return true
		}
	}
}
