package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
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

// manyLines is how many lines of standard input a careless pipe may bring.
const manyLines = 100_000

// refusedArguments is a command line, or standard input, for which the starter starts nothing. GOOD
// stands for a valid task id.
type refusedArguments struct {
	name      string
	arguments []string
	input     io.Reader // nil: empty
	says      string
}

var refusedArgumentRows = []refusedArguments{
	{name: "nothing", says: `no task id: give the ids as arguments, or "-"`},
	{name: "no number", arguments: []string{"abc"},
		says: `"abc" is not a task id: a task id is a positive integer such as 74372499131`},
	{name: "an empty argument", arguments: []string{""}, says: `"" is not a task id: a task id is a positive integer`},
	{name: "zero", arguments: []string{"0"}, says: `"0" is not a task id: task ids begin at 1`},
	{name: "many zeros", arguments: []string{"0000"}, says: `"0000" is not a task id: task ids begin at 1`},
	{name: "negative", arguments: []string{"-5"}, says: `"-5" is not a task id: a task id is a positive integer`},
	{name: "negative after --", arguments: []string{"--", "-5"},
		says: `"-5" is not a task id: a task id is a positive integer`},
	{name: "beyond int64", arguments: []string{"9223372036854775808"},
		says: `"9223372036854775808" is not a task id: it is larger than any`},
	{name: "a fraction", arguments: []string{"1.5"}, says: `"1.5" is not a task id`},
	{name: "an exponent", arguments: []string{"1e10"}, says: `"1e10" is not a task id`},
	{name: "hexadecimal", arguments: []string{"0x10"}, says: `"0x10" is not a task id`},
	{name: "a plus sign", arguments: []string{"+5"}, says: `"+5" is not a task id`},
	{name: "white space", arguments: []string{" 5"}, says: `" 5" is not a task id`},
	{name: "digits of another script", arguments: []string{"٣"}, says: `"٣" is not a task id`},
	{name: "invalid UTF-8", arguments: []string{"5\xff"}, says: `is not a task id`},
	{name: "a line end", arguments: []string{"5\n6"}, says: `"5\n6" is not a task id`},
	{name: "100,000 digits", arguments: []string{strings.Repeat("9", 100_000)},
		says: `"9999999999999999999999999999999999999999"… is not a task id: it is larger than any`},
	{name: "a good one, then a bad one", arguments: []string{"GOOD", "abc"}, says: `"abc" is not a task id`},

	{name: "an unknown flag", arguments: []string{"--taskid", "GOOD"}, says: `unknown flag --taskid`},
	{name: "a poll interval under 5 s", arguments: []string{"--poll-interval", "4s", "GOOD"},
		says: `pollInterval is 4s: it takes a duration from "5s"`},
	{name: "a negative poll interval", arguments: []string{"--poll-interval=-5s", "GOOD"},
		says: `pollInterval is -5s: it takes a duration from "5s"`},
	{name: "the longest interval under the shortest", arguments: []string{"--poll-interval", "10s", "--max-poll-interval", "5s", "GOOD"},
		says: `maxPollInterval is 5s: it takes a duration from pollInterval, 10s`},
	{name: "a timeout without a unit", arguments: []string{"--timeout", "900", "GOOD"}, says: `--timeout`},
	{name: "a timeout of a year", arguments: []string{"--timeout", "8760h", "GOOD"},
		says: `timeout is 8760h0m0s: it takes a duration from "1ms" to "24h"`},
	{name: "a negative timeout", arguments: []string{"--timeout=-1s", "GOOD"},
		says: `timeout is -1s: it takes a duration from "1ms" to "24h"`},
	{name: "nanoseconds", arguments: []string{"--initial-delay", "900ns", "GOOD"}, says: `initialDelay is 900ns`},
	{name: "a demo of one's own", arguments: []string{"--demo", "GOOD"}, says: `--demo has tasks of its own`},

	{name: "standard input without a line", arguments: []string{"-"},
		says: `standard input holds no task id: give one a line`},
	{name: "blank lines only", arguments: []string{"-"}, input: strings.NewReader("\n \r\n\t\n"),
		says: `standard input holds no task id`},
	{name: "a line that is no number", arguments: []string{"-"}, input: strings.NewReader("GOOD\n\nabc\n"),
		says: `standard input, line 3: "abc" is not a task id`},
	{name: "a line of two ids", arguments: []string{"-"}, input: strings.NewReader("GOOD GOOD\n"),
		says: `standard input, line 1: "`},
	{name: "a line that is zero", arguments: []string{"-"}, input: strings.NewReader("0\n"),
		says: `standard input, line 1: "0" is not a task id: task ids begin at 1`},
	{name: "a line that is negative", arguments: []string{"-"}, input: strings.NewReader("-5"),
		says: `standard input, line 1: "-5" is not a task id`},
	{name: "a line beyond int64", arguments: []string{"-"}, input: strings.NewReader("9223372036854775808\n"),
		says: `standard input, line 1: "9223372036854775808" is not a task id: it is larger than any`},
	{name: "NUL bytes", arguments: []string{"-"}, input: strings.NewReader("GOOD\n\x00\x00\n"),
		says: `standard input, line 2: "\x00\x00" is not a task id`},
	{name: "UTF-16", arguments: []string{"-"}, input: strings.NewReader("\xff\xfe5\x00\n\x00"),
		says: `standard input, line 1: "\xff\xfe5\x00" is not a task id`},
	{name: "a line of 1 MiB", arguments: []string{"-"},
		input: strings.NewReader("GOOD\n" + strings.Repeat("9", 1<<20)),
		says:  `standard input, line 2: it is far too long for a task id`},
	{name: "100,000 lines, the last of them bad", arguments: []string{"-"}, input: strings.NewReader("GOOD\n" + manyTaskIDs(8_000_000_000_000, manyLines-2) + "abc\n"),
		says: `standard input, line 100000: "abc" is not a task id`},
}

