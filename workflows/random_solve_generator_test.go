package workflows_test

import (
	"encoding/json"
	"time"

	"pgregory.net/rapid"

	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// randomSolve is all that happens to one SolveTask. Its waits are of no use: Submissions are what
// its submissions come to, and Tasks what becomes of the tasks that it buys, one after the other.
type randomSolve struct {
	randomSchedule
	Attempts        int  `json:"attempts,omitempty"`
	ResubmitUnknown bool `json:"resubmitUnknown,omitempty"`
	DisableCallback bool `json:"disableCallback,omitempty"`
	// WithoutCallbacks tells that the worker takes none.
	WithoutCallbacks bool `json:"withoutCallbacks,omitempty"`

	Submissions randomWait        `json:"submissions"`
	Tasks       []randomTask      `json:"tasks"`
	SolveCalls  []randomSolveCall `json:"solveCalls,omitempty"`
}

// randomTask is a task that is bought. Its settings are the wait's, if it is the first.
type randomTask struct {
	randomWait
	Call serviceCall `json:"call,omitempty"`
	// CallDelay is from the task's end to the service's call.
	CallDelay span `json:"callDelay,omitempty"`
}

// serviceCall is how the service calls the address that it was given.
type serviceCall string

const (
	serviceCallNamed   serviceCall = ""
	serviceCallUnnamed serviceCall = "without an id"
	serviceCallNone    serviceCall = "none"
)

// randomSolveCall is a call that is not the service's own.
type randomSolveCall struct {
	At   span          `json:"at"`
	Kind solveCallKind `json:"kind"`
}

type solveCallKind string

const (
	solveCallForeign        solveCallKind = "another task for the last submission"
	solveCallWrong          solveCallKind = "the last task for a submission of nobody"
	solveCallUnnamed        solveCallKind = "no task for the last submission"
	solveCallTask           solveCallKind = "the last task alone"
	solveCallForeignTask    solveCallKind = "another task alone"
	solveCallNothing        solveCallKind = "no payload"
	solveCallUnreadable     solveCallKind = "a payload that is no call"
	solveCallNextSubmission solveCallKind = "another task for a submission that is yet to come"
)

var solveCallKinds = []solveCallKind{solveCallForeign, solveCallWrong, solveCallUnnamed, solveCallTask, solveCallForeignTask,
	solveCallNothing, solveCallUnreadable, solveCallNextSubmission}

func (s randomSolve) String() string {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func (s randomSolve) task() json.RawMessage { return json.RawMessage(textTask) }

func (s randomSolve) input() workflows.SolveTaskInput {
	wait := s.Tasks[0].input(s.Polling)
	return workflows.SolveTaskInput{
		Task: s.task(), Attempts: s.Attempts, ResubmitUnknown: s.ResubmitUnknown, DisableCallback: s.DisableCallback,
		InitialDelay: wait.InitialDelay, PollInterval: wait.PollInterval, MaxPollInterval: wait.MaxPollInterval,
		Timeout: wait.Timeout, Polling: s.Polling,
	}
}

func drawSolve(t *rapid.T, polling workflows.Polling) randomSolve {
	s := randomSolve{
		randomSchedule: randomSchedule{Polling: polling}, Attempts: rapid.IntRange(0, 3).Draw(t, "attempts"),
		ResubmitUnknown: oneIn(t, 3, "resubmitUnknown"), DisableCallback: oneIn(t, 4, "disableCallback"),
		WithoutCallbacks: oneIn(t, 3, "without callbacks"),
	}
	for range max(s.Attempts, 1) {
		s.Tasks = append(s.Tasks, drawTask(t))
	}
	s.Submissions = drawSubmissions(t, time.Duration(s.Tasks[0].Timeout))
	for _, task := range s.Tasks { // whose moments matter
		s.Waits = append(s.Waits, task.randomWait)
	}
	for range rapid.IntRange(0, 4).Draw(t, "calls") {
		s.SolveCalls = append(s.SolveCalls, randomSolveCall{
			At: drawMoment(t, "call at", s.randomSchedule), Kind: rapid.SampledFrom(solveCallKinds).Draw(t, "call"),
		})
	}
	drawInterruptions(t, &s.randomSchedule)
	if oneIn(t, 4, "canceled early") { // while the task is being submitted, most likely
		s.CancelAt = max(drawSpan(t, "canceled at", 0, time.Minute), 1)
		if oneIn(t, 2, "within the first request") {
			s.CancelAt = max(s.CancelAt%span(14*time.Second), 1)
			first := fate{
				Kind:  rapid.SampledFrom([]fateKind{fateSolvedAtOnce, fateTruth, fateDropped, fateLate, fateLost}).Draw(t, "the first request"),
				Delay: s.CancelAt + span(step),
			}
			s.Submissions.Attempts = append([]fate{first}, s.Submissions.Attempts...)
		}
	}
	s.Waits = nil
	return s
}

func drawTask(t *rapid.T) randomTask {
	task := randomTask{randomWait: drawWait(t, taskID)}
	task.TaskID, task.Callback = 0, false
	if task.EndsAt > 0 && oneIn(t, 3, "can't be solved") {
		task.Code = rapid.SampledFrom([]string{"ERROR_CAPTCHA_UNSOLVABLE", "ERROR_BAD_DUPLICATES"}).Draw(t, "code")
	}
	if task.Code == "ERROR_NO_SUCH_CAPCHA_ID" { // which is for ids of others
		task.Code = "ERROR_NEW"
	}
	task.Call = rapid.SampledFrom([]serviceCall{serviceCallNamed, serviceCallNamed, serviceCallUnnamed, serviceCallNone}).Draw(t, "service's call")
	if oneIn(t, 2, "late call") {
		task.CallDelay = drawSpan(t, "call delay", 0, 2*time.Minute)
	} else if oneIn(t, 3, "early call") {
		task.CallDelay = -drawSpan(t, "call before the end", 0, time.Minute)
	}
	return task
}

// drawSubmissions draws what submissions come to: more of them than of polls are unlike the rest.
func drawSubmissions(t *rapid.T, timeout time.Duration) randomWait {
	var w randomWait
	for range rapid.IntRange(0, 4).Draw(t, "submissions") {
		w.Attempts = append(w.Attempts, drawSubmissionFate(t))
	}
	if oneIn(t, 6, "outage of createTask") {
		from := drawAround(t, "outage from", timeout)
		w.Outages = append(w.Outages, outage{
			period: period{from, from + drawSpan(t, "outage for", time.Second, 6*time.Minute)}, Fate: drawSubmissionFate(t),
		})
	}
	return w
}

func drawSubmissionFate(t *rapid.T) fate {
	means := rapid.SampledFrom([]purchaseMeaning{meansRepeat, meansRepeat, meansUnknown, meansUnknown, meansBought, meansVerdict}).
		Draw(t, "means")
	var kinds []fateKind
	for _, each := range submissionFates {
		if each.means == means {
			kinds = append(kinds, each.kind)
		}
	}
	f := fate{Kind: rapid.SampledFrom(kinds).Draw(t, "fate")}
	if oneIn(t, 3, "slow") {
		f.Delay = drawSpan(t, "delay", 0, 14*time.Second)
	}
	if f.Kind == fateLate { // when its worker's signal comes
		f.Delay = drawSpan(t, "signal after", 0, 90*time.Second)
	}
	if f.Kind.asksForDelay() || f.Kind == fateTooMany {
		f.RetryAfter = rapid.IntRange(0, 120).Draw(t, "Retry-After")
	}
	return f
}
