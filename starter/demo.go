package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
	"github.com/temporal-providers/temporal-2captcha/internal/devserver"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/provider"
	"github.com/temporal-providers/temporal-2captcha/starter/internal/batch"
	"github.com/temporal-providers/temporal-2captcha/starter/internal/progress"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// demoKey is the simulator's.
const demoKey = "the-demo's-own-key"

// demoTask is one of the demo's tasks: what the simulated service answers, and what the outcome
// must be.
type demoTask struct {
	taskID    int64  // of a task that was submitted before
	submit    string // JSON of a task that the demo submits; "": it has an id
	answers   []simulator.Answer
	what      string // for people
	solution  string // JSON; "": the task fails
	errorCode string
}

// demoTasks returns new scripts each time: the times in them count from the call.
func demoTasks() []demoTask {
	const (
		token = `{"token":"0cAFcWeA5Y3hF8YNfdkTLLrd"}`
		text  = `{"text":"hello world"}`
		four  = `{"text":"4"}`
		click = `{"coordinates":[{"x":44,"y":32},{"x":143,"y":11}]}`
	)
	return []demoTask{
		{
			taskID: 74372499131, what: "ready at its first poll", solution: text,
			answers: []simulator.Answer{simulator.Ready(text)},
		},
		{
			taskID: 74372499132, what: "ready after 12 s", solution: token,
			answers: []simulator.Answer{simulator.ReadyAfter(12*time.Second, token)},
		},
		{
			taskID: 74372499133, what: "the service is down, then the connection drops, then ready", solution: click,
			answers: []simulator.Answer{simulator.HTMLPage(), simulator.DroppedConnection(), simulator.Ready(click)},
		},
		{
			taskID: 74372499134, what: "unsolvable", errorCode: twocaptcha.ErrorCaptchaUnsolvable,
			answers: []simulator.Answer{simulator.Processing(), simulator.Error(twocaptcha.ErrorCaptchaUnsolvable)},
		},
		{
			submit: `{"type": "TextCaptchaTask", "comment": "2+2?"}`, what: "submitted here, ready after 22 s", solution: four,
			answers: []simulator.Answer{simulator.ReadyAfter(22*time.Second, four)},
		},
	}
}

// demoID is the id under which the demo submits its task.
const demoID = "demo"

func (t demoTask) job() batch.Job {
	if t.submit != "" {
		return batch.SolveJob{ID: demoID, Input: workflows.SolveTaskInput{Task: json.RawMessage(t.submit)}}
	}
	return batch.AwaitJob{Input: workflows.AwaitTaskResultInput{TaskID: t.taskID}}
}

// becomes is what the simulated service makes of the task that the demo submits.
func becomes(tasks []demoTask) func(simulator.NewTask) simulator.Submission {
	return func(simulator.NewTask) simulator.Submission {
		submitted := tasks[slices.IndexFunc(tasks, func(t demoTask) bool { return t.submit != "" })]
		return simulator.Submission{Answers: submitted.answers}
	}
}

// runDemo shows the project at work on this machine alone: a simulated service, a dev server in
// memory, a worker, five tasks. It takes nothing from the environment but the CLI that runs the dev
// server.
func runDemo(ctx context.Context, invocation command.Invocation) int {
	tasks := demoTasks()
	var r request
	for _, task := range tasks {
		r.jobs = append(r.jobs, task.job())
	}
	service, err := simulator.Start(simulator.Options{ClientKey: demoKey, NewTask: becomes(tasks)})
	if err != nil {
		return invocation.Fail(command.ExitFailed, err)
	}
	defer service.Close()
	plugin, err := provider.NewPlugin(provider.Config{ClientKey: demoKey, APIURL: service.URL()})
	if err != nil {
		return invocation.Fail(command.ExitFailed, err)
	}

	interrupted := func() int {
		return invocation.Fail(command.ExitInterrupted, errors.New("interrupted: the demo is over"))
	}
	shown := progress.New(r.jobs, invocation)
	options := devserver.Options{
		CLI:         invocation.Environment.Getenv("TEMPORAL_CLI"),
		CLIDownload: invocation.Environment.Getenv("TEMPORAL_CLI_DOWNLOAD"),
	}
	l, err := startLocal(ctx, options, workflows.TaskQueue, plugin, quiet, shown)
	if ctx.Err() != nil {
		return interrupted()
	}
	if err != nil {
		return invocation.Fail(command.ExitFailed, err)
	}
	for _, task := range tasks {
		if task.submit == "" {
			service.Script(task.taskID, task.answers...)
		}
		shown.Say("%s: %s", task.job(), task.what)
	}
	outcomes := outcomes{Observer: shown, of: map[string]batch.Outcome{}}
	if _, err = l.await(ctx, r, workflows.TaskQueue, shown, &outcomes); ctx.Err() != nil {
		return interrupted()
	}
	if err != nil {
		return invocation.Fail(command.ExitFailed, err)
	}
	if err := outcomes.compare(tasks); err != nil {
		return invocation.Fail(command.ExitFailed, err)
	}
	return command.ExitDone
}

// outcomes keeps what the tasks ended with, and passes everything on to another observer.
type outcomes struct {
	batch.Observer

	mutex sync.Mutex
	of    map[string]batch.Outcome // by workflow id
}

func (o *outcomes) Ended(wait batch.Wait, outcome batch.Outcome) {
	o.add(wait.Job, outcome)
	o.Observer.Ended(wait, outcome)
}

func (o *outcomes) add(job batch.Job, outcome batch.Outcome) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.of[job.WorkflowID()] = outcome
}

// compare returns an error that names the outcomes that differ from the scripted ones.
func (o *outcomes) compare(tasks []demoTask) error {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	var differences []string
	for _, task := range tasks {
		if got := o.of[task.job().WorkflowID()]; !task.matches(got) {
			line := strings.TrimSpace(string(got.Line))
			differences = append(differences, fmt.Sprintf("%s (%s): %s", task.job(), task.what, line))
		}
	}
	if differences == nil {
		return nil
	}
	return fmt.Errorf("these outcomes are not the scripted ones: %s", strings.Join(differences, "; "))
}

func (t demoTask) matches(outcome batch.Outcome) bool {
	if t.solution == "" {
		return !outcome.Ready && outcome.ErrorCode == t.errorCode
	}
	return outcome.Ready && sameJSON(string(outcome.Solution), t.solution)
}

func sameJSON(a, b string) bool {
	var left, right any
	return json.Unmarshal([]byte(a), &left) == nil && json.Unmarshal([]byte(b), &right) == nil && reflect.DeepEqual(left, right)
}
