package workflows_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/internal/submission"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// textTask is a task with a secret in it.
const (
	textTask   = `{"type": "TextCaptchaTask",  "comment": "<2+2?> & a-secret-of-the-task"}`
	taskSecret = "a-secret-of-the-task"
)

var toSolve = workflows.SolveTaskInput{Task: json.RawMessage(textTask)}

// newTask is what becomes of a submitted task: by default it is ready after a second.
func (e *environment) newTask(simulator.NewTask) simulator.Submission {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if len(e.newTasks) == 0 {
		return simulator.Submission{Answers: []simulator.Answer{simulator.ReadyAfter(time.Second, solution)}}
	}
	next := e.newTasks[0]
	if len(e.newTasks) > 1 {
		e.newTasks = e.newTasks[1:]
	}
	return next
}

// solvedBy are the tasks whose results the answers bring, one after the other.
func solvedBy(answers ...simulator.Answer) []simulator.Submission {
	var tasks []simulator.Submission
	for _, answer := range answers {
		tasks = append(tasks, simulator.Submission{Answers: []simulator.Answer{answer}})
	}
	return tasks
}

func refusedWith(answer simulator.Answer) simulator.Submission {
	return simulator.Submission{Refused: &answer}
}

// boughtBut are tasks that were made, but whose id the answer does not bring.
func boughtBut(answer simulator.Answer, results ...simulator.Answer) simulator.Submission {
	return simulator.Submission{CreateAnswer: &answer, Answers: results}
}

// solve runs SolveTask to its end.
func (e *environment) solve(in workflows.SolveTaskInput) (workflows.SolveTaskOutput, error) {
	e.t.Helper()
	value, err := in.RawValue()
	require.NoError(e.t, err)
	return e.solveInput(value)
}

func (e *environment) solveInput(inputs ...any) (workflows.SolveTaskOutput, error) {
	e.t.Helper()
	e.ExecuteWorkflow(workflows.SolveTaskWorkflow, inputs...)
	require.True(e.t, e.IsWorkflowCompleted(), "the workflow hasn't ended")
	e.requireNothingSecret()
	var out workflows.SolveTaskOutput
	if err := e.GetWorkflowError(); err != nil {
		return out, err
	}
	require.NoError(e.t, e.GetWorkflowResult(&out))
	return out, nil
}

// requireNothingSecret looks for the task's content in all that is shown or logged.
func (e *environment) requireNothingSecret() {
	e.t.Helper()
	var shown []string
	for _, record := range slices.Concat(e.submissions, e.polls) {
		shown = append(shown, record.options.Summary)
	}
	for _, timer := range e.timers {
		shown = append(shown, timer.summary)
	}
	for _, summary := range shown {
		require.NotEmpty(e.t, summary)
		require.LessOrEqual(e.t, len(summary), 200)
	}
	if _, err := e.QueryWorkflow(workflows.StatusQuery); err == nil {
		text, err := json.Marshal(e.solveStatus())
		require.NoError(e.t, err)
		shown = append(shown, string(text), e.details())
	}
	if err := e.GetWorkflowError(); err != nil && !workflow.IsContinueAsNewError(err) {
		details, _ := workflows.Details(err)
		text, marshalErr := json.Marshal(details)
		require.NoError(e.t, marshalErr)
		shown = append(shown, err.Error(), string(text))
	}
	for _, text := range shown {
		require.NotContains(e.t, text, taskSecret)
	}
}

func (e *environment) solveStatus() workflows.SolveTaskStatus {
	e.t.Helper()
	value, err := e.QueryWorkflow(workflows.StatusQuery)
	require.NoError(e.t, err)
	var status workflows.SolveTaskStatus
	require.NoError(e.t, value.Get(&status))
	return status
}

// nextSolve is nextRun of a SolveTask.
func (e *environment) nextSolve() (*environment, converter.RawValue) {
	e.t.Helper()
	var continued *workflow.ContinueAsNewError
	require.ErrorAs(e.t, e.GetWorkflowError(), &continued)
	require.Equal(e.t, workflows.SolveTaskWorkflow, continued.WorkflowType.Name)
	require.Len(e.t, continued.Input.GetPayloads(), 1)
	next := newEnvironmentAt(e.t, e.Now())
	next.start, next.polling = e.start, e.polling
	next.SetContinuedExecutionRunID("the run before")
	return next, converter.NewRawValue(continued.Input.GetPayloads()[0])
}

// submissionTimes are when submissions were scheduled.
func (e *environment) submissionTimes() []time.Duration {
	var times []time.Duration
	for _, each := range e.submissions {
		times = append(times, each.at)
	}
	return times
}

// submissionInput is the activity's input.
func (e *environment) submissionInput(number int) submission.Input {
	e.t.Helper()
	var in submission.Input
	require.NoError(e.t, json.Unmarshal(e.submissions[number-1].input.(converter.RawValue).Payload().GetData(), &in))
	return in
}

// calledBackAfter has the service, or a worker, call the workflow for its last submission.
func (e *environment) calledBackAfter(at time.Duration, taskID int64) {
	e.after(at, func() { e.call(taskID, e.submissionInput(len(e.submissions)).Submission) })
}

func (e *environment) call(taskID int64, submission string) {
	e.SignalWorkflow(workflows.TaskCallbackSignal, workflows.TaskCallback{TaskID: taskID, Submission: submission})
}

// withAddress has every submission give the service an address.
func (e *environment) withAddress() {
	e.submission = func(_ submission.Input, request func() (any, error)) (any, error) {
		value, err := request()
		if out, ok := value.(submission.Output); ok && err == nil {
			out.Callback = true
			return out, nil
		}
		return value, err
	}
}

// unknownOutcome is what the activity ends with if it can't tell whether it bought the task.
func unknownOutcome(callback bool) error {
	return temporal.NewApplicationErrorWithOptions("createTask: no answer", activities.ErrorTypeCreateTaskOutcomeUnknown,
		temporal.ApplicationErrorOptions{NonRetryable: true, Details: []any{
			activities.ErrorDetails{LastError: "createTask: no answer"}, submission.Mark{Submission: "x", Callback: callback},
		}})
}

// lostRun is what the server says of an activity whose worker is gone, with its heartbeat.
func lostRun(heartbeat ...any) error {
	return temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_START_TO_CLOSE, nil, heartbeat...)
}

// endOfSolve checks what every failed SolveTask must say, and returns it.
func endOfSolve(t *testing.T, err error) (code, message string, details workflows.ErrorDetails) {
	t.Helper()
	failure := applicationError(t, err)
	return failure.Type(), failure.Message(), errorDetails(t, failure)
}

func scheduleToStartTimeout() error {
	return temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START, nil)
}
