package e2e

import (
	"net"
	"net/http"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
)

// told is the time within which a probe tells of what has changed.
const told = 30 * time.Second

func TestLostServerIsSeenByProbes(t *testing.T) {
	t.Parallel()
	options := harness.Restartable(t)
	server := harness.StartServer(t, options)
	worker := harness.StartWorkerWith(t, []string{
		"TEMPORAL_ADDRESS=" + server.Address(), "TWOCAPTCHA_API_KEY=" + harness.ClientKey, harness.WithHealth,
	}, harness.NewTaskQueue(), "http://127.0.0.1:1")
	health := harness.NewHealth(t, worker)
	health.WaitUntilReady(t, told)
	silent := "the Temporal server at " + server.Address() + ` has not answered for \d+s`

	require.NoError(t, syscall.Kill(server.ProcessID(), syscall.SIGSTOP))
	health.WaitUntilNotReady(t, told, silent)
	require.NoError(t, syscall.Kill(server.ProcessID(), syscall.SIGCONT))
	health.WaitUntilReady(t, told)

	require.NoError(t, server.Kill())
	health.WaitUntilNotReady(t, told, silent)
	harness.StartServer(t, options)
	health.WaitUntilReady(t, told)
}

func TestWorkerThatGetsNoTasksIsSeenByProbes(t *testing.T) {
	t.Parallel()
	for method, tasks := range map[string]string{"PollWorkflowTaskQueue": "workflow", "PollActivityTaskQueue": "activity"} {
		t.Run(tasks, func(t *testing.T) {
			t.Parallel()
			var refuses atomic.Bool
			refuses.Store(true)
			refuse := harness.RawStatus(7, "not allowed")
			gateway := harness.StartGateway(t, method, func(w http.ResponseWriter, r *http.Request, passOn http.Handler) {
				if refuses.Load() {
					refuse(w, r)
					return
				}
				passOn.ServeHTTP(w, r)
			})
			worker := harness.StartWorkerWith(t, []string{
				"TEMPORAL_ADDRESS=" + gateway, "TWOCAPTCHA_API_KEY=" + harness.ClientKey, harness.WithHealth,
			}, harness.NewTaskQueue(), "http://127.0.0.1:1")
			health := harness.NewHealth(t, worker)
			why := "the worker gets no " + tasks + ` tasks: its polls of the task queue fail \(PermissionDenied\)`
			health.WaitUntilNotReady(t, told, why)
			refuses.Store(false)
			health.WaitUntilReady(t, told)
			refuses.Store(true)
			// The polls that are under way still bring tasks, for a minute.
			health.WaitUntilNotReady(t, time.Minute+told, why)
		})
	}
}

func TestProbesAnswerBeforeTheServerDoes(t *testing.T) {
	t.Parallel()
	mute, err := net.Listen("tcp", "127.0.0.1:0") // nobody takes its connections
	require.NoError(t, err)
	defer mute.Close()
	worker := harness.StartProcess(t, harness.WorkerCommand([]string{
		"TEMPORAL_ADDRESS=" + mute.Addr().String(), "TWOCAPTCHA_API_KEY=" + harness.ClientKey, harness.WithHealth,
	}, harness.NewTaskQueue(), "http://127.0.0.1:1"))
	harness.NewHealth(t, worker).WaitUntilNotReady(t, told, "the Temporal server at "+mute.Addr().String()+" has not answered yet")
	require.Equal(t, 1, worker.Wait(t).Status)
}

func TestProbesAnswerWhileTheWorkerDrains(t *testing.T) {
	t.Parallel()
	service, taskQueue := harness.StartSimulator(t), harness.NewTaskQueue()
	temporalClient, taskID := harness.Dial(t), harness.NewTaskID()
	service.Script(taskID, simulator.Ready(`{}`).WithDelay(10*time.Second))
	worker := harness.StartWorkerWith(t, []string{"TWOCAPTCHA_API_KEY=" + harness.ClientKey, harness.WithHealth},
		taskQueue, service.URL())
	health := harness.NewHealth(t, worker)
	health.WaitUntilReady(t, told)
	run := harness.StartWait(t, temporalClient, taskQueue, harness.Soon(taskID))
	require.NoError(t, service.WaitForRequests(harness.Context(t), taskID, 1))

	worker.Signal(t, syscall.SIGTERM)
	const draining = "the worker is stopping: what is under way finishes"
	health.WaitUntilNotReady(t, 5*time.Second, draining)
	answers := 0
	for ; ; answers++ {
		status, line, err := health.Probe("/readyz")
		if err != nil {
			break // it has drained
		}
		require.Equal(t, http.StatusServiceUnavailable, status)
		require.Equal(t, draining, line)
		time.Sleep(100 * time.Millisecond)
	}
	require.Greater(t, answers, 10, "it answers while the request is under way")
	done := worker.Wait(t)
	require.Equal(t, 0, done.Status)
	require.Contains(t, done.Stderr, "worker stopped")
	harness.StartWorker(t, taskQueue, service.URL())
	require.NoError(t, run.Get(harness.Context(t), nil))
}
