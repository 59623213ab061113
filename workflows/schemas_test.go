package workflows_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/temporal-providers/temporal-2captcha/internal/schemacheck"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// decodable is a workflow's input.
type decodable interface {
	json.Unmarshaler
	Validate() error
}

// requireSchemaAgrees requires that the schema of a workflow's input refuses data if the workflow
// does, as far as a schema can say why, and takes it if the workflow does.
func requireSchemaAgrees(t require.TestingT, schemas *schemacheck.Schemas, name string, data []byte, refusal error) {
	if refusal == nil {
		require.NoError(t, schemas.Check(name, schemacheck.WithoutNothing(data)), "the workflow takes %q", data)
	} else if schemas.Check(name, data) == nil {
		require.True(t, schemacheck.IsBeyond(refusal.Error(), data), "the schema takes %q, but: %s", data, refusal)
	}
}

func loadSchemas(t require.TestingT) *schemacheck.Schemas {
	schemas, err := schemacheck.Load()
	require.NoError(t, err)
	return schemas
}

// drawObject draws an object with some of the names, and one that is nobody's, with values that are
// likely to be wrong.
func drawObject(t *rapid.T, names []string) []byte {
	values := rapid.SampledFrom([]string{
		`null`, `true`, `false`, `0`, `1`, `-1`, `-0`, `5`, `10`, `11`, `5.0`, `1e3`, `1.5`, `9223372036854775807`,
		`9223372036854775808`, `74372499131`, `""`, `"5"`, `"0"`, `"5s"`, `"1h30m"`, `"-0s"`, `"1ms"`, `"999us"`, `"24h"`, `"24h1ns"`,
		`"timer"`, `"Timer"`, `"activityRetry"`, `"en"`, `"rn"`, `"fr"`, `{}`, `[]`, `{"type":"T"}`, `{"type":""}`, `{"type":5}`,
		`{"type":"T","type":null}`, `{"Type":"T"}`, `{"type":"T","proxyPassword":"p"}`,
	})
	var object bytes.Buffer
	for range rapid.IntRange(0, 5).Draw(t, "properties") {
		separator := ","
		if object.Len() == 0 {
			separator = "{"
		}
		name, err := json.Marshal(rapid.SampledFrom(names).Draw(t, "name"))
		require.NoError(t, err)
		object.WriteString(separator + string(name) + ":" + values.Draw(t, "value"))
	}
	if object.Len() == 0 {
		return []byte("{}")
	}
	return append(object.Bytes(), '}')
}

func TestSchemasOfInputsRefuseWhatWorkflowsRefuse(t *testing.T) {
	t.Parallel()
	schemas := loadSchemas(t)
	settings := []string{"initialDelay", "pollInterval", "maxPollInterval", "timeout", "polling", "continued", "timeOut"}
	for name, test := range map[string]struct {
		required   map[string]string
		properties []string
		input      func() decodable
	}{
		"AwaitTaskResult.input": {map[string]string{"taskId": `5`}, append([]string{"taskId", "callback"}, settings...),
			func() decodable { return new(workflows.AwaitTaskResultInput) }},
		"SolveTask.input": {map[string]string{"task": `{"type":"T"}`}, append([]string{"task", "languagePool", "softId", "attempts",
			"resubmitUnknown", "disableCallback", "id"}, settings...),
			func() decodable { return new(workflows.SolveTaskInput) }},
		"ReportTask.input": {map[string]string{"taskId": `5`, "correct": `false`}, []string{"taskId", "correct", "TaskId"},
			func() decodable { return new(workflows.ReportTaskInput) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			taken := 0
			rapid.Check(t, func(t *rapid.T) {
				data := drawObject(t, test.properties)
				if rapid.Bool().Draw(t, "with what is required") {
					data = withRequired(data, test.required)
				}
				in := test.input()
				require.NoError(t, in.UnmarshalJSON(data))
				refusal := in.Validate()
				if refusal == nil {
					taken++
				}
				requireSchemaAgrees(t, schemas, name, data, refusal)
			})
			require.NotZero(t, taken, "none of them was valid")
		})
	}
}

// withRequired adds the properties that data lacks.
func withRequired(data []byte, required map[string]string) []byte {
	for name, value := range required {
		if bytes.Contains(data, []byte(`"`+name+`":`)) {
			continue
		}
		property := `{"` + name + `":` + value
		if string(data) != "{}" {
			property += ","
		}
		data = append([]byte(property), data[1:]...)
	}
	return data
}

// A duration matches the pattern if the decoder can read it and it is not below zero.
func TestPatternOfDurationsMatchesWhatTheDecoderReads(t *testing.T) {
	t.Parallel()
	schemas := loadSchemas(t)
	parts := rapid.SampledFrom([]string{
		"0", "1", "5", "90", "007", ".", ".5", "1.5", "5.", "h", "m", "s", "ms", "us", "µs", "μs", "ns", "d", "H", "+", "-", " ", "e3", "1_0",
		"9999999999", "٣", "\n", "",
	})
	matches := func(text string) bool {
		data, err := json.Marshal(map[string]any{"taskId": 5, "timeout": text})
		require.NoError(t, err)
		return schemas.Check("AwaitTaskResult.input", data) == nil
	}
	matched := 0
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(parts, 0, 6).Draw(t, "parts"), "")
		duration, err := time.ParseDuration(text)
		tooLong := err != nil && strings.Contains(text, "9999999999")
		if matches(text) {
			matched++
			require.True(t, err == nil && duration >= 0 || tooLong, "%q: %v", text, err)
		} else {
			require.True(t, err != nil || strings.HasPrefix(text, "-"), "%q", text)
		}
	})
	require.NotZero(t, matched)
	for _, text := range []string{"5s", "15m", "1h30m", "1.5h", "+5s", "0", "0s", "0.5h", ".5s", "5.s", "1000000ns", "300µs"} {
		require.True(t, matches(text), text)
	}
	for _, text := range []string{"", "5", "5 s", "PT5S", "5d", "-5s", "s", ".s", "5s ", "5S", "5s\n", "--5s", "1e3s"} {
		require.False(t, matches(text), text)
	}
}

// The schema of the signal takes what a wait takes for a call. A submission that is not a text is
// not worth a rule there: the wait takes it for none.
func TestSchemaOfTheSignalTakesWhatWakes(t *testing.T) {
	t.Parallel()
	schemas := loadSchemas(t)
	woken := 0
	rapid.Check(t, func(t *rapid.T) {
		data := drawObject(t, []string{"taskId", "code"})
		if rapid.Bool().Draw(t, "alone") {
			data = []byte(rapid.SampledFrom([]string{
				`null`, `5`, `0`, `-5`, `5.5`, `"5"`, `"+5"`, `"005"`, `"0"`, `"-5"`, `"0x5"`, `" 5"`, `""`, `"five"`, `true`, `[]`, `[5]`,
				`9223372036854775807`, `9223372036854775808`, `"9223372036854775807"`,
			}).Draw(t, "value"))
		} else if rapid.Bool().Draw(t, "with a submission") {
			data = withRequired(data, map[string]string{"submission": `"run-1"`})
		}
		_, wakes := workflows.CallInJSON(data)
		if wakes {
			woken++
		}
		found := schemas.Check("taskCallback", data)
		if wakes {
			require.NoError(t, found, "%s", data)
		} else if !bytes.Contains(data, []byte("5.0")) && !bytes.Contains(data, []byte("1e3")) { // integers to a schema
			require.Error(t, found, "%s", data)
		}
	})
	require.NotZero(t, woken)
}
