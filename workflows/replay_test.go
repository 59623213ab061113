package workflows_test

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/provider"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// newReplayer has the shipped plugin, and the workflows of someone else's that the histories named
// inline are of.
func newReplayer(t *testing.T) worker.WorkflowReplayer {
	t.Helper()
	plugin, err := provider.NewPlugin(provider.Config{ClientKey: clientKey})
	require.NoError(t, err)
	replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{Plugins: []worker.Plugin{plugin}})
	require.NoError(t, err)
	replayer.RegisterWorkflowWithOptions(waitInline, workflow.RegisterOptions{Name: "waitInline"})
	replayer.RegisterWorkflowWithOptions(waitInlineForCall, workflow.RegisterOptions{Name: "waitInlineForCall"})
	replayer.RegisterWorkflowWithOptions(solveInlineForCall, workflow.RegisterOptions{Name: "solveInlineForCall"})
	return replayer
}

// discard keeps the SDK's log lines out of the tests' output.
var discard = log.NewStructuredLogger(slog.New(slog.DiscardHandler))

type inlineResult struct {
	Output    workflows.AwaitTaskResultOutput
	ErrorCode string
}

func waitInline(ctx workflow.Context, in workflows.AwaitTaskResultInput, _ string) (inlineResult, error) {
	output, err := workflows.Await(ctx, in)
	return inlineResult{output, workflows.ErrorCode(err)}, nil
}

func waitInlineForCall(ctx workflow.Context, in workflows.AwaitTaskResultInput, _ string) (inlineResult, error) {
	output, err := workflows.Await(ctx, in, workflows.WithCallbacks(workflows.NewCallbacks(ctx)))
	return inlineResult{output, workflows.ErrorCode(err)}, nil
}

func solveInlineForCall(ctx workflow.Context, in workflows.SolveTaskInput) (workflows.SolveTaskOutput, error) {
	return workflows.Solve(ctx, in, workflows.WithCallbacks(workflows.NewCallbacks(ctx)))
}

// TestReplay replays the histories of every path, recorded with every version: workflows that began
// with these go on with this one. How they are recorded is told in internal/e2e.
func TestReplay(t *testing.T) {
	t.Parallel()
	histories, err := filepath.Glob("testdata/histories/*/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, histories)
	for _, history := range histories {
		t.Run(strings.TrimSuffix(filepath.Base(filepath.Dir(history))+"/"+filepath.Base(history), ".json"), func(t *testing.T) {
			t.Parallel()
			err := newReplayer(t).ReplayWorkflowHistoryFromJSONFile(discard, history)
			require.NoError(t, err, "workflows with this history, which are running now, would fail: "+
				"make the change depend on workflow.GetVersion (https://docs.temporal.io/develop/go/versioning)")
		})
	}
}

// TestReplayOfABrokenHistory has a history that this workflow never makes: its first poll comes
// without a timer before. TMPRL1100 is Temporal's number for nondeterminism.
func TestReplayOfABrokenHistory(t *testing.T) {
	t.Parallel()
	err := newReplayer(t).ReplayWorkflowHistoryFromJSONFile(discard, "testdata/histories/broken.json")
	require.ErrorContains(t, err, "TMPRL1100")
}
