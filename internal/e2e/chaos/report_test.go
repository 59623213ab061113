package chaos

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// String is what happens to the workers and to the server, and when.
func (p runPlan) String() string {
	var text strings.Builder
	write := func(who string, disturbances []disturbance) {
		for _, d := range disturbances {
			fmt.Fprintf(&text, "%s: %s at %s for %s\n", cmp.Or(d.part, who), d.kind, d.at, d.lasts)
		}
	}
	for i, disturbances := range p.workers {
		write(fmt.Sprintf("worker %d", i+1), disturbances)
	}
	write(serverName, p.server)
	write(serviceName, []disturbance{{kind: isDown, at: p.form.down.least, lasts: p.form.down.most - p.form.down.least}})
	return text.String()
}

// table accounts for every task.
func (r *disturbedRun) table(findings *runFindings) string {
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	row := func(name string, value any) { fmt.Fprintf(table, "%s\t%v\n", name, value) }
	row("tasks", len(r.plan.tasks))
	byRetries := 0
	for _, task := range r.plan.tasks {
		if task.polling == workflows.PollingActivityRetry {
			byRetries++
		}
	}
	row("  polled by an activity's retries", byRetries)
	row("ready", findings.ready)
	for _, kind := range slices.Sorted(maps.Keys(findings.failed)) {
		row("failed: "+kind, findings.failed[kind])
	}

	requests := r.service.Requests()
	faults, faulted := map[string]int{}, 0
	for _, request := range requests {
		if request.Faulted {
			faults[fmt.Sprintf("%s (%d)", request.Answer, request.HTTPStatus)]++
			faulted++
		}
	}
	row("requests", len(requests))
	row("  a second, at most", r.plan.form.requestsPerSecond)
	row("faults", fmt.Sprintf("%d (%.1f %%)", faulted, 100*float64(faulted)/float64(max(1, len(requests)))))
	for _, kind := range slices.Sorted(maps.Keys(faults)) {
		row("  "+kind, faults[kind])
	}

	row("pauses that the service asked for", findings.pauses)

	happened := map[disturbanceKind]int{}
	longFreezes, restarts := 0, map[string]int{}
	for _, d := range r.happened(r.begun, time.Now()) {
		switch {
		case d.who == serverName:
			restarts[d.part]++
		case d.kind == byStop && d.to.Sub(d.from) > attemptTimeout:
			longFreezes++
		default:
			happened[d.kind]++
		}
	}
	row("workers killed", happened[byKill])
	row("workers terminated", happened[byTerm]+workerCount)
	row("  the slowest end", r.slowestTerm.Round(time.Millisecond))
	row("workers frozen below 30 s", happened[byStop])
	row("workers frozen beyond 30 s", longFreezes)
	row("workers refused by a server that was down", r.refused)
	for _, part := range slices.Sorted(maps.Keys(restarts)) {
		row(part+" killed and restarted", restarts[part])
	}
	row("service down", r.plan.form.down.most-r.plan.form.down.least)
	row("  over the deadlines of tasks", deadlinesWhileDown(r.plan))
	row("  last polls that were answered, but not at first", findings.repeated)
	row("wake-ups", r.wakeUps)
	row("tries of a start", findings.starts)
	row("outcomes answered again since they were lost on their way", findings.answeredAgain)
	findings.solves.describe(row, r)
	row("lost", findings.lost)
	row("wrong", findings.wrong)
	row("twice", findings.twice)
	row("closest two requests for one task",
		fmt.Sprintf("%s (task %d)", findings.closest.Spacing(), findings.closest.First.TaskID))
	row("duration", time.Since(r.begun).Round(time.Second))
	table.Flush()
	return text.String()
}

// evidenceOn is everything that is known of a task, in the order of time: its requests, the history
// of its workflow and the disturbances.
func (r *disturbedRun) evidenceOn(requests []simulator.Request, history []*historypb.HistoryEvent) string {
	type line struct {
		at   time.Time
		text string
	}
	var lines []line
	for _, request := range requests {
		fault := ""
		if request.Faulted {
			fault = ", a fault"
		}
		lines = append(lines, line{request.Arrived, fmt.Sprintf("%s request %d, answered %q%s, finished %s, bought %d",
			request.Path, request.TaskRequest, request.Answer, fault, r.since(request.Finished), request.Created)})
	}
	for _, event := range history {
		lines = append(lines, line{event.GetEventTime().AsTime(),
			fmt.Sprintf("event %d %s", event.GetEventId(), eventText(event))})
	}
	for _, d := range r.happened(r.begun, time.Now()) {
		lines = append(lines, line{d.from, fmt.Sprintf("%s %s until %s", d.who, d.kind, r.since(d.to))})
	}
	slices.SortStableFunc(lines, func(a, b line) int { return a.at.Compare(b.at) })
	var text strings.Builder
	for _, line := range lines {
		fmt.Fprintf(&text, "  %s  %s\n", r.since(line.at), line.text)
	}
	return text.String()
}

// since is a time counted from the run's start.
func (r *disturbedRun) since(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return fmt.Sprintf("%.4f s", t.Sub(r.begun).Seconds())
}

func eventText(event *historypb.HistoryEvent) string {
	text := event.GetEventType().String()
	switch event.GetEventType() {
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
		scheduled := event.GetActivityTaskScheduledEventAttributes()
		text += fmt.Sprintf(" %s, ScheduleToClose %s, at most %d attempts", scheduled.GetActivityType().GetName(),
			scheduled.GetScheduleToCloseTimeout().AsDuration(), scheduled.GetRetryPolicy().GetMaximumAttempts())
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED:
		started := event.GetActivityTaskStartedEventAttributes()
		text += fmt.Sprintf(", attempt %d by %s, after %q", started.GetAttempt(), started.GetIdentity(),
			started.GetLastFailure().GetMessage())
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
		output := outputIn(event.GetActivityTaskCompletedEventAttributes().GetResult().GetPayloads()[0])
		text += fmt.Sprintf(", %s, handed back after %d failures", output.status(), output.Failures)
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_FAILED:
		text += ", " + event.GetActivityTaskFailedEventAttributes().GetFailure().GetMessage()
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT:
		failure := event.GetActivityTaskTimedOutEventAttributes().GetFailure()
		text += fmt.Sprintf(", %s, after %q", failure.GetTimeoutFailureInfo().GetTimeoutType(),
			failure.GetCause().GetMessage())
	case enumspb.EVENT_TYPE_TIMER_STARTED:
		text += ", " + event.GetTimerStartedEventAttributes().GetStartToFireTimeout().AsDuration().String()
	case enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED:
		text += ", by " + event.GetWorkflowTaskStartedEventAttributes().GetIdentity()
	}
	return text
}
