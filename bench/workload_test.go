package main

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSolveTimesAreSkewedWithTheirMeanAndWithinBounds(t *testing.T) {
	t.Parallel()
	for _, meanSolveTime := range []time.Duration{15 * time.Second, 3 * time.Second} {
		workload := workload{tasks: 100_000, rate: 5, meanSolveTime: meanSolveTime, seed: 7}
		var solveTimes []time.Duration
		for _, task := range workload.draw() {
			solveTimes = append(solveTimes, task.solveTime)
		}
		slices.Sort(solveTimes)
		require.InEpsilon(t, meanSolveTime.Seconds(), mean(solveTimes).Seconds(), 0.01, "the mean")
		require.InEpsilon(t, meanSolveTime.Seconds()*12.5/15, percentile(solveTimes, 50).Seconds(), 0.02, "the median is below the mean")
		require.InEpsilon(t, meanSolveTime.Seconds()*33.6/15, percentile(solveTimes, 95).Seconds(), 0.02, "few are long")
		require.GreaterOrEqual(t, solveTimes[0], meanSolveTime*2/15)
		require.LessOrEqual(t, solveTimes[len(solveTimes)-1], 6*meanSolveTime)
	}
}

func TestEqualSeedsGiveEqualTasks(t *testing.T) {
	t.Parallel()
	ofSeed := func(seed uint64) []task {
		return workload{tasks: 20, rate: 5, meanSolveTime: 15 * time.Second, seed: seed}.draw()
	}
	require.Equal(t, ofSeed(1), ofSeed(1))
	require.NotEqual(t, ofSeed(1), ofSeed(2))
}

func TestTasksArriveAtAFixedRate(t *testing.T) {
	t.Parallel()
	tasks := workload{tasks: 5, rate: 4, meanSolveTime: time.Second, seed: 1}.draw()
	var arrivals []time.Duration
	for _, task := range tasks {
		arrivals = append(arrivals, task.arrival)
	}
	const quarter = 250 * time.Millisecond
	require.Equal(t, []time.Duration{0, quarter, 2 * quarter, 3 * quarter, 4 * quarter}, arrivals)
}
