package workflows_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// FuzzSolveTaskInput holds of any bytes: they never panic, are decoded without an error, are
// refused with a message that Temporal can deliver, as by the schema, or else come out again with
// their task byte for byte.
func FuzzSolveTaskInput(f *testing.F) {
	for _, test := range refusedSolveInputs {
		if len(test.input) < 4096 {
			f.Add([]byte(test.input))
		}
	}
	f.Add([]byte(`{"task": ` + textTask + `, "attempts": 3, "resubmitUnknown": true, "timeout": "5m", "id": "mine"}`))
	f.Add([]byte(`{"task":{"type":"T","type":"U","a":[1.0,{"b":null}]},"languagePool":"rn","softId":7,"polling":"activityRetry"}`))
	schemas := loadSchemas(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		var in workflows.SolveTaskInput
		require.NoError(t, in.UnmarshalJSON(data))
		requireSchemaAgrees(t, schemas, "SolveTask.input", data, in.Validate())
		if err := in.Validate(); err != nil {
			requireInvalidInput(t, err)
			return
		}

		require.Contains(t, string(data), string(in.Task))
		raw, err := in.RawValue()
		require.NoError(t, err)
		text := raw.Payload().GetData()
		require.True(t, json.Valid(text))
		var again workflows.SolveTaskInput
		require.NoError(t, again.UnmarshalJSON(text))
		require.NoError(t, again.Validate(), "%s", text)
		require.Equal(t, in, again)
		marshaled, err := json.Marshal(in)
		require.NoError(t, err)
		var compact workflows.SolveTaskInput
		require.NoError(t, json.Unmarshal(marshaled, &compact))
		require.JSONEq(t, string(in.Task), string(compact.Task))
	})
}
