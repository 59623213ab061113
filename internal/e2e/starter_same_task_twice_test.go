package e2e

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

func TestSecondStartAttachesToTheRunningWait(t *testing.T) {
	t.Parallel()
	service, taskQueue, taskID := harness.StartSimulator(t), harness.NewTaskQueue(), harness.NewTaskID()
	service.Script(taskID, simulator.Processing(), simulator.Processing(), simulator.Ready(`{"text":"abc"}`))
	harness.StartWorker(t, taskQueue, service.URL())

	first := harness.StartStarter(t, taskQueue, "--initial-delay", "1ms", strconv.FormatInt(taskID, 10))
	require.NoError(t, service.WaitForAnswers(harness.Context(t), taskID, 1))
	second := harness.StartStarter(t, taskQueue, strconv.FormatInt(taskID, 10))
	second.WaitForOutput(t, "attached")
	third := harness.StartWait(t, harness.Dial(t), taskQueue, workflows.AwaitTaskResultInput{TaskID: taskID})

	one, other := first.Wait(t), second.Wait(t)
	require.Equal(t, 0, one.Status, one.Stderr)
	require.Equal(t, 0, other.Status, other.Stderr)
	require.Equal(t, one.Stdout, other.Stdout)
	var output workflows.AwaitTaskResultOutput
	require.NoError(t, third.Get(harness.Context(t), &output))
	require.Equal(t, 3, output.Polls)
	require.Len(t, service.RequestsFor(taskID), 3, "three that wait cost no more requests than one")
	require.Equal(t, third.GetRunID(), harness.Detach(t, taskQueue, taskID).RunID, "there is one run")
}

func TestSecondStartAfterSuccessIsAnsweredFromTheClosedRun(t *testing.T) {
	t.Parallel()
	service, taskQueue, taskID := harness.StartSimulator(t), harness.NewTaskQueue(), harness.NewTaskID()
	service.Script(taskID, simulator.Ready(`{"text":"abc"}`))
	harness.StartWorker(t, taskQueue, service.URL())

	first := harness.RunStarter(t, taskQueue, "--initial-delay", "1ms", strconv.FormatInt(taskID, 10))
	second := harness.RunStarter(t, taskQueue, strconv.FormatInt(taskID, 10))

	require.Equal(t, 0, first.Status, first.Stderr)
	require.Equal(t, 0, second.Status, second.Stderr)
	require.Equal(t, first.Stdout, second.Stdout)
	require.Len(t, service.RequestsFor(taskID), 1)
}

func TestSecondStartAfterFailureStartsOver(t *testing.T) {
	t.Parallel()
	service, taskQueue, taskID := harness.StartSimulator(t), harness.NewTaskQueue(), harness.NewTaskID()
	service.Script(taskID, simulator.Error("ERROR_ZERO_BALANCE"), simulator.Ready(`{"text":"abc"}`))
	harness.StartWorker(t, taskQueue, service.URL())

	first := harness.RunStarter(t, taskQueue, "--initial-delay", "1ms", strconv.FormatInt(taskID, 10))
	second := harness.RunStarter(t, taskQueue, "--initial-delay", "5s", strconv.FormatInt(taskID, 10))

	require.Equal(t, 1, first.Status, first.Stderr)
	require.Contains(t, first.Stdout, `"errorCode":"ERROR_ZERO_BALANCE"`)
	require.Equal(t, 0, second.Status, second.Stderr)
	require.Contains(t, second.Stdout, `"solution":{"text":"abc"}`)
	require.Contains(t, second.Stdout, `"polls":1`, "it counts from its own start")
	require.Len(t, service.RequestsFor(taskID), 2)
}
