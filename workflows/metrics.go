package workflows

import (
	"math/big"
	"regexp"
	"slices"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// The metrics of waits, as a metrics handler gets them: Prometheus adds "_total" to the name of a
// counter and "_seconds" to that of a timer. The handler counts nothing on a replay or a query. A
// workflow task that is executed again, because the server did not take it, counts again.
const (
	tasksMetric           = "twocaptcha_tasks"
	pollsMetric           = "twocaptcha_polls"
	taskLatencyMetric     = "twocaptcha_task_latency"
	resultAgeMetric       = "twocaptcha_result_age"
	costMetric            = "twocaptcha_cost_millionths"
	missedCallbacksMetric = "twocaptcha_missed_callbacks"
)

// The outcomes of waits that are not the type of an error.
const (
	outcomeReady     = "ready"
	outcomeOtherCode = "other_code"
)

// ownOutcomes are the outcomes of waits beside these and the codes of the service's table.
var ownOutcomes = []string{
	ErrorTypeTaskTimeout,
	ErrorTypeNoAnswer,
	activities.ErrorTypeInvalidInput,
	activities.ErrorTypeNotSubmitted,
	activities.ErrorTypeCreateTaskOutcomeUnknown,
	activities.ErrorTypeUnexpectedResponse,
	Canceled,
}

// count counts the end of a wait.
func (w *wait) count(ctx workflow.Context, result *twocaptcha.TaskResult, err error) {
	countEnd(ctx, w.StartedAt, w.Polls, result, err)
}

// count counts the end of an attempt's wait, or of an attempt without a wait.
func (s *solve) count(ctx workflow.Context, result *twocaptcha.TaskResult, err error) {
	if s.wait != nil {
		s.wait.count(ctx, result, err)
		return
	}
	countEnd(ctx, s.AttemptedAt, 0, result, err)
}

// countRefused counts the end of a wait whose input is invalid.
func countRefused(ctx workflow.Context, err error) { countEnd(ctx, workflow.Now(ctx), 0, nil, err) }

func countEnd(
	ctx workflow.Context, startedAt time.Time, polls int, result *twocaptcha.TaskResult, err error,
) {
	metrics := workflow.GetMetricsHandler(ctx)
	if metrics == client.MetricsNopHandler {
		return
	}
	outcome := outcomeOf(err)
	if outcome == "" {
		return
	}
	byOutcome := metrics.WithTags(map[string]string{"outcome": outcome})
	byOutcome.Counter(tasksMetric).Inc(1)
	byOutcome.Timer(taskLatencyMetric).Record(max(workflow.Now(ctx).Sub(startedAt), 0))
	countPolls(ctx, polls)
	if err != nil {
		return
	}
	if millionths, ok := millionthsOf(result.Cost); ok {
		metrics.Counter(costMetric).Inc(millionths)
	}
	now := workflow.Now(ctx)
	if endTime := result.EndTime; endTime != nil && *endTime > 0 && *endTime <= now.Unix() {
		metrics.Timer(resultAgeMetric).Record(now.Sub(time.Unix(*endTime, 0)))
	}
}

// countPolls counts the polls of waits that have ended.
func countPolls(ctx workflow.Context, polls int) {
	workflow.GetMetricsHandler(ctx).Counter(pollsMetric).Inc(int64(polls))
}

// outcomeOf returns the outcome of a wait that ended with err, or "" if err is of the SDK, which
// fails the workflow task. What the service says freely is not part of it: the values of a label
// are few.
func outcomeOf(err error) string {
	if err == nil {
		return outcomeReady
	}
	switch code := ErrorCode(err); {
	case code == "", twocaptcha.IsKnownCode(code), slices.Contains(ownOutcomes, code):
		return code
	}
	return outcomeOtherCode
}

// costPattern is a decimal as JSON numbers and money are written, with an exponent that is small
// enough to compute with.
var costPattern = regexp.MustCompile(`^([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,2})?$`)

// maxCost is the largest cost of one task that is believed.
var maxCost = big.NewRat(1_000_000, 1)

// millionthsOf returns a cost, which is foreign text, in millionths of the account's unit, without
// what is below one. It is false for what is not a decimal from 0 to 1,000,000.
func millionthsOf(cost string) (millionths int64, ok bool) {
	if !costPattern.MatchString(cost) {
		return 0, false
	}
	exact, ok := new(big.Rat).SetString(cost)
	if !ok || exact.Cmp(maxCost) > 0 {
		return 0, false
	}
	exact.Mul(exact, big.NewRat(1_000_000, 1))
	return new(big.Int).Quo(exact.Num(), exact.Denom()).Int64(), true
}
