package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// outcomeOf runs the command, as far as it gets without a design being run.
func outcomeOf(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, messages bytes.Buffer
	status = run(t.Context(), args, nil, &out, &messages)
	return status, out.String(), messages.String()
}

func TestBadUsageIsOneLine(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args    []string
		message string
	}{
		"no tasks":               {[]string{"--tasks", "0"}, "--tasks is 0: it takes a positive number"},
		"negative tasks":         {[]string{"--tasks=-1"}, "--tasks is negative"},
		"no rate":                {[]string{"--rate", "0"}, "--rate takes a positive number"},
		"a rate of NaN":          {[]string{"--rate", "NaN"}, "--rate takes a positive number"},
		"no solve time":          {[]string{"--mean-solve-time", "0s"}, `--mean-solve-time takes a positive duration, like "15s", up to 2m30s: the slowest task takes 6 times that`},
		"solve times too long":   {[]string{"--mean-solve-time", "151s"}, `--mean-solve-time takes a positive duration, like "15s", up to 2m30s: the slowest task takes 6 times that`},
		"none at once":           {[]string{"--at-once", "0"}, "--at-once is 0: it takes a positive number"},
		"an unknown design":      {[]string{"--design", "cron"}, "--design cron: the designs are timer, callback, activityRetry, retry-guide, heartbeat-guide, child-guide, plain-loop"},
		"a flag of --scale":      {[]string{"--waits", "10"}, "--waits goes with --scale only"},
		"tuning without --scale": {[]string{"--activity-slots", "10"}, "--activity-slots goes with --scale only"},
		"a design with --scale":  {[]string{"--scale", "--design", "timer"}, "--design does not go with --scale"},
		"no waits":               {[]string{"--scale", "--waits", "0"}, "--waits is 0: it takes a positive number"},
		"too many polls":         {[]string{"--scale", "--poll-interval", "4s"}, "--poll-interval is 4s: it takes at least 5s"},
		"one workflow poller":    {[]string{"--scale", "--workflow-pollers", "1"}, "--workflow-pollers is 1: the SDK needs 2, one of them for the workflows in its cache"},
		"an argument":            {[]string{"timer"}, "unexpected argument timer"},
		"a flag without a value": {[]string{"--tasks"}, "--tasks: expected int value but got none"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, stdout, stderr := outcomeOf(t, test.args...)
			require.Equal(t, "bench: "+test.message+" (see bench --help)\n", stderr)
			require.Empty(t, stdout)
			require.Equal(t, exitUsage, status)
		})
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	flags, shown, err := parseFlags(nil, nil, nil)
	require.NoError(t, err)
	require.False(t, shown)
	require.Equal(t, 150, flags.Tasks)
	require.Equal(t, 5.0, flags.Rate)
	require.Equal(t, 15*time.Second, flags.MeanSolveTime)
	require.Equal(t, 1, flags.AtOnce, "designs don't disturb each other")
	require.Equal(t, 10_000, flags.Waits)
	require.Equal(t, 3*time.Minute, flags.PollInterval)
	require.Len(t, flags.chosenDesigns(), 7)
}

func TestChosenDesignsKeepTheirOrder(t *testing.T) {
	t.Parallel()
	flags, _, err := parseFlags([]string{"--design", "plain-loop", "--design", "callback"}, nil, nil)
	require.NoError(t, err)
	var names []string
	for _, design := range flags.chosenDesigns() {
		names = append(names, design.name)
	}
	require.Equal(t, []string{"callback", "plain-loop"}, names)
}

func TestHelpNamesEveryDesignAndFlag(t *testing.T) {
	t.Parallel()
	status, stdout, stderr := outcomeOf(t, "--help")
	require.Equal(t, exitDone, status)
	require.Empty(t, stderr)
	for _, text := range append(designNames(), "--tasks", "--rate", "--mean-solve-time", "--seed", "--design", "--at-once", "--json",
		"--scale", "--waits", "--poll-interval", "--profiles", "--workflow-cache-size", "TEMPORAL_CLI", "Exit status:") {
		require.Contains(t, stdout, text)
	}
}

func TestTuningReachesTheWorkersOptions(t *testing.T) {
	t.Parallel()
	given := workerTuning{WorkflowCacheSize: 1, WorkflowTaskSlots: 2, ActivitySlots: 3, WorkflowPollers: 4, ActivityPollers: 5, GCPercent: 6}
	flags, _, err := parseFlags(append([]string{"--scale"}, given.arguments()...), nil, nil)
	require.NoError(t, err)
	require.Equal(t, given, flags.workerTuning)
	options := given.options()
	require.Equal(t, 2, options.MaxConcurrentWorkflowTaskExecutionSize)
	require.Equal(t, 3, options.MaxConcurrentActivityExecutionSize)
	require.Equal(t, 4, options.MaxConcurrentWorkflowTaskPollers)
	require.Equal(t, 5, options.MaxConcurrentActivityTaskPollers)
}
