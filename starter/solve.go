package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
	"github.com/temporal-providers/temporal-2captcha/starter/internal/batch"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// maxAttempts is the most that SolveTask takes.
const maxAttempts = 10

// solveCommand submits tasks, and waits for their results.
type solveCommand struct {
	Task string `arg:"" optional:"" name:"task" help:"The task, a JSON object with a type; or @FILE, which holds it; or \"-\": the tasks on standard input, one a line."`

	ID       *string `name:"id" placeholder:"ID" help:"Your id for this purchase: an id is bought for once, however often you give the command (default: a random one, which is printed at once). Not with \"-\"."`
	Attempts int     `default:"1" placeholder:"N" help:"Maximum tasks to buy, one after the other, while the service can't solve them: 1 (default) to 10."`

	LanguagePool    string `placeholder:"POOL" help:"Whose workers are preferred for images and texts: en or rn (default: the service's, en)."`
	DisableCallback bool   `help:"Give the service no address to call, even if the worker takes callbacks."`
	ResubmitUnknown bool   `help:"If nobody can tell whether the task was bought, submit it once more: it may then be bought twice."`

	waitFlags   `kong:"embed,set='waits_from=the submission',set='with_callback=with callbacks',set='callback_delay=60s'"`
	Detach      bool `help:"Start the workflows and don't wait for them: print what was started."`
	serverFlags `embed:""`
}

func (s *solveCommand) run(ctx context.Context, invocation command.Invocation, parsed *kong.Context) int {
	if err := s.validate(parsed); err != nil {
		return invocation.FailUsage(parsed, err)
	}
	tasks, err := unlessDone(ctx, func() ([]newTask, error) { return readTasks(s.Task, invocation.Input) })
	if ctx.Err() != nil {
		return invocation.Fail(command.ExitInterrupted, errInterruptedBefore)
	}
	if err != nil {
		return invocation.Fail(command.ExitUsage, err)
	}
	id := s.id()
	r := request{detach: s.Detach, again: resumption{noun: "task", howTo: s.howToAttach, buys: true}}
	for _, task := range tasks {
		input := s.input(task)
		input.ID = task.id(id)
		if err := input.Validate(); err != nil {
			return invocation.Fail(command.ExitUsage, task.explain(messageOf(err)))
		}
		input.ID = "" // the workflow's id has it
		r.jobs = append(r.jobs, batch.SolveJob{ID: task.id(id), Input: input})
	}
	if s.ID == nil {
		s.sayID(invocation, id, tasks)
	}
	return r.run(ctx, invocation, s.serverFlags)
}

func (s *solveCommand) validate(parsed *kong.Context) error {
	switch {
	case s.Task == "":
		return errors.New(`no task: give it as JSON, as @FILE, or as "-" and one a line on standard input`)
	case s.Attempts < 1 || s.Attempts > maxAttempts:
		return fmt.Errorf("--attempts is %d: it takes an integer from 1 to %d", s.Attempts, maxAttempts)
	case s.ID != nil && s.Task == "-":
		return errors.New(`--id takes one task: it does not go with "-"`)
	case s.ID != nil && strings.TrimSpace(*s.ID) == "":
		return errors.New("--id is empty: it takes a text that names this purchase, such as an order's number")
	}
	return s.serverFlags.validate(parsed, s.Detach)
}

func (s *solveCommand) input(task newTask) workflows.SolveTaskInput {
	return workflows.SolveTaskInput{
		Task:            task.json,
		LanguagePool:    s.LanguagePool,
		Attempts:        s.Attempts,
		ResubmitUnknown: s.ResubmitUnknown,
		DisableCallback: s.DisableCallback,
		InitialDelay:    s.InitialDelay,
		PollInterval:    s.PollInterval,
		MaxPollInterval: s.MaxPollInterval,
		Timeout:         s.Timeout,
		Polling:         workflows.Polling(s.Polling),
	}
}

// id is the user's id, or a random one.
func (s *solveCommand) id() string {
	if s.ID != nil {
		return *s.ID
	}
	return strings.ToLower(rand.Text()[:16]) // 80 random bits
}

// sayID tells a random id before anything is bought, so that the purchase can be found again
// whatever happens to this command.
func (s *solveCommand) sayID(invocation command.Invocation, id string, tasks []newTask) {
	if s.Task != "-" {
		invocation.Say("id %s: with --id %s the same command attaches to this purchase, and buys nothing", id, id)
		return
	}
	invocation.Say("ids %s to %s, by line: solve --id ID TASK attaches to a line's purchase, and buys nothing",
		tasks[0].id(id), tasks[len(tasks)-1].id(id))
}

// howToAttach tells how to attach to purchases again. It shows nothing of a task, which can hold
// secrets.
func (s *solveCommand) howToAttach(flags string, jobs []batch.Job) string {
	if s.Task != "-" {
		id := command.ShellWord(jobs[0].Label())
		return fmt.Sprintf("to resume, run the same command with --id %s: it attaches to this purchase", id)
	}
	first := jobs[:min(len(jobs), maxSpelledOut)]
	more := ""
	if len(jobs) > len(first) {
		more = fmt.Sprintf(" and %d more", len(jobs)-len(first))
	}
	return fmt.Sprintf("to resume one of them, run: starter solve%s --id ID TASK, with its line as TASK: it attaches to "+
		"this line's purchase; the ids, which end with the lines' numbers, are %s%s", flags, labels(slices.Clone(first)), more)
}

func (solveCommand) Description() string {
	return `Submits a 2captcha task, and waits durably for its result. A Temporal workflow does both, and goes on whatever happens
to this command. Each task is bought once: what to do if nobody can tell whether it was bought is said in the error.

Output: one JSON object a line for each task, in order of completion; progress on standard error. A failed task has
"status": "failed" with errorId, errorCode and errorDescription; with taskId or taskIds if tasks were bought; and with
expired, polls, lastError and attempts if the error has them. errorCode CreateTaskOutcomeUnknown: one may have been
bought.

Environment: as for starter; see starter --help.

Examples:
  starter solve '{"type": "TextCaptchaTask", "comment": "2+2?"}'
  starter solve --id order-17 --attempts 3 @task.json
  starter solve - < tasks.jsonl > results.jsonl

Exit status:
  0    every task is ready (--detach: started)
  1    a task failed, or the Temporal server can't be reached or refuses the request
  2    bad usage or configuration: nothing was started
  130  interrupted: the workflows go on`
}
