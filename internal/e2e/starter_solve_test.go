package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

const textTask = `{"type": "TextCaptchaTask", "comment": "2+2?"}`

// serviceOf is a service that makes the same of every new task.
func serviceOf(t *testing.T, becomes simulator.Submission) *simulator.Server {
	t.Helper()
	return harness.StartSimulatorWith(t, simulator.Options{
		NewTask: func(simulator.NewTask) simulator.Submission { return becomes },
	})
}

func ready(solution string) simulator.Submission {
	return simulator.Submission{Answers: []simulator.Answer{simulator.Ready(solution)}}
}

// runSolve starts starter solve for the task queue.
func runSolve(t *testing.T, taskQueue string, arguments ...string) *harness.Process {
	t.Helper()
	return runSolveOf(t, "", taskQueue, arguments...)
}

// runSolveOf is runSolve with a standard input.
func runSolveOf(t *testing.T, input, taskQueue string, arguments ...string) *harness.Process {
	t.Helper()
	return harness.StartStarterWithInput(t, strings.NewReader(input),
		append([]string{"solve", "--task-queue", taskQueue, "--initial-delay", "1ms"}, arguments...)...)
}

// solveLine is a line of starter solve.
type solveLine struct {
	TaskID                               int64
	WorkflowID, RunID, Status, ErrorCode string
	ErrorDescription                     string
	Solution                             json.RawMessage
	Attempts, Polls                      int
	TaskIDs                              []int64
}

func solveLines(t *testing.T, stdout string) []solveLine {
	t.Helper()
	var lines []solveLine
	for text := range strings.Lines(stdout) {
		var line solveLine
		require.NoError(t, json.Unmarshal([]byte(text), &line), text)
		lines = append(lines, line)
	}
	return lines
}

func withoutSpaces(text string) string { return strings.ReplaceAll(text, " ", "") }

// again is the command that a message names, with its arguments.
func again(t *testing.T, done harness.Finished, before string) []string {
	t.Helper()
	_, rest, found := strings.Cut(done.Stderr, before)
	require.True(t, found, done.Stderr)
	line, _, _ := strings.Cut(rest, "\n")
	return strings.Fields(line)
}

func TestSolvePrintsTheResultOfTheTaskThatItBought(t *testing.T) {
	t.Parallel()
	service, taskQueue := serviceOf(t, ready(`{"text":"4"}`)), harness.NewTaskQueue()
	harness.StartWorker(t, taskQueue, service.URL())
	file := filepath.Join(t.TempDir(), "task.json")
	require.NoError(t, os.WriteFile(file, []byte("\uFEFF"+textTask+"\n"), 0o600))
	for _, task := range []string{textTask, "@" + file} {
		done := runSolve(t, taskQueue, task).Wait(t)
		require.Equal(t, 0, done.Status, done.Stderr)
		purchases := service.Purchases()
		bought := purchases[len(purchases)-1]
		require.Equal(t, withoutSpaces(textTask), withoutSpaces(string(bought.Task.Task)), "the same but for white space")
		named := regexp.MustCompile(`^starter: id ([a-z2-7]{16}): `).FindStringSubmatch(done.Stderr)
		require.NotNil(t, named, "the id stands before everything else: %s", done.Stderr)
		require.Regexp(t, fmt.Sprintf(`^\{"taskId":%d,"status":"ready","solution":\{"text":"4"\},.*"polls":1,"attempts":1,`+
			`"workflowId":"2captcha-solve-%s"\}\n$`, bought.TaskID, named[1]), done.Stdout)
		require.NotContains(t, done.Stderr, "2+2", "a task can hold secrets")
	}
	require.Len(t, service.Purchases(), 2)
}

