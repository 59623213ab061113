package provider

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// What [Verify] replays unless [VerifyOptions] say otherwise.
const (
	DefaultVerifyLimit = 1000
	DefaultVerifySince = 24 * time.Hour
)

const (
	// verifyPageSize is how many executions are listed at a time.
	verifyPageSize = 100
	// verifyParallel is how many histories are held in memory at a time. One may have 50 MB.
	verifyParallel = 8
	// maxWhy bounds what is said of a broken execution, in bytes.
	maxWhy = 500
)

// VerifyOptions say which executions [Verify] replays, and how. The zero value replays those of
// this package's workflows, as a worker without a data converter of its own would.
type VerifyOptions struct {
	// Limit is the greatest number of executions to replay; 0 is DefaultVerifyLimit.
	Limit int
	// Since is how long ago the oldest of the closed executions closed; 0 is DefaultVerifySince.
	Since time.Duration
	// Workflows are further workflows by their types: those of a worker that waits inline. A workflow
	// of this package's is replaced by one with its type. A value that is not a workflow function
	// makes Verify panic, as it makes a worker panic.
	Workflows map[string]any
	// Replayer has what the worker and its client have: data converter, failure converter, context
	// propagators, interceptors, plugins. This package's plugin need not be among them. All of these
	// see the SDK's namespace of replays, "ReplayNamespace".
	Replayer worker.WorkflowReplayerOptions
}

// VerifyReport says what [Verify] has done.
type VerifyReport struct {
	// Replayed counts the executions that were replayed, the broken ones too.
	Replayed int
	// LeftOut counts the executions that were not, because no worker has begun with them, or because
	// the server deleted them meanwhile.
	LeftOut int
	// More is set if Limit was reached and there may be further executions.
	More bool
	// Broken are the executions that this build can't go on with.
	Broken []BrokenExecution
}

// BrokenExecution is an execution that this build can't go on with.
type BrokenExecution struct {
	WorkflowID   string
	RunID        string
	WorkflowType string
	// Why is one line of at most 500 bytes. It has no input and no result of the execution, unless the
	// workflow panics with one.
	Why string
}

// Verify replays executions with the workflows of this build, before it is rolled out, and reports
// those that would break: their workflow tasks would fail until a build comes that can go on with
// them. It needs no client key, starts nothing and changes nothing.
//
// It replays the executions of the client's namespace that are open, and those that have closed
// lately, open ones first and the newest first, up to a limit. It finds them by workflow type,
// whatever their task queue is. It asks the server for several histories at a time.
//
// The error says that options are wrong, that the server can't be asked, or is ctx's if ctx is
// done. Then the report has what was found before.
func Verify(ctx context.Context, temporalClient client.Client, options VerifyOptions) (VerifyReport, error) {
	v := verification{client: temporalClient, options: options}
	v.options.Limit = cmp.Or(options.Limit, DefaultVerifyLimit)
	v.options.Since = cmp.Or(options.Since, DefaultVerifySince)
	if v.options.Limit < 0 || v.options.Since < 0 {
		return VerifyReport{}, errors.New("temporal-2captcha: Limit and Since take positive values, or 0 for the default")
	}
	if _, err := v.replayer(); err != nil {
		return VerifyReport{}, fmt.Errorf("temporal-2captcha: the replayer: %w", err)
	}
	err := v.run(ctx)
	return v.report, err
}

// verification is one run of [Verify].
type verification struct {
	client  client.Client
	options VerifyOptions
	report  VerifyReport
}

func (v *verification) run(ctx context.Context) error {
	request := &workflowservice.ListWorkflowExecutionsRequest{
		Query: v.query(time.Now()), PageSize: verifyPageSize,
	}
	for {
		listed, err := v.client.ListWorkflow(ctx, request)
		if err != nil {
			return cannotAsk(ctx, "the namespace's executions can't be listed", err)
		}
		request.NextPageToken = listed.GetNextPageToken()
		for rest := listed.GetExecutions(); len(rest) > 0; {
			n := min(len(rest), verifyParallel, v.options.Limit-v.report.Replayed)
			if n == 0 {
				v.report.More = true
				return nil
			}
			if err := v.replayAll(ctx, rest[:n]); err != nil {
				return err
			}
			rest = rest[n:]
		}
		if len(request.NextPageToken) == 0 {
			return nil
		}
	}
}

// query leaves the order to the server: open executions come first, and the newest first. Servers
// differ in whether they take an order from a query.
func (v *verification) query(now time.Time) string {
	types := append(workflowTypes(), slices.Collect(maps.Keys(v.options.Workflows))...)
	slices.Sort(types)
	quoted := make([]string, 0, len(types))
	for _, name := range slices.Compact(types) {
		quoted = append(quoted, "'"+strings.ReplaceAll(name, "'", "''")+"'")
	}
	closedSince := now.Add(-v.options.Since)
	if epoch := time.Unix(0, 0); closedSince.Before(epoch) {
		closedSince = epoch // some servers know no time before it
	}
	return fmt.Sprintf("WorkflowType IN (%s) AND (ExecutionStatus = 'Running' OR CloseTime >= '%s')",
		strings.Join(quoted, ", "), closedSince.UTC().Format(time.RFC3339Nano))
}

