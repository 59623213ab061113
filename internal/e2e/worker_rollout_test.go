package e2e

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"github.com/temporal-providers/temporal-2captcha/internal/devserver"
	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// rollout is a deployment of the worker, of which versions are rolled out.
type rollout struct {
	server         *devserver.Server
	temporalClient client.Client
	service        *simulator.Server
	taskQueue      string
	deployment     client.WorkerDeploymentHandle
	name           string
}

// newRollout has a server of its own, which looks for drained versions every second.
func newRollout(t *testing.T) rollout {
	t.Helper()
	return newRolloutOf(t, "default/2captcha") // as Temporal's Worker Controller names it
}

func newRolloutOf(t *testing.T, name string) rollout {
	t.Helper()
	server := harness.StartServer(t, devserver.Options{DynamicConfig: []string{
		`matching.wv.VersionDrainageStatusRefreshInterval="1s"`, `matching.wv.VersionDrainageStatusVisibilityGracePeriod="1s"`,
	}})
	temporalClient := harness.DialWith(t, client.Options{HostPort: server.Address()})
	return rollout{
		server: server, temporalClient: temporalClient, taskQueue: harness.NewTaskQueue(), name: name,
		service:    startSubmittable(t, slices.Repeat([]simulator.Answer{simulator.Ready(newTaskSolution)}, 10)...),
		deployment: temporalClient.WorkerDeploymentClient().GetHandle(name),
	}
}

// startVersion starts a worker of this version, and returns once the server knows all that it does.
// Until then its activities go to the current version.
func (r rollout) startVersion(t *testing.T, path, buildID string) *harness.Process {
	t.Helper()
	process := r.startVersionWith(t, path, buildID, harness.ClientKey, r.service.URL())
	r.waitForTaskQueues(t, buildID, 3) // of workflows, activities and operations
	return process
}

// startVersionWith starts a worker with that key and service. It returns once the server knows the
// version by name.
func (r rollout) startVersionWith(t *testing.T, path, buildID, key, apiURL string) *harness.Process {
	t.Helper()
	command := harness.WorkerCommand([]string{
		"TEMPORAL_ADDRESS=" + r.server.Address(), "TWOCAPTCHA_API_KEY=" + key,
		"TEMPORAL_DEPLOYMENT_NAME=" + r.name, "TEMPORAL_WORKER_BUILD_ID=" + buildID,
	}, r.taskQueue, apiURL)
	command.Path = path
	process := harness.StartProcess(t, command)
	process.WaitForOutput(t, harness.WorkerStarted)
	r.waitForTaskQueues(t, buildID, 1)
	return process
}

func (r rollout) waitForTaskQueues(t *testing.T, buildID string, count int) {
	t.Helper()
	ctx := harness.Context(t)
	require.Eventually(t, func() bool {
		described, err := r.deployment.DescribeVersion(ctx, client.WorkerDeploymentDescribeVersionOptions{BuildID: buildID})
		return err == nil && len(described.Info.TaskQueuesInfos) >= count
	}, harness.Patience, 20*time.Millisecond, "the server does not know of version %s", buildID)
}

func (r rollout) setCurrent(t *testing.T, buildID string) {
	t.Helper()
	_, err := r.deployment.SetCurrentVersion(harness.Context(t), client.WorkerDeploymentSetCurrentVersionOptions{BuildID: buildID})
	require.NoError(t, err)
}

func (r rollout) current(t *testing.T) (buildID string) {
	t.Helper()
	described, err := r.deployment.Describe(harness.Context(t), client.WorkerDeploymentDescribeOptions{})
	require.NoError(t, err)
	return described.Info.RoutingConfig.CurrentVersion.BuildID
}

// checkAccount runs the gate of a rollout as Temporal's Worker Controller does: on a version,
// current or not.
func (r rollout) checkAccount(t *testing.T, ctx context.Context, buildID string) (client.WorkflowRun, error) {
	t.Helper()
	run, err := r.temporalClient.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: "gate-" + buildID, TaskQueue: r.taskQueue,
		VersioningOverride: &client.PinnedVersioningOverride{
			Version: worker.WorkerDeploymentVersion{DeploymentName: r.name, BuildID: buildID},
		},
	}, workflows.CheckAccountWorkflow)
	require.NoError(t, err)
	var output workflows.CheckAccountOutput
	err = run.Get(ctx, &output)
	if err == nil {
		require.NotEmpty(t, output.Balance)
	}
	return run, err
}

// versionsOf are the versions that a run's workflow tasks were completed by, without repetitions.
func (r rollout) versionsOf(t *testing.T, run client.WorkflowRun) []string {
	t.Helper()
	history, err := harness.History(harness.Context(t), r.temporalClient, run.GetID(), run.GetRunID(), false)
	require.NoError(t, err)
	var versions []string
	for _, event := range history.GetEvents() {
		if event.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			version := event.GetWorkflowTaskCompletedEventAttributes().GetDeploymentVersion()
			require.Equal(t, r.name, version.GetDeploymentName())
			versions = append(versions, version.GetBuildId())
		}
	}
	return slices.Compact(versions)
}

// startWaiting starts a wait and returns once it waits.
func (r rollout) startWaiting(t *testing.T) (run client.WorkflowRun, taskID int64) {
	t.Helper()
	taskID = harness.NewTaskID()
	r.service.Script(taskID, simulator.Ready(`{"text":"abc"}`))
	run = harness.StartWait(t, r.temporalClient, r.taskQueue, harness.Asleep(taskID))
	require.Equal(t, workflows.StateWaiting, harness.StatusOf(t, r.temporalClient, run).State)
	return run, taskID
}

