package chaos

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// runForm is how much a run takes on. Its times are from the run's start.
type runForm struct {
	decks int // of fates, each of deck tasks
	// atOnce tasks are started at once, the others at any time until startEnd.
	atOnce     int
	startEnd   time.Duration // when the last task has been started
	slowest    time.Duration // how long after its submission a task is ready, at most
	blocked    int           // tasks that meet a ban of the address, which holds their worker's process for 3 minutes
	unanswered int           // tasks whose requests are answered once, and then fail for ever
	solveDecks int           // of tasks that SolveTask submits
	// solveTimeout is until when these are waited for after their submission, and how long submitting
	// may take.
	solveTimeout time.Duration
	// down is from when until when the service is down. The deadlines of a quarter of the tasks are
	// within it.
	down              span
	hangs             bool    // some requests then wait until the client gives up
	requestsPerSecond float64 // at most, of all workers together

	kills, terms, freezes, longFreezes int    // of each worker
	outages                            []span // of the Temporal server
	// disturbed is when the last disturbance begins, if the ones before it have ended.
	disturbed time.Duration
	bound     time.Duration // when every task must have its outcome
}

// span is how long something may take, or from when until when it is.
type span struct{ least, most time.Duration }

func (s span) random(random *rand.Rand) time.Duration {
	return s.least + randomUpTo(random, s.most-s.least)
}

var (
	shortForm = runForm{
		decks: 1, atOnce: 28, startEnd: 20 * time.Second, slowest: 25 * time.Second,
		solveDecks: 1, solveTimeout: 40 * time.Second,
		down: span{12 * time.Second, 20 * time.Second}, requestsPerSecond: 8,
		kills: 2, terms: 1, freezes: 1,
		outages:   []span{{time.Second, 4 * time.Second}},
		disturbed: 40 * time.Second,
		bound:     5 * time.Minute,
	}
	longForm = runForm{
		decks: 5, atOnce: 100, startEnd: 150 * time.Second, slowest: 120 * time.Second, blocked: 1, unanswered: 4,
		solveDecks: 4, solveTimeout: 80 * time.Second,
		// A last poll that begins when the service goes down has had its attempts before it is up.
		down: span{60 * time.Second, 220 * time.Second}, hangs: true, requestsPerSecond: 8,
		kills: 5, terms: 3, freezes: 3, longFreezes: 2,
		// The SDK tries for 10 s to report an attempt's outcome, so that the second outage loses
		// some.
		outages:   []span{{time.Second, 4 * time.Second}, {11 * time.Second, 15 * time.Second}},
		disturbed: 4 * time.Minute,
		bound:     12 * time.Minute,
	}
)

// workerCount is how many worker processes serve the tasks.
const workerCount = 2

// runPlan is everything that is decided about a run before it starts. The same form and seed make
// the same plan. How the processes interleave under it is up to the machine.
type runPlan struct {
	seed uint64
	form runForm
	// onCluster has the Temporal server be a cluster, each of whose processes is killed once.
	onCluster bool
	tasks     []plannedTask
	solves    []plannedSolve
	workers   [workerCount][]disturbance
	server    []disturbance
}

// plannedTask is one task: when it is submitted, how it is waited for, and what must become of it.
type plannedTask struct {
	fate
	id       int64
	startAt  time.Duration
	wakeUpAt time.Duration // after its start a wake-up is sent; 0: none is
	timeout  time.Duration // of its wait; 0: the default, far beyond the run
	overDown bool          // its deadline is while the service is down
	polling  workflows.Polling
}

// disturbance is what happens to one worker, or to the Temporal server.
type disturbance struct {
	kind disturbanceKind
	at   time.Duration // after the run's start, or when the one before it has ended
	// lasts is how long it is frozen, or stays down after it has ended.
	lasts time.Duration
	part  string // of the Temporal server, what is killed
}

type disturbanceKind string

