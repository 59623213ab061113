package e2e

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// chaosForm is how much a chaos run takes on. Its times are from the run's start.
type chaosForm struct {
	decks    int           // of fates, each of chaosDeck tasks
	atOnce   int           // of the tasks are started at once, the others at any time until startEnd
	startEnd time.Duration // when the last task has been started
	slowest  time.Duration // how long after its submission a task is ready, at most
	blocked  int           // tasks that meet a ban of the address, which takes 3 minutes

	kills, terms, freezes, longFreezes int // of each worker
	outages                            []span
	disturbed                          time.Duration // when the last disturbance begins, if the ones before it have ended
	bound                              time.Duration // when every task must have its outcome
}

// span is how long something may take.
type span struct{ least, most time.Duration }

var (
	chaosShort = chaosForm{
		decks: 1, atOnce: 28, startEnd: 20 * time.Second, slowest: 25 * time.Second,
		kills: 2, terms: 1, freezes: 1,
		outages:   []span{{time.Second, 4 * time.Second}},
		disturbed: 40 * time.Second,
		bound:     5 * time.Minute,
	}
	chaosLong = chaosForm{
		decks: 5, atOnce: 100, startEnd: 150 * time.Second, slowest: 120 * time.Second, blocked: 4,
		kills: 5, terms: 3, freezes: 3, longFreezes: 2,
		// The SDK tries for 10 s to report an attempt's outcome, so that the second outage loses some.
		outages:   []span{{time.Second, 4 * time.Second}, {11 * time.Second, 15 * time.Second}},
		disturbed: 4 * time.Minute,
		bound:     12 * time.Minute,
	}
)

// chaosWorkers is how many worker processes serve the tasks.
const chaosWorkers = 2

// chaosPlan is all that is decided about a run before it starts. The same form and seed make the same plan; how the processes
// interleave under it is up to the machine.
type chaosPlan struct {
	seed    uint64
	form    chaosForm
	tasks   []chaosTask
	workers [chaosWorkers][]disturbance
	server  []disturbance
}

// chaosTask is one task: when it is submitted, how it is waited for, and what must become of it.
type chaosTask struct {
	fate
	id       int64
	startAt  time.Duration
	wakeUpAt time.Duration // after its start a wake-up is sent; 0: none is
	timeout  time.Duration // of its wait; 0: the default, far beyond the run
	polling  string
}

// fate is what the service answers on a task, beside the faults, and the one outcome that is right for it.
type fate struct {
	name      string
	script    []simulator.Answer
	solution  string // of the result; "" where the outcome is an error
	errorType string
	outcome   string // the name of the simulator's answer that decides the outcome; "" where none does
}

// disturbance is what happens to one worker, or to the Temporal server.
type disturbance struct {
	kind disturbanceKind
	at   time.Duration // after the run's start, or when the one before it has ended
	// lasts is how long it is frozen, or stays down after it has ended.
	lasts time.Duration
}

type disturbanceKind string

const (
	byKill disturbanceKind = "killed"     // SIGKILL, then started again
	byTerm disturbanceKind = "terminated" // SIGTERM, ends with status 0, then started again
	byStop disturbanceKind = "frozen"     // SIGSTOP, then SIGCONT
)

const (
	chaosFirstTaskID = 83404376000 // beyond 32 bits, as the service's are

	chaosFaultProbability = 0.2
)

func newChaosPlan(form chaosForm, seed uint64) chaosPlan {
	random := rand.New(rand.NewPCG(seed, 0))
	plan := chaosPlan{seed: seed, form: form}
	plan.tasks = chaosTasks(random, form)
	pollings := rand.New(rand.NewPCG(seed, 1)) // apart, so that all else is the same whichever way a task is polled
	for i := range plan.tasks {
		plan.tasks[i].polling = workflows.PollingTimer
		if pollings.IntN(3) == 0 {
			plan.tasks[i].polling = workflows.PollingActivityRetry
		}
	}
	for i := range plan.workers {
		plan.workers[i] = workerDisturbances(random, form)
	}
	for i, outage := range form.outages {
		// Evenly over the run, each at any time in the middle of its part.
		part := form.disturbed / time.Duration(len(form.outages))
		at := time.Duration(i)*part + part/4 + randomUpTo(random, part/2)
		lasts := outage.least + randomUpTo(random, outage.most-outage.least)
		plan.server = append(plan.server, disturbance{kind: byKill, at: at, lasts: lasts})
	}
	return plan
}

