package workflows_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

const onlyForRuns = "continued is set only when the workflow continues as new: leave it out"

// handedOn is what a run hands on after its second poll, 20 s after the start of all tests'
// environments.
const handedOn = `"startedAt": "2026-01-02T03:03:45Z", "polls": 2, "lastPollEnd": "2026-01-02T03:04:04Z", "seenProcessing": true`

// notUnderstood are what no build hands on, or what only a build that does not exist yet might.
var notUnderstood = map[string]struct{ input, problem string }{
	"a number":                {`{"taskId": 74372499131, "continued": 5}`, "continued is 5: it takes an object"},
	"a text":                  {`{"taskId": 74372499131, "continued": "x"}`, `continued is "x": it takes an object`},
	"a list":                  {`{"taskId": 74372499131, "continued": [1]}`, "continued is [1]: it takes an object"},
	"an empty object":         {`{"taskId": 74372499131, "continued": {}}`, "continued.startedAt is missing"},
	"no start":                {`{"taskId": 74372499131, "continued": {"polls": 2}}`, "continued.startedAt is missing"},
	"null as start":           {`{"taskId": 74372499131, "continued": {"startedAt": null}}`, "continued.startedAt is missing"},
	"a start in words":        {`{"taskId": 74372499131, "continued": {"startedAt": "yesterday"}}`, "it takes an object"},
	"a start far ahead":       {`{"taskId": 74372499131, "continued": {"startedAt": "2999-01-01T00:00:00Z"}}`, "continued.startedAt is after the start of this run"},
	"polls below zero":        {`{"taskId": 74372499131, "continued": {"startedAt": "2026-01-02T03:04:05Z", "polls": -1}}`, "continued.polls is negative"},
	"polls of another kind":   {`{"taskId": 74372499131, "continued": {"startedAt": "2026-01-02T03:04:05Z", "polls": {}}}`, "it takes an object"},
	"polls that never ended":  {`{"taskId": 74372499131, "continued": {"startedAt": "2026-01-02T03:04:05Z", "polls": 3}}`, "continued.lastPollEnd is missing"},
	"no task":                 {`{"continued": {` + handedOn + `}}`, "taskId is missing"},
	"an unknown polling":      {`{"taskId": 74372499131, "polling": "push", "continued": {` + handedOn + `}}`, `polling is "push"`},
	"a timeout over a day":    {`{"taskId": 74372499131, "timeout": "48h", "continued": {` + handedOn + `}}`, "timeout is 48h0m0s"},
	"a timeout of its own":    {`{"taskId": 74372499131, "timeout": 900, "continued": {` + handedOn + `}}`, "timeout is 900"},
	"continued twice":         {`{"taskId": 74372499131, "continued": {` + handedOn + `}, "continued": {` + handedOn + `}}`, `"continued" is given twice`},
	"continued after another": {`{"taskId": 74372499131, "taskId": 5, "continued": {` + handedOn + `}}`, `"taskId" is given twice`},
}

// A wait that is not understood is not over: a worker of the newer build can still go on with it,
// if the workflow task fails rather than the workflow. A panic does that. The test environment,
// which has no other worker, ends with it.
func TestContinueAsNewThatThisBuildDoesNotUnderstand(t *testing.T) {
	t.Parallel()
	for name, test := range notUnderstood {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			e.SetContinuedExecutionRunID("the run before")

			_, err := e.awaitInput(jsonPayload(test.input))

			panicked := new(temporal.PanicError)
			require.ErrorAs(t, err, &panicked, "the workflow task fails")
			require.ErrorContains(t, panicked, "this worker's version can't understand what the previous run handed on: ")
			require.ErrorContains(t, panicked, test.problem)
			require.ErrorContains(t, panicked, "run workers of that run's version")
			require.Empty(t, e.service.Requests())
			require.Empty(t, e.timers)
		})
	}
}