const (
	byKill disturbanceKind = "killed"     // SIGKILL, then started again
	byTerm disturbanceKind = "terminated" // SIGTERM, ends with status 0, then started again
	byStop disturbanceKind = "frozen"     // SIGSTOP, then SIGCONT
	isDown disturbanceKind = "down"       // it gives no answer, then it does
)

const (
	firstTaskID = 83404376000 // beyond 32 bits, as the service's are

	faultProbability = 0.2

	// restartTime is about how long a process of a cluster takes until it serves again.
	restartTime = 5 * time.Second

	// attemptTimeout is how long an attempt has: its activity's StartToClose.
	attemptTimeout = 30 * time.Second
)

func newPlan(form runForm, seed uint64, onCluster bool) runPlan {
	random := rand.New(rand.NewPCG(seed, 0))
	plan := runPlan{seed: seed, form: form, onCluster: onCluster}
	plan.tasks = planTasks(random, form)
	// A source of its own, so that everything else is the same whichever way a task is polled.
	pollings := rand.New(rand.NewPCG(seed, 1))
	for i := range plan.tasks {
		plan.tasks[i].polling = workflows.PollingTimer
		if pollings.IntN(3) == 0 {
			plan.tasks[i].polling = workflows.PollingActivityRetry
		}
	}
	plan.solves = planSolves(rand.New(rand.NewPCG(seed, 2)), form)
	for i := range plan.workers {
		plan.workers[i] = workerDisturbances(random, form)
	}
	if onCluster {
		plan.server = clusterDisturbances(rand.New(rand.NewPCG(seed, 3)), form)
		return plan
	}
	for i, outage := range form.outages {
		// Evenly over the run, each at any time in the middle of its part.
		part := form.disturbed / time.Duration(len(form.outages))
		at := time.Duration(i)*part + part/4 + randomUpTo(random, part/2)
		plan.server = append(plan.server, disturbance{kind: byKill, at: at, lasts: outage.random(random), part: serverName})
	}
	return plan
}

// clusterDisturbances kill each process of a cluster once, one at a time.
func clusterDisturbances(random *rand.Rand, form runForm) (disturbances []disturbance) {
	parts := slices.Clone(clusterParts)
	random.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	longest := form.outages[len(form.outages)-1].most
	room := form.disturbed / time.Duration(len(parts))
	for i, part := range parts {
		disturbances = append(disturbances, disturbance{
			kind: byKill, part: part, lasts: span{time.Second, longest}.random(random),
			at: time.Duration(i)*room + randomUpTo(random, max(room-longest-restartTime, 0)),
		})
	}
	return disturbances
}

func workerDisturbances(random *rand.Rand, form runForm) []disturbance {
	var disturbances []disturbance
	add := func(n int, kind disturbanceKind, lasts span) {
		for range n {
			disturbances = append(disturbances, disturbance{kind: kind, lasts: lasts.random(random)})
		}
	}
	add(form.kills, byKill, span{0, 3 * time.Second})
	add(form.terms, byTerm, span{0, 3 * time.Second})
	add(form.freezes, byStop, span{time.Second, 9 * time.Second})
	// Longer than an attempt has: meanwhile the server gives up what the worker held, and the
	// worker must not send it any more.
	add(form.longFreezes, byStop, span{attemptTimeout + time.Second, attemptTimeout + 12*time.Second})
	random.Shuffle(len(disturbances), func(i, j int) {
		disturbances[i], disturbances[j] = disturbances[j], disturbances[i]
	})
	for i := range disturbances {
		part := (form.disturbed / time.Duration(len(disturbances))).Truncate(time.Millisecond)
		disturbances[i].at = time.Duration(i)*part + randomUpTo(random, part)
	}
	return disturbances
}

