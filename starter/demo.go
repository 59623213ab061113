package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
	"github.com/temporal-providers/temporal-2captcha/internal/devserver"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/provider"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// demoKey is the simulator's.
const demoKey = "the-demo's-own-key"

// demoTask is one of the demo's tasks: what the simulated service answers, and what must come of it.
type demoTask struct {
	taskID    int64
	answers   []simulator.Answer
	what      string // for people
	solution  string // JSON; "": it fails
	errorCode string
}

// demoTasks are scripted anew each time: the times in them count from then.
func demoTasks() []demoTask {
	const (
		token = `{"token":"0cAFcWeA5Y3hF8YNfdkTLLrd"}`
		text  = `{"text":"hello world"}`
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
	}
}

// runDemo shows the whole of it on this machine alone: a simulated service, a dev server in memory, a worker, four
// tasks. It takes nothing from the environment but the CLI that runs the dev server.
func runDemo(ctx context.Context, environ command.Environment, stdout, stderr io.Writer) int {
	tasks := demoTasks()
	var taskIDs []int64
	for _, task := range tasks {
		taskIDs = append(taskIDs, task.taskID)
	}
	service, err := simulator.Start(simulator.Options{ClientKey: demoKey})
	if err != nil {
		return fail(stderr, exitFailed, err)
	}
	defer service.Close()
	plugin, err := provider.NewPlugin(provider.Config{ClientKey: demoKey, APIURL: service.URL()})
	if err != nil {
		return fail(stderr, exitFailed, err)
	}

	outcomes := outcomes{of: map[int64]outcome{}}
	waiter := &waiter{
		taskQueue: workflows.TaskQueue,
		progress:  newProgress(taskIDs, stdout, stderr, environ),
		observe:   outcomes.add,
	}
	interrupted := func() int { return fail(stderr, exitInterrupted, errors.New("interrupted: the demo is over")) }
	local, err := startLocal(ctx, devserver.Options{
		CLI:         environ.Getenv("TEMPORAL_CLI"),
		CLIDownload: environ.Getenv("TEMPORAL_CLI_DOWNLOAD"),
		SearchPath:  true,
		Messages:    sayer{waiter.progress},
	}, plugin, slog.New(slog.DiscardHandler), waiter)
	if ctx.Err() != nil {
		return interrupted()
	}
	if err != nil {
		return fail(stderr, exitFailed, err)
	}
	for _, task := range tasks {
		service.Script(task.taskID, task.answers...)
		waiter.progress.say("task %d: %s", task.taskID, task.what)
	}
	if _, err = local.run(ctx, waiter, taskIDs); ctx.Err() != nil {
		return interrupted()
	}
	if err != nil {
		return fail(stderr, exitFailed, err)
	}
	if err := outcomes.compare(tasks); err != nil {
		return fail(stderr, exitFailed, err)
	}
	return exitReady
}

// outcomes are what the tasks ended with.
type outcomes struct {
	mutex sync.Mutex
	of    map[int64]outcome
}

func (o *outcomes) add(taskID int64, outcome outcome) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.of[taskID] = outcome
}

// compare says which outcomes differ from the scripted ones.
func (o *outcomes) compare(tasks []demoTask) error {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	var differences []string
	for _, task := range tasks {
		if got := o.of[task.taskID]; !task.matches(got) {
			line := strings.TrimSpace(string(got.line))
			differences = append(differences, fmt.Sprintf("task %d (%s): %s", task.taskID, task.what, line))
		}
	}
	if differences == nil {
		return nil
	}
	return fmt.Errorf("these outcomes are not the scripted ones: %s", strings.Join(differences, "; "))
}

func (t demoTask) matches(outcome outcome) bool {
	if t.solution == "" {
		return !outcome.ready && outcome.errorCode == t.errorCode
	}
	return outcome.ready && sameJSON(string(outcome.solution), t.solution)
}

func sameJSON(a, b string) bool {
	var left, right any
	return json.Unmarshal([]byte(a), &left) == nil && json.Unmarshal([]byte(b), &right) == nil && reflect.DeepEqual(left, right)
}
