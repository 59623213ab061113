package workflows_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/polling"
	"github.com/temporal-providers/temporal-2captcha/provider"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

func (s randomSolve) run(t *testing.T, shop *shop) *solveRun {
	t.Helper()
	var r *solveRun
	synctest.Test(t, func(*testing.T) {
		r = newSolveRun(s, shop)
		r.carryOut()
	})
	return r
}

// solveRun is a scheduleRun of SolveTask. The one wait of that is what is submitted; each task has
// another.
type solveRun struct {
	*scheduleRun
	in   randomSolve
	shop *shop

	purchases []*purchaseRecord
	tasks     map[int64]*waitRecord // also those of others
	calls     []*solveCall
	out       workflows.SolveTaskOutput
	err       error
	outcomes  int
	shown     []string // all that is said of the task, to anybody
	last      workflows.SolveTaskStatus
}

// solveCall is a call of SolveTask.
type solveCall struct {
	at      time.Duration
	payload func() any // nil: none
	names   *purchaseRecord
	// ofWorker tells that the worker that has the answer sends it.
	ofWorker bool
	heard    time.Duration // 0: it has not been
}

func newSolveRun(s randomSolve, shop *shop) *solveRun {
	schedule := s.randomSchedule
	schedule.Waits = []randomWait{s.Submissions}
	r := &solveRun{scheduleRun: newScheduleRun(schedule), in: s, shop: shop, tasks: map[int64]*waitRecord{}}
	r.scheduleRun.solve = r
	config := provider.Config{APIURL: shop.server.URL}
	if !s.WithoutCallbacks {
		config.CallbackURL, config.CallbackSecret = "https://callbacks.example/2captcha", callbackSecret
	}
	r.usePlugin(config)
	for _, call := range s.SolveCalls {
		r.calls = append(r.calls, &solveCall{at: time.Duration(call.At), payload: r.payloadOf(call.Kind)})
	}
	return r
}

const callbackSecret = "a-secret-of-the-callback-address-0123456789"

func (r *solveRun) input() any {
	value, err := r.in.input().RawValue()
	if err != nil {
		panic(err)
	}
	return value
}

const foreignTask = int64(555)

func (r *solveRun) payloadOf(kind solveCallKind) func() any {
	return func() any {
		submission, id := "none yet", foreignTask
		if submitted := r.submissions(); len(submitted) > 0 {
			submission = submitted[len(submitted)-1].submission
		}
		if len(r.purchases) > 0 && r.purchases[len(r.purchases)-1].id > 0 {
			id = r.purchases[len(r.purchases)-1].id
		}
		switch kind {
		case solveCallForeign:
			return workflows.TaskCallback{TaskID: foreignTask, Submission: submission}
		case solveCallWrong:
			return workflows.TaskCallback{TaskID: id, Submission: "of nobody"}
		case solveCallUnnamed:
			return workflows.TaskCallback{Submission: submission}
		case solveCallTask:
			return workflows.TaskCallback{TaskID: id}
		case solveCallForeignTask:
			return foreignTask
		case solveCallUnreadable:
			return map[string]any{"taskId": true}
		case solveCallNextSubmission:
			return workflows.TaskCallback{TaskID: foreignTask + 1, Submission: fmt.Sprintf("%s-%d", r.runID(), len(r.submissions())+1)}
		}
		return nil
	}
}

// submissions are the activities that submit.
func (r *solveRun) submissions() []*activityRecord { return r.record.waits[0].polls }

// registerCalls has the workflow's current run get the calls that have not been heard.
func (r *solveRun) registerCalls() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for index, call := range r.calls {
		if call.heard == 0 {
			r.registerLocked(index)
		}
	}
}

// purchaseOf is what a submission has bought; nil: nothing.
func (r *solveRun) purchaseOf(submitted *activityRecord) *purchaseRecord {
	for _, purchase := range r.purchases {
		if purchase.attempt.poll == submitted {
			return purchase
		}
	}
	return nil
}