func planTasks(random *rand.Rand, form runForm) []plannedTask {
	var tasks []plannedTask
	for range form.decks {
		for _, card := range deck {
			for range card.tasks {
				tasks = append(tasks, plannedTask{fate: fate{name: card.fate}})
			}
		}
	}
	random.Shuffle(len(tasks), func(i, j int) { tasks[i], tasks[j] = tasks[j], tasks[i] })
	blocked, unanswered, overDown := 0, 0, 0
	for i := range tasks {
		task := &tasks[i]
		task.id = firstTaskID + int64(i)
		decided := span{0, form.slowest}
		switch {
		// Once there is something to hold back, and before the service is down, so that the ban is over
		// when the disturbances are. A second one might follow the first.
		case task.name == readyLater && blocked < form.blocked:
			task.name, task.startAt = blockedThenReady, form.down.least/3+randomUpTo(random, form.down.least/3)
			blocked++
		case task.name == readyLater && unanswered < form.unanswered:
			task.name, task.timeout = answeredNoMore, form.down.least/2
			unanswered++
		case takesTime(task.name) && overDown < len(tasks)/4:
			// Its outcome can be asked for, at the earliest, a moment before the service goes down.
			decided = span{form.down.least - 10*time.Second, form.down.most}
			task.overDown, task.timeout = true, form.down.random(random)
			overDown++
		case i >= form.atOnce:
			task.startAt = randomUpTo(random, form.startEnd)
		}
		if random.IntN(4) == 0 {
			task.wakeUpAt = time.Second + randomUpTo(random, form.slowest)
		}
		if task.name == neverReady && !task.overDown {
			task.timeout = form.slowest/2 + randomUpTo(random, form.slowest/2)
		}
		task.fate = newFate(random, task.name, task.id, decided)
		if random.IntN(2) == 0 {
			// On its way for long enough that it may well be so when a worker ends.
			last := &task.script[len(task.script)-1]
			*last = last.WithDelay(randomUpTo(random, 3*time.Second))
		}
	}
	return tasks
}

// randomUpTo is a time from 0 to most, in milliseconds.
func randomUpTo(random *rand.Rand, most time.Duration) time.Duration {
	return time.Duration(random.Int64N(most.Milliseconds()+1)) * time.Millisecond
}

// deadlinesWhileDown counts the tasks whose deadline is while the service is down.
func deadlinesWhileDown(plan runPlan) (count int) {
	down := plan.form.down
	for _, task := range plan.tasks {
		if deadline := task.startAt + task.timeout; task.overDown && down.least <= deadline && deadline <= down.most {
			count++
		}
	}
	return count
}

func TestChaosPlanFollowsFromItsSeed(t *testing.T) {
	t.Parallel()
	for name, form := range map[string]runForm{"short": shortForm, "long": longForm} {
		require.Equal(t, newPlan(form, 7, false), newPlan(form, 7, false), name)
		require.NotEqual(t, newPlan(form, 7, false), newPlan(form, 8, false), name)
	}

	parts := map[string]bool{}
	for _, d := range newPlan(longForm, 7, true).server {
		parts[d.part] = true
	}
	require.Len(t, parts, len(clusterParts), "each process is killed")

	plan := newPlan(longForm, 7, false)
	require.Len(t, plan.tasks, 200)
	require.Len(t, plan.solves, 72)
	require.Len(t, plan.server, 2)
	require.Equal(t, 50, deadlinesWhileDown(plan))
	require.Equal(t, 10, deadlinesWhileDown(newPlan(shortForm, 7, false)))
	solutions, byRetries := map[string]bool{}, 0
	for _, task := range plan.tasks {
		if task.polling == workflows.PollingActivityRetry {
			byRetries++
		}
		if task.solution != "" {
			require.False(t, solutions[task.solution], "two tasks have the solution %s", task.solution)
			solutions[task.solution] = true
		}
	}
	require.InDelta(t, 67, byRetries, 30, "about a third")
	for _, disturbances := range plan.workers {
		require.True(t, slices.ContainsFunc(disturbances, func(d disturbance) bool {
			return d.kind == byStop && d.lasts > attemptTimeout
		}), "no freeze is longer than an attempt has")
	}
}