func TestAnIDIsBoughtForOnce(t *testing.T) {
	t.Parallel()
	service, taskQueue := serviceOf(t, ready(`{"text":"4"}`)), harness.NewTaskQueue()
	id := "order 17 of " + taskQueue

	// There is no worker yet: a start does not need one.
	detached := runSolve(t, taskQueue, "--detach", "--id", id, textTask).Wait(t)
	require.Equal(t, 0, detached.Status, detached.Stderr)
	started := solveLines(t, detached.Stdout)[0]
	require.Equal(t, solveLine{WorkflowID: "2captcha-solve-" + id, RunID: started.RunID, Status: "started"}, started)
	harness.StartWorker(t, taskQueue, service.URL())
	first := runSolve(t, taskQueue, "--id", id, textTask).Wait(t)
	require.Equal(t, 0, first.Status, first.Stderr)
	require.Contains(t, first.Stderr, "attached")
	second := runSolve(t, taskQueue, "--id", id, `{"type": "TextCaptchaTask", "comment": "3+3?"}`).Wait(t)
	require.Equal(t, 0, second.Status, second.Stderr)
	require.Equal(t, first.Stdout, second.Stdout, "the closed run answers, whatever the task")
	require.Len(t, service.Purchases(), 1)
}

func TestEachLineIsATask(t *testing.T) {
	t.Parallel()
	service, taskQueue := harness.StartSimulatorWith(t, simulator.Options{NewTask: func(task simulator.NewTask) simulator.Submission {
		return ready(string(task.Task))
	}}), harness.NewTaskQueue()
	harness.StartWorker(t, taskQueue, service.URL())
	var lines strings.Builder
	for i := range 10 {
		fmt.Fprintf(&lines, "  {\"type\":\"TextCaptchaTask\",\"comment\":\"%d\"}\r\n\n", i)
	}
	done := runSolveOf(t, lines.String(), taskQueue, "-").Wait(t)
	require.Equal(t, 0, done.Status, done.Stderr)
	named := regexp.MustCompile(`^starter: ids ([a-z2-7]{16})-1 to ([a-z2-7]{16})-19, by line: `).FindStringSubmatch(done.Stderr)
	require.NotNil(t, named, done.Stderr)
	require.Equal(t, named[1], named[2])
	solved := map[string]string{}
	for _, line := range solveLines(t, done.Stdout) {
		solved[line.WorkflowID] = string(line.Solution)
	}
	require.Len(t, solved, 10)
	for i := range 10 {
		require.Equal(t, fmt.Sprintf(`{"type":"TextCaptchaTask","comment":"%d"}`, i),
			solved[fmt.Sprintf("2captcha-solve-%s-%d", named[1], 2*i+1)])
	}
	require.Len(t, service.Purchases(), 10)
}

// A failure with a task that was bought names the command that waits for it, which buys nothing.
func TestFailedSolveNamesTheCommandThatWaits(t *testing.T) {
	t.Parallel()
	taskQueue := harness.NewTaskQueue()
	service := serviceOf(t, simulator.Submission{Answers: []simulator.Answer{
		simulator.Processing(), simulator.Processing(), simulator.Ready(`{"text":"4"}`),
	}})
	harness.StartWorker(t, taskQueue, service.URL())
	done := runSolve(t, taskQueue, "--timeout", "2s", textTask).Wait(t)
	require.Equal(t, 1, done.Status, done.Stderr)
	bought := service.Purchases()[0].TaskID
	line := solveLines(t, done.Stdout)[0]
	require.Equal(t, workflows.ErrorTypeTaskTimeout, line.ErrorCode)
	require.Equal(t, bought, line.TaskID)
	require.Equal(t, 1, line.Attempts)

	waiting := again(t, done, "to wait again, which costs nothing, run: starter ")
	require.Equal(t, []string{"--task-queue", taskQueue, strconv.FormatInt(bought, 10)}, waiting)
	waited := harness.StartStarterWithInput(t, nil, waiting...).Wait(t)
	require.Equal(t, 0, waited.Status, waited.Stderr)
	require.Contains(t, waited.Stdout, `"solution":{"text":"4"}`)
	require.Len(t, service.Purchases(), 1)
}

