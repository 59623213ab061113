package batch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	deploymentpb "go.temporal.io/api/deployment/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

var unavailable = serviceerror.NewUnavailable("the server is being restarted")

func newBatch(server *fakeTemporal) (Batch, *recorder) {
	observer := &recorder{}
	return Batch{
		Server:    Server{Client: server, Address: "temporal:7233", Namespace: "captchas"},
		TaskQueue: "2captcha",
		Observer:  observer,
	}, observer
}

func readyLine(taskID int64) string {
	return fmt.Sprintf(`{"taskId":%d,"status":"ready","solution":"a","polls":2,"workflowId":"2captcha-task-%[1]d"}`, taskID)
}

// task is a job that waits for a task.
func task(id int64) Job { return AwaitJob{workflows.AwaitTaskResultInput{TaskID: id}} }

func tasks(count int64) []Job {
	var result []Job
	for id := range count {
		result = append(result, task(id+1))
	}
	return result
}

func TestResultsComeInOrderOfCompletion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := newFakeTemporal()
		batch, observer := newBatch(server)
		go func() {
			for _, taskID := range []int64{2, 3, 1} {
				synctest.Wait()
				var err error
				if taskID == 3 {
					err = ended(temporal.NewCanceledError())
				}
				server.end(taskID, err)
			}
		}()
		summary, err := batch.Run(t.Context(), tasks(3))
		require.NoError(t, err)
		require.Equal(t, 1, summary.Failed)
		require.Empty(t, summary.Unfinished)
		require.Equal(t, []string{
			readyLine(2),
			`{"taskId":3,"workflowId":"2captcha-task-3","status":"failed","errorId":0,"errorCode":"Canceled","errorDescription":"the workflow was canceled before the task's result was there"}`,
			readyLine(1),
		}, observer.results())
	})
}

func TestWorkflowsAreStartedWithTheCommandsSettings(t *testing.T) {
	t.Parallel()
	server := newFakeTemporal()
	batch, _ := newBatch(server)
	batch.TaskQueue, batch.FairnessKey = "mine", "a tenant"
	server.end(5, nil)
	_, err := batch.Run(t.Context(), []Job{AwaitJob{workflows.AwaitTaskResultInput{TaskID: 5, Timeout: time.Minute}}})
	require.NoError(t, err)
	require.Equal(t, []workflows.AwaitTaskResultInput{{TaskID: 5, Timeout: time.Minute}}, server.inputs)
	require.Equal(t, "mine", server.starts[0].TaskQueue)
	require.Equal(t, "a tenant", server.starts[0].Priority.FairnessKey)
	require.Equal(t, "2captcha-task-5", server.starts[0].ID)
	require.Equal(t, workflows.StartOptions(5).WorkflowIDReusePolicy, server.starts[0].WorkflowIDReusePolicy)
}

func TestDetachTellsWhatWasStartedAndWhatWasThere(t *testing.T) {
	t.Parallel()
	server := newFakeTemporal()
	server.end(6, nil)
	batch, observer := newBatch(server)
	batch.Detach = true
	summary, err := batch.Run(t.Context(), []Job{task(5), task(6)})
	require.NoError(t, err)
	require.Empty(t, summary.Unfinished)
	require.ElementsMatch(t, []string{
		`{"taskId":5,"workflowId":"2captcha-task-5","runId":"run of 2captcha-task-5","status":"started"}`,
		`{"taskId":6,"workflowId":"2captcha-task-6","runId":"run of 2captcha-task-6","status":"attached"}`,
	}, observer.results())
}

func TestEndedTaskIsNotStuckBehindSlowOnes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := newFakeTemporal()
		batch, observer := newBatch(server)
		ctx, cancel := context.WithCancel(t.Context())
		last := int64(3 * maxWaits)
		go func() {
			time.Sleep(time.Minute) // of the bubble's time: every task has had some turns
			server.end(last, nil)
			time.Sleep(4 * turn)
			cancel()
		}()
		summary, err := batch.Run(ctx, tasks(last))
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, []string{readyLine(last)}, observer.results())
		require.Len(t, summary.Unfinished, int(last)-1)
		require.Zero(t, summary.NotStarted)
		require.Equal(t, maxWaits, server.mostWaits)
	})
}

func TestInterruptLeavesTheWorkflowsAndTellsWhich(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := newFakeTemporal()
		server.startFails = func(taskID int64) error {
			if taskID == 3 {
				return unavailable
			}
			return nil
		}
		batch, observer := newBatch(server)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			synctest.Wait()
			server.end(1, nil)
			synctest.Wait()
			cancel()
		}()
		got, err := batch.Run(ctx, tasks(3))
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, Summary{Unfinished: []Job{task(2), task(3)}, NotStarted: 1}, got)
		require.Equal(t, []string{readyLine(1)}, observer.results())
	})
}

func TestServerThatIsRestartedIsWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := newFakeTemporal()
		tries := 0
		server.startFails = func(int64) error {
			if tries++; tries < 100 {
				return unavailable
			}
			return nil
		}
		batch, observer := newBatch(server)
		go func() {
			time.Sleep(200 * time.Second)
			server.end(1, nil)
		}()
		summary, err := batch.Run(t.Context(), tasks(1))
		require.NoError(t, err)
		require.Empty(t, summary.Unfinished)
		require.Equal(t, []string{readyLine(1)}, observer.results())
		require.Equal(t, []string{
			"the Temporal server at temporal:7233 does not answer, still trying: the server is being restarted",
			"the Temporal server at temporal:7233 does not answer, still trying: the server is being restarted",
		}, observer.said, "once a minute")
	})
}

func TestServerThatIsSilentForTooLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := newFakeTemporal()
		server.describeFail = unavailable
		batch, _ := newBatch(server)
		began := time.Now()
		summary, err := batch.Run(t.Context(), tasks(1))
		require.EqualError(t, err, "the Temporal server at temporal:7233 has not answered for 5m0s: the server is being restarted")
		require.Equal(t, tasks(1), summary.Unfinished)
		require.InDelta(t, patience.Seconds(), time.Since(began).Seconds(), watchEvery.Seconds())
	})
}

func TestRefusalOfTheServerEndsTheCommand(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		err     error
		message string
	}{
		"no such namespace": {serviceerror.NewNamespaceNotFound("captchas"),
			`task 1: its workflow can't be started: the Temporal server at temporal:7233 has no namespace "captchas": set TEMPORAL_NAMESPACE to one that it has`},
		"no permission": {serviceerror.NewPermissionDenied("go away", ""),
			`task 1: its workflow can't be started: the Temporal server at temporal:7233 does not permit it in namespace "captchas": check TEMPORAL_API_KEY or the TLS settings (go away)`},
		"anything else": {serviceerror.NewInvalidArgument("odd"),
			`task 1: its workflow can't be started: the Temporal server at temporal:7233: odd`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newFakeTemporal()
			server.startFails = func(int64) error { return test.err }
			batch, observer := newBatch(server)
			summary, err := batch.Run(t.Context(), tasks(1))
			require.EqualError(t, err, test.message)
			require.Equal(t, 1, summary.NotStarted)
			require.Empty(t, observer.results())
		})
	}
}

func TestWaitThatTheServerRefuses(t *testing.T) {
	t.Parallel()
	server := newFakeTemporal()
	server.end(1, serviceerror.NewPermissionDenied("go away", ""))
	batch, _ := newBatch(server)
	summary, err := batch.Run(t.Context(), tasks(1))
	require.EqualError(t, err, `task 1: its workflow can't be waited for: the Temporal server at temporal:7233 `+
		`does not permit it in namespace "captchas": check TEMPORAL_API_KEY or the TLS settings (go away)`)
	require.Equal(t, tasks(1), summary.Unfinished)
}

func TestWorkflowThatIsResetIsFollowed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := newFakeTemporal()
		batch, observer := newBatch(server)
		go func() {
			for range 3 {
				synctest.Wait()
				server.reset(1)
			}
			synctest.Wait()
			server.end(1, nil)
		}()
		summary, err := batch.Run(t.Context(), tasks(1))
		require.NoError(t, err)
		require.Zero(t, summary.Failed)
		require.Equal(t, []string{readyLine(1)}, observer.results())
	})
}

func TestWorkflowThatIsTerminatedIsToldAsTerminated(t *testing.T) {
	t.Parallel()
	for name, describeFail := range map[string]error{"": nil, " and can't be described": serviceerror.NewPermissionDenied("no", "")} {
		server := newFakeTemporal()
		server.describeFail = describeFail
		server.end(1, ended(&temporal.TerminatedError{}))
		batch, observer := newBatch(server)
		summary, err := batch.Run(t.Context(), tasks(1))
		require.NoError(t, err, "it was terminated%s", name)
		require.Equal(t, 1, summary.Failed)
		require.Contains(t, observer.results()[0], `"errorCode":"Terminated"`)
	}
}

// codecAway is what a client's call ends with if the codec server does not answer.
func codecAway(t *testing.T) error {
	options, err := command.ClientOptions(command.Environment{
		"TEMPORAL_CONFIG_FILE=" + os.DevNull, "TEMPORAL_CODEC_ENDPOINT=http://user:secret@127.0.0.1:1/secret",
	})
	require.NoError(t, err)
	_, err = options.DataConverter.ToPayloads("a value")
	require.Error(t, err)
	return fmt.Errorf("of the SDK: %w", err)
}

