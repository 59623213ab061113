package twocaptcha

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"sync"
	"unicode/utf8"
)

// CreateTaskRequest is what [Client.CreateTask] submits.
type CreateTaskRequest struct {
	// Task is the task: a JSON object with a type, as the service documents it for each type. It is
	// sent unchanged, but for white space between its parts. See [CheckTask].
	Task json.RawMessage
	// LanguagePool says whose workers are preferred for images and texts: "en" or "rn". If it is
	// empty, the service decides.
	LanguagePool string
	// CallbackURL is the address that the service calls when the task ends, if it is not empty.
	CallbackURL string
	// SoftID is the id of a software that is registered with the service, if it is not 0.
	SoftID int64
	// BeforeSending is called once, when the connection to the service is ready and before the first
	// byte of the request is written, on whichever goroutine. If it returns an error, nothing is sent.
	// nil: nothing is called.
	BeforeSending func() error
}

// CreateTaskResult is the service's answer to createTask: the task was bought.
type CreateTaskResult struct {
	// TaskID is the task's id. It is 0 if Result is set and the service gave no id.
	TaskID int64 `json:"taskId,omitempty"`
	// Result is the task's result, if the service gave it at once, as relatives of the service do for
	// recognition tasks. Otherwise it is nil.
	Result *TaskResult `json:"result,omitempty"`
}

// CheckTask returns an error if task can't be submitted, and shows nothing of it: it must be a JSON
// object with a type that is a string.
func CheckTask(task json.RawMessage) error {
	var properties map[string]json.RawMessage
	var taskType string
	switch {
	case len(bytes.TrimSpace(task)) == 0:
		return errors.New(`the task is missing: it takes a JSON object, like {"type": "TextCaptchaTask", "comment": "2+2?"}`)
	case !json.Valid(task) || !utf8.Valid(task):
		return errors.New(`the task is not valid JSON: it takes a JSON object, like {"type": "TextCaptchaTask", "comment": "2+2?"}`)
	case json.Unmarshal(task, &properties) != nil, properties == nil:
		return errors.New(`the task is not a JSON object: it takes one like {"type": "TextCaptchaTask", "comment": "2+2?"}`)
	case json.Unmarshal(properties["type"], &taskType) != nil, taskType == "":
		return errors.New(`the task has no type: it takes a string, like "type": "TextCaptchaTask"`)
	}
	return nil
}

// CreateTask submits a task once, which buys it. The error, if any, is a [*ServiceError] or a
// [*TransportError]. After a TransportError that is not NotSent, the task may have been bought, and
// nothing can tell: createTask has no idempotency key.
//
// The request has a connection of its own. It is not sent after ctx's deadline, even if the process
// was stopped meanwhile. In errors, strings of the task of 8 bytes or more, and the callback URL,
// are masked like the client key.
//
// https://2captcha.com/api-docs/create-task
func (c *Client) CreateTask(ctx context.Context, in CreateTaskRequest) (*CreateTaskResult, error) {
	const method = "createTask"
	if err := CheckTask(in.Task); err != nil {
		return nil, &TransportError{Method: method, Reason: ReasonInput, Detail: err.Error(), NotSent: true}
	}
	return call(ctx, c, request{
		method: method,
		body: func(clientKey string) any {
			return struct {
				ClientKey    string          `json:"clientKey"`
				Task         json.RawMessage `json:"task"`
				LanguagePool string          `json:"languagePool,omitempty"`
				CallbackURL  string          `json:"callbackUrl,omitempty"`
				SoftID       int64           `json:"softId,omitempty"`
			}{clientKey, in.Task, in.LanguagePool, in.CallbackURL, in.SoftID}
		},
		freshConnection: true,
		before:          in.BeforeSending,
		secrets: sync.OnceValue(func() map[string][]string {
			return map[string][]string{"[task]": taskTexts(in.Task), "[callback URL]": {in.CallbackURL}}
		}),
	}, readCreatedTask)
}

func readCreatedTask(properties object, hidden secrets) reading[CreateTaskResult] {
	// What is read here was bought, whatever error stands beside it.
	taskID, usable := properties.integer("taskId")
	result := CreateTaskResult{TaskID: max(taskID, 0)}
	if solved := readTaskResult(properties, hidden).result; solved.Status == StatusReady {
		result.Result = &solved
	}
	switch {
	case result != CreateTaskResult{}:
		return reading[CreateTaskResult]{result: result, outranksErrors: true, namesTask: result.TaskID > 0}
	case !usable, taskID < 0:
		return reading[CreateTaskResult]{oddity: "taskId is not an integer above 0"}
	}
	return reading[CreateTaskResult]{oddity: "no taskId"}
}

// taskTexts returns the strings in a task, without its type.
func taskTexts(task json.RawMessage) []string {
	var properties map[string]any
	_ = json.Unmarshal(task, &properties) // CheckTask has found it to be an object
	delete(properties, "type")
	var texts []string
	var collect func(value any)
	collect = func(value any) {
		switch value := value.(type) {
		case string:
			texts = append(texts, value)
		case []any:
			for _, each := range value {
				collect(each)
			}
		case map[string]any:
			for _, each := range value {
				collect(each)
			}
		}
	}
	collect(properties)
	return texts
}
