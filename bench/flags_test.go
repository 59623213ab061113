package main

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/bench/internal/designs"
	"github.com/temporal-providers/temporal-2captcha/bench/internal/stage"
	"github.com/temporal-providers/temporal-2captcha/internal/command"
)

// invocation is one with these arguments, whose output is dropped.
func invocation(args ...string) command.Invocation {
	return command.Invocation{Name: "bench", Arguments: args, Output: io.Discard, Errors: io.Discard}
}

// flagsOf are those of a command line that is right.
func flagsOf(t *testing.T, args ...string) (f flags) {
	t.Helper()
	parsed, shown, err := invocation(args...).ParseFlags(help, &f)
	require.NoError(t, err)
	require.False(t, shown)
	require.NoError(t, f.validate(parsed, nil))
	return f
}

// outcomeOf runs the command, as far as it gets without a design being run.
func outcomeOf(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, messages bytes.Buffer
	outcome := invocation(args...)
	outcome.Output, outcome.Errors = &out, &messages
	status = run(t.Context(), outcome)
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
		"an unknown design":      {[]string{"--design", "cron"}, "--design cron: the designs are timer, callback, activityRetry, solve, retry-guide, heartbeat-guide, child-guide, plain-loop"},
		"a flag of --scale":      {[]string{"--waits", "10"}, "--waits goes with --scale only"},
		"tuning without --scale": {[]string{"--activity-slots", "10"}, "--activity-slots goes with --scale only"},
		"a design with --scale":  {[]string{"--scale", "--design", "timer"}, "--design does not go with --scale"},
		"no waits":               {[]string{"--scale", "--waits", "0"}, "--waits has 0: it takes positive numbers"},
		"an empty list":          {[]string{"--scale", "--waits="}, "--waits is empty"},
		"no workers":             {[]string{"--scale", "--workers=1,-1"}, "--workers has -1: it takes positive numbers"},
		"too many polls":         {[]string{"--scale", "--poll-interval", "4s"}, "--poll-interval is 4s: it takes at least 5s"},
		"a negative hold":        {[]string{"--scale", "--hold=-1s"}, "--hold is negative"},
		"one workflow poller":    {[]string{"--scale", "--workflow-pollers", "1"}, "--workflow-pollers is 1: the SDK needs 2, one of them for the workflows in its cache"},
		"an argument":            {[]string{"timer"}, "unexpected argument timer"},
		"no host and port":       {[]string{"--address", "temporal.example"}, `--address is "temporal.example": it takes HOST:PORT of the server's gRPC API, such as localhost:7233`},
		"an empty address":       {[]string{"--scale", "--address", ""}, "--address is empty"},
		"an empty namespace":     {[]string{"--address", "localhost:7233", "--namespace="}, "--namespace is empty"},
		"a namespace alone":      {[]string{"--namespace", "load"}, "--namespace goes with --address only"},
		"two modes":              {[]string{"--scale", "--costs"}, "--scale and --costs can't be used together"},
		"a size of a cluster":    {[]string{"--size", "--cluster"}, "--cluster does not go with --size"},
		"designs of a cluster":   {[]string{"--cluster"}, "--cluster goes with --scale or --costs only"},
		"a cluster elsewhere":    {[]string{"--scale", "--cluster", "--address", "localhost:7233"}, "--cluster does not go with --address"},
		"costs elsewhere":        {[]string{"--costs", "--address", "localhost:7233"}, "--address does not go with --costs"},
		"tasks with --costs":     {[]string{"--costs", "--tasks", "5"}, "--tasks does not go with --costs"},
		"tuning with --costs":    {[]string{"--costs", "--activity-slots", "5"}, "--activity-slots goes with --scale only"},
		"costs of no server":     {[]string{"--costs", "--design", "plain-loop"}, "--design plain-loop does not go with --costs: it does without Temporal"},
		"loads without --costs":  {[]string{"--loads", "1,2,3"}, "--loads goes with --costs only"},
		"two loads":              {[]string{"--costs", "--loads", "1,2"}, "--loads takes three or more numbers, each larger than the one before"},
		"equal loads":            {[]string{"--costs", "--loads", "1,2,2"}, "--loads takes three or more numbers, each larger than the one before"},
		"falling loads":          {[]string{"--costs", "--loads", "1,3,2"}, "--loads takes three or more numbers, each larger than the one before"},
		"a load of NaN":          {[]string{"--costs", "--loads", "NaN,1,2"}, "--loads has NaN: in --arrivals, which is 25s, that is not 1 to 100000 tasks"},
		"a load of no task":      {[]string{"--costs", "--loads", "1,2,3", "--arrivals", "500ms"}, "--loads has 1: in --arrivals, which is 500ms, that is not 1 to 100000 tasks"},
		"an infinite load":       {[]string{"--costs", "--loads", "1,2,+Inf"}, "--loads has +Inf: in --arrivals, which is 25s, that is not 1 to 100000 tasks"},
		"negative arrivals":      {[]string{"--costs", "--arrivals=-1s"}, "--arrivals is negative"},
		"figures with --costs":   {[]string{"--costs", "--figures", "x"}, "--figures goes with --size only"},
		"an empty file name":     {[]string{"--size", "--figures="}, "--figures is empty"},
		"a flag without a value": {[]string{"--tasks"}, "--tasks: expected int value but got none"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, stdout, stderr := outcomeOf(t, test.args...)
			require.Equal(t, "bench: "+test.message+" (see bench --help)\n", stderr)
			require.Empty(t, stdout)
			require.Equal(t, command.ExitUsage, status)
		})
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	f := flagsOf(t)
	require.Equal(t, 150, f.Tasks)
	require.Equal(t, 5.0, f.Rate)
	require.Equal(t, 15*time.Second, f.MeanSolveTime)
	require.Equal(t, 1, f.AtOnce, "designs don't disturb each other")
	require.Equal(t, []int{10_000}, f.Waits)
	require.Equal(t, []int{1, 2}, f.Workers)
	require.Equal(t, 3*time.Minute, f.PollInterval)
	require.Len(t, f.chosenDesigns(), 8)
	require.Len(t, flagsOf(t, "--costs").chosenDesigns(), 4, "this project's")
}

