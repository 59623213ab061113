package activities

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"go.temporal.io/sdk/activity"

	"github.com/temporal-providers/temporal-2captcha/internal/submission"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// MaxTaskBytes is the size of the largest task that is submitted, as JSON. It leaves room for the
// rest of an input within Temporal's 2 MiB.
const MaxTaskBytes = 1_900_000

// CreateTaskInput says which task is submitted, with the API's property names. Only Task is
// required. It is the input of [Activities.CreateTask].
type CreateTaskInput struct {
	// Task is a JSON object with a type, as the service documents it for each type.
	Task json.RawMessage `json:"task"`
	// LanguagePool says whose workers are preferred for images and texts: "en" or "rn".
	LanguagePool string `json:"languagePool,omitempty"`
	// CallbackURL is the address that the service calls when the task ends. It lies in the workflow's
	// history.
	CallbackURL string `json:"callbackUrl,omitempty"`
	// SoftID is the id of a software that is registered with the service.
	SoftID int64 `json:"softId,omitempty"`

	problem error
}

// UnmarshalJSON accepts any JSON value. A wrong one is kept, and the activity refuses it as
// InvalidInput. So is a property that createTask doesn't have, since what is bought without it may
// be worthless.
func (in *CreateTaskInput) UnmarshalJSON(data []byte) error {
	*in = CreateTaskInput{}
	in.problem = in.decode(data)
	return nil
}

// decode names no value in its errors: it may be secret.
func (in *CreateTaskInput) decode(data []byte) error {
	var properties map[string]json.RawMessage // a struct's fields would match names in any case
	if json.Unmarshal(data, &properties) != nil || properties == nil {
		return errors.New(`the input is not a JSON object: it takes one like ` + exampleCreateTaskInput)
	}
	problems := map[string]string{}
	for name, value := range properties {
		var err error
		takes := ""
		switch name {
		case "task":
			in.Task = bytes.Clone(value)
		case "languagePool":
			takes, err = `a string, "en" or "rn"`, json.Unmarshal(value, &in.LanguagePool)
		case "callbackUrl":
			takes, err = "a string, the URL to call", json.Unmarshal(value, &in.CallbackURL)
		case "softId":
			takes, err = "an integer", json.Unmarshal(value, &in.SoftID)
		default:
			problems["~"] = "the input has a property that createTask does not take: it takes " +
				"task, languagePool, callbackUrl and softId"
		}
		if err != nil {
			problems[name] = fmt.Sprintf("%s can't be read: it takes %s", name, takes)
		}
	}
	for _, name := range []string{"~", "languagePool", "callbackUrl", "softId"} {
		if problems[name] != "" {
			return errors.New(problems[name])
		}
	}
	return nil
}

const exampleCreateTaskInput = `{"task": {"type": "TextCaptchaTask", "comment": "2+2?"}}`

// CreateTaskOutput is the service's answer to createTask: the task was bought.
type CreateTaskOutput struct {
	// TaskID is the task's id. It is left out (0 in Go) if the service has solved the task at once
	// without giving it one.
	TaskID int64 `json:"taskId,omitempty"`
	// TaskResult is the task's result, if the service gave it at once; otherwise nil.
	*twocaptcha.TaskResult
}

// CreateTask sends one createTask request, which buys a task. Over all attempts of the activity it
// sends at most one that can have bought something, whatever retry policy the caller has. An
// attempt marks by a heartbeat that it is about to send. Failures before that mark are retryable,
// and so are answers by which the service says that it has no room now. If an attempt has ended
// after its mark and without an answer, or the answer leaves it open whether the task was bought,
// the activity ends with [ErrorTypeCreateTaskOutcomeUnknown]. Every other error means that nothing
// was bought.
//
// A workflow that is reset to before the activity runs it anew, and buys again: the workflow
// SolveTask does not.
//
// A worker that has the answer reports it to Temporal until it is taken, for a day at most.
// Schedule the activity with a StartToClose timeout of 30 seconds or more. A local activity is
// refused, since it has no heartbeats.
func (a *Activities) CreateTask(ctx context.Context, in CreateTaskInput) (CreateTaskOutput, error) {
	p := purchase{
		request: twocaptcha.CreateTaskRequest{
			Task: in.Task, LanguagePool: in.LanguagePool, CallbackURL: in.CallbackURL, SoftID: in.SoftID,
		},
		mark:     submission.Mark{Submission: activity.GetInfo(ctx).ActivityID, Callback: in.CallbackURL != ""},
		repeated: true,
	}
	if err := p.refusal(ctx, in.problem); err != nil {
		return CreateTaskOutput{}, err
	}
	return buy(ctx, a, p, func(bought *twocaptcha.CreateTaskResult) CreateTaskOutput {
		return CreateTaskOutput{TaskID: bought.TaskID, TaskResult: bought.Result}
	})
}