func TestAttemptsAreBoughtOneAfterTheOther(t *testing.T) {
	t.Parallel()
	service, taskQueue := serviceOf(t, simulator.Submission{Answers: []simulator.Answer{
		simulator.Error("ERROR_CAPTCHA_UNSOLVABLE"),
	}}), harness.NewTaskQueue()
	harness.StartWorker(t, taskQueue, service.URL())
	done := runSolve(t, taskQueue, "--attempts", "2", textTask).Wait(t)
	require.Equal(t, 1, done.Status, done.Stderr)
	purchases := service.Purchases()
	require.Len(t, purchases, 2)
	line := solveLines(t, done.Stdout)[0]
	require.Equal(t, "ERROR_CAPTCHA_UNSOLVABLE", line.ErrorCode)
	require.Equal(t, 2, line.Attempts)
	require.Equal(t, []int64{purchases[0].TaskID, purchases[1].TaskID}, line.TaskIDs)
}

func TestInterruptedSolveAttachesByItsID(t *testing.T) {
	t.Parallel()
	service, taskQueue := serviceOf(t, simulator.Submission{Answers: []simulator.Answer{
		simulator.Processing(), simulator.Ready(`{"text":"4"}`),
	}}), harness.NewTaskQueue()
	harness.StartWorker(t, taskQueue, service.URL())
	starter := runSolve(t, taskQueue, textTask)
	starter.WaitForOutput(t, ": started")
	require.Eventually(t, func() bool { return len(service.Purchases()) == 1 }, harness.Patience, 50*time.Millisecond)
	starter.Signal(t, syscall.SIGINT)
	done := starter.Wait(t)
	require.Equal(t, 130, done.Status, done.Stderr)
	id := strings.TrimSuffix(again(t, done, "to resume, run the same command with --id ")[0], ":")
	attached := runSolve(t, taskQueue, "--id", id, textTask).Wait(t)
	require.Equal(t, 0, attached.Status, attached.Stderr)
	require.Contains(t, attached.Stdout, `"solution":{"text":"4"}`)
	require.Len(t, service.Purchases(), 1)
}

// If nobody can tell whether a task was bought, nothing that the starter says leads to another
// purchase.
func TestUnknownOutcomeIsToldWithoutAdviceToSubmitAgain(t *testing.T) {
	t.Parallel()
	lost := simulator.DroppedConnection()
	service, taskQueue := serviceOf(t, simulator.Submission{CreateAnswer: &lost}), harness.NewTaskQueue()
	harness.StartWorker(t, taskQueue, service.URL())
	done := runSolve(t, taskQueue, textTask).Wait(t)
	require.Equal(t, 1, done.Status, done.Stderr)
	line := solveLines(t, done.Stdout)[0]
	require.Equal(t, "CreateTaskOutcomeUnknown", line.ErrorCode)
	require.Zero(t, line.TaskID)
	require.NotRegexp(t, `(?i)submit (it |the task )?(again|anew)|new task|resubmit`, done.Stdout+done.Stderr)
	require.Len(t, service.Purchases(), 1)
}

func TestTerminatedSolveTellsWhatItBought(t *testing.T) {
	t.Parallel()
	service, taskQueue := serviceOf(t, simulator.Submission{Answers: []simulator.Answer{simulator.Processing()}}), harness.NewTaskQueue()
	harness.StartWorker(t, taskQueue, service.URL())
	id := taskQueue
	starter := runSolve(t, taskQueue, "--id", id, textTask)
	require.Eventually(t, func() bool {
		purchases := service.Purchases()
		return len(purchases) == 1 && len(service.RequestsFor(purchases[0].TaskID)) == 1
	}, harness.Patience, 50*time.Millisecond)
	terminated := harness.RunCLI(t, "workflow", "terminate", "--workflow-id", workflows.SolveWorkflowID(id))
	require.Equal(t, 0, terminated.Status, terminated.Stderr)
	done := starter.Wait(t)
	require.Equal(t, 1, done.Status, done.Stderr)
	line := solveLines(t, done.Stdout)[0]
	require.Equal(t, "Terminated", line.ErrorCode)
	require.Equal(t, service.Purchases()[0].TaskID, line.TaskID)
	require.Contains(t, done.Stderr, "to wait again, which costs nothing")
}

