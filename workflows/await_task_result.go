package workflows

import (
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/internal/schedule"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// AwaitTaskResultOutput is a task's result. What the service left out is left out.
type AwaitTaskResultOutput struct {
	// TaskID is the task that was waited for.
	TaskID int64 `json:"taskId"`
	twocaptcha.TaskResult
	// Polls is how many polls it took. Each is one run of the getTaskResult activity, whatever its
	// attempts; with PollingActivityRetry each attempt of pollTaskResult is one.
	Polls int `json:"polls"`
}

// AwaitTaskResult is the workflow that waits for one task's result. It returns the result, or an
// ApplicationError, never retryable, whose type is the service's code, InvalidInput, TaskTimeout,
// NoAnswer or UnexpectedResponse, with [ErrorDetails]; or a CanceledError. The deadline counts from
// the workflow's start, which is before a start delay. It takes [TaskCallbackSignal] and answers
// [StatusQuery]. Called within a workflow of another type, it is [Await].
func AwaitTaskResult(ctx workflow.Context, in AwaitTaskResultInput) (AwaitTaskResultOutput, error) {
	return awaitTaskResult(ctx, in, nil)
}

// awaitTaskResult is [AwaitTaskResult]. missed is told of calls that don't come, if it is not nil.
func awaitTaskResult(
	ctx workflow.Context, in AwaitTaskResultInput, missed func(workflow.Context),
) (AwaitTaskResultOutput, error) {
	if workflow.GetInfo(ctx).WorkflowType.Name != AwaitTaskResultWorkflow {
		return Await(ctx, in) // which would otherwise take over the caller's workflow, and continue it as this one
	}
	w := newWait(in, workflow.GetInfo(ctx).WorkflowStartTime)
	w.changed, w.missed = w.showDetails, missed
	if err := workflow.SetQueryHandler(ctx, StatusQuery, w.status); err != nil {
		return AwaitTaskResultOutput{}, err
	}
	if err := in.Validate(); err != nil {
		w.end(ctx, StateFailed, err)
		countRefused(ctx, err)
		return AwaitTaskResultOutput{}, err
	}
	w.callbacks = NewCallbacks(ctx)
	w.continues = w.continueAsNew
	return w.run(ctx)
}

// Register registers the workflows on a worker, a replayer or a test environment. On a worker that
// is a version of a deployment, waits move on to the newest version, whatever the worker's default:
// pinned waits would keep an old version's workers up for as long as the longest of them, and every
// version of this package replays the waits of the versions before.
func Register(registry interface {
	RegisterWorkflowWithOptions(any, workflow.RegisterOptions)
}) {
	r := &registered{}
	registry.RegisterWorkflowWithOptions(r.awaitTaskResult, workflow.RegisterOptions{
		Name: AwaitTaskResultWorkflow, VersioningBehavior: workflow.VersioningBehaviorAutoUpgrade,
	})
	registry.RegisterWorkflowWithOptions(r.solveTask, workflow.RegisterOptions{
		Name: SolveTaskWorkflow, VersioningBehavior: workflow.VersioningBehaviorAutoUpgrade,
	})
	registry.RegisterWorkflowWithOptions(checkAccountFromPayload, workflow.RegisterOptions{
		Name: CheckAccountWorkflow, VersioningBehavior: workflow.VersioningBehaviorAutoUpgrade,
	})
	registry.RegisterWorkflowWithOptions(reportTaskFromPayload, workflow.RegisterOptions{
		Name: ReportTaskWorkflow, VersioningBehavior: workflow.VersioningBehaviorAutoUpgrade,
	})
}

// registered are the workflows of one worker, with what they share there: nothing that decides what
// a workflow does.
type registered struct{ missedCalls missedCalls }

// awaitTaskResult is [AwaitTaskResult] as it is registered: a wrong input of whatever
// kind ends it with InvalidInput. The SDK's own decoding would end it with an error type that says
// nothing and that a parent may retry. The SDK drops inputs for which there is no parameter:
// further is there to refuse them.
func (r *registered) awaitTaskResult(ctx workflow.Context, input, further converter.RawValue) (AwaitTaskResultOutput, error) {
	return awaitTaskResult(ctx, inputFromPayloads[AwaitTaskResultInput](ctx, input, further), r.missedCalls.warn)
}

func newWait(in AwaitTaskResultInput, startedAt time.Time) *wait {
	p := progress{StartedAt: startedAt}
	if in.continued != nil {
		p = *in.continued
	}
	settings := in.withDefaults()
	return &wait{
		settings: settings,
		schedule: schedule.Schedule{
			TaskID: settings.TaskID, StartedAt: p.StartedAt, InitialDelay: settings.InitialDelay,
			PollInterval: settings.PollInterval, MaxPollInterval: settings.MaxPollInterval,
			Deadline: p.StartedAt.Add(settings.Timeout),
		},
		progress: p,
		state:    StateWaiting,
	}
}