// replayAll replays executions at the same time, and reports on them in their order.
func (v *verification) replayAll(ctx context.Context, executions []*workflowpb.WorkflowExecutionInfo) error {
	outcomes := make([]outcome, len(executions))
	var replaying sync.WaitGroup
	for i, execution := range executions {
		replaying.Go(func() { outcomes[i] = v.replay(ctx, execution) })
	}
	replaying.Wait()
	for i, outcome := range outcomes {
		switch {
		case outcome.err != nil:
			return outcome.err
		case outcome.leftOut:
			v.report.LeftOut++
			continue
		case outcome.breaksBy != nil:
			id := executions[i].GetExecution()
			v.report.Broken = append(v.report.Broken, BrokenExecution{
				WorkflowID: id.GetWorkflowId(), RunID: id.GetRunId(), WorkflowType: executions[i].GetType().GetName(),
				Why: why(outcome.breaksBy),
			})
		}
		v.report.Replayed++
	}
	return nil
}

// outcome is what came of one execution. The zero value: this build can go on with it.
type outcome struct {
	leftOut  bool
	breaksBy error
	err      error // the server can't be asked
}

func (v *verification) replay(ctx context.Context, execution *workflowpb.WorkflowExecutionInfo) outcome {
	id := workflow.Execution{ID: execution.GetExecution().GetWorkflowId(), RunID: execution.GetExecution().GetRunId()}
	history, err := v.history(ctx, id)
	switch {
	case errors.As(err, new(*serviceerror.NotFound)):
		return outcome{leftOut: true}
	case err != nil:
		return outcome{err: cannotAsk(ctx, "the history of "+id.ID+", run "+id.RunID+", can't be read", err)}
	case !hasBegun(history):
		return outcome{leftOut: true}
	}
	replayer, err := v.replayer()
	if err != nil {
		return outcome{err: err}
	}
	// The replayer compares everything only if it is given the history. It then has the namespace
	// "ReplayNamespace".
	return outcome{breaksBy: replayer.ReplayWorkflowHistoryWithOptions(log.NewStructuredLogger(slog.New(slog.DiscardHandler)),
		history, worker.ReplayWorkflowHistoryOptions{OriginalExecution: id})}
}

func (v *verification) history(ctx context.Context, id workflow.Execution) (*historypb.History, error) {
	history := new(historypb.History)
	events := v.client.GetWorkflowHistory(ctx, id.ID, id.RunID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			return nil, err
		}
		history.Events = append(history.Events, event)
	}
	return history, nil
}

// replayer returns one for a single history: a plugin registers its workflows before each history,
// and most can't do so twice.
func (v *verification) replayer() (worker.WorkflowReplayer, error) {
	options := v.options.Replayer
	// Plugins append to these, in replayers that are made at the same time.
	options.ContextPropagators = slices.Clip(options.ContextPropagators)
	options.Interceptors = slices.Clip(options.Interceptors)
	replayer, err := worker.NewWorkflowReplayerWithOptions(options)
	if err != nil {
		return nil, err
	}
	workflows.Register(replayer)
	for name, definition := range v.options.Workflows {
		replayer.RegisterWorkflowWithOptions(definition,
			workflow.RegisterOptions{Name: name, DisableAlreadyRegisteredCheck: true})
	}
	return replayer, nil
}

// hasBegun reports whether a worker has decided anything in this history.
func hasBegun(history *historypb.History) bool {
	return slices.ContainsFunc(history.GetEvents(), func(event *historypb.HistoryEvent) bool {
		return event.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
	})
}

// cannotAsk returns ctx's error if ctx is done, which the error of a call may not show.
func cannotAsk(ctx context.Context, what string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("temporal-2captcha: %s: %w", what, err)
}

// why is the replayer's error in one line. Of an event or a command it keeps only the type: the
// SDK prints the attributes too, which may hold a task or a solution.
func why(err error) string {
	text := strings.Join(strings.Fields(err.Error()), " ")
	if kept, _, found := strings.Cut(text, ", resp: "); found {
		text = kept
	}
	if event, attributes, found := strings.Cut(text, ": ("); found {
		text = event
		const commandIs = ", replay command is "
		if i := strings.LastIndex(attributes, commandIs); i >= 0 {
			command, _, _ := strings.Cut(attributes[i:], ":")
			text += command
		}
	}
	const ellipsis = "…"
	if len(text) > maxWhy {
		text = text[:maxWhy-len(ellipsis)] + ellipsis
	}
	return strings.ToValidUTF8(text, "")
}

// workflowTypes are those of the workflows that package workflows registers.
func workflowTypes() []string {
	var names typeNames
	workflows.Register(&names)
	return names
}

type typeNames []string

func (n *typeNames) RegisterWorkflowWithOptions(_ any, options workflow.RegisterOptions) {
	*n = append(*n, options.Name)
}
