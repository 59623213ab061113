package chaos

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// plannedSolve is one task that SolveTask is to submit, and what the service does with it.
type plannedSolve struct {
	name     string
	startAt  time.Duration
	cancelAt time.Duration // after its start; 0: it is not canceled
	input    workflows.SolveTaskInput
	// submissions are what becomes of its createTask requests, one after the other. The last one
	// counts for all that follow.
	submissions []plannedSubmission
}

// plannedSubmission is what becomes of one createTask request.
type plannedSubmission struct {
	simulator.Submission
	after    time.Duration // how long the service takes to buy or to refuse
	outcome  string        // the name of the simulator's answer that decides the outcome of what is bought
	solution string        // of the result; "" if the outcome is an error
}

// saysNothing tells whether the answer does not say whether a task was bought.
func (s plannedSubmission) saysNothing() bool {
	return s.CreateAnswer != nil || s.Refused != nil && s.Refused.String() == emptyAnswer.String()
}

// The names of the ways to go.
const (
	isBought         = "bought"
	answerLost       = "answer lost"
	lostUncalled     = "answer lost, without an address"
	refusedUnsaid    = "not bought, which the answer does not say"
	noSlotThenBought = "no slot, then bought"
	neverASlot       = "never a slot"
	isRefused        = "refused"
	anotherAttempt   = "unsolvable, then another attempt"
	resubmitted      = "answer lost, then submitted again"
	isCanceled       = "canceled"
)

// solveDeck is how many tasks go which way.
var solveDeck = []struct {
	name  string
	tasks int
}{
	{isBought, 4}, {answerLost, 4}, {lostUncalled, 1}, {refusedUnsaid, 1}, {noSlotThenBought, 2}, {neverASlot, 1},
	{isRefused, 1}, {anotherAttempt, 1}, {resubmitted, 1}, {isCanceled, 2},
}

// emptyAnswer is of a gateway that may or may not have passed on the request.
var emptyAnswer = simulator.Status(502, "")

// resubmitTimeout has an unknown outcome be waited for only briefly before the task is submitted
// again.
const resubmitTimeout = 20 * time.Second

func planSolves(random *rand.Rand, form runForm) []plannedSolve {
	var solves []plannedSolve
	for range form.solveDecks {
		for _, card := range solveDeck {
			for range card.tasks {
				solve := plannedSolve{name: card.name, startAt: randomUpTo(random, form.startEnd)}
				task, _ := json.Marshal(map[string]any{"type": "TextCaptchaTask", "number": len(solves)})
				solve.input = workflows.SolveTaskInput{Task: task, Timeout: form.solveTimeout}
				if random.IntN(2) == 0 {
					solve.input.InitialDelay = 5 * time.Second
				}
				if random.IntN(3) == 0 {
					solve.input.Polling = workflows.PollingActivityRetry
				}
				solve.decide(random, form, len(solves))
				solves = append(solves, solve)
			}
		}
	}
	return solves
}

// decide plans what the service does with the task, and what else its way takes.
func (s *plannedSolve) decide(random *rand.Rand, form runForm, number int) {
	add := func(submission plannedSubmission) {
		if random.IntN(2) == 0 {
			// On its way for long enough that it may well be so when a worker ends.
			submission.after = randomUpTo(random, 3*time.Second)
		}
		s.submissions = append(s.submissions, submission)
	}
	ready := func(createAnswer *simulator.Answer) plannedSubmission {
		solution := fmt.Sprintf(`{"text":"%d-%d"}`, number, len(s.submissions))
		after := randomUpTo(random, form.solveTimeout/3)
		return plannedSubmission{outcome: "ready", solution: solution, Submission: simulator.Submission{
			CreateAnswer: createAnswer,
			Answers:      []simulator.Answer{simulator.ReadyAfter(after, solution)},
			Callbacks:    randomCallbacks(random),
		}}
	}
	lost := func() *simulator.Answer {
		answers := lostAnswers()
		return &answers[random.IntN(len(answers))]
	}
	refused := func(answer simulator.Answer) plannedSubmission {
		return plannedSubmission{Submission: simulator.Submission{Refused: &answer}}
	}
	switch s.name {
	case isBought:
		add(ready(nil))
	case answerLost:
		add(ready(lost()))
	case lostUncalled:
		s.input.DisableCallback = true
		add(ready(lost()))
	case refusedUnsaid:
		add(refused(emptyAnswer))
	case noSlotThenBought:
		add(refused(simulator.Error(harness.NoSlotAvailable)))
		add(ready(nil))
	case neverASlot:
		add(refused(simulator.Error(harness.NoSlotAvailable)))
	case isRefused:
		add(refused(simulator.Error([]string{twocaptcha.ErrorBadProxy, "ERROR_ZERO_BALANCE", "ERROR_OF_THIS_TASK"}[random.IntN(3)])))
	case anotherAttempt:
		s.input.Attempts = 2
		add(plannedSubmission{outcome: twocaptcha.ErrorCaptchaUnsolvable, Submission: simulator.Submission{
			Answers: []simulator.Answer{simulator.ErrorAfter(randomUpTo(random, form.solveTimeout/4), twocaptcha.ErrorCaptchaUnsolvable)},
		}})
		add(ready(nil))
	case resubmitted:
		s.input.ResubmitUnknown, s.input.Timeout = true, resubmitTimeout
		first := ready(lost())
		first.Callbacks = []simulator.Callback{{Kind: simulator.Lost}}
		add(first)
		add(ready(nil))
	case isCanceled:
		s.cancelAt = time.Millisecond + randomUpTo(random, 8*time.Second)
		var answer *simulator.Answer
		if random.IntN(2) == 0 {
			answer = lost()
		}
		add(ready(answer))
	}
}

// lostAnswers are createTask's, which don't say that the task was bought.
func lostAnswers() []simulator.Answer {
	return []simulator.Answer{
		simulator.DroppedConnection(),
		simulator.ResetConnection(),
		simulator.Stalled(4 * time.Second),
		simulator.Stalled(0),
		simulator.TruncatedJSON(),
		simulator.TruncatedBody(),
		simulator.Body(""),
		emptyAnswer,
	}
}

// randomCallbacks are the calls for a task.
func randomCallbacks(random *rand.Rand) []simulator.Callback {
	late := func() time.Duration { return 3*time.Second + randomUpTo(random, 10*time.Second) }
	switch random.IntN(5) {
	case 0:
		return []simulator.Callback{{Kind: simulator.Lost}}
	case 1:
		return []simulator.Callback{{Delay: late()}}
	case 2: // repeated
		return []simulator.Callback{{}, {Delay: 2 * time.Second}, {Delay: late()}}
	case 3:
		return []simulator.Callback{{Kind: simulator.BrokenMAC}, {Kind: simulator.UnknownTask}, {Delay: late()}}
	}
	return nil // one, in time
}