func TestBalanceAndReports(t *testing.T) {
	t.Parallel()
	service, taskQueue := harness.StartSimulatorWith(t, simulator.Options{Balance: "0.93958"}), harness.NewTaskQueue()
	harness.StartWorker(t, taskQueue, service.URL())
	starter := func(arguments ...string) harness.Finished {
		return harness.StartStarterWithInput(t, nil, append(arguments, "--task-queue", taskQueue)...).Wait(t)
	}
	balance := starter("balance")
	require.Equal(t, 0, balance.Status, balance.Stderr)
	require.Regexp(t, `^\{"balance":"0.93958","workflowId":"2captcha-balance-[a-z2-7]{16}"\}\n$`, balance.Stdout)
	require.Empty(t, balance.Stderr)

	taskID := service.Submit(ready(`{"text":"4"}`))
	id := strconv.FormatInt(taskID, 10)
	result := starter("--initial-delay", "1ms", id)
	require.Equal(t, 0, result.Status, result.Stderr)
	first := starter("report", "correct", id)
	require.Equal(t, 0, first.Status, first.Stderr)
	require.Equal(t, fmt.Sprintf(`{"taskId":%d,"status":"success","workflowId":"2captcha-report-%[1]d"}`+"\n", taskID), first.Stdout)
	second := starter("report", "incorrect", id)
	require.Equal(t, 1, second.Status, second.Stderr)
	require.Regexp(t, fmt.Sprintf(`^\{"taskId":%d,"workflowId":"2captcha-report-%[1]d","status":"failed",.*"errorCode":"ERROR_`, taskID), second.Stdout)
}

// With callbacks, which nobody has to ask for, a task costs one request of each kind.
func TestSolveIsCalledBackByDefault(t *testing.T) {
	t.Parallel()
	service := harness.StartSimulatorWith(t, simulator.Options{
		CallbackTimeout: harness.Patience,
		NewTask: func(simulator.NewTask) simulator.Submission {
			return simulator.Submission{Answers: []simulator.Answer{simulator.ReadyAfter(time.Second, `{"text":"4"}`)}}
		},
	})
	taskQueue := harness.NewTaskQueue()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	worker := harness.StartWorkerWith(t, []string{
		"TWOCAPTCHA_API_KEY=" + harness.ClientKey, "TWOCAPTCHA_CALLBACK_SECRET=" + harness.CallbackSecret,
		"TWOCAPTCHA_CALLBACK_ADDRESS=" + address, "TWOCAPTCHA_CALLBACK_URL=http://" + address + "/2captcha",
	}, taskQueue, service.URL())
	worker.WaitForOutput(t, "callbacks are taken")

	done := harness.StartStarterWithInput(t, nil, "solve", "--task-queue", taskQueue, textTask).Wait(t)
	require.Equal(t, 0, done.Status, done.Stderr)
	bought := service.Purchases()
	require.Len(t, bought, 1)
	require.NotEmpty(t, bought[0].Task.CallbackURL)
	require.Len(t, service.RequestsFor(bought[0].TaskID), 1, "polls")
	require.NotContains(t, done.Stdout+done.Stderr, bought[0].Task.CallbackURL)
}

func TestSolveWithDevServer(t *testing.T) {
	t.Parallel()
	service, cache := serviceOf(t, ready(`{"text":"4"}`)), t.TempDir()
	done := harness.StartProcess(t, harness.Command{
		Path:      harness.StarterPath(),
		Arguments: []string{"solve", "--dev", "--api-url", service.URL(), textTask},
		Environment: []string{
			"TEMPORAL_CLI=" + harness.CLI(), "TWOCAPTCHA_API_KEY=" + harness.ClientKey, "XDG_CACHE_HOME=" + cache, "HOME=" + cache,
		},
	}).Wait(t)
	require.Equal(t, 0, done.Status, done.Stderr)
	require.Contains(t, done.Stdout, `"solution":{"text":"4"}`)
	require.Len(t, service.Purchases(), 1)
}