func workerDisturbances(random *rand.Rand, form chaosForm) []disturbance {
	var disturbances []disturbance
	add := func(n int, kind disturbanceKind, lasts span) {
		for range n {
			disturbances = append(disturbances,
				disturbance{kind: kind, lasts: lasts.least + randomUpTo(random, lasts.most-lasts.least)})
		}
	}
	add(form.kills, byKill, span{0, 3 * time.Second})
	add(form.terms, byTerm, span{0, 3 * time.Second})
	add(form.freezes, byStop, span{time.Second, 9 * time.Second})
	// Longer than an attempt has: what the worker held is given up meanwhile, and the worker must not send it any more.
	add(form.longFreezes, byStop, span{21 * time.Second, 32 * time.Second})
	random.Shuffle(len(disturbances), func(i, j int) {
		disturbances[i], disturbances[j] = disturbances[j], disturbances[i]
	})
	for i := range disturbances {
		part := (form.disturbed / time.Duration(len(disturbances))).Truncate(time.Millisecond)
		disturbances[i].at = time.Duration(i)*part + randomUpTo(random, part)
	}
	return disturbances
}

func chaosTasks(random *rand.Rand, form chaosForm) []chaosTask {
	var tasks []chaosTask
	for range form.decks {
		for _, card := range chaosDeck {
			for range card.tasks {
				tasks = append(tasks, chaosTask{fate: fate{name: card.fate}})
			}
		}
	}
	random.Shuffle(len(tasks), func(i, j int) { tasks[i], tasks[j] = tasks[j], tasks[i] })
	blocked := 0
	for i := range tasks {
		task := &tasks[i]
		task.id = chaosFirstTaskID + int64(i)
		if i >= form.atOnce {
			task.startAt = randomUpTo(random, form.startEnd)
		} else if task.name == readyLater && blocked < form.blocked {
			task.name = blockedThenReady // among the first, since it takes long
			blocked++
		}
		if random.IntN(4) == 0 {
			task.wakeUpAt = time.Second + randomUpTo(random, form.slowest)
		}
		if task.name == neverReady {
			task.timeout = form.slowest/2 + randomUpTo(random, form.slowest/2)
		}
		task.fate = newFate(random, task.name, task.id, form.slowest)
		if random.IntN(2) == 0 {
			// On its way for long enough that it may well be so when a worker ends.
			last := &task.script[len(task.script)-1]
			*last = last.WithDelay(randomUpTo(random, 3*time.Second))
		}
	}
	return tasks
}

// The fates' names.
const (
	readyAtOnce        = "ready at once"
	readyLater         = "ready later"
	noSlotThenReady    = "no slot, then ready"
	blockedThenReady   = "address blocked, then ready"
	unsolvable         = "unsolvable"
	badDuplicates      = "bad duplicates"
	unknownCode        = "unknown code"
	verdictOnBadStatus = "verdict on another HTTP status"
	neverWas           = "never was"
	expiredLater       = "expired later"
	errorWithoutCode   = "errorId without errorCode"
	tooLarge           = "answer too large"
	neverReady         = "never ready"
)

// chaosDeck is how many of 40 tasks have which fate.
var chaosDeck = []struct {
	fate  string
	tasks int
}{
	{readyAtOnce, 10}, {readyLater, 12}, {noSlotThenReady, 2},
	{unsolvable, 3}, {badDuplicates, 2}, {unknownCode, 2}, {verdictOnBadStatus, 2},
	{neverWas, 1}, {expiredLater, 2}, {errorWithoutCode, 1}, {tooLarge, 1}, {neverReady, 2},
}

func newFate(random *rand.Rand, name string, taskID int64, slowest time.Duration) fate {
	after := randomUpTo(random, slowest)
	ready := func(answers ...simulator.Answer) fate {
		solution := chaosSolution(random, taskID)
		return fate{name: name, solution: solution, outcome: "ready", script: append(answers, simulator.ReadyAfter(after, solution))}
	}
	verdict := func(code string, answer simulator.Answer) fate {
		return fate{name: name, errorType: code, outcome: answer.String(), script: []simulator.Answer{answer}}
	}
	switch name {
	case readyLater:
		return ready()
	case readyAtOnce:
		after = 0
		return ready()
	case noSlotThenReady:
		after = 0
		return ready(simulator.Error(noSlotAvailable))
	case blockedThenReady:
		after = 0
		return ready(simulator.Error(ipBlocked))
	case unsolvable:
		return verdict("ERROR_CAPTCHA_UNSOLVABLE", simulator.ErrorAfter(after, "ERROR_CAPTCHA_UNSOLVABLE"))
	case badDuplicates:
		return verdict("ERROR_BAD_DUPLICATES", simulator.ErrorAfter(after, "ERROR_BAD_DUPLICATES"))
	case unknownCode:
		code := fmt.Sprintf("ERROR_OF_TASK_%d", taskID)
		return verdict(code, simulator.ErrorAfter(after, code))
	case verdictOnBadStatus:
		status := []int{400, 401, 402, 500, 503}[random.IntN(5)]
		return verdict("ERROR_BAD_PROXY", simulator.ErrorAfter(after, "ERROR_BAD_PROXY").WithHTTPStatus(status))
	case neverWas:
		return verdict(noSuchTask, simulator.Expired())
	case expiredLater:
		return verdict(noSuchTask, simulator.ErrorAfter(after, noSuchTask))
	case errorWithoutCode:
		return verdict(workflows.ErrorTypeUnexpectedResponse, simulator.Body(`{"errorId":7,"errorDescription":"without a code"}`))
	case tooLarge:
		return verdict(workflows.ErrorTypeUnexpectedResponse, simulator.Oversized(300<<10))
	case neverReady:
		return fate{name: name, errorType: workflows.ErrorTypeTaskTimeout, script: []simulator.Answer{simulator.Processing()}}
	}
	panic("no such fate: " + name)
}

