package workflows_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// FuzzAwaitTaskResultInput holds of any bytes: they never panic, are decoded without an error, are
// refused with a message that Temporal can deliver, as by the schema, or else come out again as
// they are understood.
func FuzzAwaitTaskResultInput(f *testing.F) {
	for _, test := range refusedInputs {
		if len(test.input) < 4096 {
			f.Add([]byte(test.input))
		}
	}
	f.Add([]byte(`{"taskId": 74372499131, "initialDelay": "5s", "pollInterval": "5s", "maxPollInterval": "10s", "timeout": "15m"}`))
	f.Add([]byte(`{"taskId":1,"timeout":900000000000}`))
	f.Add([]byte(`{"taskId":1,"callback":true,"polling":"timer"}`))
	f.Add([]byte(`{"taskId":1,"callback":true,"initialDelay":"1m","pollInterval":"2m","maxPollInterval":"2m","timeout":"24h"}`))
	f.Add([]byte(`{"taskId":1,"callback":false,"polling":"activityRetry","timeout":"5m"}`))
	f.Add([]byte(`{"taskId":1,"callback":null,"polling":null}`))
	f.Add([]byte(`{"taskId":1,"polling":"activityRetry","continued":{"startedAt":"2026-01-02T03:04:05Z","polls":10,` +
		`"lastPollEnd":"2026-01-02T03:05:05Z","notBefore":"2026-01-02T03:05:15Z","lastStatus":"processing"}}`))
	f.Add([]byte(`{"taskId":1,"continued":{"startedAt":"2026-01-02T03:04:05.6789Z","polls":2,` +
		`"lastPollAt":"2026-01-02T03:04:10Z","lastPollEnd":"2026-01-02T03:04:11+02:00","seenProcessing":true,"wakeUp":true,` +
		`"lastStatus":"processing","lastError":"none"}}`))
	schemas := loadSchemas(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		var in workflows.AwaitTaskResultInput
		require.NoError(t, in.UnmarshalJSON(data))
		requireSchemaAgrees(t, schemas, "AwaitTaskResult.input", data, in.Validate())
		if err := in.Validate(); err != nil {
			requireInvalidInput(t, err)
			return
		}

		require.Positive(t, in.TaskID)
		require.Contains(t, []workflows.Polling{"", workflows.PollingTimer, workflows.PollingActivityRetry}, in.Polling)
		text, err := json.Marshal(in)
		require.NoError(t, err)
		var again workflows.AwaitTaskResultInput
		require.NoError(t, json.Unmarshal(text, &again))
		require.NoError(t, again.Validate(), "%s", text)
		inAgain, err := json.Marshal(again)
		require.NoError(t, err)
		require.Equal(t, string(text), string(inAgain))
		require.Equal(t, in, again)
	})
}
