package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/serviceerror"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// creation is a createTask request that the service took.
type creation struct {
	plannedSubmission
	at time.Time // when it bought or refused
}

// create decides what becomes of a task that a worker submits.
func (r *disturbedRun) create(task simulator.NewTask) simulator.Submission {
	var given struct{ Number int }
	if err := json.Unmarshal(task.Task, &given); err != nil {
		panic(err) // the plan's tasks have a number
	}
	planned := r.plan.solves[given.Number].submissions
	r.mutex.Lock()
	created := creation{plannedSubmission: planned[min(len(r.creations[given.Number]), len(planned)-1)]}
	place := len(r.creations[given.Number])
	r.creations[given.Number] = append(r.creations[given.Number], created)
	r.mutex.Unlock()

	time.Sleep(created.after)
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.creations[given.Number][place].at = time.Now()
	return created.Submission
}

// solve starts a task's SolveTask and waits for its outcome, whatever happens to the server.
func (r *disturbedRun) solve(ctx context.Context, number int) {
	solve, outcome := r.plan.solves[number], &r.solved[number]
	if !pauseUntil(ctx, r.begun.Add(solve.startAt)) {
		outcome.lastError = context.Cause(ctx)
		return
	}
	input, err := solve.input.RawValue()
	if err != nil {
		panic(err) // the plan's inputs are right
	}
	options := workflows.SolveOptions(solveID(number))
	options.TaskQueue = taskQueue
	r.execute(ctx, options, workflows.SolveTaskWorkflow, input, &outcome.clientOutcome, &outcome.output)
}

// cancelSolve cancels a task's SolveTask, if it still runs then.
func (r *disturbedRun) cancelSolve(ctx context.Context, number int) {
	solve := r.plan.solves[number]
	at := r.begun.Add(solve.startAt + solve.cancelAt)
	for pauseUntil(ctx, at) {
		err := r.temporalClient.CancelWorkflow(ctx, solveWorkflowID(number), "")
		var notFound *serviceerror.NotFound
		if err == nil || errors.As(err, &notFound) {
			return
		}
		at = time.Now().Add(retryPause)
	}
}

func solveID(number int) string { return fmt.Sprintf("chaos-%d", number) }

func solveWorkflowID(number int) string { return workflows.SolveWorkflowID(solveID(number)) }

// clientOutcomes are those of all workflows.
func (r *disturbedRun) clientOutcomes() (outcomes []clientOutcome) {
	for _, outcome := range r.outcomes {
		outcomes = append(outcomes, outcome.clientOutcome)
	}
	for _, outcome := range r.solved {
		outcomes = append(outcomes, outcome.clientOutcome)
	}
	return outcomes
}