// manyTaskIDs are count lines of different task ids. No other test has any of them.
func manyTaskIDs(first, count int) string {
	var lines []byte
	for i := range count {
		lines = append(strconv.AppendInt(lines, int64(first+i), 10), '\n')
	}
	return string(lines)
}

func TestArgumentsThatStartNothing(t *testing.T) {
	t.Parallel()
	temporalClient, taskQueue := harness.Dial(t), harness.NewTaskQueue()
	for _, row := range refusedArgumentRows {
		t.Run(row.name, func(t *testing.T) {
			good := harness.NewTaskID()
			arguments := []string{"--task-queue", taskQueue}
			for _, argument := range row.arguments {
				arguments = append(arguments, strings.ReplaceAll(argument, "GOOD", strconv.FormatInt(good, 10)))
			}
			input := row.input
			if input != nil {
				text, err := io.ReadAll(input)
				require.NoError(t, err)
				input = strings.NewReader(strings.ReplaceAll(string(text), "GOOD", strconv.FormatInt(good, 10)))
			}

			done := harness.StartStarterWithInput(t, input, arguments...).Wait(t)

			require.Equal(t, 2, done.Status, done.Stderr)
			require.Empty(t, done.Stdout)
			require.Equal(t, 1, strings.Count(done.Stderr, "\n"), "one line: %s", done.Stderr)
			require.Less(t, len(done.Stderr), 500, "one short line: %.600s", done.Stderr)
			require.Contains(t, done.Stderr, "starter: ")
			require.Contains(t, done.Stderr, row.says)
			harness.RequireNotStarted(t, temporalClient, workflows.WorkflowID(good))
		})
	}
}

