package polling

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestInputInJSON(t *testing.T) {
	t.Parallel()
	in := Input{
		TaskID: 74372499131, StartedAt: time.Unix(1692863536, 0).UTC(), InitialDelay: Duration(5 * time.Second),
		PollInterval: Duration(time.Minute), MaxPollInterval: Duration(90 * time.Second),
		Deadline: time.Unix(1692864436, 0).UTC(), Polls: 3,
	}
	text, err := json.Marshal(in)
	require.NoError(t, err)
	require.JSONEq(t, `{"taskId":74372499131,"startedAt":"2023-08-24T07:52:16Z","initialDelay":"5s","pollInterval":"1m0s",
		"maxPollInterval":"1m30s","deadline":"2023-08-24T08:07:16Z","polls":3}`, string(text))
	var again Input
	require.NoError(t, json.Unmarshal(text, &again))
	require.Equal(t, in, again)
}

func TestInputOfAnotherBuild(t *testing.T) {
	t.Parallel()
	var in Input
	require.NoError(t, json.Unmarshal([]byte(`{"taskId":5,"ofTomorrow":{"a":1}}`), &in))
	require.NoError(t, in.Problem())
	require.Equal(t, Input{TaskID: 5}, in)

	require.NoError(t, json.Unmarshal([]byte(`{"taskId":5,"pollInterval":5}`), &in), "it is kept, not returned")
	require.Error(t, in.Problem())
}

func TestOutputOfAnotherBuild(t *testing.T) {
	t.Parallel()
	var out Output[map[string]any]
	require.NoError(t, json.Unmarshal([]byte(`{"result":{"status":"ready"},"polls":2,"ofTomorrow":1}`), &out))
	require.Equal(t, Output[map[string]any]{Result: map[string]any{"status": "ready"}, Polls: 2}, out)
}
