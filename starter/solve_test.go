package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
	"github.com/temporal-providers/temporal-2captcha/starter/internal/batch"
)

const textTask = `{"type": "TextCaptchaTask", "comment": "2+2?"}`

func TestBadUsageOfSolveIsOneLineAndBuysNothing(t *testing.T) {
	t.Parallel()
	const (
		seeHelp = " (see starter solve --help)"
		example = `, a JSON object such as {"type": "TextCaptchaTask", "comment": "2+2?"}`
		forms   = `; for a file, give @ and its name; for standard input, "-"`
	)
	folder := t.TempDir()
	large := filepath.Join(folder, "large.json")
	require.NoError(t, os.WriteFile(large, []byte(`{"type": "ImageToTextTask", "body": "`+strings.Repeat("x", 1_900_000)+`"}`), 0o600))
	tests := map[string]struct {
		args    []string
		stdin   string
		message string
	}{
		"no task":                {nil, "", `no task: give it as JSON, as @FILE, or as "-" and one a line on standard input` + seeHelp},
		"two tasks":              {[]string{textTask, "{}"}, "", "unexpected argument {}" + seeHelp},
		"no attempts":            {[]string{"--attempts", "0", textTask}, "", "--attempts is 0: it takes an integer from 1 to 10" + seeHelp},
		"negative attempts":      {[]string{"--attempts=-1", textTask}, "", "--attempts is -1: it takes an integer from 1 to 10" + seeHelp},
		"eleven attempts":        {[]string{"--attempts", "11", textTask}, "", "--attempts is 11: it takes an integer from 1 to 10" + seeHelp},
		"an id for many":         {[]string{"--id", "x", "-"}, textTask, `--id takes one task: it does not go with "-"` + seeHelp},
		"an empty id":            {[]string{"--id=", textTask}, "", "--id is empty: it takes a text that names this purchase, such as an order's number" + seeHelp},
		"a file without @":       {[]string{"task.json"}, "", "TASK is not a task" + example + forms},
		"another JSON":           {[]string{`["a-secret"]`}, "", "TASK is not a task" + example + forms},
		"@ alone":                {[]string{"@"}, "", "@ is not a task: it takes the name of a file, as in @task.json"},
		"no such file":           {[]string{"@" + filepath.Join(folder, "none")}, "", "the task's file can't be read: open " + filepath.Join(folder, "none") + ": no such file or directory"},
		"nothing to read":        {[]string{"-"}, " \n\n", "standard input holds no task: give one a line, as JSON"},
		"a line without a task":  {[]string{"-"}, textTask + "\na-secret\n", "standard input, line 2: the line is not a task" + example},
		"a large line":           {[]string{"-"}, textTask + "\n{" + strings.Repeat(" ", 2_000_000), "standard input, line 2: the line is too long for a task: a task has at most 1900000 bytes; make its images smaller, for example"},
		"an unknown pool":        {[]string{"--language-pool", "de", textTask}, "", `languagePool is "de": it takes "en" or "rn"`},
		"no way to poll":         {[]string{"--polling", "retry", textTask}, "", `polling is "retry": it takes "timer" or "activityRetry"`},
		"too short an interval":  {[]string{"--poll-interval", "1s", textTask}, "", `pollInterval is 1s: it takes a duration from "5s" to "24h", since the service bans those who ask more often`},
		"a callback":             {[]string{"--callback", textTask}, "", "unknown flag --callback" + seeHelp},
		"dev and detach":         {[]string{"--dev", "--detach", textTask}, "", "--dev does not go with --detach: its worker and its server end with the command" + seeHelp},
		"an address without dev": {[]string{"--api-url", "http://localhost:1", textTask}, "", "--api-url goes with --dev only: without --dev your worker asks the service, and has a setting of its own" + seeHelp},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, stdout, stderr := outcomeOf(t.Context(), nil, strings.NewReader(test.stdin), append([]string{"solve"}, test.args...)...)
			require.Equal(t, "starter: "+test.message+"\n", stderr)
			require.Empty(t, stdout)
			require.Equal(t, command.ExitUsage, status)
		})
	}
	for name, args := range map[string][]string{
		"a large file":     {"@" + large},
		"no type":          {`{"comment": "a-secret"}`},
		"a type of digits": {`{"type": 5, "comment": "a-secret"}`},
		"broken JSON":      {`{"type": "TextCaptchaTask", "comment": "a-secret}`},
		"two objects":      {textTask + `{"comment": "a-secret"}`},
		"a long id":        {"--id", strings.Repeat("x", 901), textTask},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, stdout, stderr := outcomeOf(t.Context(), nil, nil, append([]string{"solve"}, args...)...)
			require.Equal(t, command.ExitUsage, status)
			require.Empty(t, stdout)
			require.Equal(t, 1, strings.Count(stderr, "\n"), stderr)
			require.NotContains(t, stderr, "secret")
			require.NotContains(t, stderr, "started", "it was refused before a server was asked for")
			require.Less(t, len(stderr), 500)
		})
	}
	_, _, stderr := outcomeOf(t.Context(), nil, nil, "solve", "@"+large)
	require.Contains(t, stderr, "it takes at most 1900000, since Temporal takes no more than 2 MiB; use smaller images")
}

