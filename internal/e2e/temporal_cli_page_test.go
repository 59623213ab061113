package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/temporal-providers/temporal-2captcha/internal/devserver"
	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

const temporalCLIPage = "docs/temporal-cli.md"

// TestTemporalCLIPage runs every block of the page, from the first to the last as a reader would,
// on a Temporal server of its own: what the page does to all waits, it does to no other test's.
func TestTemporalCLIPage(t *testing.T) {
	t.Parallel()
	page := startTemporalCLIPage(t)
	steps := []struct {
		heading string
		check   func(*testing.T, string)
	}{
		{"Submit a task and wait for its result", page.submits},
		{"Wait for a task that was submitted", page.waits},
		{"Read why a task was not solved", page.readsFailure},
		{"Follow a wait", page.follows},
		{"Make a wait poll now", page.wakes},
		{"Start a wait and poll now", page.startsAndWakes},
		{"Make every wait poll now", page.wakesAll},
		{"Ask for the balance and report a solution", page.asksAndReports},
		{"Check the balance every hour", page.checksHourly},
		{"Buy a task on a schedule", page.buysDaily},
		{"Delete a schedule", page.deletesSchedules},
		{"Cancel a wait", page.cancels},
		{"Terminate a wait", page.terminates},
		{"Reset a workflow", page.resets},
	}
	var headings, found []string
	for _, step := range steps {
		headings = append(headings, temporalCLIPage+": "+step.heading)
	}
	for _, block := range readmeBlocks(t, "sh") {
		if block.page() == temporalCLIPage {
			found = append(found, block.place)
		}
	}
	require.Equal(t, headings, found, "each block has one step, in the page's order")
	for i, step := range steps {
		require.True(t, t.Run(step.heading, func(t *testing.T) {
			step.check(t, readmeBlock(t, "sh", headings[i]))
		}), "the next step goes on from this one")
	}
}

// cliPage is what the page's commands talk to.
type cliPage struct {
	service     *simulator.Server
	client      client.Client
	environment []string
}

func startTemporalCLIPage(t *testing.T) *cliPage {
	t.Helper()
	service := serviceOf(t, ready(`{"text":"4"}`))
	for _, taskID := range []int64{74372499131, 74372499132, 74372499133, 74372499136} {
		service.Script(taskID, simulator.Ready(`{"token":"abc"}`))
	}
	service.Script(74372499134, simulator.Error("ERROR_CAPTCHA_UNSOLVABLE"))
	service.Script(74372499135, simulator.Processing())
	server := harness.StartServer(t, devserver.Options{})
	harness.StartWorkerOn(t, server.Address(), workflows.TaskQueue, service.URL())
	tools := t.TempDir()
	cli, err := exec.LookPath(harness.CLI())
	require.NoError(t, err)
	cli, err = filepath.Abs(cli)
	require.NoError(t, err)
	require.NoError(t, os.Symlink(cli, filepath.Join(tools, "temporal")))
	return &cliPage{
		service: service, client: harness.DialWith(t, client.Options{HostPort: server.Address()}),
		environment: []string{"PATH=" + tools + ":" + os.Getenv("PATH"), "TEMPORAL_ADDRESS=" + server.Address()},
	}
}

// run runs a block to its end, which has this exit status.
func (p *cliPage) run(t *testing.T, status int, block string) (stdout string) {
	t.Helper()
	done := harness.UnlessBusy(func() harness.Finished {
		return harness.StartProcess(t, harness.Command{
			Path: "/bin/sh", Arguments: []string{"-e", "-c", block}, Environment: p.environment,
		}).Wait(t)
	})
	require.Equal(t, status, done.Status, "%s%s", done.Stdout, done.Stderr)
	return done.Stdout
}

