package activities_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"pgregory.net/rapid"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/schemacheck"
)

// What an activity refuses, its schema refuses too, as far as a schema can say why. createTask
// takes nothing that its schema refuses. The other activities ignore properties that they don't
// know.
func TestSchemasOfInputsRefuseWhatActivitiesRefuse(t *testing.T) {
	t.Parallel()
	schemas, err := schemacheck.Load()
	require.NoError(t, err)
	values := rapid.SampledFrom([]string{
		`null`, `true`, `0`, `7`, `-7`, `7.0`, `7.5`, `1e3`, `9223372036854775807`, `9223372036854775808`, `""`, `"7"`, `"en"`, `"xx"`,
		`"https://example.com/"`, `[]`, `{}`, textTask, `{"type":""}`, `{"type":7}`, `{"Type":"T"}`, `{"type":"T","type":null}`,
	})
	for name, properties := range map[string][]string{
		activities.CreateTaskActivity:      {"task", "languagePool", "callbackUrl", "softId", "Task", "clientKey"},
		activities.GetTaskResultActivity:   {"taskId", "x"},
		activities.ReportCorrectActivity:   {"taskId", "x"},
		activities.ReportIncorrectActivity: {"taskId", "x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, required := newShop(t, nil), `7`
			if name == activities.CreateTaskActivity {
				required = textTask
			}
			refusals := 0
			rapid.Check(t, func(t *rapid.T) {
				var members []string
				names := rapid.SliceOfNDistinct(rapid.SampledFrom(properties), 0, 3, rapid.ID).Draw(t, "names")
				for _, name := range names {
					members = append(members, `"`+name+`":`+values.Draw(t, "value"))
				}
				if rapid.Bool().Draw(t, "with what is required") && !slices.Contains(names, properties[0]) {
					members = append(members, `"`+properties[0]+`":`+required)
				}
				input := "{" + strings.Join(members, ",") + "}"
				_, err := s.ExecuteActivity(name, rawJSON(input))
				var failure *temporal.ApplicationError
				refused := errors.As(err, &failure) && failure.Type() == activities.ErrorTypeInvalidInput
				found := schemas.Check(name+".input", []byte(input))
				switch {
				case refused && found == nil:
					require.True(t, schemacheck.IsBeyond(failure.Message(), []byte(input)), "%s: %s", input, failure.Message())
				case !refused && name == activities.CreateTaskActivity:
					require.NoError(t, found, input)
				case refused:
					refusals++
				}
			})
			require.NotZero(t, refusals)
		})
	}
}