const noSuchTask = "ERROR_NO_SUCH_CAPCHA_ID" // the service's spelling

// chaosSolution is one of the shapes that solutions have, distinct for each task. None is written otherwise by encoding/json, so
// that it must arrive byte for byte.
func chaosSolution(random *rand.Rand, taskID int64) string {
	token := fmt.Sprintf("%d-%016x", taskID, random.Uint64())
	return fmt.Sprintf([]string{
		`{"text":"%s"}`,
		`"%s"`,
		`{"token":"%s","a.b":"\/","UPPER":"é \u00e9","nested":"{\"lot\":1}"}`,
		`{"answers":[null,1.10,12345678901234567890],"key":"%s"}`,
		`["%s",{"z":1,"a":2}]`,
	}[random.IntN(5)], token)
}

// chaosFaults are the ways in which the service fails for a while. elsewhere is where redirects lead to: a request that
// arrives there has been carried along.
func chaosFaults(elsewhere string) []simulator.Answer {
	late := `{"errorId":0,"status":"ready","solution":{"text":"never complete in time"}}`
	return []simulator.Answer{
		simulator.Status(500, "500 Internal Server Error"),
		simulator.Status(502, ""),
		simulator.Status(504, "<html>"),
		simulator.Status(404, "Not Found"),
		simulator.RetryAfter(429, "7"),
		simulator.RetryAfter(429, "1"), // below the service's own rule
		simulator.RetryAfter(503, "Wed, 21 Oct 2015 07:28:00 GMT"),
		simulator.HTMLPage(),
		simulator.TruncatedJSON(),
		simulator.TruncatedBody(),
		simulator.Redirect(elsewhere),
		simulator.Redirect(elsewhere).WithHTTPStatus(302),
		simulator.DroppedConnection(),
		simulator.ResetConnection(),
		simulator.Stalled(0),
		simulator.Stalled(4 * time.Second),
		simulator.SlowBody(30*time.Second, late),
		simulator.SlowBody(2*time.Second, `{"errorId":0,"status":"processing"}`),
		simulator.Processing().WithDelay(6 * time.Second),
		simulator.Oversized(300 << 10).WithHTTPStatus(500),
		simulator.Error(noSlotAvailable),
		simulator.Body(""),
		simulator.Body("{}"),
		simulator.Body("null"),
		simulator.Body("[]"),
		simulator.Body(`{"errorId":0,"status":"ready"}`),
		simulator.Body(`{"errorId":0,"status":"ready","solution":null}`),
		simulator.Body("{\"errorId\":0,\"status\":\"\xff\x00\"}"),
	}
}

// randomUpTo is a time from 0 to most, in milliseconds.
func randomUpTo(random *rand.Rand, most time.Duration) time.Duration {
	return time.Duration(random.Int64N(most.Milliseconds()+1)) * time.Millisecond
}

func TestChaosPlanFollowsFromItsSeed(t *testing.T) {
	t.Parallel()
	for name, form := range map[string]chaosForm{"short": chaosShort, "long": chaosLong} {
		require.Equal(t, newChaosPlan(form, 7), newChaosPlan(form, 7), name)
		require.NotEqual(t, newChaosPlan(form, 7), newChaosPlan(form, 8), name)
	}

	plan := newChaosPlan(chaosLong, 7)
	require.Len(t, plan.tasks, 200)
	require.Len(t, plan.server, 2)
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
			return d.kind == byStop && d.lasts > 20*time.Second
		}), "no freeze is longer than an attempt has")
	}
}