// untilListed waits until this many workflows are found: visibility comes after the fact.
func (p *cliPage) untilListed(t *testing.T, query string, count int) {
	t.Helper()
	ctx := harness.Context(t)
	require.Eventually(t, func() bool {
		found, err := p.client.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: query})
		return err == nil && found.GetCount() == int64(count)
	}, harness.Patience, 200*time.Millisecond, "%d of %s", count, query)
}

func (p *cliPage) requireStatus(t *testing.T, workflowID string, status enumspb.WorkflowExecutionStatus) {
	t.Helper()
	described, err := p.client.DescribeWorkflow(harness.Context(t), workflowID, "")
	require.NoError(t, err)
	require.Equal(t, status, described.Status)
}

func (p *cliPage) submits(t *testing.T, block string) {
	for range 2 { // the second time without a purchase
		require.Contains(t, p.run(t, 0, block), `"solution":{"text":"4"}`)
		require.Len(t, p.service.Purchases(), 1)
	}
	var printed struct {
		Result workflows.SolveTaskOutput
	}
	require.NoError(t, json.Unmarshal([]byte(p.run(t, 0, strings.TrimSpace(block)+" --output json")), &printed))
	require.JSONEq(t, `{"text":"4"}`, string(printed.Result.Solution))
}

func (p *cliPage) waits(t *testing.T, block string) {
	for range 2 { // the second time without a request
		require.Contains(t, p.run(t, 0, block), `"solution":{"token":"abc"}`)
		require.Len(t, p.service.RequestsFor(74372499131), 1)
	}
}