func TestChosenDesignsKeepTheirOrder(t *testing.T) {
	t.Parallel()
	f := flagsOf(t, "--design", "plain-loop", "--design", "callback")
	var names []string
	for _, design := range f.chosenDesigns() {
		names = append(names, design.Name)
	}
	require.Equal(t, []string{"callback", "plain-loop"}, names)
}

func TestHelpNamesEveryDesignAndFlag(t *testing.T) {
	t.Parallel()
	status, stdout, stderr := outcomeOf(t, "--help")
	require.Equal(t, command.ExitDone, status)
	require.Empty(t, stderr)
	for _, design := range designs.All() {
		require.Contains(t, stdout, design.Name)
	}
	for _, text := range []string{"--tasks", "--rate", "--mean-solve-time", "--seed", "--design", "--at-once", "--json",
		"--scale", "--waits", "--workers", "--poll-interval", "--hold", "--profiles", "--workflow-cache-size", "--costs", "--loads", "--arrivals", "--size", "--figures", "--cluster", "--address", "--namespace", "TEMPORAL_CLI", "TEMPORAL_*", "Exit status:"} {
		require.Contains(t, stdout, text)
	}
}

func TestTuningReachesTheWorkers(t *testing.T) {
	t.Parallel()
	f := flagsOf(t, "--scale", "--workflow-cache-size", "1", "--workflow-task-slots", "2",
		"--activity-slots", "3", "--workflow-pollers", "4", "--activity-pollers", "5", "--gc-percent", "6")
	require.Equal(t, stage.Tuning{
		WorkflowCacheSize: 1, WorkflowTaskSlots: 2, ActivitySlots: 3, WorkflowPollers: 4, ActivityPollers: 5, GCPercent: 6,
	}, f.Tuning)
}
