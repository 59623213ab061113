package harness

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/callback"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
)

// StartCallbackWorker is StartWorker with callbacks. base is where the worker takes them.
func StartCallbackWorker(t *testing.T, taskQueue, apiURL string, arguments ...string) (worker *Process, base string) {
	t.Helper()
	return StartCallbackWorkerWith(t, nil, taskQueue, apiURL, arguments...)
}

// StartCallbackWorkerWith is StartCallbackWorker with these variables added.
func StartCallbackWorkerWith(
	t *testing.T, environment []string, taskQueue, apiURL string, arguments ...string,
) (worker *Process, base string) {
	t.Helper()
	environment = append([]string{
		"TWOCAPTCHA_API_KEY=" + ClientKey,
		"TWOCAPTCHA_CALLBACK_ADDRESS=127.0.0.1:0",
		"TWOCAPTCHA_CALLBACK_SECRET=" + CallbackSecret,
	}, environment...)
	worker = StartWorkerWith(t, environment, taskQueue, apiURL, arguments...)
	worker.WaitForOutput(t, "callbacks are taken")
	address := callbackAddress.FindStringSubmatch(worker.Stderr())
	require.Len(t, address, 2, worker.Stderr())
	return worker, "http://" + address[1]
}

var callbackAddress = regexp.MustCompile(`callbacks are taken.* address=(\S+)`)

// StartCalledWorker starts a worker with the Temporal server at temporalAddress. It takes callbacks
// at callbackAddress, and gives that address to the service with each submission. A worker that is
// started after it on the same address takes the calls that come then.
func StartCalledWorker(t *testing.T, temporalAddress, callbackAddress, taskQueue, apiURL string) *Process {
	t.Helper()
	worker := StartWorkerWith(t, []string{
		"TEMPORAL_ADDRESS=" + temporalAddress,
		"TWOCAPTCHA_API_KEY=" + ClientKey,
		"TWOCAPTCHA_CALLBACK_ADDRESS=" + callbackAddress,
		"TWOCAPTCHA_CALLBACK_URL=http://" + callbackAddress + "/2captcha",
		"TWOCAPTCHA_CALLBACK_SECRET=" + CallbackSecret,
	}, taskQueue, apiURL)
	worker.WaitForOutput(t, "callbacks are taken")
	return worker
}

// NewCallbackURL returns an address for one task.
func NewCallbackURL(t *testing.T, base string) string {
	t.Helper()
	address, err := callback.URL(base, CallbackSecret)
	require.NoError(t, err)
	return address
}

// CallbackService is a simulated service whose next task's id is known, so that the wait for a task
// can begin before the task is submitted.
type CallbackService struct {
	*simulator.Server
	nextTaskID int64
	Sender     *http.Client // sends the callbacks that are repeated
}

// StartCallbackService starts a service that waits for a callback's answer as long as a busy
// machine may take.
func StartCallbackService(t *testing.T, options simulator.Options) *CallbackService {
	t.Helper()
	options.CallbackTimeout = Patience
	service := StartSimulatorWith(t, options)
	first := service.Submit(simulator.Submission{})
	return &CallbackService{Server: service, nextTaskID: first + 1, Sender: NewCallbackClient(t)}
}

// Reserve returns the id of the next task that is not reserved yet. Tasks are submitted in this
// order.
func (s *CallbackService) Reserve() int64 {
	s.nextTaskID++
	return s.nextTaskID - 1
}

// SubmitWithCallback submits the task, with a callback to the base.
func (s *CallbackService) SubmitWithCallback(t *testing.T, taskID int64, base string, submission simulator.Submission) {
	t.Helper()
	submission.CallbackURL = NewCallbackURL(t, base)
	require.Equal(t, taskID, s.Submit(submission))
}

// UntilTaken repeats the callback of a task until it is taken, since Temporal may be too busy for
// it. It returns how often it did so.
func (s *CallbackService) UntilTaken(t *testing.T, taskID int64) (repeated int) {
	t.Helper()
	require.NoError(t, s.WaitForCallbacks(Context(t), taskID, 1))
	delivery := s.CallbacksFor(taskID)[0]
	if delivery.HTTPStatus == http.StatusServiceUnavailable {
		var err error
		repeated, err = PostUntilTaken(Context(t), s.Sender, delivery.URL, taskID)
		require.NoError(t, err)
		return repeated + 1
	}
	require.Equal(t, http.StatusOK, delivery.HTTPStatus, "%+v", delivery)
	return 0
}

// PostUntilTaken posts what the service posts until the answer is 200, and returns how often the
// answer was to come again.
func PostUntilTaken(ctx context.Context, sender *http.Client, address string, taskID int64) (repeated int, err error) {
	for {
		answer, err := PostCallback(ctx, sender, address, taskID)
		switch {
		case err != nil:
			return repeated, err
		case answer.StatusCode == http.StatusOK:
			return repeated, nil
		case answer.StatusCode != http.StatusServiceUnavailable:
			return repeated, fmt.Errorf("a callback for task %d is answered with %s", taskID, answer.Status)
		}
		repeated++
	}
}

// PostCallback posts what the service posts. The answer's body is closed.
func PostCallback(ctx context.Context, sender *http.Client, address string, taskID int64) (*http.Response, error) {
	form := fmt.Sprintf("id=%d&code=abc", taskID)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := sender.Do(request)
	if err != nil {
		return nil, err
	}
	return answer, answer.Body.Close()
}

// NewCallbackClient returns a client that keeps a connection for each of many senders.
func NewCallbackClient(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 20}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}
