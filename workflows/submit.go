package workflows

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/schedule"
	"github.com/temporal-providers/temporal-2captcha/internal/submission"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// A submission that bought nothing is repeated after 5 seconds, and then after twice as long each
// time, up to maxSubmissionDelay.
const maxSubmissionDelay = time.Minute

// submit submits the task until its id is known. It returns the result if the service solved the
// task at once.
func (s *solve) submit(ctx workflow.Context) (*twocaptcha.TaskResult, error) {
	for s.TaskID == 0 {
		if s.Unknown != nil && s.Unknown.Awaited {
			if err := s.awaitCall(ctx); err != nil {
				return nil, err
			}
			continue
		}
		if err := s.untilSubmission(ctx); err != nil {
			return nil, err
		}
		if s.TaskID != 0 { // by a call for an earlier submission
			break
		}
		if result, err := s.submitOnce(ctx); result != nil || err != nil {
			return result, err
		}
	}
	return nil, nil
}

// untilSubmission sleeps until the next submission is due. If that would begin too late, the error
// says so.
func (s *solve) untilSubmission(ctx workflow.Context) error {
	s.state = StateSubmitting
	s.show(ctx)
	if !s.SubmitAt.Before(s.submitUntil()) {
		return s.newNotSubmitted()
	}
	if err := s.sleep(ctx, s.SubmitAt, "before the next submission, "+s.attemptSummary()); err != nil {
		return err
	}
	if !s.takeCalledTask() && !workflow.Now(ctx).Before(s.submitUntil()) {
		return s.newNotSubmitted()
	}
	return nil
}

// submitUntil is when the attempt's last submission begins at the latest.
func (s *solve) submitUntil() time.Time { return s.AttemptedAt.Add(s.settings.timeout()) }

// submitOnce is one submission. It sets the task's id, or when the task is to be submitted again,
// or what is known of an unknown outcome. The error ends SolveTask.
func (s *solve) submitOnce(ctx workflow.Context) (*twocaptcha.TaskResult, error) {
	name := submissionName(ctx, 0) // of which nobody hears
	if s.callbacks != nil {
		name = s.callbacks.nextSubmission(ctx)
	}
	s.listenTo(append(s.Submissions, name))
	mayCallBack := s.callbacks != nil && !s.settings.DisableCallback
	input, err := submission.Input{
		Task: s.settings.Task, LanguagePool: s.settings.LanguagePool, SoftID: s.settings.SoftID,
		Submission: name, Callback: mayCallBack,
		OriginalRunID: originalRunID(ctx), WorkflowAttempt: workflow.GetInfo(ctx).Attempt,
	}.Encode()
	if err != nil {
		return nil, err // never: the task was found to be JSON
	}
	var out submission.Output
	activityCtx := workflow.WithActivityOptions(ctx, s.submissionOptions(ctx))
	err = workflow.ExecuteActivity(activityCtx, activities.SubmitTaskActivity, rawJSON(input)).Get(ctx, &out)
	if err == nil && out.TaskID <= 0 && out.Result == nil {
		err = errNoTask
	}
	if err == nil {
		return s.bought(ctx, out)
	}
	failed := failedSubmission(err, ctx.Err() != nil, mayCallBack)
	s.LastError = failed.text
	switch {
	case failed.unknown != nil:
		s.noteUnknown(ctx, *failed.unknown)
		return nil, nil // if this is canceled, the answer may be waited for all the same
	case failed.verdict != nil && ctx.Err() == nil:
		return nil, newVerdictOnTask(failed.verdict)
	}
	s.listenTo(s.Submissions[:len(s.Submissions)-1])
	if failed.answered {
		s.LastAnswer = failed.lastAnswer
	}
	s.Failures++
	s.SubmitAt = workflow.Now(ctx).Add(cmp.Or(failed.delay, schedule.RetryDelay(s.Failures, maxSubmissionDelay)))
	return nil, ctx.Err()
}

var errNoTask = errors.New("the worker's answer names no task")

// listenTo has calls for these submissions alone be for this attempt.
func (s *solve) listenTo(submissions []string) {
	s.Submissions = submissions
	if s.calls != nil {
		s.calls.listenTo(submissions)
	}
}

