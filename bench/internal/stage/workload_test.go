package stage

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSolveTimesAreSkewedWithTheirMeanAndWithinBounds(t *testing.T) {
	t.Parallel()
	for _, meanSolveTime := range []time.Duration{15 * time.Second, 3 * time.Second} {
		workload := NewWorkload(100_000, 5, meanSolveTime, 7)
		solveTimes := slices.Sorted(slices.Values(workload.solveTimes))
		require.InEpsilon(t, meanSolveTime.Seconds(), workload.MeanSolveTime, 0.01, "the mean")
		require.InDelta(t, solveTimes[len(solveTimes)-1].Seconds(), workload.MostSolveTime, 0.05)
		median, slow := solveTimes[len(solveTimes)/2], solveTimes[len(solveTimes)*95/100]
		require.InEpsilon(t, meanSolveTime.Seconds()*12.5/15, median.Seconds(), 0.02, "the median is below the mean")
		require.InEpsilon(t, meanSolveTime.Seconds()*33.6/15, slow.Seconds(), 0.02, "few are long")
		require.GreaterOrEqual(t, solveTimes[0], meanSolveTime*2/15)
		require.LessOrEqual(t, solveTimes[len(solveTimes)-1], 6*meanSolveTime)
	}
}

func TestEqualSeedsGiveEqualTasks(t *testing.T) {
	t.Parallel()
	ofSeed := func(seed uint64) []time.Duration { return NewWorkload(20, 5, 15*time.Second, seed).solveTimes }
	require.Equal(t, ofSeed(1), ofSeed(1))
	require.NotEqual(t, ofSeed(1), ofSeed(2))
}

func TestTasksArriveAtAFixedRate(t *testing.T) {
	t.Parallel()
	workload := NewWorkload(5, 4, time.Second, 1)
	var arrivals []time.Duration
	for i := range workload.Tasks {
		arrivals = append(arrivals, workload.arrival(i))
	}
	const quarter = 250 * time.Millisecond
	require.Equal(t, []time.Duration{0, quarter, 2 * quarter, 3 * quarter, 4 * quarter}, arrivals)
}

func TestEvenWorkloadsAreAlike(t *testing.T) {
	t.Parallel()
	const meanSolveTime = 15 * time.Second
	for _, tasks := range []int{25, 100} {
		workload := NewEvenWorkload(tasks, 1, meanSolveTime)
		require.Len(t, workload.solveTimes, tasks)
		total := time.Duration(0)
		for _, solveTime := range workload.solveTimes {
			require.Positive(t, solveTime)
			total += solveTime
		}
		require.InEpsilon(t, meanSolveTime, total/time.Duration(tasks), 0.02)
		slow := slices.IndexFunc(workload.solveTimes, func(d time.Duration) bool { return d <= 2*meanSolveTime })
		require.Positive(t, slow)
		require.LessOrEqual(t, slices.Max(workload.solveTimes[slow:]), 2*meanSolveTime, "the slowest come first")
		require.False(t, slices.IsSorted(workload.solveTimes[slow:]))
	}
	require.Empty(t, NewEvenWorkload(0, 1, meanSolveTime).solveTimes)
}