func (p *cliPage) readsFailure(t *testing.T, block string) {
	var printed struct {
		CloseEvent struct {
			WorkflowExecutionFailedEventAttributes struct {
				Failure struct {
					ApplicationFailureInfo struct {
						Type    string
						Details []map[string]any
					}
				}
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(p.run(t, 1, block)), &printed))
	failure := printed.CloseEvent.WorkflowExecutionFailedEventAttributes.Failure.ApplicationFailureInfo
	require.Equal(t, "ERROR_CAPTCHA_UNSOLVABLE", failure.Type)
	require.Equal(t, "ERROR_CAPTCHA_UNSOLVABLE", failure.Details[0]["errorCode"])

	p.run(t, 1, block)
	require.Len(t, p.service.RequestsFor(74372499134), 2, "a failed wait starts over")
}

func (p *cliPage) follows(t *testing.T, block string) {
	stdout := p.run(t, 0, block)
	require.Contains(t, stdout, `"state":"waiting"`, "query")
	require.Contains(t, stdout, "Task 74372499132: **waiting**", "metadata")
	require.Contains(t, stdout, "HistoryLength", "describe")
	require.Contains(t, stdout, "WorkflowExecutionStarted", "show")
	p.untilListed(t, "WorkflowType = 'AwaitTaskResult' AND ExecutionStatus = 'Running'", 1)
}

func (p *cliPage) wakes(t *testing.T, block string) {
	require.Contains(t, p.run(t, 0, block), `"solution":{"token":"abc"}`)
}

func (p *cliPage) startsAndWakes(t *testing.T, block string) {
	began := time.Now()
	require.Contains(t, p.run(t, 0, block), `"solution":{"token":"abc"}`)
	requests := p.service.RequestsFor(74372499133)
	require.Len(t, requests, 1)
	require.Less(t, requests[0].Arrived.Sub(began), 20*time.Second, "the first poll without the signal")

	p.run(t, 1, block) // the result is known
	require.Len(t, p.service.RequestsFor(74372499133), 1)
}

func (p *cliPage) wakesAll(t *testing.T, block string) {
	options := workflows.StartOptions(74372499136)
	wait, err := p.client.ExecuteWorkflow(harness.Context(t), options, workflows.AwaitTaskResultWorkflow,
		harness.Asleep(74372499136))
	require.NoError(t, err)
	solve, err := p.client.ExecuteWorkflow(harness.Context(t), workflows.SolveOptions("asleep"), workflows.SolveTaskWorkflow,
		workflows.SolveTaskInput{Task: json.RawMessage(`{"type": "TextCaptchaTask"}`), InitialDelay: time.Hour, Timeout: 2 * time.Hour})
	require.NoError(t, err)
	p.untilListed(t, "WorkflowType IN ('AwaitTaskResult', 'SolveTask') AND ExecutionStatus = 'Running'", 2)
	require.Eventually(t, func() bool { return len(p.service.Purchases()) == 2 }, harness.Patience, 100*time.Millisecond)

	p.run(t, 0, block)
	require.NoError(t, wait.Get(harness.Context(t), nil))
	require.NoError(t, solve.Get(harness.Context(t), nil))
}

func (p *cliPage) asksAndReports(t *testing.T, block string) {
	stdout := p.run(t, 0, block)
	require.Contains(t, stdout, `{"balance":"`)
	require.Contains(t, stdout, `"status":"success"`)
}

func (p *cliPage) checksHourly(t *testing.T, block string) {
	stdout := p.run(t, 0, block)
	require.Regexp(t, `PauseOnFailure\s+true`, stdout)
	require.Regexp(t, `OverlapPolicy\s+Skip`, stdout)
	p.untilListed(t, "TemporalScheduledById = '2captcha-account' AND ExecutionStatus = 'Completed' "+
		"AND WorkflowId STARTS_WITH '2captcha-account-20'", 1)
}

// buysDaily also does what the page warns of.
func (p *cliPage) buysDaily(t *testing.T, block string) {
	before := len(p.service.Purchases())
	const bought = "TemporalScheduledById = '2captcha-daily' AND ExecutionStatus = 'Completed' " +
		"AND WorkflowId STARTS_WITH '2captcha-solve-daily-20'"
	p.run(t, 0, block)
	p.untilListed(t, bought, 1)
	require.Len(t, p.service.Purchases(), before+1)

	for count := 2; count <= 3; count++ {
		p.run(t, 0, "temporal schedule backfill --schedule-id 2captcha-daily --overlap-policy AllowAll "+
			"--start-time 2026-01-01T00:00:00Z --end-time 2026-01-01T12:00:00Z")
		p.untilListed(t, bought, count)
		require.Len(t, p.service.Purchases(), before+count)
	}
	p.untilListed(t, "WorkflowId = '2captcha-solve-daily-2026-01-01T06:00:00Z'", 2)
}

func (p *cliPage) deletesSchedules(t *testing.T, block string) {
	p.run(t, 0, block)
	for _, id := range []string{"2captcha-account", "2captcha-daily"} {
		_, err := p.client.ScheduleClient().GetHandle(harness.Context(t), id).Describe(harness.Context(t))
		require.Error(t, err, id)
	}
}

func (p *cliPage) cancels(t *testing.T, block string) {
	require.Regexp(t, `Status\s+CANCELED`, p.run(t, 1, block))
}

func (p *cliPage) terminates(t *testing.T, block string) {
	require.Contains(t, p.run(t, 0, block), `"state":"waiting"`)
	p.requireStatus(t, workflows.WorkflowID(74372499135), enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED)
	require.Empty(t, p.service.RequestsFor(74372499135))
}

// resets also resets to before the submission.
func (p *cliPage) resets(t *testing.T, block string) {
	purchases, taskID := p.service.Purchases(), p.service.Purchases()[0].TaskID
	require.Contains(t, p.run(t, 0, block), `"solution":{"text":"4"}`)
	require.Len(t, p.service.RequestsFor(taskID), 2, "it waits again")

	p.run(t, 0, "temporal workflow reset --workflow-id 2captcha-solve-order-17 --type FirstWorkflowTask --reason 'before the submission'")
	err := p.client.GetWorkflow(harness.Context(t), workflows.SolveWorkflowID("order-17"), "").Get(harness.Context(t), nil)
	require.Equal(t, "CreateTaskOutcomeUnknown", workflows.ErrorCode(err))
	require.Equal(t, purchases, p.service.Purchases())
}
