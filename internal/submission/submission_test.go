package submission_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/submission"
)

func TestEncodeKeepsTheTaskByteForByte(t *testing.T) {
	t.Parallel()
	in := submission.Input{
		Task:         json.RawMessage("{ \"type\" : \"T\",\n\"z\":1.0, \"a\":\"<&>\\/\u2028\" }"),
		LanguagePool: "rn", SoftID: 7, Submission: "run-1", Callback: true, OriginalRunID: "run", WorkflowAttempt: 1,
	}

	encoded, err := in.Encode()

	require.NoError(t, err)
	require.Contains(t, string(encoded), string(in.Task))
	var decoded submission.Input
	require.NoError(t, json.Unmarshal(encoded, &decoded))
	require.Equal(t, in, decoded)
}