const codecAwayText = "the codec server at 127.0.0.1:1 can't be reached: start it, or set TEMPORAL_CODEC_ENDPOINT " +
	"(dial tcp 127.0.0.1:1: connect: connection refused)"

func TestStartWithoutItsCodecServerSaysWhichOne(t *testing.T) {
	t.Parallel()
	server, away := newFakeTemporal(), codecAway(t)
	server.startFails = func(int64) error { return away }
	batch, _ := newBatch(server)
	summary, err := batch.Run(t.Context(), tasks(1))
	require.EqualError(t, err, "task 1: its workflow can't be started: "+codecAwayText)
	require.Equal(t, 1, summary.NotStarted)
}

func TestResultIsReadWhenTheCodecServerIsBack(t *testing.T) {
	t.Parallel()
	away := codecAway(t)
	for name, test := range map[string]struct {
		awayFor time.Duration
		message string // "": the result is printed
	}{
		"soon":  {patience - 10*time.Second, ""},
		"never": {2 * patience, "task 1: its result can't be read: " + codecAwayText},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := newFakeTemporal()
				server.end(1, nil)
				back := time.Now().Add(test.awayFor)
				server.getFails = func() error {
					if time.Now().Before(back) {
						return away
					}
					return nil
				}
				batch, observer := newBatch(server)
				summary, err := batch.Run(t.Context(), tasks(1))
				require.Equal(t, "results can't be read, still trying: "+codecAwayText, observer.said[0])
				require.InDelta(t, patience.Minutes(), len(observer.said), 1, "once a minute")
				if test.message != "" {
					require.EqualError(t, err, test.message)
					require.Equal(t, Summary{Unfinished: tasks(1)}, summary, "its workflow has not failed")
					return
				}
				require.NoError(t, err)
				require.Equal(t, []string{readyLine(1)}, observer.results())
			})
		})
	}
}

func TestWorkflowThatWasDeletedIsAFailureOfItsTaskAlone(t *testing.T) {
	t.Parallel()
	server := newFakeTemporal()
	server.end(1, serviceerror.NewNotFound("workflow not found"))
	server.end(2, nil)
	batch, observer := newBatch(server)
	summary, err := batch.Run(t.Context(), tasks(2))
	require.NoError(t, err)
	require.Equal(t, 1, summary.Failed)
	require.Contains(t, observer.results(), readyLine(2))
}

func TestStandardOutputThatCantBeWritten(t *testing.T) {
	t.Parallel()
	for _, detach := range []bool{false, true} {
		server := newFakeTemporal()
		server.end(1, nil)
		batch, observer := newBatch(server)
		batch.Detach, observer.fail = detach, io.ErrShortWrite
		summary, err := batch.Run(t.Context(), tasks(1))
		require.EqualError(t, err, "standard output can't be written: short write")
		require.Equal(t, tasks(1), summary.Unfinished, "its line is not out; detach: %t", detach)
		require.Zero(t, summary.NotStarted)
	}
}

func TestMissingWorkerIsSaidOnce(t *testing.T) {
	t.Parallel()
	version := &deploymentpb.WorkerDeploymentOptions{
		DeploymentName: "dep", BuildId: "7", WorkerVersioningMode: enumspb.WORKER_VERSIONING_MODE_VERSIONED,
	}
	tests := map[string]struct {
		pollers int
		version *deploymentpb.WorkerDeploymentOptions
		err     error
		said    []string
	}{
		"no worker": {0, nil, nil, []string{`no worker serves the task queue "2captcha" in namespace "captchas": start one (go run ./worker); the waits go on when it runs`}},
		"a worker":  {1, nil, nil, nil},
		"idle ones": {2, version, nil, []string{`no worker of the task queue "2captcha" takes new waits: version 7 of deployment dep is not the current one: run temporal worker deployment set-current-version --namespace captchas --deployment-name dep --build-id 7; the waits go on then`}},
		"not known": {0, nil, serviceerror.NewPermissionDenied("no", ""), nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := newFakeTemporal()
				server.pollers, server.version, server.describeFail = test.pollers, test.version, test.err
				batch, observer := newBatch(server)
				go func() {
					time.Sleep(10 * time.Minute)
					server.end(1, nil)
				}()
				_, err := batch.Run(t.Context(), tasks(1))
				require.NoError(t, err)
				require.Equal(t, test.said, observer.said)
			})
		})
	}
}

func TestWhatEndedTheContextIsTheRunsError(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("the dev server ended by itself"))
	batch, _ := newBatch(newFakeTemporal())
	_, err := batch.Run(ctx, tasks(1))
	require.EqualError(t, err, "the dev server ended by itself")
}
