package e2e

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

func TestSecondStartAttachesToTheRunningWait(t *testing.T) {
	t.Parallel()
	service, taskQueue, taskID := startSimulator(t), newTaskQueue(), newTaskID()
	service.Script(taskID, simulator.Processing(), simulator.Processing(), simulator.Ready(`{"text":"abc"}`))
	startWorker(t, taskQueue, service.URL())

	first := startStarter(t, taskQueue, "--initial-delay", "1ms", strconv.FormatInt(taskID, 10))
	require.NoError(t, service.WaitForAnswers(testContext(t), taskID, 1))
	second := startStarter(t, taskQueue, strconv.FormatInt(taskID, 10))
	second.waitForOutput(t, "attached")
	third := startWait(t, dial(t), taskQueue, workflows.AwaitTaskResultInput{TaskID: taskID})

	one, other := first.wait(t), second.wait(t)
	require.Equal(t, 0, one.status, one.stderr)
	require.Equal(t, 0, other.status, other.stderr)
	require.Equal(t, one.stdout, other.stdout)
	var output workflows.AwaitTaskResultOutput
	require.NoError(t, third.Get(testContext(t), &output))
	require.Equal(t, 3, output.Polls)
	require.Len(t, service.RequestsFor(taskID), 3, "three that wait cost no more requests than one")
	require.Equal(t, third.GetRunID(), detach(t, taskQueue, taskID).RunID, "there is one run")
}

func TestSecondStartAfterSuccessIsAnsweredFromTheClosedRun(t *testing.T) {
	t.Parallel()
	service, taskQueue, taskID := startSimulator(t), newTaskQueue(), newTaskID()
	service.Script(taskID, simulator.Ready(`{"text":"abc"}`))
	startWorker(t, taskQueue, service.URL())

	first := runStarter(t, taskQueue, "--initial-delay", "1ms", strconv.FormatInt(taskID, 10))
	second := runStarter(t, taskQueue, strconv.FormatInt(taskID, 10))

	require.Equal(t, 0, first.status, first.stderr)
	require.Equal(t, 0, second.status, second.stderr)
	require.Equal(t, first.stdout, second.stdout)
	require.Len(t, service.RequestsFor(taskID), 1)
}

func TestSecondStartAfterFailureStartsOver(t *testing.T) {
	t.Parallel()
	service, taskQueue, taskID := startSimulator(t), newTaskQueue(), newTaskID()
	service.Script(taskID, simulator.Error("ERROR_ZERO_BALANCE"), simulator.Ready(`{"text":"abc"}`))
	startWorker(t, taskQueue, service.URL())

	first := runStarter(t, taskQueue, "--initial-delay", "1ms", strconv.FormatInt(taskID, 10))
	second := runStarter(t, taskQueue, "--initial-delay", "5s", strconv.FormatInt(taskID, 10))

	require.Equal(t, 1, first.status, first.stderr)
	require.Contains(t, first.stdout, `"errorCode":"ERROR_ZERO_BALANCE"`)
	require.Equal(t, 0, second.status, second.stderr)
	require.Contains(t, second.stdout, `"solution":{"text":"abc"}`)
	require.Contains(t, second.stdout, `"polls":1`, "it counts from its own start")
	require.Len(t, service.RequestsFor(taskID), 2)
}
