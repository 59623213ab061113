package main

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPercentileIsOneOfTheValues(t *testing.T) {
	t.Parallel()
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(i + 1)
	}
	tests := map[string]struct {
		sorted  []time.Duration
		percent int
		want    time.Duration
	}{
		"of none":               {nil, 50, 0},
		"of one":                {[]time.Duration{7}, 95, 7},
		"the median of an even": {[]time.Duration{1, 2, 3, 4}, 50, 2},
		"the median of an odd":  {[]time.Duration{1, 2, 3}, 50, 2},
		"95 of few":             {[]time.Duration{1, 2, 3, 4}, 95, 4},
		"50 of a hundred":       {hundred, 50, 50},
		"95 of a hundred":       {hundred, 95, 95},
		"100 of a hundred":      {hundred, 100, 100},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.want, percentile(test.sorted, test.percent))
		})
	}
}

func TestSlope(t *testing.T) {
	t.Parallel()
	slope11, known := slope([]float64{1, 2, 3, 6}, []float64{16, 27, 38, 71})
	require.True(t, known)
	require.InDelta(t, 11, slope11, 1e-9)

	flat, known := slope([]float64{1, 2, 3}, []float64{16, 16, 16})
	require.True(t, known)
	require.Zero(t, flat)

	_, known = slope([]float64{1, 1, 1}, []float64{16, 16, 17})
	require.False(t, known, "with as many requests for each task nothing can be told")
	_, known = slope(nil, nil)
	require.False(t, known)
}

// waitWith is the wait for a task that was ready at a second of its own, with its result that long after.
func waitWith(taskID int64, delay time.Duration, events, actions int) waited {
	readyAt := time.Unix(taskID, 0)
	return waited{
		taskID: taskID, readyAt: readyAt, ended: readyAt.Add(delay),
		footprint: footprint{events: events, actions: actions},
	}
}

func TestDesignReport(t *testing.T) {
	t.Parallel()
	measured := measurement{
		waits: []waited{
			waitWith(1, 100*time.Millisecond, 16, 3),
			waitWith(2, 300*time.Millisecond, 38, 7),
			waitWith(3, 200*time.Millisecond, 27, 5),
			{taskID: 4, lost: errors.New("task 4: no result")},
		},
		requests:   map[int64]int{1: 1, 2: 3, 3: 2, 4: 20},
		heartbeats: 6,
		cpu:        cpuTimes{server: 400 * time.Millisecond, workers: 40 * time.Millisecond},
	}
	loop := design{name: "a loop", note: "for ever", slowestInterval: 10 * time.Second}
	report := newDesignReport(loop, measured)
	require.Equal(t, designReport{
		Name: "a loop", Note: "for ever", Tasks: 4, Lost: 1, firstLoss: measured.waits[3].lost,
		RequestsPerTask: 6.5, // the lost one's too
		Delay:           delayReport{Mean: 200, P50: 200, P95: 300},
		EventsPerTask:   27,
		ActionsPerTask:  7, // (15 + 6) / 3
		ServerCPU:       pointer(100), WorkerCPU: pointer(10),
		EventsPerPoll: pointer(11),
		LongestRun:    pointer(46_545), LongestWait: pointer(46_545), // 51,200 / 11 polls
	}, report)

	loop.continuesAsNew, loop.ours = true, true
	report = newDesignReport(loop, measured)
	require.Equal(t, pointer(46_545), report.LongestRun)
	require.Nil(t, report.LongestWait)
	require.True(t, report.ours)

	measured.cpu = cpuTimes{unavailable: true}
	report = newDesignReport(loop, measured)
	require.Nil(t, report.ServerCPU)
	require.Nil(t, report.WorkerCPU)
}

func TestHistoryThatDoesNotGrowHasNoEnd(t *testing.T) {
	t.Parallel()
	measured := measurement{
		waits:    []waited{waitWith(1, time.Second, 16, 3), waitWith(2, time.Second, 16, 5), waitWith(3, time.Second, 17, 7)},
		requests: map[int64]int{1: 1, 2: 3, 3: 5},
	}
	report := newDesignReport(design{slowestInterval: 10 * time.Second}, measured)
	require.Nil(t, report.LongestRun, "an event more now and then is none a poll")
	require.Nil(t, report.LongestWait)
}

func TestEverythingLost(t *testing.T) {
	t.Parallel()
	report := newDesignReport(design{}, measurement{waits: []waited{{lost: errors.New("first")}, {lost: errors.New("second")}}})
	require.Equal(t, 2, report.Lost)
	require.EqualError(t, report.firstLoss, "first")
	require.Equal(t, delayReport{}, report.Delay)
	require.Zero(t, report.EventsPerTask)
	require.Nil(t, report.EventsPerPoll)
}