// TestOneTaskGivenManyTimes is one wait, one line and one request, however often its id is given.
func TestOneTaskGivenManyTimes(t *testing.T) {
	t.Parallel()
	service, taskQueue := harness.StartSimulator(t), harness.NewTaskQueue()
	harness.StartWorker(t, taskQueue, service.URL())
	for _, row := range []struct {
		name      string
		arguments []string
		input     string
	}{
		{name: "as two arguments", arguments: []string{"TASK", "TASK"}},
		{name: "with zeros before it", arguments: []string{"TASK", "000TASK"}},
		{name: "as an argument and a line", arguments: []string{"TASK", "-"}, input: "TASK\n"},
		{name: "as 100,000 lines", arguments: []string{"-"}, input: strings.Repeat("TASK\n", manyLines)},
		{name: "with a byte order mark and line ends of another system", arguments: []string{"-"},
			input: "\uFEFFTASK\r\n\r\nTASK"},
		{name: "with standard input named twice", arguments: []string{"-", "-"}, input: "TASK\nTASK\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			taskID := harness.NewTaskID()
			text := func(of string) string { return strings.ReplaceAll(of, "TASK", strconv.FormatInt(taskID, 10)) }
			service.Script(taskID, simulator.Ready(`{"text":"abc"}`))
			arguments := []string{"--task-queue", taskQueue, "--initial-delay", "1ms"}
			for _, argument := range row.arguments {
				arguments = append(arguments, text(argument))
			}

			done := harness.StartStarterWithInput(t, strings.NewReader(text(row.input)), arguments...).Wait(t)

			require.Equal(t, 0, done.Status, done.Stderr)
			require.Contains(t, done.Stderr, fmt.Sprintf("given more than once, waited for once: %d\n", taskID))
			var result struct{ TaskID int64 }
			require.NoError(t, json.Unmarshal([]byte(done.Stdout), &result), "one line: %s", done.Stdout)
			require.Equal(t, taskID, result.TaskID)
			require.Len(t, service.RequestsFor(taskID), 1)
		})
	}
}

// TestManyTasksAreInterrupted gives 100,000 tasks, more than the dev server starts within a test's
// time. They are started from the first on, and an interruption ends the command without the rest.
func TestManyTasksAreInterrupted(t *testing.T) {
	t.Parallel()
	temporalClient := harness.Dial(t)
	for _, row := range []struct {
		name  string
		flags []string
		first int
	}{
		{name: "waiting", first: 8_100_000_000_000},
		{name: "detached", first: 8_200_000_000_000, flags: []string{"--detach"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			defer harness.BeginFlood()()
			arguments := append(row.flags, "--task-queue", harness.NewTaskQueue(), "-")
			starter := harness.StartStarterWithInput(t, strings.NewReader(manyTaskIDs(row.first, manyLines)),
				arguments...)
			require.Eventually(t, func() bool {
				// The starter starts fewer at once, so that it knows that some were started.
				later := row.first + 100
				_, err := temporalClient.DescribeWorkflow(context.Background(), workflows.WorkflowID(int64(later)), "")
				return err == nil
			}, harness.Patience, 10*time.Millisecond, "the first tasks are not started")
			starter.Signal(t, syscall.SIGINT)
			done := starter.Wait(t)

			require.Equal(t, 130, done.Status, done.Stderr)
			started, err := strconv.Atoi(countIn(t, done.Stderr, " of 100000 tasks begun"))
			require.NoError(t, err)
			require.Positive(t, started)
			notStarted, err := strconv.Atoi(countIn(t, done.Stderr, " tasks not started"))
			require.NoError(t, err)
			require.Equal(t, manyLines, started+notStarted, done.Stderr)
			if len(row.flags) > 0 {
				require.Equal(t, started, strings.Count(done.Stdout, "\n"), "one line for each that was started")
			}
			require.Contains(t, done.Stderr, "run the same command again", "what to do next, without 100,000 ids")
			require.Less(t, len(done.Stderr), 2000, "%.3000s", done.Stderr)
		})
	}
}

// countIn is the last word before a text.
func countIn(t *testing.T, text, before string) string {
	t.Helper()
	at := strings.LastIndex(text, before)
	require.NotEqual(t, -1, at, "%q in %s", before, text)
	words := strings.Fields(text[:at])
	return words[len(words)-1]
}
