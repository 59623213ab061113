package workflows

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

func (w *wait) timerSummary(due time.Time) string {
	last := w.schedule.IsLast(due)
	return "before " + w.pollSummary(last, w.pollsByAttempts(last))
}

func (w *wait) pollSummary(last, byAttempts bool) string {
	if last {
		return fmt.Sprintf("poll %d of task %d, the last", w.Polls+1, w.settings.TaskID)
	}
	if byAttempts {
		return fmt.Sprintf("polls of task %d, from poll %d on", w.settings.TaskID, w.Polls+1)
	}
	return fmt.Sprintf("poll %d of task %d", w.Polls+1, w.settings.TaskID)
}

// showDetails puts the wait's status into the workflow's current details.
func (w *wait) showDetails(ctx workflow.Context) { setDetails(ctx, w.details()) }

// setDetails sets the workflow's current details, which the Web UI shows as Markdown. It costs no
// event.
//
// The Web UI's frame is too low for its text by the margin above the first paragraph, so that the
// last line would be cut off: here, the last error. A last paragraph of a no-break space is cut off
// instead.
func setDetails(ctx workflow.Context, details string) {
	workflow.SetCurrentDetails(ctx, details+"\n\n\u00a0")
}

func (w *wait) details() string {
	var text strings.Builder
	fmt.Fprintf(&text, "Task %d: **%s**, %s", w.settings.TaskID, w.state, counted(w.Polls))
	if w.LastStatus != "" {
		fmt.Fprintf(&text, ", last answer: %s", asCode(w.LastStatus))
	}
	if !w.nextPollAt.IsZero() {
		fmt.Fprintf(&text, "\n\nNext poll: %s", w.nextPollAt.UTC().Format(time.RFC3339))
	}
	if w.state == StateWaiting || w.state == StatePolling {
		fmt.Fprintf(&text, "\n\nDeadline: %s", w.schedule.Deadline.UTC().Format(time.RFC3339))
	}
	if w.LastError != "" {
		fmt.Fprintf(&text, "\n\nLast error: %s", asCode(w.LastError))
	}
	return text.String()
}

// maxForeignText is how many bytes of a foreign text the details show.
const maxForeignText = 500

// asCode returns a foreign text as a code span of one line. Markdown takes what is in a code span
// literally, so that no link, image, HTML or heading of the service's comes into being. Escapes
// would not do: some renderers make links of addresses after they have resolved the escapes.
func asCode(text string) string {
	text = strings.Join(strings.FieldsFunc(text, unicode.IsSpace), " ")
	text = strings.Map(graphic, text)
	if len(text) > maxForeignText {
		const ellipsis = "…"
		text = strings.ToValidUTF8(text[:maxForeignText-len(ellipsis)], "") + ellipsis
	}
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") {
		text = " " + text + " " // which a renderer takes off again
	}
	fence := "`" // is longer than every row of backticks in the text
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return fence + text + fence
}

// errorText returns what a person wants to know of an error: the failure itself, without Temporal's
// wrapping.
func errorText(err error) string {
	var failure *temporal.ApplicationError
	if errors.As(err, &failure) {
		return failure.Message()
	}
	var activityError *temporal.ActivityError
	if errors.As(err, &activityError) && activityError.Unwrap() != nil {
		return activityError.Unwrap().Error()
	}
	return err.Error()
}

func counted(polls int) string {
	if polls == 1 {
		return "1 poll"
	}
	return fmt.Sprintf("%d polls", polls)
}
