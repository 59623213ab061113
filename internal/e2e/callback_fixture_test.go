package e2e

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"

	"github.com/temporal-providers/temporal-2captcha/callback"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// startCallbackWorker is startWorker with callbacks, and returns where it takes them.
func startCallbackWorker(t *testing.T, taskQueue, apiURL string, arguments ...string) (worker *process, base string) {
	t.Helper()
	return startCallbackWorkerIn(t, nil, taskQueue, apiURL, arguments...)
}

// startCallbackWorkerIn has these variables beside those that it takes.
func startCallbackWorkerIn(
	t *testing.T, environment []string, taskQueue, apiURL string, arguments ...string,
) (worker *process, base string) {
	t.Helper()
	environment = append([]string{
		"TWOCAPTCHA_API_KEY=" + clientKey,
		"TWOCAPTCHA_CALLBACK_ADDRESS=127.0.0.1:0",
		"TWOCAPTCHA_CALLBACK_SECRET=" + callbackSecret,
	}, environment...)
	worker = startWorkerIn(t, environment, taskQueue, apiURL, arguments...)
	worker.waitForOutput(t, "callbacks are taken")
	address := callbackAddress.FindStringSubmatch(worker.stderr.String())
	require.Len(t, address, 2, worker.stderr)
	return worker, "http://" + address[1]
}

var callbackAddress = regexp.MustCompile(`callbacks are taken.* address=(\S+)`)

// newCallbackURL returns an address for one task.
func newCallbackURL(t *testing.T, base string) string {
	t.Helper()
	address, err := callback.URL(base, callbackSecret)
	require.NoError(t, err)
	return address
}

// callbackService is a simulated service whose next task's id is known, so that the wait for a task may begin before
// the task.
type callbackService struct {
	*simulator.Server
	nextTaskID int64
	sender     *http.Client // of callbacks that are repeated
}

// startCallbackService gives a callback as long as a busy machine may take to answer it.
func startCallbackService(t *testing.T, options simulator.Options) *callbackService {
	t.Helper()
	options.CallbackTimeout = patience
	service := startSimulatorWith(t, options)
	first := service.Submit(simulator.Submission{})
	return &callbackService{Server: service, nextTaskID: first + 1, sender: newCallbackClient(t)}
}

// reserve returns the id of the task that is the next but those reserved before it. Tasks are submitted in this order.
func (s *callbackService) reserve() int64 {
	s.nextTaskID++
	return s.nextTaskID - 1
}

// submit has the task called back at the base.
func (s *callbackService) submit(t *testing.T, taskID int64, base string, submission simulator.Submission) {
	t.Helper()
	submission.CallbackURL = newCallbackURL(t, base)
	require.Equal(t, taskID, s.Submit(submission))
}

// untilCalledBack is a wait that polls when it is called back: its own first poll is an hour away.
func untilCalledBack(taskID int64) workflows.AwaitTaskResultInput {
	in := asleep(taskID)
	in.Callback = true
	return in
}

// untilTaken has the callback of a task repeated until it is taken: Temporal may be too busy for it. It returns how
// often that was.
func (s *callbackService) untilTaken(t *testing.T, taskID int64) (repeated int) {
	t.Helper()
	require.NoError(t, s.WaitForCallbacks(testContext(t), taskID, 1))
	delivery := s.CallbacksFor(taskID)[0]
	if delivery.HTTPStatus == http.StatusServiceUnavailable {
		var err error
		repeated, err = postUntilTaken(testContext(t), s.sender, delivery.URL, taskID)
		require.NoError(t, err)
		return repeated + 1
	}
	require.Equal(t, http.StatusOK, delivery.HTTPStatus, "%+v", delivery)
	return 0
}

// postUntilTaken posts what the service does until it is answered with 200, and returns how often it was told to come
// again.
func postUntilTaken(ctx context.Context, sender *http.Client, address string, taskID int64) (repeated int, err error) {
	for {
		answer, err := postCallback(ctx, sender, address, taskID)
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

// postCallback returns an answer whose body is closed.
func postCallback(ctx context.Context, sender *http.Client, address string, taskID int64) (*http.Response, error) {
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

// newCallbackClient has as many connections as there are senders at once.
func newCallbackClient(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 20}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// callbackCost is what a history has of events, less those of workflow tasks that a busy machine repeats.
type callbackCost struct {
	workflowTasks int // completed
	others        int
}

// costOfOneCallback is 16 events: 3 for each workflow task; and the start, a timer, a signal, 3 of an activity, and the
// end.
var costOfOneCallback = callbackCost{workflowTasks: 3, others: 7}

// requireCostOfOneCallback requires no more of a history, but for callbacks that were repeated.
func requireCostOfOneCallback(t *testing.T, history []*historypb.HistoryEvent, repeated int) {
	t.Helper()
	var cost callbackCost
	for _, event := range history {
		switch event.GetEventType() {
		case enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
			cost.workflowTasks++
		case enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED,
			enumspb.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT, enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED:
		default:
			cost.others++
		}
	}
	require.LessOrEqual(t, cost.workflowTasks, costOfOneCallback.workflowTasks+repeated, "workflow tasks: %s", history)
	require.LessOrEqual(t, cost.others, costOfOneCallback.others+repeated, "other events: %s", history)
}

func requireNoTimerCanceled(t *testing.T, history []*historypb.HistoryEvent) {
	t.Helper()
	for _, event := range history {
		require.NotEqual(t, enumspb.EVENT_TYPE_TIMER_CANCELED, event.GetEventType(), "%s", event)
	}
}
