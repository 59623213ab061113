package stage

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"

	"github.com/temporal-providers/temporal-2captcha/bench/internal/designs"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
)

const (
	// spread is the standard deviation of a solve time's logarithm. With a mean of 15 s it puts the
	// median at 12.5 s and one task in 20 above 34 s. The bounds are then 2 s and 90 s.
	spread                  = 0.6
	leastOfMean, MostOfMean = 2.0 / 15, 6
	// patience begins when a task is ready. With our designs the slowest poll follows within 66 s.
	patience = 3 * time.Minute
)

// Workload is tasks with log-normal solve times, most short and a few long, and figures of them.
type Workload struct {
	Tasks         int     `json:"tasks"`
	ArrivalRate   float64 `json:"arrivalsPerSecond"`
	Seed          uint64  `json:"seed"`             // equal seeds give equal tasks
	MeanSolveTime float64 `json:"meanSolveSeconds"` // of the tasks as drawn
	MostSolveTime float64 `json:"maxSolveSeconds"`

	solveTimes []time.Duration
}

// NewWorkload draws that many tasks. The bounds of solve times move their mean by less than 1 %.
func NewWorkload(tasks int, arrivalRate float64, mean time.Duration, seed uint64) Workload {
	w := Workload{Tasks: tasks, ArrivalRate: arrivalRate, Seed: seed}
	random := rand.New(rand.NewPCG(seed, 0))
	location := math.Log(mean.Seconds()) - spread*spread/2
	var total, most time.Duration
	for len(w.solveTimes) < tasks {
		solveTime := time.Duration(math.Exp(location+spread*random.NormFloat64()) * float64(time.Second))
		if solveTime >= time.Duration(leastOfMean*float64(mean)) && solveTime <= MostOfMean*mean {
			w.solveTimes = append(w.solveTimes, solveTime)
			total, most = total+solveTime, max(most, solveTime)
		}
	}
	w.MeanSolveTime, w.MostSolveTime = round(total.Seconds()/float64(tasks), 1), round(most.Seconds(), 1)
	return w
}

// NewEvenWorkload spreads the solve times evenly over their distribution instead of drawing them,
// so that many tasks are like few. The slowest come first, so that the last outcome is not long
// after the last arrival. Their order is always the same.
func NewEvenWorkload(tasks int, arrivalRate float64, mean time.Duration) Workload {
	w := Workload{Tasks: tasks, ArrivalRate: arrivalRate}
	location := math.Log(mean.Seconds()) - spread*spread/2
	for i := range tasks {
		quantile := math.Sqrt2 * math.Erfinv(2*(float64(i)+0.5)/float64(tasks)-1)
		w.solveTimes = append(w.solveTimes, time.Duration(math.Exp(location+spread*quantile)*float64(time.Second)))
	}
	random := rand.New(rand.NewPCG(1, 0))
	random.Shuffle(tasks, func(i, j int) { w.solveTimes[i], w.solveTimes[j] = w.solveTimes[j], w.solveTimes[i] })
	isSlow := func(solveTime time.Duration) bool { return solveTime > 2*mean }
	slow := slices.DeleteFunc(slices.Clone(w.solveTimes), func(d time.Duration) bool { return !isSlow(d) })
	w.solveTimes = append(slow, slices.DeleteFunc(w.solveTimes, isSlow)...)
	return w
}

// arrival is when a task is submitted, after the start of the run.
func (w Workload) arrival(i int) time.Duration {
	return time.Duration(float64(i) / w.ArrivalRate * float64(time.Second))
}

// wait is what has come of the wait for one task.
type wait struct {
	readyAt, ended  time.Time // ended: when the workflow closed, or the loop had the answer
	taskID          int64
	run             client.WorkflowRun // nil without Temporal
	requests        int                // getTaskResult
	events, actions int                // actions: billable, except heartbeats
	lost            error              // why there is no result; nil: the right one is there
}

// Compare puts a workload through a design, on a stage of its own, and returns what that took. If a
// design of this project loses tasks, that is an error beside its figures.
func Compare(ctx context.Context, design designs.Design, workload Workload, options Options) (figures DesignFigures, err error) {
	options.Say("%s: starting", design.Name)
	err = on(ctx, design, options, func(ctx context.Context, s *stage) error {
		before := s.usage()
		waits := s.runTasks(ctx, workload)
		after := s.usage()
		heartbeats, err := s.sent("RecordActivityTaskHeartbeat")
		loss := ""
		for i := range waits {
			if w := &waits[i]; w.lost != nil {
				loss = fmt.Sprintf(", such as task %d: %v", w.taskID, w.lost)
			} else if w.run != nil && err == nil {
				w.ended, err = s.readHistory(ctx, w, w.run.GetID(), w.run.GetRunID())
			}
		}
		if err = cmp.Or(context.Cause(ctx), err); err == nil {
			figures = newDesignFigures(design, waits, heartbeats, before, after)
			if s.Temporal != nil {
				figures.ServerCPU = nil // its processes are not ours, and elsewhere perhaps
			}
			if design.Submits {
				figures.CreateTasks = new(round(float64(s.createTasks())/float64(workload.Tasks), 2))
			}
			s.Say("%s: %d tasks, %d lost%s", design.Name, figures.Tasks, figures.Lost, loss)
		}
		return err
	})
	switch {
	case err != nil:
		err = fmt.Errorf("%s: %w", design.Name, err)
	case figures.Lost > 0 && design.Ours:
		err = fmt.Errorf("%s lost %d of %d tasks", design.Name, figures.Lost, figures.Tasks)
	}
	return figures, err
}

