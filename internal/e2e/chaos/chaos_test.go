package chaos

import (
	"flag"
	"testing"
)

var (
	longFlag    = flag.Bool("chaos.long", false, "run the long form of TestChaos: 272 tasks, about 6 minutes")
	clusterFlag = flag.Bool("chaos.cluster", false, "run TestChaos on a Temporal server of several processes on PostgreSQL, and kill one after the other")
	// With the default, no task of the short form meets more than two faults in a row in its first ten
	// requests. With 1 some meet five, each of which is repeated 30 s later.
	seedFlag = flag.Uint64("chaos.seed", 13, "what every random decision of TestChaos derives from")
)

// TestChaos requires that every task ends with its one right outcome, that no two requests for one
// task are less than 5 seconds apart, and that no worker's process sends anything while the service
// has told it to wait. A wait may end with TaskTimeout only if the service said "processing" on the
// deadline or later, and with NoAnswer only if no attempt of the last poll got an answer: the
// simulator's record tells.
//
// Of the tasks that SolveTask submits it requires that none is bought twice without leave, that a
// purchase whose answer arrived at a worker that lives gets its outcome, and that what each end
// says of money is true.
//
// The short form, of 58 tasks, takes about a minute and a half. The long one, of 272, takes about
// six: see Command.
func TestChaos(t *testing.T) {
	t.Parallel()
	form := shortForm
	if *longFlag {
		form = longForm
	}
	plan := newPlan(form, *seedFlag, *clusterFlag)
	t.Logf("seed %d; the same plan again:\n%s\n%s", plan.seed, Command(*longFlag, *clusterFlag, plan.seed), plan)

	run := startRun(t, plan)
	run.carryOut()
	findings := run.judge()
	t.Logf("seed %d\n%s", plan.seed, run.table(findings))
	for _, problem := range findings.problems {
		t.Errorf("seed %d: %s", plan.seed, problem)
	}
}
