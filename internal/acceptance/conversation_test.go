package acceptance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// answer is what came over the wire.
type answer struct {
	httpStatus  int
	contentType string
	body        string
}

// conversation is what the tests ask of a service, and what it answers.
type conversation struct {
	client       *twocaptcha.Client
	pollInterval time.Duration
	tell         func(format string, arguments ...any) // what a person should know

	last    answer
	answers map[string]answer // by step; the last one of each
}

const (
	question      = "If tomorrow is Saturday, what day is today?"
	rightAnswer   = "friday"
	unknownTaskID = 1
	maxAnswer     = 1 << 20
)

func newConversation(
	options twocaptcha.Options, pollInterval time.Duration, tell func(string, ...any),
) (*conversation, error) {
	c := &conversation{pollInterval: pollInterval, tell: tell, answers: map[string]answer{}}
	options.WrapTransport = func(next http.RoundTripper) http.RoundTripper { return recorder{next, &c.last} }
	var err error
	c.client, err = twocaptcha.NewClient(options)
	return c, err
}

// run asks everything once, and buys one task. It goes on only while the answers are those that it
// needs, and the error says which one was not.
func (c *conversation) run(ctx context.Context) error {
	defer c.client.CloseIdleConnections()
	balance, err := c.client.GetBalance(ctx)
	if err := c.heard("getBalance", err); err != nil {
		return err
	}
	_, err = c.client.GetTaskResult(ctx, unknownTaskID)
	c.answers["getTaskResult of an unknown id"] = c.last
	var refused *twocaptcha.ServiceError
	if !errors.As(err, &refused) {
		return fmt.Errorf("getTaskResult of an unknown id must be an error of the service, but it is: %w", err)
	}

	c.tell("the balance is %s; now one text task is bought: it costs what https://2captcha.com/pricing says, "+
		"a fraction of a cent", balance.Balance)
	task := fmt.Sprintf(`{"type": "TextCaptchaTask", "comment": %q}`, question)
	created, err := c.client.CreateTask(ctx, twocaptcha.CreateTaskRequest{Task: []byte(task)})
	if err := c.heard("createTask", err); err != nil {
		return err
	}
	c.tell("task %d is bought", created.TaskID)
	result, err := c.result(ctx, created.TaskID)
	if err != nil {
		return err
	}
	c.tell("task %d is solved, and cost %s", created.TaskID, result.Cost)
	if strings.Contains(strings.ToLower(string(result.Solution)), rightAnswer) {
		_, err = c.client.ReportCorrect(ctx, created.TaskID)
	} else {
		_, err = c.client.ReportIncorrect(ctx, created.TaskID)
	}
	return c.heard("report", err)
}

func (c *conversation) result(ctx context.Context, taskID int64) (*twocaptcha.TaskResult, error) {
	for {
		select {
		case <-time.After(c.pollInterval):
		case <-ctx.Done():
			return nil, fmt.Errorf("task %d has no result yet: %w", taskID, ctx.Err())
		}
		result, err := c.client.GetTaskResult(ctx, taskID)
		if err != nil {
			return nil, c.heard("getTaskResult", err)
		}
		_ = c.heard("getTaskResult, "+result.Status, nil)
		if result.Status == twocaptcha.StatusReady {
			return result, nil
		}
	}
}

func (c *conversation) heard(step string, err error) error {
	c.answers[step] = c.last
	if err != nil {
		return fmt.Errorf("%s must succeed: %w", step, err)
	}
	return nil
}

// compare lists where the answers of two conversations differ in form. A step that only one of them
// came to is left out: a fast service is never seen processing.
func compare(service, simulator *conversation) []string {
	var found []string
	for _, step := range steps {
		inService, ok := service.answers[step]
		inSimulator, known := simulator.answers[step]
		if ok && known {
			found = append(found, differences(step, formOf(inService), formOf(inSimulator))...)
		}
	}
	return found
}

var steps = []string{
	"getBalance", "getTaskResult of an unknown id", "createTask", "getTaskResult", "getTaskResult, processing",
	"getTaskResult, ready", "report",
}

// recorder keeps the last answer, with the client key masked if the answer repeats it.
type recorder struct {
	next http.RoundTripper
	last *answer
}

func (r recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	*r.last = answer{}
	clientKey, err := keyOf(request)
	if err != nil {
		return nil, err
	}
	response, err := r.next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("the answer to %s can't be read: %w", path.Base(request.URL.Path), err)
	}
	masked := strings.ReplaceAll(string(body), clientKey, "[client key]")
	*r.last = answer{response.StatusCode, response.Header.Get("Content-Type"), masked}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, nil
}

// keyOf reads the request's body anew, so that it can still be sent.
func keyOf(request *http.Request) (string, error) {
	body, err := request.GetBody()
	if err != nil {
		return "", err
	}
	defer body.Close()
	var properties struct{ ClientKey string }
	err = json.NewDecoder(body).Decode(&properties)
	return properties.ClientKey, err
}