func (r *solveRun) post(call *solveCall) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, call)
	r.registerLocked(len(r.calls) - 1)
}

func (r *solveRun) registerLocked(index int) {
	env, call := r.env, r.calls[index]
	after := max(r.record.backAt(call.at)-env.Now().Sub(r.started), 0)
	env.RegisterDelayedCallback(func() {
		name, payload := workflows.TaskCallbackSignal, call.payload()
		if payload == nil {
			name = withoutPayload
		}
		env.SignalWorkflow(name+"#"+strconv.Itoa(index), payload)
	}, after)
}

func (r *solveRun) hears(index int) {
	r.calls[index].heard = max(r.now(), 1)
}

// waitFor is what an activity is for.
func (r *solveRun) waitFor(record *activityRecord, activityType string, input any) *waitRecord {
	r.shown = append(r.shown, record.options.Summary)
	var id int64
	switch input := input.(type) {
	case activities.GetTaskResultInput:
		id = input.TaskID
	case polling.Input:
		id = input.TaskID
	case converter.RawValue:
		var in struct {
			Submission string `json:"submission"`
		}
		if err := json.Unmarshal(input.Payload().GetData(), &in); err != nil || activityType != activities.SubmitTaskActivity {
			_ = r.fail("activity %s: %v", activityType, err)
		}
		record.submission = in.Submission
		return r.record.waits[0]
	default:
		_ = r.fail("activity %s with %T", activityType, input)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tasks[id] == nil { // somebody else's
		r.tasks[id] = &waitRecord{randomWait: randomWait{TaskID: id, EndsAt: 1, Code: "ERROR_NO_SUCH_CAPCHA_ID"}, start: -1}
	}
	return r.tasks[id]
}

func (r *solveRun) carryOutRun(env *testsuite.TestWorkflowEnvironment, input any) error {
	env.ExecuteWorkflow(workflows.SolveTaskWorkflow, input)
	if !env.IsWorkflowCompleted() {
		return r.fail("the workflow hasn't ended")
	}
	err := env.GetWorkflowError()
	if workflow.IsContinueAsNewError(err) {
		return err
	}
	r.outcomes++
	if err == nil {
		err = env.GetWorkflowResult(&r.out)
	} else if wrapped := errors.Unwrap(err); wrapped != nil {
		err = wrapped
	}
	r.err = err
	value, err := env.QueryWorkflow(workflows.StatusQuery)
	if err == nil {
		err = value.Get(&r.last)
	}
	if err != nil {
		return r.fail("the status: %v", err)
	}
	status, _ := json.Marshal(r.last)
	value, err = env.QueryWorkflow("__temporal_workflow_metadata")
	var metadata sdkpb.WorkflowMetadata
	if err == nil {
		err = value.Get(&metadata)
	}
	if err != nil {
		return r.fail("the details: %v", err)
	}
	r.shown = append(r.shown, string(status), metadata.GetCurrentDetails())
	return nil
}

func sameJSON(a, b []byte) bool {
	var left, right any
	return json.Unmarshal(a, &left) == nil && json.Unmarshal(b, &right) == nil && reflect.DeepEqual(left, right)
}

// String tells the history to a person.
func (r *solveRun) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s\ncalls heard:", r.in)
	for _, call := range r.calls {
		fmt.Fprintf(&text, " %s", call.heard)
	}
	text.WriteString("\n")
	for _, purchase := range r.purchases {
		fmt.Fprintf(&text, "task %d bought at %s by %s\n", purchase.id, purchase.at, purchase.attempt.poll.submission)
	}
	waits := r.record.waits
	r.record.waits = waits[:1]
	for _, wait := range r.tasks {
		r.record.waits = append(r.record.waits, wait)
	}
	text.WriteString(r.record.String())
	r.record.waits = waits
	details, _ := workflows.Details(r.err)
	fmt.Fprintf(&text, "outcome of SolveTask: %+v, %v, %+v\n", r.out, r.err, details)
	return text.String()
}
