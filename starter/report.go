package main

import (
	"context"
	"fmt"

	"github.com/alecthomas/kong"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
	"github.com/temporal-providers/temporal-2captcha/starter/internal/batch"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// reportCommand tells the service whether its answers were right.
type reportCommand struct {
	Verdict     string   `arg:"" optional:"" help:"correct or incorrect: whether the tasks' answers were right."`
	TaskIDs     []string `arg:"" optional:"" name:"task-id" help:"The tasks' ids. \"-\": the ids on standard input, one a line."`
	serverFlags `embed:""`
}

func (c *reportCommand) run(ctx context.Context, invocation command.Invocation, parsed *kong.Context) int {
	if err := c.validate(parsed); err != nil {
		return invocation.FailUsage(parsed, err)
	}
	tasks, err := unlessDone(ctx, func() (taskIDs, error) { return readTaskIDs(c.TaskIDs, invocation.Input) })
	if ctx.Err() != nil {
		return invocation.Fail(command.ExitInterrupted, errInterruptedBefore)
	}
	if err != nil {
		return invocation.Fail(command.ExitUsage, err)
	}
	r := request{brief: true, again: resumption{noun: "report", howTo: c.howToReport}}
	for _, id := range tasks.ids {
		r.jobs = append(r.jobs, batch.ReportJob{Input: workflows.ReportTaskInput{TaskID: id, Correct: c.Verdict == "correct"}})
	}
	return r.run(ctx, invocation, c.serverFlags)
}

func (c *reportCommand) validate(parsed *kong.Context) error {
	if c.Verdict != "correct" && c.Verdict != "incorrect" {
		return fmt.Errorf("the first argument is %s: it takes correct or incorrect, and after it the tasks' ids", quote(c.Verdict))
	}
	return c.serverFlags.validate(parsed, false)
}

func (c *reportCommand) howToReport(flags string, jobs []batch.Job) string {
	if len(jobs) > maxSpelledOut {
		return "to report the others, run the same command with the tasks that have no line yet"
	}
	return "to report the others, run: starter report " + c.Verdict + flags + " " + labels(jobs)
}

func (reportCommand) Description() string {
	return `Tells the service whether the answers to tasks were right. The service takes a report within 15 minutes of a task's
submission, and once: another one ends with the service's code.

Output: one JSON object a line for each task: {"taskId": 74372499131, "status": "success", "workflowId": "…"}, or
"status": "failed" with errorId, errorCode and errorDescription.

Environment: as for starter; see starter --help.

Examples:
  starter report correct 74372499131
  starter report incorrect 74372499131 74372499132

Exit status:
  0    every report was taken
  1    one was not, or the Temporal server can't be reached or refuses the request
  2    bad usage or configuration: nothing was started
  130  interrupted`
}