// finish wakes the wait up, and requires its result.
func (r rollout) finish(t *testing.T, run client.WorkflowRun, taskID int64) {
	t.Helper()
	harness.WakeUp(t, r.temporalClient, run, taskID)
	var output workflows.AwaitTaskResultOutput
	require.NoError(t, run.Get(harness.Context(t), &output))
	require.JSONEq(t, `{"text":"abc"}`, string(output.Solution))
}

// TestRollout rolls a second build out, back, and out again, while waits are in flight.
func TestRollout(t *testing.T) {
	t.Parallel()
	r, ctx := newRollout(t), harness.Context(t)
	first := r.startVersion(t, harness.WorkerPath(), "1")
	r.setCurrent(t, "1")
	toSecond, toSecondTask := r.startWaiting(t)
	older, olderTask := r.startWaiting(t)
	require.Equal(t, []string{"1"}, r.versionsOf(t, toSecond))

	second := buildWorker(t, change{"twocaptcha/version.go", `Version = "0.1.0"`, `Version = "0.1.1"`})
	require.Equal(t, 0, verify(t, second, r.server.Address()).Status)
	r.startVersion(t, second, "2")
	gate, err := r.checkAccount(t, ctx, "2")
	require.NoError(t, err)
	require.Equal(t, []string{"2"}, r.versionsOf(t, gate), "the gate runs on the version that is not current yet")
	require.Equal(t, []string{"1"}, r.versionsOf(t, toSecond))

	_, err = r.deployment.SetRampingVersion(ctx, client.WorkerDeploymentSetRampingVersionOptions{BuildID: "2", Percentage: 50})
	require.NoError(t, err)
	ramped := map[string]int{}
	for range 24 { // all on one side: once in eight million
		run, taskID := r.startWaiting(t)
		r.finish(t, run, taskID)
		versions := r.versionsOf(t, run)
		require.Len(t, versions, 1, "a wait stays on its side of the ramp")
		ramped[versions[0]]++
	}
	require.NotZero(t, ramped["1"], ramped)
	require.NotZero(t, ramped["2"], ramped)

	r.setCurrent(t, "2")
	r.finish(t, toSecond, toSecondTask)
	require.Equal(t, "2", last(r.versionsOf(t, toSecond)), "a wait in flight moves on")
	newer, newerTask := r.startWaiting(t)
	solved := startSolve(t, r.temporalClient, r.taskQueue, workflows.SolveTaskInput{})
	require.NoError(t, solved.Get(ctx, nil))
	require.Equal(t, []string{"2"}, r.versionsOf(t, newer))
	require.Equal(t, []string{"2"}, r.versionsOf(t, solved))

	r.setCurrent(t, "1") // rolled back
	r.finish(t, newer, newerTask)
	require.Equal(t, []string{"2", "1"}, r.versionsOf(t, newer), "a wait in flight moves back")

	r.setCurrent(t, "2")
	require.Eventually(t, func() bool {
		described, err := r.deployment.DescribeVersion(ctx, client.WorkerDeploymentDescribeVersionOptions{BuildID: "1"})
		return err == nil && described.Info.DrainageInfo != nil &&
			described.Info.DrainageInfo.DrainageStatus == client.WorkerDeploymentVersionDrainageStatusDrained
	}, harness.Patience, 100*time.Millisecond, "version 1 is not drained, although a wait that began on it is open")
	first.Signal(t, syscall.SIGTERM)
	require.Equal(t, 0, first.Wait(t).Status)
	r.finish(t, older, olderTask)
	require.Equal(t, "2", last(r.versionsOf(t, older)))
	require.Len(t, r.service.RequestsFor(olderTask), 1)
}

func last(versions []string) string { return versions[len(versions)-1] }

// TestGateOfARollout has versions that must not get traffic. Each gate begins when the server has
// only just heard of its version, and must not be answered by the current one.
func TestGateOfARollout(t *testing.T) {
	t.Parallel()
	r := newRollout(t)
	r.startVersion(t, harness.WorkerPath(), "1")
	r.setCurrent(t, "1")
	blocks := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"errorId":21,"errorCode":"ERROR_IP_BLOCKED","errorDescription":"banned"}`)
	}))
	t.Cleanup(blocks.Close)
	// The system accepts connections, and nobody answers.
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { mute.Close() })

	for buildID, test := range map[string]struct{ key, apiURL, errorCode string }{
		"wrong-key":       {"0123456789abcdef0123456789abcdef", r.service.URL(), "ERROR_KEY_DOES_NOT_EXIST"},
		"blocked-address": {harness.ClientKey, blocks.URL, "ERROR_IP_BLOCKED"},
		"no-way-out":      {harness.ClientKey, "http://127.0.0.1:1", "NoAnswer"}, // nobody listens there
		"no-answer":       {harness.ClientKey, "http://" + mute.Addr().String(), "NoAnswer"},
	} {
		t.Run(buildID, func(t *testing.T) {
			t.Parallel()
			r.startVersionWith(t, harness.WorkerPath(), buildID, test.key, test.apiURL)
			begun := time.Now()
			run, err := r.checkAccount(t, harness.Context(t), buildID)
			require.Equal(t, test.errorCode, workflows.ErrorCode(err), err)
			require.Equal(t, []string{buildID}, r.versionsOf(t, run))
			// An attempt has 30 seconds, and there is only one.
			require.Less(t, time.Since(begun), 30*time.Second+busy)
		})
	}
}
