package workflows_test

import (
	"context"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

func TestSummariesOfTimersAndPolls(t *testing.T) {
	t.Parallel()
	withEachPolling(t, func(t *testing.T, e *environment) {
		e.service.Script(taskID)

		_, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID, Timeout: 20 * time.Second})

		require.Error(t, err)
		var timers []string
		for _, timer := range e.timers {
			timers = append(timers, timer.summary)
		}
		polls := e.pollSummaries()
		if e.byRetries() {
			require.Equal(t, []string{"before polls of task 74372499131, from poll 1 on", "before poll 3 of task 74372499131, the last"}, timers)
			require.Equal(t, []string{"polls of task 74372499131, from poll 1 on", "poll 3 of task 74372499131, the last"}, polls)
			return
		}
		require.Equal(t, []string{"before poll 1 of task 74372499131", "before poll 2 of task 74372499131",
			"before poll 3 of task 74372499131, the last"}, timers)
		require.Equal(t, []string{"poll 1 of task 74372499131", "poll 2 of task 74372499131",
			"poll 3 of task 74372499131, the last"}, polls)
	})
}

func TestSummariesFitTheirLimit(t *testing.T) {
	t.Parallel()
	const limit = 200
	withEachPolling(t, func(t *testing.T, e *environment) {
		e.service.Script(math.MaxInt64)

		_, err := e.await(workflows.AwaitTaskResultInput{TaskID: math.MaxInt64})

		require.Error(t, err)
		require.LessOrEqual(t, len(workflows.StartOptions(math.MaxInt64).StaticSummary), limit)
		require.LessOrEqual(t, len(e.timers[len(e.timers)-1].summary), limit-20, "however many polls there were")
		require.LessOrEqual(t, len(e.polls[len(e.polls)-1].options.Summary), limit-20)
	})
}

func TestCurrentDetails(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.service.Script(taskID, simulator.Processing(), simulator.Ready(solution))
	e.after(time.Second, func() {
		require.Equal(t, "Task 74372499131: **waiting**, 0 polls\n\nNext poll: 2026-01-02T03:04:10Z\n\n"+
			"Deadline: 2026-01-02T03:19:05Z", e.details())
	})
	e.attempt = func(_ context.Context, request func() (any, error)) (any, error) {
		if len(e.polls) == 1 {
			e.after(0, func() {
				require.Equal(t, "Task 74372499131: **polling**, 0 polls\n\nDeadline: 2026-01-02T03:19:05Z", e.details())
			})
		}
		return request()
	}
	e.after(7*time.Second, func() {
		require.Equal(t, "Task 74372499131: **waiting**, 1 poll, last answer: `processing`\n\nNext poll: 2026-01-02T03:04:15Z\n\n"+
			"Deadline: 2026-01-02T03:19:05Z", e.details())
	})

	_, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID})

	require.NoError(t, err)
	require.Equal(t, "Task 74372499131: **ready**, 2 polls, last answer: `ready`", e.details())
}

func TestCurrentDetailsWhileAttemptsAreThePolls(t *testing.T) {
	t.Parallel()
	withRetries(t, func(t *testing.T, e *environment) {
		e.service.Script(taskID, simulator.Processing(), simulator.Ready(solution))
		e.after(7*time.Second, func() {
			require.Equal(t, "Task 74372499131: **polling**, 0 polls\n\nDeadline: 2026-01-02T03:19:05Z", e.details())
		})

		_, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID})

		require.NoError(t, err)
		require.Equal(t, "Task 74372499131: **ready**, 2 polls, last answer: `ready`", e.details())
	})
}

func TestCurrentDetailsTellTheLastError(t *testing.T) {
	t.Parallel()
	withEachPolling(t, func(t *testing.T, e *environment) {
		e.service.Script(taskID, simulator.Error("ERROR_IP_BLOCKED"))
		e.after(7*time.Second, func() {
			require.Equal(t, "Task 74372499131: **waiting**, 1 poll\n\nNext poll: 2026-01-02T03:05:05Z\n\n"+
				"Deadline: 2026-01-02T03:05:05Z\n\nLast error: `getTaskResult: ERROR_IP_BLOCKED "+
				"(ask again in 3 minutes or later): The IP is banned for improper use of the API`", e.details())
		})

		_, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID, Timeout: time.Minute})

		require.Equal(t, "Task 74372499131: **failed**, 2 polls\n\nLast error: `"+applicationError(t, err).Message()+"`", e.details())
	})
}

func TestCurrentDetailsOfARefusedInput(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	_, err := e.awaitInput(jsonPayload(`{"taskId":5,"timeout":"900"}`))
	require.Equal(t, "Task 5: **failed**, 0 polls\n\nLast error: `"+applicationError(t, err).Message()+"`", e.details())
}

