package activities_test

import (
	"encoding/json"
	"errors"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// FuzzCreateTaskInput gives both activities that buy any input, and checks that each is refused or
// submitted, once and as it is.
func FuzzCreateTaskInput(f *testing.F) {
	for _, input := range []string{
		taskInput(textTask), taskInput(`{"type":"T","a":[1.0,"\u0041<",null]}`), `{"task":{"type":""}}`, `{"task":"x"}`, `null`, `[]`,
		`{"task":{"type":"T"},"languagePool":"rn","softId":7,"callbackUrl":"http://127.0.0.1:1/x"}`, `{"task":{"type":"T"},"softId":-1}`,
		`{"task":{"type":"T"},"submission":"run-1","callback":true,"originalRunId":"default-test-run-id","workflowAttempt":1}`,
		`{"task":{"type":"T","type":7}}`, `{"task":{"type":"T"},"task":5}`, `{`, ``,
	} {
		f.Add([]byte(input))
	}
	service, err := simulator.Start(simulator.Options{ClientKey: clientKey})
	require.NoError(f, err)
	f.Cleanup(service.Close)
	f.Fuzz(func(t *testing.T, input []byte) {
		s := newShopAt(t, nil, service, service.URL())
		for _, activity := range []string{"createTask", "submitTask"} {
			before := len(service.Purchases())
			_, err := s.ExecuteActivity(activity, rawJSON(string(input)))
			purchases := service.Purchases()[before:]
			var failure *temporal.ApplicationError
			if err != nil && !errors.As(err, &failure) {
				require.Contains(t, err.Error(), "unable to decode", "%v", err) // not JSON, which no SDK sends
				require.False(t, json.Valid(input))
				return
			}
			if failure != nil {
				require.True(t, utf8.ValidString(failure.Message()))
				require.Empty(t, purchases)
				if failure.Type() == activities.ErrorTypeInvalidInput {
					require.True(t, failure.NonRetryable())
				}
				continue
			}
			require.Len(t, purchases, 1)
			var given struct {
				Task json.RawMessage `json:"task"`
			}
			require.NoError(t, json.Unmarshal(input, &given))
			require.NoError(t, twocaptcha.CheckTask(purchases[0].Task.Task))
			require.JSONEq(t, string(given.Task), string(purchases[0].Task.Task))
		}
	})
}
