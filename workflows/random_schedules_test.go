package workflows_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/temporal-providers/temporal-2captcha/workflows"
)

var schedulesFlag = flag.Int("schedules", 2000, "how many random schedules TestRandomSchedules runs")

// TestRandomSchedules runs waits on schedules that nobody chose, and requires of each what
// [scheduleRecord.problem] lists. It runs half as many SolveTasks, and requires of them what
// [solveRun.problem] lists. A schedule that fails is reduced to the least that fails. The output
// shows it, and says how to run it again and how to keep it.
func TestRandomSchedules(t *testing.T) {
	t.Parallel()
	shop := openShop(t)
	await := func(polling workflows.Polling, inline bool) func(*testing.T, *rapid.T) history {
		schedules := rapid.Custom(func(t *rapid.T) randomSchedule { return drawSchedule(t, polling, inline) })
		return func(t *testing.T, check *rapid.T) history { return schedules.Draw(check, "schedule").run(t) }
	}
	solve := func(polling workflows.Polling) func(*testing.T, *rapid.T) history {
		schedules := rapid.Custom(func(t *rapid.T) randomSolve { return drawSolve(t, polling) })
		return func(t *testing.T, check *rapid.T) history { return schedules.Draw(check, "schedule").run(t, shop) }
	}
	kinds := []struct {
		name string
		run  func(*testing.T, *rapid.T) history
	}{
		{"timer", await(workflows.PollingTimer, false)},
		{"activityRetry", await(workflows.PollingActivityRetry, false)},
		{"timer inline", await(workflows.PollingTimer, true)},
		{"activityRetry inline", await(workflows.PollingActivityRetry, true)},
		{"SolveTask timer", solve(workflows.PollingTimer)},
		{"SolveTask activityRetry", solve(workflows.PollingActivityRetry)},
	}
	each := (*schedulesFlag + 3) / 4 // that many are of waits
	require.NoError(t, flag.Set("rapid.checks", strconv.Itoa(each)))
	if testing.Short() {
		each /= 5 // as rapid does
	}
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			var run atomic.Int64
			rapid.Check(t, func(check *rapid.T) {
				run.Add(1)
				history := kind.run(t, check)
				if problem := history.problem(); problem != "" {
					check.Logf("To keep this schedule as a test, save its JSON as workflows/testdata/schedules/NAME.json:\n%s", history)
					check.Fatalf("%s", problem)
				}
			})
			// rapid passes with fewer if the time of go test is nearly over.
			require.GreaterOrEqual(t, int(run.Load()), each, "fewer schedules than asked for: give go test a longer -timeout")
		})
	}
}

// history is what happened on a schedule.
type history interface {
	fmt.Stringer
	problem() string
}

// TestKeptSchedules runs schedules that failed once, with this code or with an earlier one.
func TestKeptSchedules(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/schedules/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			t.Parallel()
			content, err := os.ReadFile(file)
			require.NoError(t, err)
			history := runKept(t, content)
			require.Empty(t, history.problem(), "%s", history)
		})
	}
}

func runKept(t *testing.T, content []byte) history {
	t.Helper()
	var solve randomSolve
	require.NoError(t, json.Unmarshal(content, &solve))
	if len(solve.Tasks) > 0 {
		return solve.run(t, openShop(t))
	}
	var s randomSchedule
	require.NoError(t, json.Unmarshal(content, &s))
	return s.run(t)
}

// run carries the schedule out in a bubble: its time goes on only while a request is under way, and
// then as fast as it can.
func (s randomSchedule) run(t *testing.T) *scheduleRecord {
	t.Helper()
	var r *scheduleRecord
	synctest.Test(t, func(*testing.T) { r = newScheduleRun(s).carryOut() })
	return r
}