// In a rolling update, and in a roll-back, an older build goes on with what a newer one handed on.
func TestContinueAsNewFromANewerBuild(t *testing.T) {
	t.Parallel()
	for name, input := range map[string]string{
		"the same":                  `{"taskId": 74372499131, "continued": {` + handedOn + `}}`,
		"more of the progress":      `{"taskId": 74372499131, "continued": {` + handedOn + `, "unknown": 1, "of": {"all": ["kinds"]}}}`,
		"more settings":             `{"taskId": 74372499131, "unknown": {"a": 1}, "continued": {` + handedOn + `}, "other": null}`,
		"more of both":              `{"unknown": 1, "continued": {"unknown": true, ` + handedOn + `}, "taskId": 74372499131}`,
		"settings that are left":    `{"taskId": 74372499131, "timeout": null, "continued": {` + handedOn + `, "notBefore": null}}`,
		"no poll that was answered": `{"taskId": 74372499131, "continued": {"startedAt": "2026-01-02T03:03:45Z", "lastPollEnd": "2026-01-02T03:04:04Z"}}`,
		"a clock that is behind":    `{"taskId": 74372499131, "continued": {"startedAt": "2026-01-02T03:04:06Z"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			e.SetContinuedExecutionRunID("the run before")
			e.service.Script(taskID, simulator.Ready(solution))
			var given struct {
				Continued struct {
					StartedAt time.Time
					Polls     int
				}
			}
			require.NoError(t, json.Unmarshal([]byte(input), &given))

			out, err := e.awaitInput(jsonPayload(input))

			require.NoError(t, err)
			require.Equal(t, given.Continued.Polls+1, out.Polls)
			require.Equal(t, given.Continued.StartedAt, *e.status().StartedAt)
		})
	}
}

// What a run hands on is for the next one. From others it must not make a wait poll too early or go
// on too long unseen, and an outdated copy of it is as good as any.
func TestContinuedByOthers(t *testing.T) {
	t.Parallel()
	inputs := map[string]string{"what a run hands on": `{"taskId": 74372499131, "continued": {` + handedOn + `}}`}
	for name, test := range notUnderstood {
		inputs[name] = test.input
	}
	for name, input := range inputs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)

			_, err := e.awaitInput(jsonPayload(input))

			requireInvalidInput(t, applicationError(t, err))
			require.Empty(t, e.service.Requests())
			var in workflows.AwaitTaskResultInput
			require.NoError(t, json.Unmarshal([]byte(input), &in))
			require.EqualError(t, in.Validate(), applicationError(t, err).Error())
		})
	}
	var in workflows.AwaitTaskResultInput
	require.NoError(t, json.Unmarshal([]byte(inputs["what a run hands on"]), &in))
	require.ErrorContains(t, in.Validate(), onlyForRuns)
}

// The runs of a cron schedule follow each other, and yet each has the caller's input.
func TestContinuedByTheCallerOfACronSchedule(t *testing.T) {
	t.Parallel()
	input := jsonPayload(`{"taskId": 74372499131, "continued": {` + handedOn + `}}`)
	first := newEnvironment(t)
	_, err := first.awaitInput(input)
	require.Equal(t, activities.ErrorTypeInvalidInput, workflows.ErrorCode(err))

	second := newEnvironment(t)
	second.SetContinuedExecutionRunID("the run before")
	second.SetLastError(applicationError(t, err))
	_, err = second.awaitInput(input)

	require.Equal(t, activities.ErrorTypeInvalidInput, workflows.ErrorCode(err))
	require.ErrorContains(t, err, onlyForRuns)
}

// A run of a cron schedule, and one that another workflow of the caller's continued as, have a
// previous run, but an input of the caller's.
func TestInputOfTheCallersAfterAPreviousRun(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ input, problem string }{
		"right":               {`{"taskId": 74372499131}`, ""},
		"nothing to continue": {`{"taskId": 74372499131, "continued": null}`, ""},
		"unknown property":    {`{"taskId": 74372499131, "timeOut": "5m"}`, `"timeOut" is not a property of the input`},
		"empty":               {`{}`, "taskId is missing"},
		"null":                {`null`, "the input is null"},
		"a list":              {`[]`, "the input is not a JSON object"},
		"broken":              {`{"taskId": 5, "continued": {`, "the input is broken JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			e.SetContinuedExecutionRunID("the run before")
			e.SetLastError(errors.New("any"))
			e.service.Script(taskID, simulator.Ready(solution))

			_, err := e.awaitInput(jsonPayload(test.input))

			if test.problem == "" {
				require.NoError(t, err)
				return
			}
			requireInvalidInput(t, applicationError(t, err))
			require.ErrorContains(t, err, test.problem)
		})
	}
}

// An inline wait continues nothing, whatever its workflow does.
func TestContinuedInline(t *testing.T) {
	t.Parallel()
	var in workflows.AwaitTaskResultInput
	require.NoError(t, json.Unmarshal(fmt.Appendf(nil, `{"taskId": %d, "continued": {%s}}`, taskID, handedOn), &in))
	e := newEnvironment(t)
	e.SetContinuedExecutionRunID("the run before")

	err := e.runParent(func(ctx workflow.Context) error {
		_, err := workflows.Await(ctx, in)
		return err
	})

	requireInvalidInput(t, applicationError(t, err))
	require.ErrorContains(t, err, onlyForRuns)
}