// The Web UI renders the details as Markdown, and the service decides what an error says.
func TestForeignTextInTheDetailsIsPlain(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("名", 400)
	for name, test := range map[string]struct{ text, shown string }{
		"plain":                 {"no worker is free", "no worker is free"},
		"a link":                {"[log in](https://example.com/)", "[log in](https://example.com/)"},
		"a link by reference":   {"[log in][1] [1]: https://example.com/", "[log in][1] [1]: https://example.com/"},
		"an address":            {"see https://example.com/ or www.example.com", "see https://example.com/ or www.example.com"},
		"an address in angles":  {"see <https://example.com/>", "see <https://example.com/>"},
		"a mail address":        {"mail to a@example.com", "mail to a@example.com"},
		"an image":              {"![](https://example.com/pixel.png)", "![](https://example.com/pixel.png)"},
		"HTML":                  {"<img src=x onerror=alert(1)><!-- a", "<img src=x onerror=alert(1)><!-- a"},
		"a character reference": {"&lt;b&gt; &#35; &nbsp;", "&lt;b&gt; &#35; &nbsp;"},
		"emphasis":              {"**bold** _so_ ~~not~~ ***", "**bold** _so_ ~~not~~ ***"},
		"a heading below":       {"a\n\n# heading\n\n", "a # heading"},
		"a heading underlined":  {"a\n===", "a ==="},
		"a table":               {"a\n\n| a | b |\n| - | - |\n| c | d |", "a | a | b | | - | - | | c | d |"},
		"a list":                {"- [x] a\r\n1. b", "- [x] a 1. b"},
		"a quotation":           {"> a\n> b", "> a > b"},
		"a rule":                {"a\n\n---\n\nb", "a --- b"},
		"a code block":          {"a\n\n    b\n\tc", "a b c"},
		"a code span":           {"a `b` c", "a `b` c"},
		"the end of a span":     {"a` **b** `c", "a` **b** `c"},
		"backticks at its ends": {"`a`", "`a`"},
		"one backtick":          {"`", "`"},
		"a fence":               {"```\n[a](b)\n```", "``` [a](b) ```"},
		"rows of backticks":     {"` `` ``` **b** ````` `", "` `` ``` **b** ````` `"},
		"a backslash":           {`\`, `\`},
		"a backslash at an end": {"a\\`", "a\\`"},
		"odd line ends":         {"a\u2028# b\u0085# c\v# d", "a # b # c # d"},
		"a changed direction":   {"a\u202eb\u0000\x1b[1mc", "a\uFFFDb\uFFFD\uFFFD[1mc"},
		"a long text":           {long, strings.Repeat("名", 165) + "…"},
		"long, of backticks":    {strings.Repeat("`", 2000), strings.Repeat("`", 497) + "…"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			e.attempt = func(context.Context, func() (any, error)) (any, error) {
				return nil, temporal.NewNonRetryableApplicationError(test.text, "ERROR_X", nil)
			}

			_, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID})

			require.Equal(t, "ERROR_X", workflows.ErrorCode(err))
			before, span, found := strings.Cut(e.details(), "Last error: ")
			require.True(t, found, e.details())
			require.Equal(t, "Task 74372499131: **failed**, 1 poll\n\n", before)
			require.Equal(t, test.shown, codeSpan(t, span))
			require.Less(t, len(span), 1600)
		})
	}
}

// The last status is the service's word too.
func TestForeignStatusInTheDetailsIsPlain(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.attempt = func(context.Context, func() (any, error)) (any, error) {
		status := "[processing](https://example.com/)\n\n# now"
		return activities.GetTaskResultOutput{TaskResult: twocaptcha.TaskResult{Status: status}}, nil
	}
	e.after(7*time.Second, func() {
		before, _, _ := strings.Cut(e.details(), "\n\n")
		_, span, found := strings.Cut(before, "last answer: ")
		require.True(t, found, e.details())
		require.Equal(t, "[processing](https://example.com/) # now", codeSpan(t, span))
	})
	_, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID, Timeout: 20 * time.Second})
	require.Error(t, err)
}

// codeSpan reads a text as Markdown does (https://spec.commonmark.org/0.31.2/#code-spans): it must
// be one code span to its end, whose content it returns.
func codeSpan(t *testing.T, text string) string {
	t.Helper()
	fence := regexp.MustCompile("^`+").FindString(text)
	require.NotEmpty(t, fence, "no code span begins: %s", text)
	require.NotContains(t, text, "\n", "a line end may end the paragraph")
	for _, row := range regexp.MustCompile("`+").FindAllStringIndex(text, -1)[1:] {
		if row[1]-row[0] != len(fence) {
			continue
		}
		require.Equal(t, len(text), row[1], "the code span ends before its text does: %s", text)
		content := text[len(fence):row[0]]
		if strings.HasPrefix(content, " ") && strings.HasSuffix(content, " ") && strings.TrimSpace(content) != "" {
			content = content[1 : len(content)-1]
		}
		return content
	}
	require.FailNow(t, "no code span ends", text)
	return ""
}