// runTasks submits each task at its time, and returns when all of their waits have ended.
func (s *stage) runTasks(ctx context.Context, workload Workload) []wait {
	started, waits := time.Now(), make([]wait, workload.Tasks)
	var running sync.WaitGroup
	for i, solveTime := range workload.solveTimes {
		running.Go(func() {
			waits[i] = s.runTask(ctx, started.Add(workload.arrival(i)), solveTime)
		})
	}
	running.Wait()
	return waits
}

func (s *stage) runTask(ctx context.Context, arrival time.Time, solveTime time.Duration) (w wait) {
	_ = sleepUntil(ctx, arrival) // if ctx ends, so does what follows
	task := designs.Task{SolveTime: solveTime}
	w.readyAt = time.Now().Add(solveTime)
	if !s.design.Submits {
		submission := readyAfter(solveTime)
		submission.CallbackURL = s.callbackURL
		task.ID = s.service.Submit(submission)
	}
	w.taskID = task.ID
	ctx, cancel := context.WithDeadlineCause(ctx, w.readyAt.Add(patience), fmt.Errorf("no result %s after it was ready", patience))
	defer cancel()
	var result designs.Result
	if s.design.Start == nil {
		w.lost = s.workers[0].Call("Worker.Wait", w.taskID, &result.Solution)
		w.ended = time.Now()
	} else if w.run, w.lost = s.design.Start(ctx, s.temporalClient, task); w.lost == nil {
		_ = sleepUntil(ctx, w.readyAt) // asking earlier would be work for the server too
		if w.lost = w.run.Get(ctx, &result); w.lost == nil {
			s.started.open.Delete(w.run.GetID())
		}
	}
	if w.lost == nil && string(result.Solution) != solution {
		w.lost = fmt.Errorf("the solution is %s instead of %s", result.Solution, solution)
	}
	w.lost = cmp.Or(context.Cause(ctx), w.lost)
	for _, bought := range s.service.Purchases() {
		if bought.TaskID == result.TaskID {
			w.taskID, w.readyAt = bought.TaskID, bought.At.Add(solveTime)
		}
	}
	w.requests = len(s.service.RequestsFor(w.taskID))
	return w
}

// createTasks counts the createTask requests that the service got.
func (s *stage) createTasks() (count int) {
	for _, request := range s.service.Requests() {
		if request.Path == "/createTask" {
			count++
		}
	}
	return count
}

// readyAfter is what becomes of a task.
func readyAfter(solveTime time.Duration) simulator.Submission {
	return simulator.Submission{Answers: []simulator.Answer{simulator.ReadyAfter(solveTime, solution)}}
}

// submitted is what becomes of a task that a workflow submits.
func submitted(new simulator.NewTask) simulator.Submission {
	var task designs.Task
	if err := json.Unmarshal(new.Task, &task); err != nil {
		return simulator.Submission{} // which is never ready
	}
	return readyAfter(task.SolveTime)
}

// readHistory adds the events and actions of a run that has closed, and those of the runs it
// continued as and of its children. It returns when the last run closed.
func (s *stage) readHistory(ctx context.Context, w *wait, workflowID, runID string) (closed time.Time, err error) {
	events := s.temporalClient.GetWorkflowHistory(ctx, workflowID, runID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() && err == nil {
		event, nextErr := events.Next()
		if nextErr != nil {
			return closed, fmt.Errorf("the history of workflow %s: %w", workflowID, nextErr)
		}
		w.events++
		w.actions += billableActions(event)
		closed = event.GetEventTime().AsTime()
		if next := event.GetWorkflowExecutionContinuedAsNewEventAttributes().GetNewExecutionRunId(); next != "" {
			closed, err = s.readHistory(ctx, w, workflowID, next)
		}
		if child := event.GetChildWorkflowExecutionStartedEventAttributes().GetWorkflowExecution(); child != nil {
			_, err = s.readHistory(ctx, w, child.WorkflowId, child.RunId)
		}
	}
	return closed, err
}

// billableActions counts what Temporal Cloud bills as Actions for an event, by the rules of
// https://docs.temporal.io/cloud/actions, as far as the designs here cause any: the start of a run,
// and of a child also in its parent; a timer; a signal; each attempt of an activity, of which the
// history has the number of the last. A start delay, a workflow task, summaries and details are not
// billed. Heartbeats that reach the server are, but no history has them: workers count those that
// they send.
func billableActions(event *historypb.HistoryEvent) int {
	switch event.EventType {
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED, enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED,
		enumspb.EVENT_TYPE_TIMER_STARTED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
		return 1
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED:
		return int(event.GetActivityTaskStartedEventAttributes().GetAttempt())
	}
	return 0
}
