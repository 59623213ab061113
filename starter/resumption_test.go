package main

import (
	"bytes"
	"context"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
	"github.com/temporal-providers/temporal-2captcha/starter/internal/batch"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

func TestWhatIsLeftToSay(t *testing.T) {
	t.Parallel()
	again := resumption{noun: "task", flags: " --task-queue q", goesOn: "they go on", howTo: howToWait}
	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	failure := io.ErrUnexpectedEOF
	tasks := func(ids ...int64) (jobs []batch.Job) {
		for _, id := range ids {
			jobs = append(jobs, batch.AwaitJob{Input: workflows.AwaitTaskResultInput{TaskID: id}})
		}
		return jobs
	}
	many := tasks(make([]int64, 21)...)
	tests := map[string]struct {
		ctx     context.Context
		summary batch.Summary
		err     error
		status  int
		stderr  string
	}{
		"all ready":                 {t.Context(), batch.Summary{}, nil, command.ExitDone, ""},
		"some failed":               {t.Context(), batch.Summary{Failed: 1}, nil, command.ExitFailed, ""},
		"interrupted after the end": {interrupted, batch.Summary{}, context.Canceled, command.ExitDone, ""},
		"interrupted": {interrupted, batch.Summary{Unfinished: tasks(5, 6)}, context.Canceled, command.ExitInterrupted,
			"starter: interrupted\nstarter: 2 tasks without an outcome: they go on\nstarter: to resume, run: starter --task-queue q 5 6\n"},
		"interrupted while starting": {interrupted, batch.Summary{Failed: 3, Unfinished: tasks(5, 6, 7), NotStarted: 2}, context.Canceled, command.ExitInterrupted,
			"starter: interrupted\nstarter: 1 task without an outcome: they go on\nstarter: 2 tasks not started\nstarter: to resume, run: starter --task-queue q 5 6 7\n"},
		"interrupted with many": {interrupted, batch.Summary{Unfinished: many}, context.Canceled, command.ExitInterrupted,
			"starter: interrupted\nstarter: 21 tasks without an outcome: they go on\nstarter: to resume, run the same command again: results that are already known are printed at once\n"},
		"the server failed": {t.Context(), batch.Summary{Unfinished: tasks(5)}, failure, command.ExitFailed,
			"starter: unexpected EOF\nstarter: 1 task without an outcome: they go on\nstarter: to resume, run: starter --task-queue q 5\n"},
		"nothing could be started": {t.Context(), batch.Summary{Unfinished: tasks(5), NotStarted: 1}, failure, command.ExitFailed,
			"starter: unexpected EOF\n"},
	}
	buying := again
	buying.buys, buying.howTo = true, func(string, []batch.Job) string { return "attach by the id" }
	var said bytes.Buffer
	status := finish(t.Context(), command.Invocation{Name: "starter", Errors: &said},
		batch.Summary{Failed: 1, Bought: []int64{7, 8}, Unfinished: tasks(5), NotStarted: 1}, failure, buying)
	require.Equal(t, command.ExitFailed, status)
	require.Equal(t, "starter: bought, and without a result: to wait again, which costs nothing, run: starter --task-queue q 7 8\n"+
		"starter: unexpected EOF\nstarter: 1 task not known to be started\nstarter: attach by the id\n", said.String(),
		"what may have been bought can be found again")
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stderr bytes.Buffer
			invocation := command.Invocation{Name: "starter", Errors: &stderr}
			status := finish(test.ctx, invocation, test.summary, test.err, again)
			require.Equal(t, test.stderr, stderr.String())
			require.Equal(t, test.status, status)
		})
	}
}
