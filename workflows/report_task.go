package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/schedule"
)

const (
	// reportAttempts is how often a report is sent if no answer comes.
	reportAttempts = 5
	// reportQueueTime is for how long the service takes a report after a task was submitted.
	reportQueueTime = resultLifetime
)

const takesReportInput = `it takes a JSON object like {"taskId": 74372499131, "correct": true}`

// ReportTaskInput says of which task's solution it is reported whether it was right.
//
// Both are required in JSON, where the names are taskId and correct.
type ReportTaskInput struct {
	// TaskID is the task, whose result is known.
	TaskID int64
	// Correct tells that the solution was right.
	Correct bool

	// problem is what was wrong with the JSON, as in AwaitTaskResultInput.
	problem string
}

// ReportTaskOutput is the service's answer: it has taken the report.
type ReportTaskOutput struct {
	// TaskID is the task that was reported on.
	TaskID int64 `json:"taskId"`
	// Status is "success".
	Status string `json:"status"`
}

// ReportTask is the workflow that tells the service whether a task's solution was right. The
// service takes one report for a task, within 15 minutes after it was submitted. The report is sent
// up to five times if no answer comes. It returns the service's answer, or an ApplicationError,
// never retryable, whose type is the service's code, NoAnswer, UnexpectedResponse or InvalidInput.
// After an answer was lost, the service may say that it has the report already.
func ReportTask(ctx workflow.Context, in ReportTaskInput) (ReportTaskOutput, error) {
	if err := in.Validate(); err != nil {
		return ReportTaskOutput{}, err
	}
	activity, summary := activities.ReportIncorrectActivity, "report task %d as incorrect"
	if in.Correct {
		activity, summary = activities.ReportCorrectActivity, "report task %d as correct"
	}
	input := activities.ReportInput{TaskID: in.TaskID}
	var out ReportTaskOutput
	options := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		Summary:                fmt.Sprintf(summary, in.TaskID),
		ScheduleToStartTimeout: reportQueueTime,
		StartToCloseTimeout:    attemptTimeout,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval:    schedule.FirstRetryDelay,
			BackoffCoefficient: 2,
			MaximumInterval:    schedule.MaxRetryDelay,
			MaximumAttempts:    reportAttempts,
		},
	})
	if err := workflow.ExecuteActivity(options, activity, input).Get(ctx, &out); err != nil {
		return ReportTaskOutput{}, endOfRequest(ctx, err, in.TaskID, fmt.Sprintf(
			"task %d: no answer came to the report, which the service may have taken", in.TaskID))
	}
	out.TaskID = in.TaskID
	return out, nil
}

// reportTaskFromPayload is [ReportTask] as it is registered.
func reportTaskFromPayload(ctx workflow.Context, input, further converter.RawValue) (ReportTaskOutput, error) {
	return ReportTask(ctx, inputFromPayloads[ReportTaskInput](ctx, input, further))
}

// Validate returns nil, or the error that the workflow would end with: an ApplicationError of type
// InvalidInput that names the field and what it takes.
func (in ReportTaskInput) Validate() error {
	if problem := in.firstProblem(); problem != "" {
		return newInvalidInput(in.TaskID, problem)
	}
	return nil
}

// MarshalJSON writes both properties. Its error is what was wrong with the JSON that the input was
// decoded from.
func (in ReportTaskInput) MarshalJSON() ([]byte, error) {
	if in.problem != "" {
		return nil, in.Validate()
	}
	return encodeProperties(in.properties())
}

// UnmarshalJSON is strict, and always returns nil: [ReportTaskInput.Validate] and the workflow tell
// what is wrong.
func (in *ReportTaskInput) UnmarshalJSON(data []byte) error {
	*in = ReportTaskInput{}
	in.problem = decodeProperties(data, in.properties(), strictly, takesReportInput)
	return nil
}

func (in ReportTaskInput) firstProblem() string {
	if in.problem != "" {
		return in.problem
	}
	for _, property := range in.properties() {
		if problem := property.check(); problem != "" {
			return problem
		}
	}
	return ""
}

func (in *ReportTaskInput) properties() []property {
	correct := boolProperty("correct", &in.Correct)
	correct.required = true
	correct.print = func() any { return in.Correct }
	return []property{
		taskIDProperty("taskId", &in.TaskID),
		correct,
	}
}

func (in *ReportTaskInput) problemField() *string { return &in.problem }

func (in *ReportTaskInput) takes() string { return takesReportInput }

func (in *ReportTaskInput) subject() string { return ReportTaskWorkflow }

func (in *ReportTaskInput) problemOfContinued(time.Time) string { return "" }