func TestBadUsageOfBalanceAndReport(t *testing.T) {
	t.Parallel()
	const positive = " is not a task id: a task id is a positive integer such as 74372499131"
	for name, test := range map[string]struct {
		args    []string
		message string
	}{
		"a balance of something":   {[]string{"balance", "5"}, "unexpected argument 5 (see starter balance --help)"},
		"a report without verdict": {[]string{"report"}, `the first argument is "": it takes correct or incorrect, and after it the tasks' ids (see starter report --help)`},
		"another verdict":          {[]string{"report", "right", "5"}, `the first argument is "right": it takes correct or incorrect, and after it the tasks' ids (see starter report --help)`},
		"a report on nothing":      {[]string{"report", "correct"}, `no task id: give the ids as arguments, or "-" and one a line on standard input`},
		"a report on a word":       {[]string{"report", "correct", "x"}, `"x"` + positive},
		"a report on less than 0":  {[]string{"report", "correct", "-5"}, `"-5"` + positive + " (see starter report --help)"},
		"solve after a flag":       {[]string{"--timeout", "5m", "solve", textTask}, "solve goes first: starter solve [flags] TASK (see starter --help)"},
		"solve after an id":        {[]string{"1", "solve"}, "solve goes first: starter solve [flags] TASK (see starter --help)"},
		"balance after a flag":     {[]string{"--dev", "balance"}, "balance goes first: starter balance [flags] (see starter --help)"},
		"report after a flag":      {[]string{"--dev", "report", "correct", "5"}, "report goes first: starter report correct|incorrect [flags] TASK-ID... (see starter --help)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, stdout, stderr := outcomeOf(t.Context(), nil, nil, test.args...)
			require.Equal(t, "starter: "+test.message+"\n", stderr)
			require.Empty(t, stdout)
			require.Equal(t, command.ExitUsage, status)
		})
	}
}

// The id must be known before anything is bought, whatever happens then.
func TestRandomIDIsPrintedAtOnce(t *testing.T) {
	t.Parallel()
	environ := []string{"TEMPORAL_ADDRESS=" + closedPort(t)}
	_, _, stderr := outcomeOf(t.Context(), environ, nil, "solve", textTask)
	require.Regexp(t, `^starter: id ([a-z2-7]{16}): with --id ([a-z2-7]{16}) the same command attaches to this purchase, and buys nothing\n`, stderr)
	_, _, stderr = outcomeOf(t.Context(), environ, strings.NewReader(textTask+"\n\n"+textTask), "solve", "-")
	require.Regexp(t, `^starter: ids [a-z2-7]{16}-1 to [a-z2-7]{16}-3, by line: solve --id ID TASK attaches to a line's purchase, and buys nothing\n`, stderr)
	_, _, stderr = outcomeOf(t.Context(), environ, nil, "solve", "--id", "mine", textTask)
	require.Regexp(t, `^starter: the Temporal server`, stderr, "the user knows it")
}

func TestHowToAttachToPurchases(t *testing.T) {
	t.Parallel()
	jobs := func(count int) (jobs []batch.Job) {
		for i := range count {
			jobs = append(jobs, batch.SolveJob{ID: fmt.Sprintf("id-%d", i+1)})
		}
		return jobs
	}
	one := solveCommand{Task: textTask}
	require.Equal(t, "to resume, run the same command with --id 'order 17': it attaches to this purchase",
		one.howToAttach("", []batch.Job{batch.SolveJob{ID: "order 17"}}))
	many := solveCommand{Task: "-"}
	require.Equal(t, "to resume one of them, run: starter solve --dev --id ID TASK, with its line as TASK: it attaches to this "+
		"line's purchase; the ids, which end with the lines' numbers, are id-1 id-2", many.howToAttach(" --dev", jobs(2)))
	require.Regexp(t, ` id-20 and 5 more$`, many.howToAttach("", jobs(25)))
}

func TestHelpOfTheSubcommands(t *testing.T) {
	t.Parallel()
	for name, texts := range map[string][]string{
		"solve": {"Usage: starter solve [<task>] [flags]", "--attempts", "--id", "--initial-delay", "--poll-interval", "--max-poll-interval",
			"--timeout", "--polling", "--detach", "--dev", "--disable-callback", "CreateTaskOutcomeUnknown", "with callbacks 60s", "Exit status:", "130"},
		"balance": {"Usage: starter balance [flags]", "--task-queue", "--dev", "Exit status:"},
		"report":  {"Usage: starter report [<verdict> [<task-id> ...]] [flags]", "15 minutes", "Exit status:"},
	} {
		status, stdout, stderr := outcomeOf(t.Context(), nil, nil, name, "--help")
		require.Equal(t, command.ExitDone, status)
		require.Empty(t, stderr)
		for _, text := range texts {
			require.Contains(t, strings.Join(strings.Fields(stdout), " "), text)
		}
	}
}
