package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// TestBannedWorkerIsSilentAndThenComesBackSlowly has 60 waits whose worker is told to wait for a
// minute.
func TestBannedWorkerIsSilentAndThenComesBackSlowly(t *testing.T) {
	t.Parallel()
	const (
		tasks  = 60
		ban    = time.Minute
		spread = ban / 10
	)
	service, taskQueue, temporalClient := harness.StartSimulator(t), harness.NewTaskQueue(), harness.Dial(t)
	harness.StartWorker(t, taskQueue, service.URL())
	told := harness.NewTaskID()
	service.Script(told, simulator.RetryAfter(429, "60"), simulator.Ready(`{}`))
	runs := []client.WorkflowRun{harness.StartWait(t, temporalClient, taskQueue, harness.Soon(told))}
	harness.WaitForFailedAttempt(t, temporalClient, runs[0])

	for range tasks {
		taskID := harness.NewTaskID()
		service.Script(taskID, simulator.Ready(`{}`))
		runs = append(runs, harness.StartWait(t, temporalClient, taskQueue, harness.Soon(taskID)))
	}
	for _, run := range runs {
		var out workflows.AwaitTaskResultOutput
		require.NoError(t, run.Get(harness.Context(t), &out))
		require.Equal(t, 1, out.Polls)
	}

	requests := service.Requests()
	require.Len(t, requests, tasks+2)
	from := requests[0].Finished
	var after []time.Duration
	for _, request := range requests[1:] {
		since := request.Arrived.Sub(from)
		require.GreaterOrEqual(t, since, ban, "a request during the ban")
		after = append(after, since-ban)
	}
	slices.Sort(after)
	atOnce := 0
	for _, since := range after {
		if since < time.Second {
			atOnce++
		}
	}
	require.Less(t, atOnce, tasks/2, "they do not come all at once: %v", after)
	require.Greater(t, after[len(after)-1], spread/2, "%v", after)
}

// TestWorkerBelowItsMinBalanceSubmitsNothing has a floor that the first purchase goes below.
func TestWorkerBelowItsMinBalanceSubmitsNothing(t *testing.T) {
	t.Parallel()
	service := harness.StartSimulatorWith(t, simulator.Options{Balance: "0.50000"})
	taskQueue := harness.NewTaskQueue()
	harness.StartWorkerWith(t, []string{"TWOCAPTCHA_API_KEY=" + harness.ClientKey, "TWOCAPTCHA_MIN_BALANCE=0.50001"},
		taskQueue, service.URL())
	for range 2 {
		done := harness.StartStarterWithInput(t, nil, "solve", "--task-queue", taskQueue, textTask).Wait(t)
		require.Equal(t, 1, done.Status, done.Stderr)
		require.Contains(t, done.Stdout, `"errorCode":"NotSubmitted"`)
		require.Contains(t, done.Stdout, "the account's balance is 0.50000, which is below the floor of 0.50001: "+
			"add funds to the account, or set TWOCAPTCHA_MIN_BALANCE lower")
	}
	require.Len(t, service.Requests(), 1, "one getBalance a minute")
	require.Empty(t, service.Purchases())
}

// TestKeyRotationEndsNoWait rotates the key of a worker in every wrong way, with waits in flight.
func TestKeyRotationEndsNoWait(t *testing.T) {
	t.Parallel()
	const (
		newKey   = "newer0c1ientkey0f0e2e0newer0c1ie"
		wrongKey = "wrong0c1ientkey0f0e2e0wrong0c1ie"
		waits    = 12
	)
	service, taskQueue, temporalClient := harness.StartSimulator(t), harness.NewTaskQueue(), harness.Dial(t)
	keyFile := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(keyFile, []byte(harness.ClientKey+"\n"), 0o600))
	worker := harness.StartWorkerWith(t, []string{"TWOCAPTCHA_API_KEY_FILE=" + keyFile}, taskQueue, service.URL())

	var runs []client.WorkflowRun
	var ids []int64
	for range waits {
		taskID := harness.NewTaskID()
		service.Script(taskID, simulator.Processing())
		ids = append(ids, taskID)
		runs = append(runs, harness.StartWait(t, temporalClient, taskQueue, harness.Soon(taskID)))
	}
	for _, taskID := range ids {
		require.NoError(t, service.WaitForAnswers(harness.Context(t), taskID, 1))
	}
	wrongKeys := func() (count int) {
		for _, request := range service.Requests() {
			if request.TaskRequest != 0 && !request.KeyRight { // without a task its body has not been read yet
				count++
			}
		}
		return count
	}
	moreRequests := func() { // of each wait
		t.Helper()
		for _, taskID := range ids {
			require.NoError(t, service.WaitForAnswers(harness.Context(t), taskID, len(service.RequestsFor(taskID))+1))
		}
	}

	require.NoError(t, os.Remove(keyFile))
	worker.WaitForOutput(t, "the client key file is not usable: the last good key stays in use for 10 minutes")
	require.NoError(t, os.WriteFile(keyFile, []byte(newKey[:10]), 0o600))
	worker.WaitForOutput(t, "the service refuses the changed client key (ERROR_KEY_DOES_NOT_EXIST)")
	require.Equal(t, 1, wrongKeys())
	require.NoError(t, os.Truncate(keyFile, 0))
	replaceFile(t, keyFile, wrongKey)
	require.Eventually(t, func() bool { return wrongKeys() == 2 }, harness.Patience, 10*time.Millisecond)
	moreRequests()
	require.Equal(t, 2, wrongKeys(), "a wrong key is tried once")
	service.AcceptKeys(harness.ClientKey, newKey)
	replaceFile(t, keyFile, newKey)
	worker.WaitForOutput(t, "the service takes the changed client key")
	moreRequests()
	service.AcceptKeys(newKey)
	for _, taskID := range ids {
		service.Script(taskID, simulator.Ready(`{}`))
	}

	for _, run := range runs {
		require.NoError(t, run.Get(harness.Context(t), nil))
	}
	require.Equal(t, 2, wrongKeys())
	for _, taskID := range ids {
		harness.RequireSpaced(t, service, taskID)
	}
	for _, key := range []string{newKey, wrongKey} {
		require.NotContains(t, worker.Stderr(), key)
	}
	require.Equal(t, 2, strings.Count(worker.Stderr(), "the service refuses the changed client key"))
}
