package stage

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/bench/internal/designs"
)

func TestPercentileIsOneOfTheValues(t *testing.T) {
	t.Parallel()
	hundred := make([]float64, 100)
	for i := range hundred {
		hundred[i] = float64(i + 1)
	}
	tests := map[string]struct {
		sorted  []float64
		percent int
		want    float64
	}{
		"of none":               {nil, 50, 0},
		"of one":                {[]float64{7}, 95, 7},
		"the median of an even": {[]float64{1, 2, 3, 4}, 50, 2},
		"the median of an odd":  {[]float64{1, 2, 3}, 50, 2},
		"95 of few":             {[]float64{1, 2, 3, 4}, 95, 4},
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

func TestLeastSquares(t *testing.T) {
	t.Parallel()
	slope11, intercept, known := LeastSquares([]float64{1, 2, 3, 6}, []float64{16, 27, 38, 71})
	require.True(t, known)
	require.InDelta(t, 11, slope11, 1e-9)
	require.InDelta(t, 5, intercept, 1e-9)

	flat, _, known := LeastSquares([]float64{1, 2, 3}, []float64{16, 16, 16})
	require.True(t, known)
	require.Zero(t, flat)

	_, _, known = LeastSquares([]float64{1, 1, 1}, []float64{16, 16, 17})
	require.False(t, known, "with as many requests for each task nothing can be told")
	_, _, known = LeastSquares(nil, nil)
	require.False(t, known)
}

// waitWith is the wait for a task that was ready at a second of its own, with its result that long
// after.
func waitWith(taskID int64, delay time.Duration, requests, events, actions int) wait {
	readyAt := time.Unix(taskID, 0)
	return wait{
		taskID: taskID, readyAt: readyAt, ended: readyAt.Add(delay),
		requests: requests, events: events, actions: actions,
	}
}

func TestDesignFigures(t *testing.T) {
	t.Parallel()
	waits := []wait{
		waitWith(1, 100*time.Millisecond, 1, 16, 3),
		waitWith(2, 300*time.Millisecond, 3, 38, 7),
		waitWith(3, 200*time.Millisecond, 2, 27, 5),
		{taskID: 4, requests: 20, lost: errors.New("task 4: no result")},
	}
	before := usage{known: true, server: time.Second, workers: time.Minute}
	after := usage{known: true, server: 1400 * time.Millisecond, workers: time.Minute + 40*time.Millisecond}
	loop := designs.Design{Name: "a loop", Note: "for ever", SlowestInterval: 10 * time.Second}
	require.Equal(t, DesignFigures{
		Name: "a loop", Note: "for ever", Tasks: 4, Lost: 1,
		RequestsPerTask: 6.5, // the lost one's too
		Delay:           Delay{Mean: 200, P50: 200, P95: 300},
		EventsPerTask:   27,
		ActionsPerTask:  7, // (15 + 6) / 3
		ServerCPU:       new(100.0), WorkerCPU: new(10.0),
		EventsPerPoll: new(11.0),
		LongestRun:    new(46_545.0), LongestWait: new(46_545.0), // 51,200 / 11 polls
	}, newDesignFigures(loop, waits, 6, before, after))

	loop.ContinuesAsNew = true
	figures := newDesignFigures(loop, waits, 6, before, usage{})
	require.Equal(t, new(46_545.0), figures.LongestRun)
	require.Nil(t, figures.LongestWait)
	require.Nil(t, figures.ServerCPU)
	require.Nil(t, figures.WorkerCPU)
}

func TestHistoryThatDoesNotGrowHasNoEnd(t *testing.T) {
	t.Parallel()
	waits := []wait{
		waitWith(1, time.Second, 1, 16, 3), waitWith(2, time.Second, 3, 16, 5), waitWith(3, time.Second, 5, 17, 7),
	}
	figures := newDesignFigures(designs.Design{SlowestInterval: 10 * time.Second}, waits, 0, usage{}, usage{})
	require.Nil(t, figures.LongestRun, "an event more now and then is not one a poll")
	require.Nil(t, figures.LongestWait)
}

func TestEverythingLost(t *testing.T) {
	t.Parallel()
	waits := []wait{{lost: errors.New("first")}, {lost: errors.New("second")}}
	figures := newDesignFigures(designs.Design{}, waits, 0, usage{}, usage{})
	require.Equal(t, 2, figures.Lost)
	require.Equal(t, Delay{}, figures.Delay)
	require.Zero(t, figures.EventsPerTask)
	require.Nil(t, figures.EventsPerPoll)
}
