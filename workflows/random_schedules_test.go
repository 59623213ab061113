package workflows_test

import (
	"encoding/json"
	"flag"
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
// [scheduleRecord.problem] lists. A schedule that fails is reduced to the least that fails. The
// output shows it, and says how to run it again and how to keep it.
func TestRandomSchedules(t *testing.T) {
	t.Parallel()
	kinds := []struct {
		name    string
		polling workflows.Polling
		inline  bool
	}{
		{"timer", workflows.PollingTimer, false},
		{"activityRetry", workflows.PollingActivityRetry, false},
		{"timer inline", workflows.PollingTimer, true},
		{"activityRetry inline", workflows.PollingActivityRetry, true},
	}
	each := (*schedulesFlag + len(kinds) - 1) / len(kinds)
	require.NoError(t, flag.Set("rapid.checks", strconv.Itoa(each)))
	if testing.Short() {
		each /= 5 // as rapid does
	}
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			schedules := rapid.Custom(func(t *rapid.T) randomSchedule { return drawSchedule(t, kind.polling, kind.inline) })
			var run atomic.Int64
			rapid.Check(t, func(check *rapid.T) {
				run.Add(1)
				history := schedules.Draw(check, "schedule").run(t)
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
			var s randomSchedule
			require.NoError(t, json.Unmarshal(content, &s))
			history := s.run(t)
			require.Empty(t, history.problem(), "%s", history)
		})
	}
}

// run carries the schedule out in a bubble: its time goes on only while a request is under way, and
// then as fast as it can.
func (s randomSchedule) run(t *testing.T) *scheduleRecord {
	t.Helper()
	var r *scheduleRecord
	synctest.Test(t, func(*testing.T) { r = newScheduleRun(s).carryOut() })
	return r
}
