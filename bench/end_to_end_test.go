//go:build linux || darwin

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/bench/internal/stage"
	"github.com/temporal-providers/temporal-2captcha/internal/command"
	"github.com/temporal-providers/temporal-2captcha/internal/devserver"
)

// cliVariable returns the setting that has the program run the Temporal CLI of the tests. That is
// built first if it must be, before a test's patience with the program begins.
func cliVariable(t *testing.T) string {
	t.Helper()
	cli, err := devserver.CLI(t.Context(), devserver.Options{
		CLI: os.Getenv("TEMPORAL_CLI"), CLIDownload: os.Getenv("TEMPORAL_CLI_DOWNLOAD"), Messages: t.Output(),
	})
	require.NoError(t, err)
	return "TEMPORAL_CLI=" + cli
}

// figuresOf runs the program to its end and decodes what it prints.
func figuresOf[T any](t *testing.T, environment command.Environment, args ...string) T {
	t.Helper()
	var stdout bytes.Buffer
	bench := invocation(append(args, "--json")...)
	bench.Environment = append(environment, os.Environ()...) // the first of two counts
	bench.Output, bench.Errors = &stdout, t.Output()
	require.Equal(t, command.ExitDone, run(t.Context(), bench))
	var figures T
	decoder := json.NewDecoder(&stdout)
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&figures))
	return figures
}

func TestEveryDesign(t *testing.T) {
	t.Parallel()
	requireFiguresOfEveryDesign(t, command.Environment{cliVariable(t)})
}

// requireFiguresOfEveryDesign runs them at the same time, which takes less of it. What a busy
// machine does to the figures is left room for. With this seed every task is ready between its
// first poll and its third.
func requireFiguresOfEveryDesign(t *testing.T, environment command.Environment, args ...string) {
	t.Helper()
	const tasks = 6
	figures := figuresOf[comparison](t, environment,
		append(args, "--tasks", "6", "--mean-solve-time", "5s", "--seed", "4", "--at-once", "8")...)
	require.Equal(t, tasks, figures.Workload.Tasks)
	ownServers := len(args) == 0
	var names []string
	reports := map[string]stage.DesignFigures{}
	for _, report := range figures.Designs {
		names = append(names, report.Name)
		reports[report.Name] = report
		require.Equal(t, tasks, report.Tasks, report.Name)
		require.Zero(t, report.Lost, report.Name)
		require.GreaterOrEqual(t, report.RequestsPerTask, 1.0, report.Name)
		require.Positive(t, report.Delay.Mean, report.Name)
		require.LessOrEqual(t, report.Delay.P50, report.Delay.P95, report.Name)
		if runtime.GOOS == "linux" {
			require.Equal(t, ownServers, report.ServerCPU != nil, report.Name)
			require.NotNil(t, report.WorkerCPU, report.Name)
		}
	}
	require.Equal(t, []string{
		"timer", "callback", "activityRetry", "solve", "retry-guide", "heartbeat-guide", "child-guide", "plain-loop",
	}, names)

	timer, callback, activityRetry := reports["timer"], reports["callback"], reports["activityRetry"]
	solve := reports["solve"]
	retryGuide, heartbeatGuide, childGuide := reports["retry-guide"], reports["heartbeat-guide"], reports["child-guide"]
	plainLoop := reports["plain-loop"]
	// Without a task that takes more than one poll, little of what follows could fail.
	require.Greater(t, retryGuide.RequestsPerTask, 1.2)

	require.LessOrEqual(t, timer.RequestsPerTask, retryGuide.RequestsPerTask+0.5)
	require.InDelta(t, 5+11*timer.RequestsPerTask, timer.EventsPerTask, 2)
	require.InDelta(t, 1+2*timer.RequestsPerTask, timer.ActionsPerTask, 0.5, "the start, and a timer and an activity a poll")

	require.LessOrEqual(t, callback.RequestsPerTask, 1.5)
	require.InDelta(t, 16, callback.EventsPerTask, 2)

	require.LessOrEqual(t, activityRetry.RequestsPerTask, retryGuide.RequestsPerTask+0.5)
	require.InDelta(t, 16, activityRetry.EventsPerTask, 2, "whatever the number of polls")
	require.InDelta(t, 2+activityRetry.RequestsPerTask, activityRetry.ActionsPerTask, 0.5)

	require.LessOrEqual(t, solve.RequestsPerTask, 1.5)
	require.Equal(t, new(1.0), solve.CreateTasks)
	require.Nil(t, callback.CreateTasks, "its tasks are submitted before")
	require.InDelta(t, 22, solve.EventsPerTask, 2)

	require.InDelta(t, 11, retryGuide.EventsPerTask, 2)
	require.InDelta(t, 1+retryGuide.RequestsPerTask, retryGuide.ActionsPerTask, 0.5, "each attempt counts")
	require.InDelta(t, 11, heartbeatGuide.EventsPerTask, 2)
	require.Greater(t, heartbeatGuide.ActionsPerTask, 2.0, "heartbeats count")
	require.InDelta(t, 1+2*childGuide.RequestsPerTask+1, childGuide.ActionsPerTask, 0.5, "parent and child")
	require.InDelta(t, 14+11*childGuide.RequestsPerTask, childGuide.EventsPerTask, 3)

	require.Zero(t, plainLoop.EventsPerTask)
	require.Zero(t, plainLoop.ActionsPerTask)
	require.GreaterOrEqual(t, plainLoop.Delay.Mean, 0.0)
}

func TestScale(t *testing.T) {
	t.Parallel()
	requireScale(t, command.Environment{cliVariable(t)})
}

func requireScale(t *testing.T, environment command.Environment, args ...string) {
	t.Helper()
	const waits = 20
	profiles := t.TempDir()
	figures := figuresOf[scaling](t, environment,
		append(args, "--scale", "--waits", "20", "--poll-interval", "5s", "--profiles", profiles)...)
	ownServers := len(args) == 0
	require.Len(t, figures.Scale, 2)
	for i, run := range figures.Scale {
		require.Equal(t, i+1, run.Workers)
		require.Equal(t, waits, run.Waits)
		require.Zero(t, run.Lost)
		require.Equal(t, waits, run.Start.Done)
		require.Positive(t, run.Start.PerSecond)
		require.Positive(t, run.Steady.Done)
		require.Equal(t, waits, run.Finish.Done)
		if runtime.GOOS == "linux" {
			require.NotNil(t, run.Memory)
			require.NotNil(t, run.PeakMemory)
			require.Equal(t, ownServers, run.Steady.Server != nil)
		}
	}
	files, err := filepath.Glob(filepath.Join(profiles, "*20-waits-*-workers", "*"))
	require.NoError(t, err)
	require.Len(t, files, 3*3*2, "of three worker processes in three phases: of the CPU and of the heap")
	for _, file := range files {
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.Positive(t, info.Size(), file)
	}
}