// bought notes that the task was bought. A cancellation comes after that.
func (s *solve) bought(ctx workflow.Context, out submission.Output) (*twocaptcha.TaskResult, error) {
	s.SubmittedAt, s.Callback, s.LastError = workflow.Now(ctx), out.Callback, ""
	s.Unknown = nil
	if out.TaskID > 0 {
		s.TaskID = out.TaskID
		s.confirm()
	}
	if err := ctx.Err(); err != nil {
		if out.TaskID <= 0 { // no id tells of the purchase
			s.Unknown = &unknown{Since: s.SubmittedAt, Text: "the task was solved at once"}
		}
		return nil, err
	}
	return out.Result, nil
}

func (s *solve) submissionOptions(ctx workflow.Context) workflow.ActivityOptions {
	left := s.submitUntil().Sub(workflow.Now(ctx))
	options := workflow.GetActivityOptions(ctx) // an inline Solve keeps the caller's task queue and priority
	options.ActivityID = ""
	options.Summary = "submission, " + s.attemptSummary()
	options.HeartbeatTimeout = 0
	options.ScheduleToStartTimeout = left
	options.StartToCloseTimeout = attemptTimeout
	options.ScheduleToCloseTimeout = left + attemptTimeout // a submission that has begun is never cut off
	options.WaitForCancellation = true
	options.RetryPolicy = &temporal.RetryPolicy{MaximumAttempts: 1}
	return options
}

// submissionFailure is what is known of a submission that brought no task. If it is neither unknown
// nor a verdict, nothing was bought, and the task is submitted again.
type submissionFailure struct {
	text       string
	unknown    *unknown
	verdict    *temporal.ApplicationError
	delay      time.Duration // that it asks for; 0: none
	answered   bool          // by the service
	lastAnswer *refusal      // nil: the service did not answer, or without a code
}

// failedSubmission tells what has become of a submission that ended with err. Only what is known to
// have bought nothing counts as that.
func failedSubmission(err error, canceled, mayCallBack bool) submissionFailure {
	failed := submissionFailure{text: errorText(err)}
	var activityError *temporal.ActivityError
	cause := err
	if errors.As(err, &activityError) {
		cause = activityError.Unwrap()
	}
	lost := &unknown{Lost: true, Callback: mayCallBack, Text: failed.text}
	switch cause := cause.(type) {
	case *temporal.ApplicationError:
		details, known := Details(cause)
		failed.text = cmp.Or(details.LastError, failed.text)
		switch {
		case cause.NonRetryable() && cause.Type() == activities.ErrorTypeCreateTaskOutcomeUnknown:
			var mark submission.Mark
			_ = cause.Details(&details, &mark) // without a mark nobody calls back
			failed.unknown = &unknown{Callback: mark.Callback, Text: failed.text}
		case cause.NonRetryable():
			failed.verdict = cause
		case known:
			failed.delay = cause.NextRetryDelay()
			var answered submission.Answered
			_ = cause.Details(&details, &answered)
			failed.answered = answered.HTTPStatus != 0
			if details.ErrorCode != "" {
				failed.answered = true
				failed.lastAnswer = &refusal{Code: cause.Type(), Message: cause.Message(), Details: details}
			}
		case cause.Type() != activityNotRegistered:
			failed.unknown = lost // a panic, for example, at whatever point
		}
	case *temporal.TimeoutError:
		switch {
		case cause.TimeoutType() == enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START:
		case cause.HasLastHeartbeatDetails():
			var mark submission.Mark
			if cause.LastHeartbeatDetails(&mark) != nil { // of another version it may be of another kind
				mark = submission.Mark{Submission: "unknown", Callback: mayCallBack}
			}
			if mark.Submission != "" {
				lost.Callback = mark.Callback
				failed.unknown = lost
			}
		}
	case *temporal.CanceledError:
		if !canceled {
			failed.unknown = lost
		}
	default:
		failed.unknown = lost
	}
	return failed
}

// activityNotRegistered is the SDK's type of error of a worker that does not have the activity: it
// has run nothing.
const activityNotRegistered = "ActivityNotRegisteredError"

// submissionName differs between the submissions of all runs of a workflow id, and is the same in a
// run that was reset, to whose submissions calls may still come.
func submissionName(ctx workflow.Context, number int) string {
	return fmt.Sprintf("%s-%d", originalRunID(ctx), number)
}

func originalRunID(ctx workflow.Context) string {
	info := workflow.GetInfo(ctx)
	return cmp.Or(info.OriginalRunID, info.WorkflowExecution.RunID) // the SDK's test environment has only the latter
}
